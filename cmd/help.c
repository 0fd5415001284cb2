/* help.c - explains the commands, and prints what else the rows know. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "cmd/commands.h"
#include "op/op.h"

struct args {
    int completion; /* index into shells, -1: none */
    bool config_example, limits, exit_codes, ops, examples;
    const char *man;
};

static const char *const shells[] = { "bash", "zsh", "fish", NULL };

static const struct option options[] = {
    { "completion", 0, OPTION_CHOICE, FIELD(struct args, completion), .value = "SHELL", .choices = shells,
      .help = "print a script that completes commands and options" },
    { "config-example", 0, OPTION_FLAG, FIELD(struct args, config_example),
      .help = "print a coedge.yaml with every option and its default" },
    { "man", 0, OPTION_TEXT, FIELD(struct args, man), .value = "COMMAND",
      .help = "print the options and examples of a command as sections of its manual page" },
    { "examples", 0, OPTION_FLAG, FIELD(struct args, examples),
      .help = "print the examples of all commands, one a line" },
    { "limits", 0, OPTION_FLAG, FIELD(struct args, limits), .help = "print how much untrusted input may ask for" },
    { "exit-codes", 0, OPTION_FLAG, FIELD(struct args, exit_codes), .help = "print what exit codes mean" },
    { "ops", 0, OPTION_FLAG, FIELD(struct args, ops), .help = "print the operators that a graph may have" },
    { 0 }
};

static const struct example examples[] = {
    { "coedge help version", "what coedge version does, and its options" },
    { "coedge help --completion bash >coedge.bash", "completion for the shell, to be sourced" },
    { "coedge help --config-example >coedge.yaml", "a configuration to begin with" },
    { 0 }
};

static const struct {
    const char *code, *means;
} exit_codes[] = {
    { "0", "done" },
    { "1", "the answer is no: a gate failed, files differ, nothing newer" },
    { "2", "usage, or coedge.yaml" },
    { "3", "malformed input: a package, an image, a shape, NaN weights" },
    { "4", "local files: a full disk, permissions" },
    { "5", "network or remote, worth a retry" },
    { "6", "trust: a digest from a remote, a signature, privacy; never retried" },
    { "7", "a limit or an allocation: memory, size, time" },
    { "8", "partial success: some inputs were skipped (--keep-going)" },
    { "70", "an error in coedge itself" },
    { "129", "ended by HUP" },
    { "130", "ended by INT" },
    { "141", "ended by PIPE" },
    { "143", "ended by TERM" },
};

static void print_exit_codes(const struct invocation *inv)
{
    static const char *const headings[] = { "code", "means" };
    struct table *table = table_new(inv->arena, 2, headings);

    for (size_t i = 0; i < COUNT(exit_codes); i++)
        table_row(table, (const char *const[]){ exit_codes[i].code, exit_codes[i].means });
    table_print(table, stdout, inv->color);
}

static void print_limits(const struct invocation *inv)
{
    static const char *const headings[] = { "limit", "in force", "default", "of what" };
    struct table *table = table_new(inv->arena, 4, headings);

    for (int i = 0; i < LIMIT_COUNT; i++) {
        char now[24], initial[24];

        snprintf(now, sizeof(now), "%" PRIu64, limit_get((enum limit)i));
        snprintf(initial, sizeof(initial), "%" PRIu64, limit_rows[i].initial);
        table_row(table, (const char *const[]){ limit_rows[i].name, now, initial, limit_rows[i].help });
    }
    table_print(table, stdout, inv->color);
    printf("\nCOEDGE_LIMIT_NAME in the environment (as COEDGE_LIMIT_YAML_DEPTH) or limits: in coedge.yaml\n"
           "sets one.\n");
}

static const char *input_count(const struct invocation *inv, const struct op *op)
{
    if (op->max_inputs < 0)
        return arena_printf(inv->arena, "%d or more", op->min_inputs);
    if (op->max_inputs > op->min_inputs)
        return arena_printf(inv->arena, "%d to %d", op->min_inputs, op->max_inputs);
    return arena_printf(inv->arena, "%d", op->min_inputs);
}

/* What a graph may be made of; "trained" says that gradients flow back through it. */
static void print_ops(const struct invocation *inv)
{
    static const char *const headings[] = { "operator", "inputs", "trained", "what it computes" };
    struct table *table = table_new(inv->arena, 4, headings);

    for (const struct op *const *op = op_table; *op; op++)
        table_row(table, (const char *const[]){ (*op)->name, input_count(inv, *op), (*op)->backward ? "yes" : "no",
                                                (*op)->formula });
    table_print(table, stdout, inv->color);
}

/* Words that help explains besides commands. */
static const struct {
    const char *name;
    void (*print)(const struct invocation *inv);
} topics[] = { { "exit-codes", print_exit_codes }, { "limits", print_limits }, { "ops", print_ops } };

static const struct command *find(const char *name, struct error *err)
{
    const char *names[128] = { 0 }, *near;
    size_t used = 0;

    for (size_t i = 0; i < COUNT(topics); i++)
        names[used++] = topics[i].name;
    for (size_t i = 0; commands[i] && used + 1 < COUNT(names); i++) {
        if (!strcmp(commands[i]->name, name))
            return commands[i];
        names[used++] = commands[i]->name;
    }
    near = text_nearest(name, names);
    error_set(err, ERROR_USAGE, "no help on '%s'", name);
    if (near)
        error_hint(err, "did you mean '%s'?", near);
    return NULL;
}

static int explain(const struct invocation *inv, const char *name, struct error *err)
{
    const struct command *command;

    for (size_t i = 0; i < COUNT(topics); i++) {
        if (strcmp(topics[i].name, name) != 0)
            continue;
        topics[i].print(inv);
        return 0;
    }
    command = find(name, err);
    if (!command)
        return -1;
    help_command(stdout, command, terminal_columns(), inv->color);
    return 0;
}

static void print_examples(void)
{
    for (size_t i = 0; commands[i]; i++)
        for (const struct example *row = commands[i]->examples; row && row->command; row++)
            printf("%s\n", row->command);
}

static int run(const struct invocation *inv, struct error *err)
{
    const struct args *args = inv->args;

    if (args->completion >= 0)
        return help_completion(stdout, commands, shells[args->completion], err);
    if (args->man) {
        const struct command *command = find(args->man, err);

        if (command)
            help_mdoc(stdout, command);
        return command ? 0 : -1;
    }
    if (args->config_example)
        help_config_example(stdout, commands);
    else if (args->limits)
        print_limits(inv);
    else if (args->exit_codes)
        print_exit_codes(inv);
    else if (args->ops)
        print_ops(inv);
    else if (args->examples)
        print_examples();
    else if (inv->operand_count > 0)
        return explain(inv, inv->operand[0], err);
    else
        help_overview(stdout, commands, terminal_columns(), inv->color);
    return 0;
}

const struct command cmd_help = {
    .name = "help",
    .summary = "explain a command, or list them all",
    .operands = "[COMMAND]",
    .max_operands = 1,
    .about = "Without a command, lists the commands. The topics exit-codes, limits and ops\n"
             "(operators) are explained too.\n\n"
             "All that is printed comes from the same tables that read the command\n"
             "line, so it cannot be out of date.",
    .options = options,
    .examples = examples,
    .args_size = sizeof(struct args),
    .bare = true,
    .run = run,
};

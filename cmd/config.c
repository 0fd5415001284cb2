/* config.c - which value is in force, and who said so. */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "cmd/commands.h"
#include "json/json.h"

struct args {
    bool origin;
};

static const struct option options[] = {
    { "origin", 0, OPTION_FLAG, FIELD(struct args, origin), .help = "say where each value comes from" }, { 0 }
};

static const struct example examples[] = { { "coedge config show --origin",
                                             "every value in force, and the file, line or variable that set it" },
                                           { "coedge config get common.threads", "one value, for a script" },
                                           { 0 } };

/* A listing in progress: rows of a table, or lines of JSON. */
struct listing {
    const struct invocation *inv;
    struct table *table;
    bool origin;
};

static int add(const struct listing *listing, const char *section, const char *name, struct error *err)
{
    struct arena *arena = listing->inv->arena;
    struct config_value value = config_get(listing->inv->config, section, name);
    const char *whole = arena_printf(arena, "%s.%s", section, name);
    struct tree *line;
    struct text out = { 0 };
    int rc;

    if (!value.text)
        return 0;
    if (!whole)
        return error_memory(err);
    if (!listing->inv->json) {
        table_row(listing->table, (const char *const[]){ whole, value.text, value.origin });
        return 0;
    }
    line = tree_map(arena);
    tree_add_text(arena, line, "name", whole);
    tree_add_text(arena, line, "value", value.text);
    if (!tree_add_text(arena, line, "origin", value.origin))
        return error_memory(err);
    json_write(&out, line);
    rc = text_check(&out, err);
    if (rc == 0)
        puts(out.chars);
    text_free(&out);
    return rc;
}

/* A common option is listed with a command only where it is set for that command alone. */
static bool is_own(const struct invocation *inv, const char *section, const char *name)
{
    struct config_value own = config_get(inv->config, section, name);
    struct config_value common = config_get(inv->config, "common", name);

    return own.origin && (!common.origin || strcmp(own.origin, common.origin) != 0);
}

static int list_command(const struct listing *listing, const struct command *command, struct error *err)
{
    for (const struct option *row = command->options; row && row->name; row++)
        if (add(listing, command->name, row->name, err) < 0)
            return -1;
    for (const struct option *row = common_options; row->name; row++)
        if (strcmp(row->name, "help") != 0 && is_own(listing->inv, command->name, row->name) &&
            add(listing, command->name, row->name, err) < 0)
            return -1;
    return 0;
}

static int show(const struct invocation *inv, struct error *err)
{
    static const char *const headings[] = { "name", "value", "origin" };
    const struct args *args = inv->args;
    struct listing listing = { .inv = inv, .origin = args->origin };

    listing.table = table_new(inv->arena, args->origin ? 3 : 2, headings);
    for (const struct option *row = common_options; row->name; row++)
        if (strcmp(row->name, "help") != 0 && add(&listing, "common", row->name, err) < 0)
            return -1;
    for (int i = 0; commands[i]; i++)
        if (list_command(&listing, commands[i], err) < 0)
            return -1;
    for (size_t i = 0; i < LIMIT_COUNT; i++)
        if (add(&listing, "limits", limit_rows[i].name, err) < 0)
            return -1;
    if (!inv->json)
        table_print(listing.table, stdout, inv->color);
    return 0;
}

/* Is there such a value at all? */
static bool is_known(const char *section, const char *name)
{
    bool is_section = !strcmp(section, "common");
    const struct option *rows[] = { NULL, common_options };

    for (size_t i = 0; i < LIMIT_COUNT && !strcmp(section, "limits"); i++)
        if (!strcmp(limit_rows[i].name, name))
            return true;
    for (int i = 0; commands[i] && !is_section; i++) {
        is_section = !strcmp(commands[i]->name, section);
        rows[0] = commands[i]->options;
    }
    for (size_t i = 0; i < COUNT(rows) && is_section; i++)
        for (const struct option *row = rows[i]; row && row->name; row++)
            if (!strcmp(row->name, name))
                return true;
    return false;
}

static int get(const struct invocation *inv, const char *whole, struct error *err)
{
    const struct args *args = inv->args;
    const char *dot = strchr(whole, '.');
    const char *section = dot ? arena_strndup(inv->arena, whole, (size_t)(dot - whole)) : whole;
    struct config_value value;

    if (!section)
        return error_memory(err);
    if (!dot || !is_known(section, dot + 1)) {
        error_set(err, ERROR_USAGE, "expected SECTION.NAME of an option, found '%s'", whole);
        return error_hint(err, "coedge config show lists them");
    }
    value = config_get(inv->config, section, dot + 1);
    if (!value.text)
        return error_set(err, ERROR_ANSWER, "%s is not set", whole);
    if (args->origin)
        printf("%s\t%s\n", value.text, value.origin);
    else
        puts(value.text);
    return 0;
}

static int run(const struct invocation *inv, struct error *err)
{
    const char *verb = inv->operand[0];

    if (!strcmp(verb, "show") && inv->operand_count == 1)
        return show(inv, err);
    if (!strcmp(verb, "get") && inv->operand_count == 2)
        return get(inv, inv->operand[1], err);
    return error_set(err, ERROR_USAGE, "expected %s, found '%s' with %d operand%s", inv->command->operands, verb,
                     inv->operand_count - 1, inv->operand_count == 2 ? "" : "s");
}

const struct command cmd_config = {
    .name = "config",
    .summary = "show which value of an option is in force, and why",
    .operands = "show | get SECTION.NAME",
    .min_operands = 1,
    .max_operands = 2,
    .about = "A value comes from a flag, else from COEDGE_COMMAND_OPTION or COEDGE_OPTION in\n"
             "the environment, else from ./coedge.yaml, the user's\n"
             "~/.config/coedge/coedge.yaml or the system's /etc/coedge/coedge.yaml, else it\n"
             "is the default. COEDGE_CONFIG names one file to read instead of these three.\n\n"
             "get answers 1 when the option has no value.",
    .options = options,
    .examples = examples,
    .args_size = sizeof(struct args),
    .run = run,
};

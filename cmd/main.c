/*
 * main.c - one program, many commands: finds the command, gives it what it asked
 * for, and ends the process. Nothing else does.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/text.h"
#include "cmd/commands.h"
#include "kern/kern.h"

/* ---- the process ---- */

/* Async-signal-safe: removes what is half written and ends as a shell reports a signal. */
static void end_by_signal(int number)
{
    output_abort_all();
    _exit(128 + number);
}

/* What the caller chose to ignore (nohup, a background job) stays ignored. A closed
 * pipe always ends the program: nobody is left to read an error. */
static void catch_signals(void)
{
    static const int numbers[] = { SIGHUP, SIGINT, SIGTERM, SIGPIPE };

    for (size_t i = 0; i < COUNT(numbers); i++) {
        struct sigaction action = { .sa_handler = end_by_signal }, before;

        sigfillset(&action.sa_mask);
        if (numbers[i] != SIGPIPE && sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler == SIG_IGN)
            continue;
        sigaction(numbers[i], &action, NULL);
    }
}

/* A closed standard stream must not become the next file that is opened. What
 * stands in its place fails as the closed one would: it is open the wrong way. */
static void hold_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
            _exit(ERROR_IO);
}

/* What was printed has arrived, or the run has failed. */
static int close_stdout(struct error *err)
{
    int failed = ferror(stdout);

    errno = 0;
    if (fflush(stdout) != 0)
        return error_errno(err, ERROR_IO, "standard output");
    if (failed) /* while printing; why is no longer known */
        return error_set(err, ERROR_IO, "standard output: cannot write");
    /* Some file systems tell of a full disk only now. */
    if (close(STDOUT_FILENO) < 0 && errno != EBADF)
        return error_errno(err, ERROR_IO, "standard output");
    return 0;
}

/* ---- one command ---- */

/* coedge.yaml's limits, for limit_get(): as if they stood in the environment, which counts before. */
static int apply_limits(const struct config *config, struct error *err)
{
    for (size_t i = 0; i < LIMIT_COUNT; i++) {
        struct config_value value = config_get(config, "limits", limit_rows[i].name);
        char variable[64];
        int64_t number;

        if (!value.text || !strcmp(value.origin, "default"))
            continue;
        if (text_to_int(value.text, &number) < 0 || number < 0)
            return error_set(err, ERROR_USAGE, "%s: expected a whole number of at least 0, found '%s'", value.origin,
                             value.text);
        snprintf(variable, sizeof(variable), "COEDGE_LIMIT_%s", limit_rows[i].name);
        for (char *c = variable; *c; c++)
            *c = *c == '-' ? '_' : *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
        setenv(variable, value.text, 0);
    }
    return 0;
}

/* Without an operand the package comes from standard input: from a person it will not come. */
static int check_stdin(const struct command *command, int operand_count, struct error *err)
{
    if (!command->reads_stdin || operand_count > 0 || !isatty(STDIN_FILENO))
        return 0;
    error_set(err, ERROR_USAGE, "expected %s or a pipe, standard input is a terminal", command->operands);
    return error_hint(err, "see coedge help %s", command->name);
}

/* Kernels and threads, for commands that compute. */
static int run_with_job(const struct command *command, struct invocation *inv, const struct common_args *common,
                        struct error *err)
{
    struct kern kern;
    struct job job = { .kern = &kern, .seed = (uint64_t)common->seed };
    int rc;

    if (!command->bare && kern_init(&kern, getenv("COEDGE_CPU"), err) < 0)
        return error_in(err, "COEDGE_CPU");
    if (command->threads) {
        job.pool = pool_new((int)common->threads, err);
        if (!job.pool)
            return -1;
    }
    job.progress = progress_terminal(inv->arena, command->name, common->quiet);
    inv->job = &job;
    rc = command->run(inv, err);
    progress_clear(job.progress);
    pool_free(job.pool);
    return rc;
}

static int run_command(const struct command *command, int argc, char **argv, struct arena *arena, struct error *err)
{
    struct invocation inv = { .command = command, .arena = arena, .color = terminal_color(STDOUT_FILENO) };
    struct common_args common = { 0 };
    struct config *config;
    void *args = arena_alloc(arena, command->args_size + 1);

    if (!args)
        return error_memory(err);
    if (config_load(&config, command->bare ? NULL : commands, arena, err) < 0)
        return -1;
    if (options_parse(command, argc, argv, config, arena, args, &common, &inv.operand, &inv.operand_count, err) < 0)
        return -1;
    if (common.help) {
        help_command(stdout, command, terminal_columns(), inv.color);
        return 0;
    }
    if (apply_limits(config, err) < 0 || check_stdin(command, inv.operand_count, err) < 0)
        return -1;
    inv.args = args;
    inv.config = config;
    inv.json = common.json;
    inv.quiet = common.quiet;
    inv.verbose = common.verbose;
    return run_with_job(command, &inv, &common, err);
}

/* Runs it and says what went wrong; the exit code. */
static int run_and_report(const struct command *command, int argc, char **argv)
{
    struct error err = { 0 }, last = { 0 };
    struct arena arena = { 0 };
    int failed = run_command(command, argc, argv, &arena, &err) < 0, code = 0;

    /* What was said without the memory that was asked for is not to be trusted. */
    if (arena.failed && err.kind != ERROR_LIMIT)
        failed = error_memory(&err) < 0;
    if (failed)
        code = error_print(command->name, &err);
    if (close_stdout(&last) < 0 && !failed)
        code = error_print(command->name, &last);
    arena_free(&arena);
    return code;
}

/* ---- which command ---- */

static const struct command *command_named(const char *name)
{
    for (int i = 0; commands[i]; i++)
        if (!strcmp(commands[i]->name, name))
            return commands[i];
    return NULL;
}

static int unknown_command(const char *name)
{
    const char *names[128] = { 0 }, *near;
    struct error err = { 0 };

    for (size_t i = 0; commands[i] && i < COUNT(names) - 1; i++)
        names[i] = commands[i]->name;
    near = text_nearest(name, names);
    error_set(&err, ERROR_USAGE, "unknown command '%s'", name);
    if (near)
        error_hint(&err, "did you mean 'coedge %s'?", near);
    else
        error_hint(&err, "coedge help lists the commands");
    return error_print(NULL, &err);
}

/* An executable coedge-NAME on PATH is a command too. Returns only when there is none. */
static int run_plugin(char **argv)
{
    char file[256];
    struct error err = { 0 };
    int length = snprintf(file, sizeof(file), "coedge-%s", argv[0]);

    if (*argv[0] == '-' || !*argv[0] || strchr(argv[0], '/') || length >= (int)sizeof(file))
        return unknown_command(argv[0]);
    execvp(file, argv);
    if (errno == ENOENT)
        return unknown_command(argv[0]);
    error_errno(&err, ERROR_IO, "%s", file);
    return error_print(NULL, &err);
}

int main(int argc, char **argv)
{
    const char *name = argc > 0 ? path_name(argv[0]) : "coedge";
    bool is_link = !strncmp(name, "coedge-", 7);
    const struct command *command;

    hold_standard_streams();
    catch_signals();
    if (is_link) {
        command = command_named(name + 7);
        return command ? run_and_report(command, argc - 1, argv + 1) : unknown_command(name + 7);
    }
    if (argc < 2) {
        help_overview(stderr, commands, terminal_columns(), terminal_color(STDERR_FILENO));
        return ERROR_USAGE;
    }
    name = argv[1];
    if (!strcmp(name, "--help") || !strcmp(name, "-h"))
        name = "help";
    if (!strcmp(name, "--version"))
        name = "version";
    command = command_named(name);
    return command ? run_and_report(command, argc - 2, argv + 2) : run_plugin(argv + 1);
}

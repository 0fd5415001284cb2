/*
 * cli.h - commands and their options as rows of a table.
 *
 * A row is the only place where an option exists: parser, --help, manual page,
 * completion and coedge.yaml.example are printed from it.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/job.h"
#include "base/tree.h"

enum option_kind {
    OPTION_FLAG,   /* bool; --no-NAME turns it off */
    OPTION_INT,    /* int64_t, min..max */
    OPTION_REAL,   /* double, min..max */
    OPTION_TEXT,   /* const char * */
    OPTION_CHOICE, /* int: index into choices */
    OPTION_LIST,   /* struct texts: may be repeated; each use adds one */
};

struct texts {
    const char **item;
    int count;
};

#define FIELD(type, member) .offset = offsetof(type, member), .size = sizeof(((type *)0)->member)

struct option {
    const char *name; /* long name without dashes; NULL ends the table */
    char letter;      /* or 0 */
    enum option_kind kind;
    size_t offset, size;
    const char *value;   /* what stands for the value in help: "FILE" */
    const char *initial; /* default as the user would type it; NULL: none (NULL, 0, false, -1 for CHOICE) */
    double min, max;     /* INT and REAL; both 0: any */
    const char *const *choices;
    const char *help; /* a clause: lower case, no full stop */
    bool required;
    bool neutral;     /* does not change the result (output, threads, metrics): left out of history */
    const char *word; /* a value of a neutral option that names no file, and stands in history; or NULL */
};

struct example {
    const char *command; /* run by the tests as it stands, in a folder with the files of man/examples */
    const char *explains;
};

struct command;

struct invocation {
    const struct command *command;
    const void *args; /* the command's own struct, filled from its rows */
    const char *const *operand;
    int operand_count;
    struct job *job;             /* threads, seed, kernels, progress as asked for */
    struct arena *arena;         /* lives as long as the command */
    const struct config *config; /* coedge.yaml and friends, merged */
    bool json, quiet, verbose;
    bool color; /* standard output may carry colours (terminal, NO_COLOR, TERM) */
};

struct command {
    const char *name, *summary, *operands;
    int min_operands, max_operands; /* max -1: any number */
    const char *about;              /* paragraphs for help and manual */
    const struct option *options;
    const struct example *examples;
    size_t args_size;
    bool threads;     /* run() uses job->pool: threads are started for no other command */
    bool reads_stdin; /* no operand means standard input; a terminal there is a usage error */
    bool bare;        /* needs no coedge.yaml: help and version work beside a broken one */
    int (*run)(const struct invocation *inv, struct error *err);
};

/* Options of every command: --threads, --seed, --json, --quiet, --verbose, --help. */
extern const struct option common_options[];

struct common_args {
    int64_t threads, seed;
    bool json, quiet, verbose, help;
};

/*
 * options_parse - what follows a command's name (argc arguments) into zeroed *args and *common and operands.
 * Precedence: flags, COEDGE_<COMMAND>_<OPTION> then COEDGE_<OPTION> in the environment, config, initial.
 * After --help it reads no further: common->help is set and nothing is checked.
 * Errors: ERROR_USAGE naming the option, with the nearest as hint.
 */
struct config;
MUST_CHECK int options_parse(const struct command *command, int argc, char **argv, const struct config *config,
                             struct arena *arena, void *args, struct common_args *common, const char *const **operands,
                             int *operand_count, struct error *err);

/* ---- what is printed from the rows ---- */
void help_command(FILE *out, const struct command *command, int columns, bool color);
void help_overview(FILE *out, const struct command *const *commands, int columns, bool color);
/* The OPTIONS and EXAMPLES sections of a command's manual page, mdoc. */
void help_mdoc(FILE *out, const struct command *command);
/* "bash", "zsh", "fish". */
MUST_CHECK int help_completion(FILE *out, const struct command *const *commands, const char *shell, struct error *err);
void help_config_example(FILE *out, const struct command *const *commands);

/* ---- coedge.yaml: `NAME:` maps of option names per command, `common:`, `remotes:`, `limits:` ---- */
struct config_value {
    const char *text, *origin; /* origin: "./coedge.yaml:12", "COEDGE_THREADS" or "default" */
};
/*
 * config_load - reads ./coedge.yaml, the user's (XDG) and the system's; missing
 * files are fine. COEDGE_CONFIG names one file to read instead, which must be
 * there; empty, none is read. With commands NULL only the environment counts.
 * Errors: ERROR_USAGE naming file, line and column.
 */
MUST_CHECK int config_load(struct config **config, const struct command *const *commands, struct arena *arena,
                           struct error *err);
/*
 * config_get - what is in force for an option when no flag is given: the
 * environment, the nearest file that says it, or the default. {NULL, NULL} when
 * there is none. section is a command's name, "common" or "limits".
 */
struct config_value config_get(const struct config *config, const char *section, const char *name);
/* A whole section such as "remotes", from the nearest file that has it, or NULL. */
const struct tree *config_section(const struct config *config, const char *section);

/* ---- talking to people ---- */
/*
 * A table with aligned columns: cells are escaped for the terminal, columns of numbers (digits,
 * signs, points, a unit) stand right. When memory runs out, the arena remembers it.
 */
struct table;
struct table *table_new(struct arena *arena, int columns, const char *const *headings);
void table_row(struct table *table, const char *const *cells);
void table_print(const struct table *table, FILE *out, bool color);

/* A progress bar on a terminal (after half a second), silent elsewhere; notes go to stderr. */
struct progress *progress_terminal(struct arena *arena, const char *command, bool quiet);
void progress_clear(struct progress *progress); /* wipes the bar before other output */
int terminal_columns(void);
bool terminal_color(int fd);

/* "coedge NAME: message" and "hint: ..." to stderr, escaped. Returns the exit code of the error. */
int error_print(const char *command, const struct error *err);

#endif

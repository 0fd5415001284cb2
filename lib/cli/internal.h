/* internal.h - what the files of this room share. */
#ifndef CLI_INTERNAL_H
#define CLI_INTERNAL_H

#include "base/limits.h"
#include "base/text.h"
#include "cli/cli.h"

/* ---- rows ---- */
/* The row of that name, or NULL. options may be NULL. */
const struct option *option_named(const struct option *options, const char *name);
/* Reads text into the row's field of args. The error says what was expected and found. */
MUST_CHECK int option_set(const struct option *row, void *args, const char *text, struct arena *arena,
                          struct error *err);
/* "(one of a, b; default b)" without the parentheses; nothing when there is nothing to say. */
void option_facts(struct text *out, const struct option *row);
/* "-s, --sparsity FRACTION" */
void option_synopsis(struct text *out, const struct option *row);

/* ---- coedge.yaml ---- */
struct config_file {
    const char *path;
    const struct tree *root;
};

struct config_found {
    const char *text;        /* from the environment */
    const struct tree *node; /* or from a file */
    const char *origin;
};

struct config {
    struct arena *arena;
    const struct command *const *commands; /* NULL: only the environment counts */
    struct config_file files[3];           /* nearest first */
    int file_count;
    struct config_found limits[LIMIT_COUNT]; /* as they were found: main puts them into the environment later */
};

/* The environment or a file; 0 when neither says anything, 1 when found, -1 out of memory. */
MUST_CHECK int config_find(const struct config *config, const char *section, const char *name,
                           struct config_found *found);
/* Sets the row's field from a node of a file. */
MUST_CHECK int option_set_node(const struct option *row, void *args, const struct tree *node, struct arena *arena,
                               struct error *err);
/* Every section and value of a file against the rows. */
MUST_CHECK int config_check(const struct config *config, const struct config_file *file, struct error *err);

/* ---- text in columns ---- */
struct wrap {
    FILE *out;
    int indent, columns; /* where lines begin and end */
    int at;              /* columns already written on this line */
};

/* Writes words, breaking lines between them. */
void wrap_words(struct wrap *wrap, const char *words);
/* Characters as a terminal counts them, near enough: one a code point. */
int text_columns(const char *chars);

#endif

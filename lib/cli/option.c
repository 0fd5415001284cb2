/* option.c - one option row: its value from text, and what is said about it. */
#include <inttypes.h>
#include <string.h>

#include "cli/internal.h"

/* A bound this far out is not worth saying. */
static const double FAR = 1e9;

const struct option common_options[] = {
    { "threads", 0, OPTION_INT, FIELD(struct common_args, threads), .value = "N", .initial = "0", .min = 0, .max = 1024,
      .help = "threads to compute with; 0: as many as this process may use" },
    { "seed", 0, OPTION_INT, FIELD(struct common_args, seed), .value = "N", .initial = "0", .min = 0,
      .max = 9007199254740991.0, .help = "where random numbers begin" },
    { "json", 0, OPTION_FLAG, FIELD(struct common_args, json), .help = "write JSON to standard output" },
    { "quiet", 'q', OPTION_FLAG, FIELD(struct common_args, quiet), .help = "show neither progress nor remarks" },
    { "verbose", 'v', OPTION_FLAG, FIELD(struct common_args, verbose), .help = "say more" },
    { "help", 'h', OPTION_FLAG, FIELD(struct common_args, help), .help = "show this help" },
    { 0 }
};

const struct option *option_named(const struct option *options, const char *name)
{
    for (const struct option *row = options; row && row->name; row++)
        if (!strcmp(row->name, name))
            return row;
    return NULL;
}

/* ---- what is said ---- */

static bool is_far(double bound)
{
    return bound >= FAR || bound <= -FAR;
}

/* "from 0 to 0.99", "at least 1" or nothing. */
static void add_range(struct text *out, const struct option *row)
{
    if ((row->min == 0 && row->max == 0) || (is_far(row->min) && is_far(row->max)))
        return;
    if (is_far(row->max))
        text_printf(out, " of at least %.15g", row->min);
    else if (is_far(row->min))
        text_printf(out, " of at most %.15g", row->max);
    else
        text_printf(out, " from %.15g to %.15g", row->min, row->max);
}

static void add_choices(struct text *out, const char *const *choices)
{
    for (int i = 0; choices[i]; i++)
        text_printf(out, "%s%s", i > 0 ? ", " : "", choices[i]);
}

/* "a number from 0 to 1, found 'x'" */
static int refuse(const struct option *row, const char *found, struct error *err)
{
    struct text expected = { 0 };

    switch (row->kind) {
    case OPTION_FLAG: text_add(&expected, "true or false"); break;
    case OPTION_INT:
    case OPTION_REAL:
        text_add(&expected, row->kind == OPTION_INT ? "a whole number" : "a number");
        add_range(&expected, row);
        break;
    case OPTION_CHOICE:
        text_add(&expected, "one of ");
        add_choices(&expected, row->choices);
        break;
    case OPTION_TEXT:
    case OPTION_LIST: text_printf(&expected, "%s", row->value ? row->value : "a text"); break;
    }
    error_set(err, ERROR_USAGE, "expected %s, found '%s'", expected.chars ? expected.chars : "another value", found);
    text_free(&expected);
    return -1;
}

void option_facts(struct text *out, const struct option *row)
{
    size_t before = out->length;

    if (row->kind == OPTION_CHOICE) {
        text_add(out, "one of ");
        add_choices(out, row->choices);
    } else if (row->kind == OPTION_INT || row->kind == OPTION_REAL) {
        struct text range = { 0 };

        add_range(&range, row);
        if (range.length > 0)
            text_add(out, range.chars + (strncmp(range.chars, " of ", 4) ? 1 : 4));
        text_free(&range);
    } else if (row->kind == OPTION_LIST) {
        text_add(out, "may be repeated");
    }
    if (row->required || row->initial) {
        text_add(out, out->length > before ? "; " : "");
        text_printf(out, row->required ? "required" : "default %s", row->initial);
    }
}

void option_synopsis(struct text *out, const struct option *row)
{
    bool off = row->kind == OPTION_FLAG && row->initial && !strcmp(row->initial, "true");

    if (row->letter)
        text_printf(out, "-%c, ", row->letter);
    else
        text_add(out, "    ");
    text_printf(out, "--%s%s", off ? "no-" : "", row->name);
    if (row->kind != OPTION_FLAG)
        text_printf(out, " %s", row->value ? row->value : "VALUE");
}

/* ---- values ---- */

static bool in_range(const struct option *row, double value)
{
    return (row->min == 0 && row->max == 0) || (value >= row->min && value <= row->max);
}

static int read_flag(const char *text, bool *value)
{
    static const char *const words[] = { "false", "true", "no", "yes", "0", "1" };

    for (size_t i = 0; i < COUNT(words); i++) {
        if (strcmp(text, words[i]) != 0)
            continue;
        *value = i % 2;
        return 0;
    }
    return -1;
}

static int set_choice(const struct option *row, int *field, const char *text, struct error *err)
{
    const char *near;

    for (int i = 0; row->choices[i]; i++) {
        if (!strcmp(row->choices[i], text)) {
            *field = i;
            return 0;
        }
    }
    refuse(row, text, err);
    near = text_nearest(text, row->choices);
    return near ? error_hint(err, "did you mean '%s'?", near) : -1;
}

static int add_text(struct texts *list, const char *text, struct arena *arena, struct error *err)
{
    const char **longer = arena_grow(arena, list->item, (size_t)list->count, (size_t)list->count + 1, sizeof(*longer));

    if (!longer)
        return error_memory(err);
    longer[list->count++] = text;
    list->item = longer;
    return 0;
}

int option_set(const struct option *row, void *args, const char *text, struct arena *arena, struct error *err)
{
    void *field = (char *)args + row->offset;
    int64_t integer;
    double real;

    switch (row->kind) {
    case OPTION_FLAG: return read_flag(text, field) < 0 ? refuse(row, text, err) : 0;
    case OPTION_INT:
        if (text_to_int(text, &integer) < 0 || !in_range(row, (double)integer))
            return refuse(row, text, err);
        *(int64_t *)field = integer;
        return 0;
    case OPTION_REAL:
        if (text_to_real(text, &real) < 0 || !in_range(row, real))
            return refuse(row, text, err);
        *(double *)field = real;
        return 0;
    case OPTION_CHOICE: return set_choice(row, field, text, err);
    case OPTION_TEXT: *(const char **)field = text; return 0;
    case OPTION_LIST: return add_text(field, text, arena, err);
    }
    return 0;
}

int option_set_node(const struct option *row, void *args, const struct tree *node, struct arena *arena,
                    struct error *err)
{
    if (node->kind == TREE_MAP || (node->kind == TREE_LIST && row->kind != OPTION_LIST))
        return refuse(row, node->kind == TREE_MAP ? "a map" : "a list", err);
    if (node->kind != TREE_LIST)
        return option_set(row, args, node->text, arena, err);
    for (const struct tree *item = node->first; item; item = item->next) {
        if (item->kind == TREE_MAP || item->kind == TREE_LIST)
            return refuse(row, "a list inside a list", err);
        if (option_set(row, args, item->text, arena, err) < 0)
            return -1;
    }
    return 0;
}

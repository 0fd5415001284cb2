/* parse.c - argv into a command's struct, by its rows. */
#include <string.h>

#include "cli/internal.h"

struct parse {
    const struct command *command;
    const struct config *config;
    struct arena *arena;
    void *args;
    struct common_args *common;
    bool *given; /* one per row, the command's before the common ones */
    const char **operands;
    int operand_count;
};

/* A row with the struct that holds its field. */
struct slot {
    const struct option *row;
    void *args;
    bool *given;
};

static size_t row_count(const struct option *options)
{
    size_t count = 0;

    while (options && options[count].name)
        count++;
    return count;
}

/* Slot number `at`, or a row of NULL past the last. */
static struct slot slot_at(const struct parse *p, size_t at)
{
    size_t own = row_count(p->command->options);
    struct slot slot = { 0 };

    if (at < own)
        slot = (struct slot){ &p->command->options[at], p->args, &p->given[at] };
    else if (common_options[at - own].name)
        slot = (struct slot){ &common_options[at - own], p->common, &p->given[at] };
    return slot;
}

static struct slot slot_named(const struct parse *p, const char *name, size_t length)
{
    struct slot slot;

    for (size_t i = 0; (slot = slot_at(p, i)).row; i++)
        if (strlen(slot.row->name) == length && !memcmp(slot.row->name, name, length))
            return slot;
    return slot;
}

static struct slot slot_lettered(const struct parse *p, char letter)
{
    struct slot slot;

    for (size_t i = 0; (slot = slot_at(p, i)).row; i++)
        if (slot.row->letter == letter)
            return slot;
    return slot;
}

/* ---- one option ---- */

static int unknown(const struct parse *p, const char *option, const char *name, struct error *err)
{
    size_t count = row_count(p->command->options) + row_count(common_options);
    const char **names = arena_array(p->arena, count + 1, sizeof(*names));
    const char *near;
    struct slot slot;

    if (!names)
        return error_memory(err);
    for (size_t i = 0; (slot = slot_at(p, i)).row; i++)
        names[i] = slot.row->name;
    near = text_nearest(name, names);
    error_set(err, ERROR_USAGE, "unknown option '%s'", option);
    if (near)
        return error_hint(err, "did you mean --%s?", near);
    for (size_t i = 0; i < count; i++)
        if (*name && !strncmp(names[i], name, strlen(name)))
            return error_hint(err, "did you mean --%s? names are written whole", names[i]);
    return error_hint(err, "coedge help %s lists the options", p->command->name);
}

/* A list given on the command line replaces one that came from elsewhere: it starts empty. */
static int set_value(const struct parse *p, struct slot slot, const char *text, struct error *err)
{
    if (*slot.given && slot.row->kind != OPTION_LIST && slot.row->kind != OPTION_FLAG)
        return error_set(err, ERROR_USAGE, "--%s is given twice", slot.row->name);
    *slot.given = true;
    if (option_set(slot.row, slot.args, text, p->arena, err) < 0)
        return error_in(err, "--%s", slot.row->name);
    return 0;
}

/* The argument after an option that needs one. Another option there is most likely a slip. */
static int next_value(const struct parse *p, const struct option *row, const char *next, const char **text,
                      struct error *err)
{
    const char *value = row->value ? row->value : "VALUE";

    if (!next)
        return error_set(err, ERROR_USAGE, "--%s: expected %s, found the end", row->name, value);
    if (!strncmp(next, "--", 2) && slot_named(p, next + 2, strlen(next + 2)).row) {
        error_set(err, ERROR_USAGE, "--%s: expected %s, found the option %s", row->name, value, next);
        return error_hint(err, "write --%s=%s when it is meant so", row->name, next);
    }
    *text = next;
    return 0;
}

/* "--name", "--name=value", "--no-name". Returns how many arguments it took. */
static int take_long(const struct parse *p, char **argv, struct error *err)
{
    const char *name = argv[0] + 2, *equals = strchr(name, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    struct slot slot = slot_named(p, name, length);
    bool off = !slot.row && length > 3 && !strncmp(name, "no-", 3);
    const char *text = equals ? equals + 1 : NULL;

    if (off)
        slot = slot_named(p, name + 3, length - 3);
    if (!slot.row || (off && slot.row->kind != OPTION_FLAG)) {
        const char *word = arena_strndup(p->arena, name, length);

        return word ? unknown(p, argv[0], word, err) : error_memory(err);
    }
    if (slot.row->kind == OPTION_FLAG) {
        if (equals)
            return error_set(err, ERROR_USAGE, "--%.*s takes no value, found '%s'", (int)length, name, text);
        return set_value(p, slot, off ? "false" : "true", err) < 0 ? -1 : 1;
    }
    if (!equals && next_value(p, slot.row, argv[1], &text, err) < 0)
        return -1;
    return set_value(p, slot, text, err) < 0 ? -1 : equals ? 1 : 2;
}

/* "-n value", "-nvalue", "-qv". Returns how many arguments it took. */
static int take_letters(const struct parse *p, char **argv, struct error *err)
{
    for (const char *at = argv[0] + 1; *at; at++) {
        struct slot slot = slot_lettered(p, *at);
        const char *text = at + 1;

        if (!slot.row) {
            error_set(err, ERROR_USAGE, "unknown option '-%c' in '%s'", *at, argv[0]);
            return error_hint(err, "coedge help %s lists the options; -- ends them", p->command->name);
        }
        if (slot.row->kind == OPTION_FLAG) {
            if (set_value(p, slot, "true", err) < 0)
                return -1;
            continue;
        }
        if (!*text && next_value(p, slot.row, argv[1], &text, err) < 0)
            return -1;
        return set_value(p, slot, text, err) < 0 ? -1 : text == at + 1 ? 1 : 2;
    }
    return 1;
}

/* ---- all of them ---- */

static int take_arguments(struct parse *p, int argc, char **argv, struct error *err)
{
    bool ended = false;

    for (int i = 0; i < argc && !p->common->help;) {
        int used = 1;

        if (ended || argv[i][0] != '-' || !argv[i][1])
            p->operands[p->operand_count++] = argv[i];
        else if (!strcmp(argv[i], "--"))
            ended = true;
        else
            used = argv[i][1] == '-' ? take_long(p, argv + i, err) : take_letters(p, argv + i, err);
        if (used < 0)
            return -1;
        i += used;
    }
    return 0;
}

/* What no flag said: the environment, coedge.yaml, the default. */
static int take_rest(const struct parse *p, struct slot slot, struct error *err)
{
    const struct option *row = slot.row;
    struct config_found found = { 0 };
    int any = 0, rc;

    /* --help in the environment would hide every command. */
    if (slot.args != p->common || strcmp(row->name, "help") != 0)
        any = config_find(p->config, p->command->name, row->name, &found);
    if (any < 0)
        return error_memory(err);
    if (any > 0) {
        rc = found.node ? option_set_node(row, slot.args, found.node, p->arena, err)
                        : option_set(row, slot.args, found.text, p->arena, err);
        return rc < 0 ? error_in(err, "%s", found.origin) : 0;
    }
    if (row->required) {
        error_set(err, ERROR_USAGE, "--%s %s is required", row->name, row->value ? row->value : "VALUE");
        return error_hint(err, "see coedge help %s", p->command->name);
    }
    if (row->initial)
        return option_set(row, slot.args, row->initial, p->arena, err);
    if (row->kind == OPTION_CHOICE)
        *(int *)((char *)slot.args + row->offset) = -1;
    return 0;
}

static int check_operands(const struct parse *p, struct error *err)
{
    const struct command *c = p->command;

    if (p->operand_count < c->min_operands)
        error_set(err, ERROR_USAGE, "expected %s, found %d operand%s", c->operands, p->operand_count,
                  p->operand_count == 1 ? "" : "s");
    else if (c->max_operands >= 0 && p->operand_count > c->max_operands)
        error_set(err, ERROR_USAGE, "expected %s, found one operand too many: '%s'",
                  c->operands && c->max_operands > 0 ? c->operands : "no operand", p->operands[c->max_operands]);
    else
        return 0;
    return error_hint(err, "see coedge help %s", c->name);
}

int options_parse(const struct command *command, int argc, char **argv, const struct config *config,
                  struct arena *arena, void *args, struct common_args *common, const char *const **operands,
                  int *operand_count, struct error *err)
{
    size_t own = row_count(command->options);
    struct parse p = { .command = command, .config = config, .arena = arena, .args = args, .common = common };
    struct slot slot;

    p.given = arena_array(arena, own + row_count(common_options), sizeof(bool));
    p.operands = arena_array(arena, (size_t)argc + 1, sizeof(*p.operands));
    if (!p.given || !p.operands)
        return error_memory(err);
    if (take_arguments(&p, argc, argv, err) < 0)
        return -1;
    *operands = p.operands;
    *operand_count = p.operand_count;
    if (common->help)
        return 0;
    for (size_t i = 0; (slot = slot_at(&p, i)).row; i++)
        if (!*slot.given && take_rest(&p, slot, err) < 0)
            return -1;
    return check_operands(&p, err);
}

/* check.c - a file coedge.yaml against the rows, so that a slip is told before any work begins. */
#include <string.h>

#include "base/limits.h"
#include "cli/internal.h"

/* Sections that are neither a command nor a table of options: their rooms check them. */
static const char *const free_sections[] = { "remotes", NULL };

/* "12:3: unknown section 'prnue'", with the nearest of `names` as hint. */
static int unknown(const struct tree *node, const char *what, const char *const *names, struct error *err)
{
    const char *near = text_nearest(node->key, names);

    tree_error(node, err, "unknown %s '%s'", what, node->key);
    if (near)
        error_hint(err, "did you mean '%s'?", near);
    return -1;
}

/* Tries a value in a place of its own, so that its kind and range are known to be right. */
static int check_value(const struct config *config, const struct option *row, const struct tree *node,
                       struct error *err)
{
    union {
        bool flag;
        int choice;
        int64_t integer;
        double real;
        const char *text;
        struct texts list;
    } scratch;
    struct option here = *row;

    memset(&scratch, 0, sizeof(scratch));
    here.offset = 0;
    if (option_set_node(&here, &scratch, node, config->arena, err) == 0)
        return 0;
    error_in(err, "%d:%d: %s", node->line, node->column, row->name);
    return -1;
}

static int unknown_option(const struct option *options, const struct tree *node, struct error *err)
{
    const char *names[96] = { 0 };
    size_t count = 0;

    for (const struct option *row = options; row && row->name && count < COUNT(names) - 1; row++)
        names[count++] = row->name;
    for (const struct option *row = common_options; row->name && count < COUNT(names) - 1; row++)
        if (strcmp(row->name, "help") != 0)
            names[count++] = row->name;
    return unknown(node, "option", names, err);
}

static int check_options(const struct config *config, const struct option *options, const struct tree *section,
                         struct error *err)
{
    for (const struct tree *node = section->first; node; node = node->next) {
        const struct option *row = option_named(options, node->key);

        if (!row)
            row = option_named(common_options, node->key);
        if (!row || !strcmp(row->name, "help"))
            return unknown_option(options, node, err);
        if (node->kind != TREE_NULL && check_value(config, row, node, err) < 0)
            return -1;
    }
    return 0;
}

static int check_limits(const struct tree *section, struct error *err)
{
    const char *names[LIMIT_COUNT + 1] = { 0 };

    for (size_t i = 0; i < LIMIT_COUNT; i++)
        names[i] = limit_rows[i].name;
    for (const struct tree *node = section->first; node; node = node->next) {
        size_t i = 0;

        while (names[i] && strcmp(names[i], node->key) != 0)
            i++;
        if (!names[i])
            return unknown(node, "limit", names, err);
        if (node->kind != TREE_NULL && (node->kind != TREE_INT || node->integer < 0))
            return tree_error(node, err, "%s: expected a whole number of at least 0", node->key);
    }
    return 0;
}

/* A command that has a section: bare ones do not read the file. */
static const struct command *command_named(const struct config *config, const char *name)
{
    for (int i = 0; config->commands[i]; i++)
        if (!config->commands[i]->bare && !strcmp(config->commands[i]->name, name))
            return config->commands[i];
    return NULL;
}

static int unknown_section(const struct config *config, const struct tree *section, struct error *err)
{
    const char *names[96] = { "common", "limits", free_sections[0] };
    size_t count = 3;

    for (int i = 0; config->commands[i] && count < COUNT(names) - 1; i++)
        if (!config->commands[i]->bare)
            names[count++] = config->commands[i]->name;
    return unknown(section, "section", names, err);
}

int config_check(const struct config *config, const struct config_file *file, struct error *err)
{
    if (file->root->kind == TREE_NULL)
        return 0;
    if (file->root->kind != TREE_MAP)
        return tree_error(file->root, err, "expected a map of sections");
    for (const struct tree *section = file->root->first; section; section = section->next) {
        const struct command *command = command_named(config, section->key);
        bool is_common = !strcmp(section->key, "common"), is_limits = !strcmp(section->key, "limits");

        if (!command && !is_common && !is_limits && strcmp(section->key, free_sections[0]) != 0)
            return unknown_section(config, section, err);
        if (section->kind == TREE_NULL)
            continue;
        if (section->kind != TREE_MAP)
            return tree_error(section, err, "%s: expected a map", section->key);
        if (is_limits && check_limits(section, err) < 0)
            return -1;
        if ((command || is_common) && check_options(config, command ? command->options : NULL, section, err) < 0)
            return -1;
    }
    return 0;
}

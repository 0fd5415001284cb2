/* config.c - coedge.yaml and the environment: which value is in force, and who said so. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/limits.h"
#include "cli/internal.h"
#include "yaml/yaml.h"

/* ---- reading ---- */

static int read_file(struct config *config, const char *path, struct error *err)
{
    struct config_file *file = &config->files[config->file_count];
    struct input in;
    int rc;

    if (input_open(&in, path, limit_get(LIMIT_YAML_BYTES), err) < 0) {
        err->kind = ERROR_USAGE;
        return -1;
    }
    file->path = path;
    rc = yaml_parse(config->arena, (const char *)in.bytes, in.count, &file->root, err);
    input_close(&in);
    if (rc == 0)
        rc = config_check(config, file, err);
    if (rc < 0) {
        if (err->kind == ERROR_INPUT)
            err->kind = ERROR_USAGE;
        return error_in(err, "%s", path);
    }
    config->file_count++;
    return 0;
}

static int read_if_there(struct config *config, const char *path, struct error *err)
{
    if (!path)
        return error_memory(err);
    return path_exists(path) ? read_file(config, path, err) : 0;
}

static int read_files(struct config *config, struct error *err)
{
    const char *only = getenv("COEDGE_CONFIG"), *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

    if (only)
        return *only ? read_file(config, only, err) : 0;
    if (read_if_there(config, "./coedge.yaml", err) < 0)
        return -1;
    if (xdg && *xdg == '/') {
        if (read_if_there(config, arena_printf(config->arena, "%s/coedge/coedge.yaml", xdg), err) < 0)
            return -1;
    } else if (home && *home) {
        if (read_if_there(config, arena_printf(config->arena, "%s/.config/coedge/coedge.yaml", home), err) < 0)
            return -1;
    }
    return read_if_there(config, "/etc/coedge/coedge.yaml", err);
}

int config_load(struct config **out, const struct command *const *commands, struct arena *arena, struct error *err)
{
    struct config *config = arena_alloc(arena, sizeof(*config));

    if (!config)
        return error_memory(err);
    config->arena = arena;
    config->commands = commands;
    if (commands && read_files(config, err) < 0)
        return -1;
    for (size_t i = 0; i < LIMIT_COUNT; i++)
        if (config_find(config, "limits", limit_rows[i].name, &config->limits[i]) < 0)
            return error_memory(err);
    *out = config;
    return 0;
}

/* ---- asking ---- */

/* COEDGE_<SECTION>_<NAME>, or COEDGE_<NAME> when section is NULL. */
static char *variable_name(struct arena *arena, const char *section, const char *name)
{
    char *variable = arena_printf(arena, "COEDGE_%s%s%s", section ? section : "", section ? "_" : "", name);

    for (char *c = variable; c && *c; c++)
        *c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
    return variable;
}

/* Sets found when the environment has a value that is not empty; 1, 0, or -1 out of memory. */
static int find_variable(const struct config *config, const char *section, const char *name, struct config_found *found)
{
    char *variable = variable_name(config->arena, section, name);
    const char *text;

    if (!variable)
        return -1;
    text = getenv(variable);
    if (!text || !*text)
        return 0;
    *found = (struct config_found){ .text = text, .origin = variable };
    return 1;
}

static int find_node(const struct config *config, const struct config_file *file, const char *section, const char *name,
                     struct config_found *found)
{
    const struct tree *node = tree_get(tree_get(file->root, section), name);
    const char *origin;

    if (!node || node->kind == TREE_NULL)
        return 0;
    origin = arena_printf(config->arena, "%s:%d", file->path, node->line);
    *found = (struct config_found){ .node = node, .origin = origin };
    return origin ? 1 : -1;
}

int config_find(const struct config *config, const char *section, const char *name, struct config_found *found)
{
    bool is_limit = !strcmp(section, "limits"), is_common = option_named(common_options, name) != NULL;
    int any = 0;

    if (is_limit)
        any = find_variable(config, "limit", name, found);
    else if (strcmp(section, "common") != 0)
        any = find_variable(config, section, name, found);
    if (any == 0 && !is_limit)
        any = find_variable(config, NULL, name, found);
    for (int i = 0; any == 0 && i < config->file_count; i++) {
        any = find_node(config, &config->files[i], section, name, found);
        if (any == 0 && is_common && !is_limit)
            any = find_node(config, &config->files[i], "common", name, found);
    }
    return any;
}

static const struct option *rows_of(const struct config *config, const char *section)
{
    for (int i = 0; config->commands && config->commands[i]; i++)
        if (!strcmp(config->commands[i]->name, section))
            return config->commands[i]->options;
    return NULL;
}

/* The default of an option or limit as text, or NULL. */
static const char *initial_of(const struct config *config, const char *section, const char *name)
{
    const struct option *row = option_named(rows_of(config, section), name);

    if (!strcmp(section, "limits")) {
        for (size_t i = 0; i < LIMIT_COUNT; i++)
            if (!strcmp(limit_rows[i].name, name))
                return arena_printf(config->arena, "%llu", (unsigned long long)limit_rows[i].initial);
        return NULL;
    }
    if (!row)
        row = option_named(common_options, name);
    return row ? row->initial : NULL;
}

/* A scalar as it was written, a list's items with commas between. */
static const char *node_text(struct arena *arena, const struct tree *node)
{
    const char *all = node->kind == TREE_LIST ? "" : node->text;

    for (const struct tree *item = node->first; item && all; item = item->next)
        all = arena_printf(arena, "%s%s%s", all, item == node->first ? "" : ", ", item->text ? item->text : "");
    return all;
}

/* What was found for a limit when the configuration was read. */
static struct config_found limit_found(const struct config *config, const char *name)
{
    for (size_t i = 0; i < LIMIT_COUNT; i++)
        if (!strcmp(limit_rows[i].name, name))
            return config->limits[i];
    return (struct config_found){ 0 };
}

struct config_value config_get(const struct config *config, const char *section, const char *name)
{
    struct config_found found = { 0 };
    struct config_value value = { NULL, NULL };

    if (!strcmp(section, "limits"))
        found = limit_found(config, name);
    else if (config_find(config, section, name, &found) < 0)
        return value;
    if (found.origin) {
        value.text = found.node ? node_text(config->arena, found.node) : found.text;
        value.origin = found.origin;
    } else {
        value.text = initial_of(config, section, name);
        value.origin = value.text ? "default" : NULL;
    }
    return value;
}

const struct tree *config_section(const struct config *config, const char *section)
{
    for (int i = 0; i < config->file_count; i++) {
        const struct tree *node = tree_get(config->files[i].root, section);

        if (node && node->kind != TREE_NULL)
            return node;
    }
    return NULL;
}

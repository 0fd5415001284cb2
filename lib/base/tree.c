#include "base/tree.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static struct tree *make(struct arena *arena, enum tree_kind kind)
{
    struct tree *node = arena_alloc(arena, sizeof(*node));

    if (node)
        node->kind = kind;
    return node;
}

struct tree *tree_map(struct arena *arena)
{
    return make(arena, TREE_MAP);
}

struct tree *tree_list(struct arena *arena)
{
    return make(arena, TREE_LIST);
}

struct tree *tree_add(struct arena *arena, struct tree *parent, const char *key, struct tree *child)
{
    if (!parent || !child)
        return NULL;
    if (key) {
        child->key = arena_strdup(arena, key);
        if (!child->key)
            return NULL;
    }
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    parent->count++;
    return child;
}

struct tree *tree_add_text(struct arena *arena, struct tree *parent, const char *key, const char *text)
{
    struct tree *node = make(arena, TREE_TEXT);

    if (!node)
        return NULL;
    node->text = arena_strdup(arena, text);
    if (!node->text)
        return NULL;
    node->text_length = strlen(text);
    return tree_add(arena, parent, key, node);
}

struct tree *tree_add_int(struct arena *arena, struct tree *parent, const char *key, int64_t value)
{
    struct tree *node = make(arena, TREE_INT);

    if (!node)
        return NULL;
    node->integer = value;
    node->real = (double)value;
    return tree_add(arena, parent, key, node);
}

struct tree *tree_add_real(struct arena *arena, struct tree *parent, const char *key, double value)
{
    struct tree *node = make(arena, TREE_REAL);

    if (!node)
        return NULL;
    node->real = value;
    return tree_add(arena, parent, key, node);
}

struct tree *tree_add_bool(struct arena *arena, struct tree *parent, const char *key, bool value)
{
    struct tree *node = make(arena, TREE_BOOL);

    if (!node)
        return NULL;
    node->boolean = value;
    return tree_add(arena, parent, key, node);
}

struct tree *tree_add_map(struct arena *arena, struct tree *parent, const char *key)
{
    return tree_add(arena, parent, key, tree_map(arena));
}

struct tree *tree_add_list(struct arena *arena, struct tree *parent, const char *key)
{
    return tree_add(arena, parent, key, tree_list(arena));
}

const struct tree *tree_get(const struct tree *map, const char *key)
{
    if (!map || map->kind != TREE_MAP)
        return NULL;
    for (const struct tree *child = map->first; child; child = child->next)
        if (child->key && strcmp(child->key, key) == 0)
            return child;
    return NULL;
}

int tree_error(const struct tree *node, struct error *err, const char *format, ...)
{
    char message[sizeof(err->message)];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    if (!node || node->line == 0)
        return error_set(err, ERROR_INPUT, "%s", message);
    return error_set(err, ERROR_INPUT, "%d:%d: %s", node->line, node->column, message);
}

static const char *kind_name(enum tree_kind kind)
{
    static const char *const names[] = {
        [TREE_NULL] = "nothing", [TREE_BOOL] = "true or false", [TREE_INT] = "a whole number", [TREE_REAL] = "a number",
        [TREE_TEXT] = "text",    [TREE_LIST] = "a list",        [TREE_MAP] = "a map",
    };

    return names[kind];
}

static int check_kind(const struct tree *node, enum tree_kind kind, struct error *err)
{
    if (node->kind == kind || (kind == TREE_REAL && node->kind == TREE_INT))
        return 0;
    tree_error(node, err, "'%s' is %s, expected %s", node->key, kind_name(node->kind), kind_name(kind));
    return -1;
}

int tree_need(const struct tree *map, const char *key, enum tree_kind kind, const struct tree **out, struct error *err)
{
    const struct tree *node = tree_get(map, key);

    if (node) {
        if (check_kind(node, kind, err) < 0)
            return -1;
        *out = node;
        return 0;
    }
    if (!map || map->kind != TREE_MAP)
        tree_error(map, err, "found %s, expected a map with '%s'", kind_name(map ? map->kind : TREE_NULL), key);
    else
        tree_error(map, err, "'%s' is missing", key);
    return -1;
}

static int text_of(const struct tree *node, const char **out, struct error *err)
{
    if (check_kind(node, TREE_TEXT, err) < 0)
        return -1;
    if (strlen(node->text) != node->text_length) /* what follows the NUL would be lost */
        return tree_error(node, err, "'%s' has a NUL character", node->key);
    *out = node->text;
    return 0;
}

static int int_of(const struct tree *node, int64_t min, int64_t max, int64_t *out, struct error *err)
{
    if (check_kind(node, TREE_INT, err) < 0)
        return -1;
    if (node->integer < min || node->integer > max)
        return tree_error(node, err, "'%s' is %" PRId64 ", expected %" PRId64 " to %" PRId64, node->key, node->integer,
                          min, max);
    *out = node->integer;
    return 0;
}

static int real_of(const struct tree *node, double *out, struct error *err)
{
    if (check_kind(node, TREE_REAL, err) < 0)
        return -1;
    *out = node->real;
    return 0;
}

int tree_need_text(const struct tree *map, const char *key, const char **out, struct error *err)
{
    const struct tree *node;

    return tree_need(map, key, TREE_TEXT, &node, err) < 0 ? -1 : text_of(node, out, err);
}

int tree_need_int(const struct tree *map, const char *key, int64_t min, int64_t max, int64_t *out, struct error *err)
{
    const struct tree *node;

    return tree_need(map, key, TREE_INT, &node, err) < 0 ? -1 : int_of(node, min, max, out, err);
}

int tree_need_real(const struct tree *map, const char *key, double *out, struct error *err)
{
    const struct tree *node;

    return tree_need(map, key, TREE_REAL, &node, err) < 0 ? -1 : real_of(node, out, err);
}

int tree_take_text(const struct tree *map, const char *key, const char **out, struct error *err)
{
    const struct tree *node = tree_get(map, key);

    return node ? text_of(node, out, err) : 0;
}

int tree_take_int(const struct tree *map, const char *key, int64_t min, int64_t max, int64_t *out, struct error *err)
{
    const struct tree *node = tree_get(map, key);

    return node ? int_of(node, min, max, out, err) : 0;
}

int tree_take_real(const struct tree *map, const char *key, double *out, struct error *err)
{
    const struct tree *node = tree_get(map, key);

    return node ? real_of(node, out, err) : 0;
}

int tree_take_bool(const struct tree *map, const char *key, bool *out, struct error *err)
{
    const struct tree *node = tree_get(map, key);

    if (!node)
        return 0;
    if (check_kind(node, TREE_BOOL, err) < 0)
        return -1;
    *out = node->boolean;
    return 0;
}

static bool listed(const char *const *names, const char *name)
{
    for (; *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

int tree_only(const struct tree *map, const char *const *known, struct error *err)
{
    if (!map || map->kind != TREE_MAP)
        return tree_error(map, err, "found %s, expected a map", kind_name(map ? map->kind : TREE_NULL));
    for (const struct tree *child = map->first; child; child = child->next) {
        const char *nearest;

        if (listed(known, child->key))
            continue;
        nearest = text_nearest(child->key, known);
        tree_error(child, err, "unknown key '%s'", child->key);
        return nearest ? error_hint(err, "did you mean '%s'?", nearest) : -1;
    }
    return 0;
}

/*
 * parse.c - jansson's values into a tree.
 *
 * jansson builds everything before it can be asked anything, so depth and number
 * of values are counted first, in one pass over the bytes.
 */
#include <jansson.h>
#include <string.h>

#include "base/limits.h"
#include "json/json.h"

static int check_size(size_t length, struct error *err)
{
    uint64_t most = limit_get(LIMIT_JSON_BYTES);

    if (length <= most)
        return 0;
    error_set(err, ERROR_INPUT, "1:1: document has %zu bytes, expected at most %llu", length, (unsigned long long)most);
    return error_hint(err, "COEDGE_LIMIT_JSON_BYTES sets the limit");
}

/* Counts brackets and commas outside strings: at least as many as there are values, at most
 * twice. Text that is no JSON at all is left to jansson. */
static int check_shape(const char *text, size_t length, struct error *err)
{
    uint64_t deepest = limit_get(LIMIT_JSON_DEPTH), most = limit_get(LIMIT_JSON_VALUES);
    uint64_t depth = 0, values = 0, line = 1;
    size_t line_start = 0;
    bool quoted = false;

    for (size_t i = 0; i < length; i++) {
        char c = text[i];

        if (c == '\n') {
            line++;
            line_start = i + 1;
        }
        if (quoted) {
            i += c == '\\';
            quoted = c != '"';
            continue;
        }
        quoted = c == '"';
        if (c == '[' || c == '{')
            depth++;
        else if ((c == ']' || c == '}') && depth > 0)
            depth--;
        values += c == '[' || c == '{' || c == ',';
        if (depth > deepest || values > most)
            return error_set(err, ERROR_INPUT, "%llu:%zu: expected at most %llu %s", (unsigned long long)line,
                             i - line_start + 1, (unsigned long long)(depth > deepest ? deepest : most),
                             depth > deepest ? "levels of nesting" : "values");
    }
    return 0;
}

static struct tree *convert(struct arena *arena, const json_t *value);

static int convert_children(struct arena *arena, const json_t *value, struct tree *node)
{
    json_t *map = node->kind == TREE_MAP ? (json_t *)(uintptr_t)value : NULL;
    void *at = map ? json_object_iter(map) : NULL;
    size_t count = map ? json_object_size(value) : json_array_size(value);

    for (size_t i = 0; i < count; i++) {
        struct tree *child = convert(arena, map ? json_object_iter_value(at) : json_array_get(value, i));

        if (!child)
            return -1;
        if (map) {
            child->key = arena_strdup(arena, json_object_iter_key(at));
            if (!child->key)
                return -1;
            at = json_object_iter_next(map, at);
        }
        if (node->last)
            node->last->next = child;
        else
            node->first = child;
        node->last = child;
    }
    node->count = count;
    return 0;
}

/* NULL when memory runs out. Recursion is bounded by check_shape(). */
static struct tree *convert(struct arena *arena, const json_t *value)
{
    struct tree *node = arena_alloc(arena, sizeof(*node));

    if (!node)
        return NULL;
    switch (json_typeof(value)) {
    case JSON_NULL: break;
    case JSON_TRUE:
    case JSON_FALSE:
        node->kind = TREE_BOOL;
        node->boolean = json_is_true(value);
        break;
    case JSON_INTEGER:
        node->kind = TREE_INT;
        node->integer = json_integer_value(value);
        node->real = (double)node->integer;
        break;
    case JSON_REAL:
        node->kind = TREE_REAL;
        node->real = json_real_value(value);
        break;
    case JSON_STRING:
        node->kind = TREE_TEXT;
        node->text_length = json_string_length(value);
        node->text = arena_strndup(arena, json_string_value(value), node->text_length);
        if (!node->text)
            return NULL;
        break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        node->kind = json_is_object(value) ? TREE_MAP : TREE_LIST;
        if (convert_children(arena, value, node) < 0)
            return NULL;
        break;
    }
    return node;
}

int json_parse(struct arena *arena, const char *text, size_t length, const struct tree **root, struct error *err)
{
    json_error_t problem;
    json_t *value;
    struct tree *made;

    if (check_size(length, err) < 0 || check_shape(text, length, err) < 0)
        return -1;
    value = json_loadb(text, length, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &problem);
    if (!value) {
        if (json_error_code(&problem) == json_error_out_of_memory)
            return error_memory(err);
        return error_set(err, ERROR_INPUT, "%d:%d: %s", problem.line > 0 ? problem.line : 1,
                         problem.column > 0 ? problem.column : 1, problem.text);
    }
    made = convert(arena, value);
    json_decref(value);
    if (!made)
        return error_memory(err);
    *root = made;
    return 0;
}

/*
 * parse.c - libyaml's events into a tree.
 *
 * libyaml's own document loader is not used: it follows aliases, keeps duplicate
 * keys, and spends quadratic time on deep flow nesting. Here nesting is counted
 * as events arrive, so a hostile document ends after 64 levels.
 */
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/limits.h"
#include "yaml/yaml.h"

struct builder {
    struct arena *arena;
    struct tree **stack; /* open lists and maps, outermost first */
    size_t depth, capacity, limit;
    struct tree *root;
    const char *key; /* read, and waiting for its value */
    int key_line, key_column;
};

static int refuse(const yaml_mark_t *mark, struct error *err, const char *what)
{
    return error_set(err, ERROR_INPUT, "%zu:%zu: %s", mark->line + 1, mark->column + 1, what);
}

/* ---- scalars ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *skip_digits(const char *at)
{
    while (is_digit(*at))
        at++;
    return at;
}

/* TREE_INT, TREE_REAL or, when it is no number of the JSON schema, TREE_TEXT. */
static enum tree_kind number_kind(const char *at)
{
    enum tree_kind kind = TREE_INT;

    at += *at == '-';
    if (!is_digit(*at) || (*at == '0' && is_digit(at[1])))
        return TREE_TEXT;
    at = skip_digits(at);
    if (*at == '.') {
        kind = TREE_REAL;
        at = skip_digits(at + 1);
    }
    if (*at == 'e' || *at == 'E') {
        kind = TREE_REAL;
        at++;
        at += *at == '-' || *at == '+';
        if (!is_digit(*at))
            return TREE_TEXT;
        at = skip_digits(at);
    }
    return *at ? TREE_TEXT : kind;
}

/* Gives a plain scalar its kind and value; -1 when it is a number out of range. */
static int resolve(struct tree *node)
{
    const char *text = node->text;

    node->kind = TREE_TEXT;
    if (!*text || !strcmp(text, "null")) {
        node->kind = TREE_NULL;
    } else if (!strcmp(text, "true") || !strcmp(text, "false")) {
        node->kind = TREE_BOOL;
        node->boolean = *text == 't';
    } else if (is_digit(*text) || *text == '-') {
        node->kind = number_kind(text);
        if (node->kind == TREE_INT) {
            if (text_to_int(text, &node->integer) < 0)
                return -1;
            node->real = (double)node->integer;
        } else if (node->kind == TREE_REAL) {
            return text_to_real(text, &node->real);
        }
    }
    return 0;
}

/* ---- building ---- */

static struct tree *node_new(struct builder *b, const yaml_event_t *event, struct error *err)
{
    struct tree *node = arena_alloc(b->arena, sizeof(*node));

    if (!node) {
        error_memory(err);
        return NULL;
    }
    node->line = (int)event->start_mark.line + 1;
    node->column = (int)event->start_mark.column + 1;
    return node;
}

static bool expects_key(const struct builder *b)
{
    return b->depth > 0 && b->stack[b->depth - 1]->kind == TREE_MAP && !b->key;
}

/* Hangs a node into the innermost open list or map. A map's child stands where its key stands. */
static void attach(struct builder *b, struct tree *node)
{
    struct tree *parent;

    if (b->depth == 0) {
        b->root = node;
        return;
    }
    parent = b->stack[b->depth - 1];
    if (parent->kind == TREE_MAP) {
        node->key = b->key;
        node->line = b->key_line;
        node->column = b->key_column;
        b->key = NULL;
    }
    if (parent->last)
        parent->last->next = node;
    else
        parent->first = node;
    parent->last = node;
    parent->count++;
}

static int take_key(struct builder *b, const yaml_event_t *event, struct error *err)
{
    const char *text = (const char *)event->data.scalar.value;
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

    if (plain && !strcmp(text, "<<"))
        return refuse(&event->start_mark, err, "merge keys are not allowed");
    if (plain && !*text)
        return refuse(&event->start_mark, err, "expected a key, found none");
    b->key = arena_strndup(b->arena, text, event->data.scalar.length);
    if (!b->key)
        return error_memory(err);
    b->key_line = (int)event->start_mark.line + 1;
    b->key_column = (int)event->start_mark.column + 1;
    return 0;
}

static int take_scalar(struct builder *b, const yaml_event_t *event, struct error *err)
{
    struct tree *node;
    size_t length = event->data.scalar.length;
    const char *text = (const char *)event->data.scalar.value;

    if (memchr(text, 0, length))
        return refuse(&event->start_mark, err, "text contains a NUL character");
    if (expects_key(b))
        return take_key(b, event, err);
    node = node_new(b, event, err);
    if (!node)
        return -1;
    node->text = arena_strndup(b->arena, text, length);
    node->text_length = length;
    if (!node->text)
        return error_memory(err);
    if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        node->kind = TREE_TEXT;
    else if (resolve(node) < 0)
        return refuse(&event->start_mark, err, "number is out of range");
    attach(b, node);
    return 0;
}

static int open_node(struct builder *b, const yaml_event_t *event, enum tree_kind kind, bool flow, struct error *err)
{
    struct tree *node;

    if (expects_key(b))
        return refuse(&event->start_mark, err, "expected a scalar as key, found a list or map");
    if (b->depth >= b->limit) {
        error_set(err, ERROR_INPUT, "%zu:%zu: nested deeper than %zu levels", event->start_mark.line + 1,
                  event->start_mark.column + 1, b->limit);
        return error_hint(err, "COEDGE_LIMIT_YAML_DEPTH sets the limit");
    }
    node = node_new(b, event, err);
    if (!node)
        return -1;
    node->kind = kind;
    node->flow = flow;
    if (b->depth == b->capacity) {
        struct tree **longer = arena_grow(b->arena, b->stack, b->capacity, 2 * b->capacity, sizeof(*longer));

        if (!longer)
            return error_memory(err);
        b->stack = longer;
        b->capacity *= 2;
    }
    attach(b, node);
    b->stack[b->depth++] = node;
    return 0;
}

static int by_key(const void *left, const void *right)
{
    const struct tree *a = *(const struct tree *const *)left;
    const struct tree *b = *(const struct tree *const *)right;
    int order = strcmp(a->key, b->key);

    if (order == 0)
        order = (a->line > b->line) - (a->line < b->line);
    return order ? order : (a->column > b->column) - (a->column < b->column);
}

/* Sorted rather than hashed: no document can make it slow. */
static int close_map(struct builder *b, const struct tree *map, struct error *err)
{
    const struct tree **sorted = arena_array(b->arena, map->count + 1, sizeof(struct tree *));
    const struct tree *child = map->first;
    struct text shown = { 0 };

    if (!sorted)
        return error_memory(err);
    for (size_t i = 0; i < map->count; i++, child = child->next)
        sorted[i] = child;
    qsort(sorted, map->count, sizeof(*sorted), by_key);
    for (size_t i = 1; i < map->count; i++) {
        if (strcmp(sorted[i - 1]->key, sorted[i]->key) != 0)
            continue;
        text_add_visible(&shown, sorted[i]->key, strlen(sorted[i]->key));
        error_set(err, ERROR_INPUT, "%d:%d: key '%.60s' is already given at %d:%d", sorted[i]->line, sorted[i]->column,
                  shown.chars ? shown.chars : "", sorted[i - 1]->line, sorted[i - 1]->column);
        text_free(&shown);
        return -1;
    }
    return 0;
}

/* ---- events ---- */

/* Nodes may carry neither anchor nor tag: nothing is shared, nothing is constructed. */
static int check_bare(const yaml_event_t *event, const yaml_char_t *anchor, const yaml_char_t *tag, struct error *err)
{
    if (anchor)
        return refuse(&event->start_mark, err, "anchors are not allowed");
    if (tag)
        return refuse(&event->start_mark, err, "tags are not allowed");
    return 0;
}

static int take_event(struct builder *b, const yaml_event_t *event, struct error *err)
{
    switch (event->type) {
    case YAML_ALIAS_EVENT: return refuse(&event->start_mark, err, "aliases are not allowed");
    case YAML_DOCUMENT_START_EVENT:
        if (b->root)
            return refuse(&event->start_mark, err, "expected one document, found a second");
        if (event->data.document_start.tag_directives.start != event->data.document_start.tag_directives.end)
            return refuse(&event->start_mark, err, "tags are not allowed");
        return 0;
    case YAML_SCALAR_EVENT:
        if (check_bare(event, event->data.scalar.anchor, event->data.scalar.tag, err) < 0)
            return -1;
        return take_scalar(b, event, err);
    case YAML_SEQUENCE_START_EVENT:
        if (check_bare(event, event->data.sequence_start.anchor, event->data.sequence_start.tag, err) < 0)
            return -1;
        return open_node(b, event, TREE_LIST, event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE, err);
    case YAML_MAPPING_START_EVENT:
        if (check_bare(event, event->data.mapping_start.anchor, event->data.mapping_start.tag, err) < 0)
            return -1;
        return open_node(b, event, TREE_MAP, event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE, err);
    case YAML_SEQUENCE_END_EVENT: b->depth--; return 0;
    case YAML_MAPPING_END_EVENT: b->depth--; return close_map(b, b->stack[b->depth], err);
    default: return 0;
    }
}

/* What libyaml complains about. Its reader knows only the byte's number. */
static int parser_error(const yaml_parser_t *parser, const char *text, struct error *err)
{
    size_t line = parser->problem_mark.line, column = parser->problem_mark.column;

    if (parser->error == YAML_MEMORY_ERROR)
        return error_memory(err);
    if (parser->error == YAML_READER_ERROR) {
        line = column = 0;
        for (size_t i = 0; i < parser->problem_offset; i++) {
            line += text[i] == '\n';
            column = text[i] == '\n' ? 0 : column + 1;
        }
    }
    error_set(err, ERROR_INPUT, "%zu:%zu: %s%s%s", line + 1, column + 1, parser->problem, parser->context ? ", " : "",
              parser->context ? parser->context : "");
    if (parser->error == YAML_SCANNER_ERROR && parser->problem_mark.index > 0 &&
        !strcmp(parser->problem, "found character that cannot start any token"))
        error_hint(err, "indent with spaces, not tabs, and quote texts that begin with @, ` or %%");
    return -1;
}

static int build(struct builder *b, yaml_parser_t *parser, const char *text, struct error *err)
{
    yaml_event_t event;
    bool done = false;
    int rc = 0;

    while (rc == 0 && !done) {
        if (!yaml_parser_parse(parser, &event))
            return parser_error(parser, text, err);
        rc = take_event(b, &event, err);
        done = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    return rc;
}

/* What is refused before libyaml sees it. */
static int check_bytes(const char *text, size_t length, struct error *err)
{
    uint64_t most = limit_get(LIMIT_YAML_BYTES);

    if (length > most) {
        error_set(err, ERROR_INPUT, "1:1: document has %zu bytes, expected at most %llu", length,
                  (unsigned long long)most);
        return error_hint(err, "COEDGE_LIMIT_YAML_BYTES sets the limit");
    }
    if (length >= 2 && (!memcmp(text, "\xff\xfe", 2) || !memcmp(text, "\xfe\xff", 2)))
        return error_set(err, ERROR_INPUT, "1:1: expected UTF-8, found UTF-16");
    if (length >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
        return error_set(err, ERROR_INPUT, "1:1: expected UTF-8 without a byte order mark");
    return 0;
}

int yaml_parse(struct arena *arena, const char *text, size_t length, const struct tree **root, struct error *err)
{
    struct builder b = { .arena = arena, .capacity = 16, .limit = (size_t)limit_get(LIMIT_YAML_DEPTH) };
    yaml_parser_t parser;
    int rc;

    if (check_bytes(text, length, err) < 0)
        return -1;
    b.stack = arena_array(arena, b.capacity, sizeof(*b.stack));
    if (!b.stack || !yaml_parser_initialize(&parser))
        return error_memory(err);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
    rc = build(&b, &parser, text, err);
    yaml_parser_delete(&parser);
    if (rc < 0)
        return -1;
    if (!b.root) {
        b.root = arena_alloc(arena, sizeof(*b.root));
        if (!b.root)
            return error_memory(err);
        b.root->line = b.root->column = 1;
    }
    *root = b.root;
    return 0;
}

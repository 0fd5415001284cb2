/* The reader's rules are stricter than the format's, so that a header has one meaning only. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "package/internal.h"
#include "json/json.h"

static uint64_t read_length(const unsigned char *bytes)
{
    uint64_t length = 0;

    for (int i = SAFETENSORS_LENGTH; i-- > 0;)
        length = length << 8 | bytes[i];
    return length;
}

static int header_bytes(uint64_t *header, const void *bytes, size_t count, struct error *err)
{
    uint64_t limit = limit_get(LIMIT_JSON_BYTES);

    if (count < SAFETENSORS_LENGTH)
        return error_set(err, ERROR_INPUT, "expected a safetensors header, found %zu bytes", count);
    *header = read_length(bytes);
    if (*header < 2)
        return error_set(err, ERROR_INPUT, "safetensors header of %" PRIu64 " bytes", *header);
    if (*header > limit)
        return error_set(err, ERROR_INPUT, "safetensors header of %" PRIu64 " bytes, the limit is %" PRIu64, *header,
                         limit);
    *header += SAFETENSORS_LENGTH;
    return 0;
}

/*
 * Counts before parsing: a tree takes ten times its text, so what is too large
 * is refused while it is text. Nothing here need be right for bad JSON, only bounded.
 */
static int scan(const char *json, size_t length, struct error *err)
{
    enum { MAX_DEPTH = 3, MAX_METADATA = 1024 };
    uint64_t limit = limit_get(LIMIT_TENSORS), tensors = 1, fields = 0;
    int depth = 0, items = 0;
    bool quoted = false;

    for (size_t i = 0; i < length; i++) {
        char c = json[i];

        if (c == '"') {
            quoted = !quoted;
        } else if (quoted) {
            i += c == '\\';
        } else if (c == '{' || c == '[') {
            items = 1;
            if (++depth > MAX_DEPTH)
                return error_set(err, ERROR_INPUT, "safetensors header is nested too deep");
        } else if (c == '}' || c == ']') {
            depth--;
        } else if (c == ',') {
            tensors += depth == 1;
            fields += depth == 2;
            if (depth == MAX_DEPTH && ++items > SHAPE_MAX_RANK)
                return error_set(err, ERROR_INPUT, "a tensor has more than %d axes", SHAPE_MAX_RANK);
        }
    }
    if (tensors > limit)
        return error_set(err, ERROR_INPUT, "%" PRIu64 " tensors, the limit is %" PRIu64, tensors, limit);
    if (fields > 2 * tensors + MAX_METADATA)
        return error_set(err, ERROR_INPUT, "safetensors header has too many fields");
    return 0;
}

static int parse_shape(struct shape *shape, const struct tree *list, struct error *err)
{
    const struct tree *dim = list->first;

    if (list->count > SHAPE_MAX_RANK)
        return error_set(err, ERROR_INPUT, "%zu axes, expected at most %d", list->count, SHAPE_MAX_RANK);
    *shape = (struct shape){ .rank = (int)list->count };
    for (int i = 0; i < shape->rank; i++, dim = dim->next) {
        if (dim->kind != TREE_INT || dim->integer < 0)
            return error_set(err, ERROR_INPUT, "shape must be a list of integers from 0");
        shape->dim[i] = dim->integer;
    }
    return shape_check(shape, INT64_MAX / 8, err);
}

static int parse_offsets(struct safetensors_entry *entry, const struct tree *list, struct error *err)
{
    const struct tree *begin = list->first, *end;

    if (list->count != 2)
        return error_set(err, ERROR_INPUT, "data_offsets must be two integers");
    end = begin->next;
    if (begin->kind != TREE_INT || end->kind != TREE_INT || begin->integer < 0 || end->integer < begin->integer)
        return error_set(err, ERROR_INPUT, "data_offsets must be two integers, not falling");
    entry->begin = (size_t)begin->integer;
    entry->end = (size_t)end->integer;
    return 0;
}

static int parse_fields(struct safetensors_entry *entry, const struct tree *map, struct error *err)
{
    static const char *const known[] = { "dtype", "shape", "data_offsets", NULL };
    const struct tree *shape, *offsets;
    const char *dtype;
    uint64_t bytes;

    if (map->kind != TREE_MAP)
        return error_set(err, ERROR_INPUT, "expected dtype, shape and data_offsets");
    if (tree_only(map, known, err) < 0 || tree_need_text(map, "dtype", &dtype, err) < 0 ||
        tree_need(map, "shape", TREE_LIST, &shape, err) < 0 ||
        tree_need(map, "data_offsets", TREE_LIST, &offsets, err) < 0 || dtype_parse(&entry->dtype, dtype, err) < 0 ||
        parse_shape(&entry->shape, shape, err) < 0 || parse_offsets(entry, offsets, err) < 0)
        return -1;
    bytes = (uint64_t)shape_count(&entry->shape) * dtype_bytes(entry->dtype);
    if (entry->end - entry->begin != bytes)
        return error_set(err, ERROR_INPUT, "%s of this shape has %" PRIu64 " bytes, data_offsets give %zu", dtype,
                         bytes, entry->end - entry->begin);
    return 0;
}

/* Names are shown to people and written as file names by others: what is not visible is refused. */
static int parse_name(struct safetensors_entry *entry, const struct tree *map, struct error *err)
{
    struct text visible = { 0 };
    int rc = 0;

    entry->name = map->key;
    text_add_visible(&visible, map->key, strlen(map->key));
    text_add(&visible, "");
    if (text_check(&visible, err) < 0)
        rc = -1;
    else if (visible.length == 0 || strcmp(visible.chars, map->key) != 0)
        rc = error_set(err, ERROR_INPUT, "tensor name '%.200s' is empty or has control characters", visible.chars);
    text_free(&visible);
    return rc;
}

static int check_metadata(const struct tree *map, struct error *err)
{
    if (map->kind != TREE_MAP)
        return error_set(err, ERROR_INPUT, "__metadata__ must be a map of texts");
    for (const struct tree *item = map->first; item != NULL; item = item->next)
        if (item->kind != TREE_TEXT)
            return error_set(err, ERROR_INPUT, "__metadata__ must be a map of texts");
    return 0;
}

static int by_begin(const void *a, const void *b)
{
    const struct safetensors_entry *x = a, *y = b;

    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end) /* empty tensors first: they fill no hole */
        return x->end < y->end ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* Each tensor begins where the one before ends, and the last ends with the file. */
static int check_cover(const struct safetensors *st, uint64_t data_bytes, struct error *err)
{
    size_t at = 0;

    for (int i = 0; i < st->count; i++) {
        const struct safetensors_entry *entry = &st->entry[i];

        if (entry->begin != at)
            return error_set(err, ERROR_INPUT, "tensor '%.200s' begins at %zu, expected %zu (%s)", entry->name,
                             entry->begin, at, entry->begin < at ? "overlap" : "hole");
        at = entry->end;
    }
    if (at != data_bytes)
        return error_set(err, ERROR_INPUT, "tensors end at %zu, the data has %" PRIu64 " bytes", at, data_bytes);
    return 0;
}

static int parse_entries(struct safetensors *st, const struct tree *root, struct error *err)
{
    for (const struct tree *map = root->first; map != NULL; map = map->next) {
        struct safetensors_entry *entry = &st->entry[st->count];

        if (strcmp(map->key, "__metadata__") == 0) {
            if (check_metadata(map, err) < 0)
                return -1;
            continue;
        }
        if (parse_name(entry, map, err) < 0)
            return -1;
        if (parse_fields(entry, map, err) < 0)
            return error_in(err, "tensor '%.200s'", entry->name);
        st->count++;
    }
    return 0;
}

static int parse_header(struct safetensors *st, struct arena *arena, const void *bytes, size_t header, uint64_t total,
                        struct error *err)
{
    const char *json = (const char *)bytes + SAFETENSORS_LENGTH;
    const struct tree *root;

    *st = (struct safetensors){ .data_offset = header };
    if (json[0] != '{')
        return error_set(err, ERROR_INPUT, "safetensors header does not begin with '{'");
    if (scan(json, header - SAFETENSORS_LENGTH, err) < 0)
        return -1;
    if (json_parse(arena, json, header - SAFETENSORS_LENGTH, &root, err) < 0)
        return error_in(err, "safetensors header");
    if (root->kind != TREE_MAP)
        return error_set(err, ERROR_INPUT, "safetensors header is not a map");
    st->entry = arena_array(arena, root->count + 1, sizeof(st->entry[0]));
    if (st->entry == NULL)
        return error_memory(err);
    if (parse_entries(st, root, err) < 0)
        return -1;
    qsort(st->entry, (size_t)st->count, sizeof(st->entry[0]), by_begin);
    return check_cover(st, total - header, err);
}

int safetensors_parse(struct safetensors *st, struct arena *arena, const void *bytes, size_t count, struct error *err)
{
    uint64_t header = 0;

    if (header_bytes(&header, bytes, count, err) < 0)
        return -1;
    if (header > count)
        return error_set(err, ERROR_INPUT, "safetensors header is cut: %zu of %" PRIu64 " bytes", count, header);
    return parse_header(st, arena, bytes, (size_t)header, count, err);
}

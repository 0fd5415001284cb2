/* All fields of one number: counted first, so that an array has the room it needs and no more. */
#include <inttypes.h>
#include <string.h>

#include "onnx/wire.h"

enum { MOST = 1 << 24, FLOAT_BYTES = 4 };

/* The next field of this number: 1, 0, -1. */
static int next_of(struct wire *wire, uint32_t number, struct wire_field *field, struct error *err)
{
    int rc;

    do
        rc = wire_next(wire, field, err);
    while (rc == 1 && field->rule->number != number);
    return rc;
}

size_t wire_varints(const unsigned char *bytes, size_t count)
{
    size_t ends = 0;

    for (size_t i = 0; i < count; i++)
        ends += bytes[i] < 0x80;
    return ends;
}

/* How many values a field holds: as many as its type says. */
static size_t values_of(const struct wire_field *field)
{
    const size_t bytes = (size_t)(field->body.end - field->body.at);

    if (field->type != WIRE_BYTES || field->rule->type == WIRE_BYTES)
        return 1;
    return field->rule->type == WIRE_VARINTS ? wire_varints(field->body.at, bytes) : bytes / FLOAT_BYTES;
}

static int count_of(struct wire wire, uint32_t number, uint64_t most, int *count, struct error *err)
{
    struct wire_field field;
    uint64_t total = 0;
    int rc;

    while ((rc = next_of(&wire, number, &field, err)) == 1) {
        total += values_of(&field);
        if (total > most)
            return error_set(err, ERROR_LIMIT, "more than %" PRIu64 " of field '%s'", most, field.rule->name);
    }
    *count = (int)total;
    return rc;
}

int wire_texts(struct wire wire, uint32_t number, struct arena *arena, const char ***list, int *count,
               struct error *err)
{
    struct wire_field field;

    if (count_of(wire, number, MOST, count, err) < 0)
        return -1;
    *list = arena_array(arena, (size_t)*count, sizeof(**list));
    if (*list == NULL)
        return error_memory(err);
    for (int i = 0; i < *count; i++)
        if (next_of(&wire, number, &field, err) != 1 || wire_text(&field, arena, &(*list)[i], err) < 0)
            return -1;
    return 0;
}

int wire_ints(struct wire wire, uint32_t number, struct arena *arena, const int64_t **list, int *count,
              struct error *err)
{
    struct wire_field field;
    int64_t *values;
    int used = 0;

    if (count_of(wire, number, MOST, count, err) < 0)
        return -1;
    *list = values = arena_array(arena, (size_t)*count, sizeof(*values));
    if (values == NULL)
        return error_memory(err);
    while (next_of(&wire, number, &field, err) == 1) {
        uint64_t value = field.value;

        if (field.type == WIRE_VARINT)
            values[used++] = (int64_t)value;
        else
            while (field.body.at < field.body.end) {
                if (wire_varint(&field.body, field.rule->name, &value, err) < 0)
                    return -1;
                values[used++] = (int64_t)value;
            }
    }
    return 0;
}

int wire_reals(struct wire wire, uint32_t number, struct arena *arena, const float **list, int *count,
               struct error *err)
{
    struct wire_field field;
    float *values;
    int used = 0;

    if (count_of(wire, number, MOST, count, err) < 0)
        return -1;
    *list = values = arena_array(arena, (size_t)*count, sizeof(*values));
    if (values == NULL)
        return error_memory(err);
    while (next_of(&wire, number, &field, err) == 1) {
        const size_t bytes = (size_t)(field.body.end - field.body.at);

        if (bytes % FLOAT_BYTES != 0)
            return error_set(err, ERROR_INPUT, "byte %zu: %s has %zu bytes, which are no whole floats",
                             (size_t)(field.body.at - field.body.file), field.rule->name, bytes);
        if (bytes > 0)
            memcpy(values + used, field.body.at, bytes);
        used += (int)(bytes / FLOAT_BYTES);
    }
    return 0;
}

static void too_many(const struct wire_items *items, uint64_t most, struct error *err)
{
    error_set(err, ERROR_LIMIT, "more than %" PRIu64 " %ss, the limit", most, items->name);
}

static int parse_item(const struct wire_items *items, struct wire body, void *item, int i, struct arena *arena,
                      struct error *err)
{
    const char *const *name = item;

    body.rules = items->rules;
    if (items->parse(body, item, arena, err) == 0)
        return 0;
    if (*name != NULL && **name != '\0')
        return error_in(err, "%s %d '%.200s'", items->name, i, *name);
    return error_in(err, "%s %d", items->name, i);
}

/* Two million empty ones are wrong before they are too many: the first is looked at. */
static void refuse_so_many(struct wire wire, const struct wire_items *items, uint64_t most, struct arena *arena,
                           struct error *err)
{
    void *item = arena_alloc(arena, items->size);
    struct wire_field field;

    if (item != NULL && next_of(&wire, items->number, &field, err) == 1 &&
        parse_item(items, field.body, item, 0, arena, err) == 0)
        too_many(items, most, err);
}

void *wire_items(struct wire wire, const struct wire_items *items, struct arena *arena, int *count, struct error *err)
{
    const uint64_t limit = items->limit == LIMIT_COUNT ? MOST : limit_get(items->limit);
    const uint64_t most = limit < MOST ? limit : MOST;
    struct wire_field field;
    char *array;

    *count = 0;
    if (count_of(wire, items->number, most, count, err) < 0) {
        if (err != NULL && err->kind == ERROR_LIMIT)
            refuse_so_many(wire, items, most, arena, err);
        return NULL;
    }
    array = arena_array(arena, (size_t)*count, items->size);
    if (array == NULL)
        error_memory(err);
    for (int i = 0; array != NULL && i < *count; i++) {
        if (next_of(&wire, items->number, &field, err) != 1 ||
            parse_item(items, field.body, array + (size_t)i * items->size, i, arena, err) < 0)
            return NULL;
    }
    return array;
}

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "package/internal.h"

/* ---- out ---- */

static int add(struct tensor_list *list, const char *name, const struct tensor *tensor, struct error *err)
{
    if (tensor->data == NULL && tensor_bytes(tensor) > 0)
        return error_set(err, ERROR_INTERNAL, "weight '%s' has no data", name);
    list->name[list->count] = name;
    list->tensor[list->count++] = tensor;
    return 0;
}

static int add_scale(struct tensor_list *list, struct arena *arena, const struct value *value, struct error *err)
{
    const struct quant *quant = value->tensor.quant;
    struct tensor *scale = arena_alloc(arena, sizeof(*scale));
    char *name = graph_scale_name(arena, value->name);

    if (scale == NULL || name == NULL)
        return error_memory(err);
    for (int i = 0; i < quant->count; i++)
        if (quant->zero_point[i] != 0)
            return error_set(err, ERROR_INTERNAL, "weight '%s' is quantized by axis with a zero point of %" PRId32,
                             value->name, quant->zero_point[i]);
    *scale = (struct tensor){ .dtype = DTYPE_F32, .shape = shape_of(1, (int64_t)quant->count) };
    scale->data = (void *)(uintptr_t)quant->scale; /* only read */
    return add(list, name, scale, err);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A weight that is itself named NAME.scale would be taken for the other. */
int weights_distinct(const struct tensor_list *list, struct arena *arena, struct error *err)
{
    const char **sorted = arena_array(arena, (size_t)list->count + 1, sizeof(*sorted));

    if (sorted == NULL)
        return error_memory(err);
    memcpy(sorted, list->name, (size_t)list->count * sizeof(*sorted));
    qsort(sorted, (size_t)list->count, sizeof(*sorted), by_text);
    for (int i = 1; i < list->count; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            return error_set(err, ERROR_INPUT, "two tensors would be named '%s'", sorted[i]);
    return 0;
}

int weights_list(struct tensor_list *list, struct arena *arena, const struct graph *graph, struct error *err)
{
    size_t most = 2 * (size_t)graph->value_count + 1;

    *list = (struct tensor_list){ .tensor = arena_array(arena, most, sizeof(*list->tensor)),
                                  .name = arena_array(arena, most, sizeof(*list->name)) };
    if (list->tensor == NULL || list->name == NULL)
        return error_memory(err);
    for (int i = 0; i < graph->value_count; i++) {
        const struct value *value = &graph->value[i];

        if (value->kind != VALUE_WEIGHT)
            continue;
        if (add(list, value->name, &value->tensor, err) < 0)
            return -1;
        if (value->tensor.quant != NULL && value->tensor.quant->axis >= 0 && add_scale(list, arena, value, err) < 0)
            return -1;
    }
    return weights_distinct(list, arena, err);
}

/* ---- in ---- */

static int by_name(const void *a, const void *b)
{
    const struct safetensors_entry *x = a, *y = b;

    return strcmp(x->name, y->name);
}

static int find(struct graph_store *graph_store, const char *name, struct tensor *stored, struct error *err)
{
    struct weights_store *store = (struct weights_store *)graph_store;
    const struct safetensors_entry key = { .name = name }, *entry;
    size_t bytes;

    entry = bsearch(&key, store->by_name, (size_t)store->st.count, sizeof(key), by_name);
    if (entry == NULL)
        return error_set(err, ERROR_INPUT, MEMBER_WEIGHTS " has no tensor '%s'", name);
    store->used[entry - store->by_name] = true;
    *stored = (struct tensor){ .dtype = entry->dtype, .shape = entry->shape, .data = store->data + entry->begin };
    if ((uintptr_t)stored->data % dtype_bytes(entry->dtype) == 0)
        return 0;
    bytes = entry->end - entry->begin;
    stored->data = arena_alloc(store->arena, bytes);
    if (stored->data == NULL)
        return error_memory(err);
    memcpy(stored->data, store->data + entry->begin, bytes);
    return 0;
}

int weights_open(struct weights_store *store, struct arena *scratch, struct arena *arena, struct bytes bytes,
                 struct error *err)
{
    size_t count;

    *store = (struct weights_store){ .store = { find }, .arena = arena };
    if (safetensors_parse(&store->st, scratch, bytes.at, bytes.count, err) < 0)
        return error_in(err, MEMBER_WEIGHTS);
    /* The map is private, so weights may be trained where they lie. */
    store->data = (unsigned char *)(uintptr_t)bytes.at + store->st.data_offset;
    count = (size_t)store->st.count;
    store->by_name = arena_grow(scratch, store->st.entry, count, count + 1, sizeof(store->by_name[0]));
    store->used = arena_array(scratch, count + 1, sizeof(store->used[0]));
    if (store->by_name == NULL || store->used == NULL)
        return error_memory(err);
    qsort(store->by_name, count, sizeof(store->by_name[0]), by_name);
    return 0;
}

int weights_all_used(const struct weights_store *store, struct error *err)
{
    for (int i = 0; i < store->st.count; i++)
        if (!store->used[i])
            return error_set(err, ERROR_INPUT, MEMBER_WEIGHTS ": nothing in model.yaml uses tensor '%s'",
                             store->by_name[i].name);
    return 0;
}

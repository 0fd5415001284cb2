/* copy.c - a graph again, in an arena of its own. */
#include "graph/internal.h"

#include <string.h>

/* `count` elements again; NULL also for none, so *failed says which. */
static void *copy_of(struct arena *arena, const void *from, size_t count, size_t size, bool *failed)
{
    void *to;

    if (from == NULL || count == 0)
        return NULL;
    to = arena_array(arena, count, size);
    if (to == NULL)
        *failed = true;
    else
        memcpy(to, from, count * size);
    return to;
}

int attributes_copy(struct attributes *to, struct arena *arena, const struct attributes *from)
{
    bool failed = false;
    struct attribute *item = copy_of(arena, from->item, (size_t)from->count, sizeof(*item), &failed);

    for (int i = 0; i < from->count && !failed; i++) {
        const struct attribute *old = &from->item[i];

        item[i].name = arena_strdup(arena, old->name);
        item[i].s = old->s != NULL ? arena_strdup(arena, old->s) : NULL;
        item[i].ints = copy_of(arena, old->ints, (size_t)old->count, sizeof(*old->ints), &failed);
        item[i].floats = copy_of(arena, old->floats, (size_t)old->count, sizeof(*old->floats), &failed);
        failed = failed || item[i].name == NULL || (old->s != NULL && item[i].s == NULL);
    }
    *to = (struct attributes){ .item = item, .count = from->count };
    return failed ? -1 : 0;
}

const struct quant *quant_copy(struct arena *arena, const struct quant *from)
{
    bool failed = false;
    struct quant *to = arena_alloc(arena, sizeof(*to));

    if (to == NULL)
        return NULL;
    *to = *from;
    to->scale = copy_of(arena, from->scale, (size_t)from->count, sizeof(*from->scale), &failed);
    to->zero_point = copy_of(arena, from->zero_point, (size_t)from->count, sizeof(*from->zero_point), &failed);
    return failed ? NULL : to;
}

int value_copy(struct value *to, struct arena *arena, const struct value *from, bool copy_data)
{
    bool failed = false;

    *to = *from;
    to->tensor.grad = NULL;
    to->name = arena_strdup(arena, from->name);
    if (from->tensor.quant != NULL)
        to->tensor.quant = quant_copy(arena, from->tensor.quant);
    if (copy_data && from->kind == VALUE_WEIGHT)
        to->tensor.data = copy_of(arena, from->tensor.data, tensor_bytes(&from->tensor), 1, &failed);
    return failed || to->name == NULL || (from->tensor.quant != NULL && to->tensor.quant == NULL) ? -1 : 0;
}

int node_copy(struct node *to, struct arena *arena, const struct node *from)
{
    bool failed = false;

    *to = *from;
    to->name = arena_strdup(arena, from->name);
    to->in = copy_of(arena, from->in, (size_t)from->in_count, sizeof(int), &failed);
    to->out = copy_of(arena, from->out, (size_t)from->out_count, sizeof(int), &failed);
    if (to->name == NULL || attributes_copy(&to->attributes, arena, &from->attributes) < 0)
        return -1;
    return failed ? -1 : 0;
}

static int copy_all(struct graph *to, const struct graph *from, bool copy_weights)
{
    bool failed = false;

    to->value = arena_array(to->arena, (size_t)from->value_count + 1, sizeof(*to->value));
    to->node = arena_array(to->arena, (size_t)from->node_count + 1, sizeof(*to->node));
    to->input = copy_of(to->arena, from->input, (size_t)from->input_count, sizeof(int), &failed);
    to->output = copy_of(to->arena, from->output, (size_t)from->output_count, sizeof(int), &failed);
    if (to->value == NULL || to->node == NULL || failed)
        return -1;
    to->value_count = from->value_count;
    to->value_capacity = from->value_count + 1;
    to->node_count = from->node_count;
    to->node_capacity = from->node_count + 1;
    to->input_count = from->input_count;
    to->output_count = from->output_count;
    to->fixed = copy_weights ? NULL : from->fixed; /* copies lie elsewhere */
    to->fixed_bytes = copy_weights ? 0 : from->fixed_bytes;
    for (int i = 0; i < from->value_count; i++)
        if (value_copy(&to->value[i], to->arena, &from->value[i], copy_weights) < 0)
            return -1;
    for (int i = 0; i < from->node_count; i++)
        if (node_copy(&to->node[i], to->arena, &from->node[i]) < 0)
            return -1;
    return 0;
}

int graph_copy(struct graph *to, struct arena *arena, const struct graph *from, bool copy_weights, struct error *err)
{
    graph_init(to, arena);
    return copy_all(to, from, copy_weights) < 0 ? error_memory(err) : 0;
}

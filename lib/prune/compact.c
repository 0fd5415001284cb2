/* compact.c - weights without what was removed. */
#include "prune/internal.h"

#include <string.h>

static int64_t count_kept(const struct coupling *c, const bool *remove, const int *unit, int64_t count)
{
    int64_t kept = 0;

    for (int64_t i = 0; i < count; i++)
        kept += !remove[couple_unit(c, unit[i])];
    return kept;
}

/* The slot's axis loses the removed indices. */
static int compact_slot(const struct coupling *c, const struct slot *slot, const bool *remove)
{
    struct tensor *w = &c->graph->value[slot->value].tensor;
    const int64_t kept = count_kept(c, remove, slot->unit, slot->count);
    const int64_t before = shape_span(&w->shape, 0, slot->axis);
    const size_t element = dtype_bytes(w->dtype);
    const size_t run = (size_t)shape_span(&w->shape, slot->axis + 1, w->shape.rank) * element;
    const char *from = w->data;
    char *data, *to;

    if (kept == slot->count)
        return 0;
    to = data = arena_array(c->graph->arena, (size_t)(before * kept) + 1, run);
    if (data == NULL)
        return error_memory(c->err);
    for (int64_t outer = 0; outer < before; outer++)
        for (int64_t k = 0; k < slot->count; k++, from += run) {
            if (remove[couple_unit(c, slot->unit[k])])
                continue;
            memcpy(to, from, run);
            to += run;
        }
    w->data = data;
    w->shape.dim[slot->axis] = kept;
    return 0;
}

static void set_group(struct node *node, int64_t groups)
{
    for (int i = 0; i < node->attributes.count; i++)
        if (strcmp(node->attributes.item[i].name, "group") == 0)
            node->attributes.item[i].i = groups;
}

int compact_graph(const struct coupling *c, const bool *remove)
{
    for (int i = 0; i < c->slot_count; i++)
        if (compact_slot(c, &c->slot[i], remove) < 0)
            return -1;
    for (int i = 0; i < c->depthwise_count; i++) {
        const struct depthwise *d = &c->depthwise[i];

        set_group(&c->graph->node[d->node], count_kept(c, remove, d->unit, d->count));
    }
    return 0;
}

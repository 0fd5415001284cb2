/* blocks_channels.c - operators that only move channels: Concat, Split, Slice and channel shuffles. */
#include <string.h>

#include "graph/blocks.h"

/* Lists of places are short, and few in all: a small file may ask for many. */
enum { MOST_CHANNELS = 8192, MOST_PLACES = 1 << 20 };

static bool affords(struct blocks *b, int value, int64_t lists)
{
    int64_t channels = lists * blocks_shape(b, value)->dim[1];

    if (channels > lists * MOST_CHANNELS || b->places > MOST_PLACES - channels)
        return false;
    b->places += channels;
    return true;
}

static struct place *new_places(struct blocks *b, int value, struct error *err)
{
    b->where[value] = arena_array(b->scratch, (size_t)blocks_shape(b, value)->dim[1] + 1, sizeof(struct place));
    if (b->where[value] == NULL)
        error_memory(err);
    return b->where[value];
}

/* Bytes of several scales: Concat itself moves them to one, where every input's channels fill whole blocks. */
static int concat_whole(struct blocks *b, int n, struct error *err)
{
    const struct node *node = blocks_node(b, n);
    int *in = arena_array(b->scratch, (size_t)node->in_count, sizeof(int));

    if (in == NULL)
        return error_memory(err);
    for (int i = 0; i + 1 < node->in_count; i++)
        if (blocks_shape(b, node->in[i])->dim[1] % b->lanes != 0)
            return 0;
    for (int i = 0; i < node->in_count; i++) {
        in[i] = blocks_twin(b, node->in[i], err);
        if (in[i] < 0)
            return -1;
    }
    return blocks_push(b, node, node->op, in, node->in_count, err);
}

int blocks_take_concat(struct blocks *b, int n, struct error *err)
{
    const struct node *node = blocks_node(b, n);
    struct place *to;
    int64_t axis;
    bool some = false, same = true;

    if (attribute_int(&node->attributes, "axis", 1, &axis, err) < 0)
        return -1;
    for (int i = 0; i < node->in_count; i++) {
        if (!blocks_is_picture(b, node->in[i]))
            return 0;
        some = some || blocks_has(b, node->in[i]);
        same = same && blocks_alike(b, node->in[i], node->out[0]);
    }
    if (!same)
        return some && axis == 1 ? concat_whole(b, n, err) : 0;
    if (!some || (axis != 1 && axis != -3) || !affords(b, node->out[0], 2))
        return 0;
    to = new_places(b, node->out[0], err);
    if (to == NULL)
        return -1;
    for (int i = 0; i < node->in_count; i++) {
        const struct place *from = blocks_where(b, node->in[i], err);
        if (from == NULL)
            return -1;
        memcpy(to, from, (size_t)blocks_shape(b, node->in[i])->dim[1] * sizeof *to);
        to += blocks_shape(b, node->in[i])->dim[1];
    }
    return 1;
}

/* The output's channels are the input's from `first` on. */
static int take_channels(struct blocks *b, int from, int to, int64_t first, struct error *err)
{
    struct place *where = new_places(b, to, err);
    const struct place *all = where == NULL ? NULL : blocks_where(b, from, err);

    if (all == NULL)
        return -1;
    memcpy(where, all + first, (size_t)blocks_shape(b, to)->dim[1] * sizeof *where);
    return 1;
}

int blocks_take_split(struct blocks *b, int n, struct error *err)
{
    const struct node *node = blocks_node(b, n);
    int64_t axis, first = 0;

    if (attribute_int(&node->attributes, "axis", 0, &axis, err) < 0)
        return -1;
    if (!blocks_has(b, node->in[0]) || (axis != 1 && axis != -3))
        return 0;
    for (int i = 0; i < node->out_count; i++)
        if (!blocks_is_picture(b, node->out[i]) || !blocks_alike(b, node->in[0], node->out[i]))
            return 0;
    if (!affords(b, node->in[0], 2)) /* its own, and all that it is split into */
        return 0;
    for (int i = 0; i < node->out_count; i++) {
        if (take_channels(b, node->in[0], node->out[i], first, err) < 0)
            return -1;
        first += blocks_shape(b, node->out[i])->dim[1];
    }
    return 1;
}

/* The i-th number of a constant list; false when it is none. */
static bool constant_at(const struct blocks *b, const struct node *node, int input, int64_t i, int64_t *number)
{
    int value = input < node->in_count ? node->in[input] : -1;

    if (value < 0 || b->tensor[value].data == NULL || b->tensor[value].dtype != DTYPE_I64 ||
        i >= shape_count(blocks_shape(b, value)))
        return false;
    *number = ((const int64_t *)b->tensor[value].data)[i];
    return true;
}

/* Slice of one axis, the channels, step by step. */
int blocks_take_slice(struct blocks *b, int n, struct error *err)
{
    const struct node *node = blocks_node(b, n);
    const struct shape *x = blocks_shape(b, node->in[0]);
    int64_t start, axis, step = 1;

    if (!blocks_has(b, node->in[0]) || !blocks_alike(b, node->in[0], node->out[0]) ||
        !constant_at(b, node, 1, 0, &start) || !constant_at(b, node, 3, 0, &axis) ||
        shape_count(blocks_shape(b, node->in[1])) != 1)
        return 0;
    if (node->in_count > 4 && node->in[4] >= 0 && !constant_at(b, node, 4, 0, &step))
        return 0;
    if ((axis != 1 && axis != -3) || step != 1 || !blocks_is_picture(b, node->out[0]) || !affords(b, node->in[0], 2))
        return 0;
    start = start < 0 ? start + x->dim[1] : start;
    start = start < 0 ? 0 : block_least(start, x->dim[1]);
    return take_channels(b, node->in[0], node->out[0], start, err);
}

/* The only reader of a node's output, when it is of that operator; -1. */
static int next_of(const struct blocks *b, int n, const char *op)
{
    int next = uses_only_reader(&b->uses, blocks_node(b, n)->out[0]);

    return next >= 0 && strcmp(blocks_node(b, next)->op->name, op) == 0 &&
                   blocks_node(b, next)->in[0] == blocks_node(b, n)->out[0]
               ? next
               : -1;
}

static bool swaps_groups(const struct node *node)
{
    static const int64_t wanted[] = { 0, 2, 1, 3, 4 };
    const struct attribute *perm = attribute_find(&node->attributes, "perm");

    return perm != NULL && perm->kind == ATTRIBUTE_INTS && perm->count == (int)COUNT(wanted) &&
           memcmp(perm->ints, wanted, sizeof(wanted)) == 0;
}

/* Reshape to [N, G, C / G, H, W], Transpose of the two, Reshape back: a channel shuffle. */
int blocks_take_shuffle(struct blocks *b, int n, struct error *err)
{
    int turn = next_of(b, n, "Transpose"), back = turn < 0 ? -1 : next_of(b, turn, "Reshape");
    const struct shape *x = blocks_shape(b, blocks_node(b, n)->in[0]),
                       *apart = blocks_shape(b, blocks_node(b, n)->out[0]);
    struct place *to;
    const struct place *from;

    if (back < 0 || !blocks_has(b, blocks_node(b, n)->in[0]) || apart->rank != 5 ||
        !swaps_groups(blocks_node(b, turn)) || !blocks_alike(b, blocks_node(b, n)->in[0], blocks_node(b, n)->out[0]) ||
        !blocks_alike(b, blocks_node(b, n)->in[0], blocks_node(b, turn)->out[0]) ||
        !blocks_alike(b, blocks_node(b, n)->in[0], blocks_node(b, back)->out[0]) ||
        !shape_equal(x, blocks_shape(b, blocks_node(b, back)->out[0])) || apart->dim[0] != x->dim[0] ||
        apart->dim[1] * apart->dim[2] != x->dim[1] || apart->dim[3] != x->dim[2] ||
        !affords(b, blocks_node(b, n)->in[0], 2))
        return 0;
    to = new_places(b, blocks_node(b, back)->out[0], err);
    from = to == NULL ? NULL : blocks_where(b, blocks_node(b, n)->in[0], err);
    if (from == NULL)
        return -1;
    for (int64_t i = 0; i < apart->dim[2]; i++)
        for (int64_t g = 0; g < apart->dim[1]; g++)
            *to++ = from[g * apart->dim[2] + i];
    b->done[turn] = b->done[back] = true;
    return 1;
}

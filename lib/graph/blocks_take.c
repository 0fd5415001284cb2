/* blocks_take.c - which operators run on pictures in blocks, and as what. */
#include <string.h>

#include "graph/blocks.h"

static const struct node *node_at(const struct blocks *b, int n)
{
    return &b->old[n];
}

static bool is_weight(const struct blocks *b, int value)
{
    return value >= 0 && b->graph->value[value].kind == VALUE_WEIGHT && b->tensor[value].data != NULL;
}

static const struct shape *shape_at(const struct blocks *b, int value)
{
    return &b->tensor[value].shape;
}

/* ---- Conv ---- */

/* Channels of a group fill whole blocks, or each channel is its own, or there is one group. */
static bool groups_fit(const struct blocks *b, int64_t groups, const struct shape *w)
{
    if (groups == 1 || (w->dim[0] == groups && w->dim[1] == 1))
        return true;
    return w->dim[1] % b->lanes == 0 && w->dim[0] / groups % b->lanes == 0;
}

static int take_conv(struct blocks *b, int n, struct error *err)
{
    const struct node *node = node_at(b, n);
    int64_t groups;
    const struct shape *w = node->in[1] < 0 ? NULL : shape_at(b, node->in[1]);
    int in[3];

    if (!blocks_is_picture(b, node->in[0]) || !is_weight(b, node->in[1]) || w->rank != 4 ||
        b->tensor[node->in[1]].dtype != DTYPE_F32 || b->tensor[node->in[1]].quant != NULL)
        return 0;
    if (node->in_count > 2 && node->in[2] >= 0 && !is_weight(b, node->in[2]))
        return 0;
    if (attribute_int(&node->attributes, "group", 1, &groups, err) < 0)
        return -1;
    if (!groups_fit(b, groups, w) || w->dim[0] * 2 < b->lanes)
        return 0;
    memcpy(in, node->in, (size_t)node->in_count * sizeof(int));
    if (blocks_has(b, in[0]) || groups > 1 || w->dim[1] >= 8)
        in[0] = blocks_twin(b, in[0], err);
    if (in[0] < 0)
        return -1;
    return blocks_push(b, node, &op_blocked_conv, in, node->in_count, err);
}

/* ---- one picture in, one out ---- */

static int take_as(struct blocks *b, int n, const struct op *op, struct error *err)
{
    const struct node *node = node_at(b, n);
    int in = node->in[0];

    for (int i = 1; i < node->out_count; i++)
        if (b->uses.count[node->out[i]] > 0)
            return 0;
    if (!blocks_has(b, in) || !blocks_is_picture(b, node->out[0]))
        return 0;
    in = blocks_twin(b, in, err);
    return in < 0 ? -1 : blocks_push(b, node, op, &in, 1, err);
}

static int take_max_pool(struct blocks *b, int n, struct error *err)
{
    return take_as(b, n, &op_blocked_max_pool, err);
}

static int take_average_pool(struct blocks *b, int n, struct error *err)
{
    return take_as(b, n, &op_blocked_average_pool, err);
}

static int take_global_average_pool(struct blocks *b, int n, struct error *err)
{
    return take_as(b, n, &op_blocked_global_average_pool, err);
}

/* Element by element, other inputs being single numbers. */
static int take_elementwise(struct blocks *b, int n, struct error *err)
{
    const struct node *node = node_at(b, n);
    int *in;

    if (!blocks_has(b, node->in[0]) || !blocks_is_picture(b, node->out[0]))
        return 0;
    for (int i = 1; i < node->in_count; i++)
        if (node->in[i] >= 0 && (!is_weight(b, node->in[i]) || shape_count(shape_at(b, node->in[i])) != 1))
            return 0;
    in = arena_array(b->scratch, (size_t)node->in_count, sizeof(int));
    if (in == NULL)
        return error_memory(err);
    memcpy(in, node->in, (size_t)node->in_count * sizeof(int));
    in[0] = blocks_twin(b, in[0], err);
    return in[0] < 0 ? -1 : blocks_push(b, node, node->op, in, node->in_count, err);
}

/* ---- two pictures in ---- */

static bool is_scale(const struct shape *scale, const struct shape *x)
{
    return scale->rank == 4 && scale->dim[0] == x->dim[0] && scale->dim[1] == x->dim[1] && scale->dim[2] == 1 &&
           scale->dim[3] == 1;
}

static int push_two(struct blocks *b, int n, const struct op *op, int first, int second, struct error *err)
{
    int in[2] = { blocks_twin(b, first, err), -1 };

    in[1] = in[0] < 0 ? -1 : blocks_twin(b, second, err);
    return in[1] < 0 ? -1 : blocks_push(b, node_at(b, n), op, in, 2, err);
}

static int take_binary(struct blocks *b, int n, struct error *err)
{
    const struct node *node = node_at(b, n);
    int x = node->in[0], y = node->in[1];

    if (node->in_count != 2 || (!blocks_has(b, x) && !blocks_has(b, y)))
        return 0;
    if (!blocks_is_picture(b, x) || !blocks_is_picture(b, y))
        return blocks_has(b, x) ? take_elementwise(b, n, err) : 0;
    if (shape_equal(shape_at(b, x), shape_at(b, y)))
        return push_two(b, n, node->op, x, y, err);
    if (strcmp(node->op->name, "Mul") == 0 && is_scale(shape_at(b, y), shape_at(b, x)))
        return push_two(b, n, &op_blocked_scale, x, y, err);
    if (strcmp(node->op->name, "Mul") == 0 && is_scale(shape_at(b, x), shape_at(b, y)))
        return push_two(b, n, &op_blocked_scale, y, x, err);
    return 0;
}

/* ---- channels that only change places ---- */

static struct place *new_places(struct blocks *b, int value, struct error *err)
{
    b->where[value] = arena_array(b->scratch, (size_t)shape_at(b, value)->dim[1] + 1, sizeof(struct place));
    if (b->where[value] == NULL)
        error_memory(err);
    return b->where[value];
}

static int take_concat(struct blocks *b, int n, struct error *err)
{
    const struct node *node = node_at(b, n);
    struct place *to;
    int64_t axis;
    bool some = false;

    if (attribute_int(&node->attributes, "axis", 1, &axis, err) < 0)
        return -1;
    for (int i = 0; i < node->in_count; i++) {
        if (!blocks_is_picture(b, node->in[i]))
            return 0;
        some = some || blocks_has(b, node->in[i]);
    }
    if (!some || (axis != 1 && axis != -3) || (to = new_places(b, node->out[0], err)) == NULL)
        return some && (axis == 1 || axis == -3) ? -1 : 0;
    for (int i = 0; i < node->in_count; i++) {
        const struct place *from = blocks_where(b, node->in[i], err);
        if (from == NULL)
            return -1;
        memcpy(to, from, (size_t)shape_at(b, node->in[i])->dim[1] * sizeof *to);
        to += shape_at(b, node->in[i])->dim[1];
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
    memcpy(where, all + first, (size_t)shape_at(b, to)->dim[1] * sizeof *where);
    return 1;
}

static int take_split(struct blocks *b, int n, struct error *err)
{
    const struct node *node = node_at(b, n);
    int64_t axis, first = 0;

    if (attribute_int(&node->attributes, "axis", 0, &axis, err) < 0)
        return -1;
    if (!blocks_has(b, node->in[0]) || (axis != 1 && axis != -3))
        return 0;
    for (int i = 0; i < node->out_count; i++)
        if (!blocks_is_picture(b, node->out[i]))
            return 0;
    for (int i = 0; i < node->out_count; i++) {
        if (take_channels(b, node->in[0], node->out[i], first, err) < 0)
            return -1;
        first += shape_at(b, node->out[i])->dim[1];
    }
    return 1;
}

/* The i-th number of a constant list; false when it is none. */
static bool constant_at(const struct blocks *b, const struct node *node, int input, int64_t i, int64_t *number)
{
    int value = input < node->in_count ? node->in[input] : -1;

    if (value < 0 || b->tensor[value].data == NULL || b->tensor[value].dtype != DTYPE_I64 ||
        i >= shape_count(shape_at(b, value)))
        return false;
    *number = ((const int64_t *)b->tensor[value].data)[i];
    return true;
}

/* Slice of one axis, the channels, step by step. */
static int take_slice(struct blocks *b, int n, struct error *err)
{
    const struct node *node = node_at(b, n);
    const struct shape *x = shape_at(b, node->in[0]);
    int64_t start, axis, step = 1;

    if (!blocks_has(b, node->in[0]) || !constant_at(b, node, 1, 0, &start) || !constant_at(b, node, 3, 0, &axis) ||
        shape_count(shape_at(b, node->in[1])) != 1)
        return 0;
    if (node->in_count > 4 && node->in[4] >= 0 && !constant_at(b, node, 4, 0, &step))
        return 0;
    if ((axis != 1 && axis != -3) || step != 1 || !blocks_is_picture(b, node->out[0]))
        return 0;
    start = start < 0 ? start + x->dim[1] : start;
    start = start < 0 ? 0 : block_least(start, x->dim[1]);
    return take_channels(b, node->in[0], node->out[0], start, err);
}

/* The only reader of a node's output, when it is of that operator; -1. */
static int next_of(const struct blocks *b, int n, const char *op)
{
    int next = uses_only_reader(&b->uses, node_at(b, n)->out[0]);

    return next >= 0 && strcmp(node_at(b, next)->op->name, op) == 0 && node_at(b, next)->in[0] == node_at(b, n)->out[0]
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
static int take_shuffle(struct blocks *b, int n, struct error *err)
{
    int turn = next_of(b, n, "Transpose"), back = turn < 0 ? -1 : next_of(b, turn, "Reshape");
    const struct shape *x = shape_at(b, node_at(b, n)->in[0]), *apart = shape_at(b, node_at(b, n)->out[0]);
    struct place *to;
    const struct place *from;

    if (back < 0 || !blocks_has(b, node_at(b, n)->in[0]) || apart->rank != 5 || !swaps_groups(node_at(b, turn)) ||
        !shape_equal(x, shape_at(b, node_at(b, back)->out[0])) || apart->dim[0] != x->dim[0] ||
        apart->dim[1] * apart->dim[2] != x->dim[1] || apart->dim[3] != x->dim[2])
        return 0;
    to = new_places(b, node_at(b, back)->out[0], err);
    from = to == NULL ? NULL : blocks_where(b, node_at(b, n)->in[0], err);
    if (from == NULL)
        return -1;
    for (int64_t i = 0; i < apart->dim[2]; i++)
        for (int64_t g = 0; g < apart->dim[1]; g++)
            *to++ = from[g * apart->dim[2] + i];
    b->done[turn] = b->done[back] = true;
    return 1;
}

/* Curves that are finite everywhere: what they make of channels that are nobody's does no harm. */
static const struct {
    const char *op;
    int (*take)(struct blocks *b, int n, struct error *err);
} takers[] = {
    { "Add", take_binary },
    { "AveragePool", take_average_pool },
    { "Clip", take_elementwise },
    { "Concat", take_concat },
    { "Conv", take_conv },
    { "Elu", take_elementwise },
    { "Gelu", take_elementwise },
    { "GlobalAveragePool", take_global_average_pool },
    { "HardSigmoid", take_elementwise },
    { "HardSwish", take_elementwise },
    { "LeakyRelu", take_elementwise },
    { "MaxPool", take_max_pool },
    { "Mish", take_elementwise },
    { "Mul", take_binary },
    { "Relu", take_elementwise },
    { "Reshape", take_shuffle },
    { "Sigmoid", take_elementwise },
    { "Slice", take_slice },
    { "Split", take_split },
    { "Sub", take_binary },
    { "Swish", take_elementwise },
    { "Tanh", take_elementwise },
};

int blocks_take(struct blocks *b, int n, struct error *err)
{
    const struct node *node = node_at(b, n);

    if (node->in_count < 1 || node->in[0] < 0)
        return 0;
    for (size_t i = 0; i < COUNT(takers); i++)
        if (strcmp(takers[i].op, node->op->name) == 0)
            return takers[i].take(b, n, err);
    return 0;
}

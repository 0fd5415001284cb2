/* blocks_take.c - which operators run on pictures in blocks, and as what. */
#include <string.h>

#include "graph/blocks.h"

static bool is_weight(const struct blocks *b, int value)
{
    return value >= 0 && b->graph->value[value].kind == VALUE_WEIGHT && b->tensor[value].data != NULL;
}

/* ---- Conv ---- */

/* Channels of a group fill whole blocks, or each channel is its own, or there is one group. */
static bool groups_fit(const struct blocks *b, int64_t groups, const struct shape *w)
{
    if (groups == 1 || (w->dim[0] == groups && w->dim[1] == 1))
        return true;
    return w->dim[1] % b->lanes == 0 && w->dim[0] / groups % b->lanes == 0;
}

/* The operator for its filters: floats on floats, signed bytes with a scale on bytes; NULL: it stays as it is. */
static const struct op *conv_of(const struct blocks *b, const struct node *node)
{
    const struct tensor *w = node->in[1] < 0 ? NULL : &b->tensor[node->in[1]];
    bool bytes = b->tensor[node->in[0]].dtype == DTYPE_U8;

    if (!is_weight(b, node->in[1]) || w->shape.rank != 4 || w->dtype != (bytes ? DTYPE_I8 : DTYPE_F32) ||
        (w->quant != NULL) != bytes)
        return NULL;
    if (bytes && (!blocks_is_picture(b, node->out[0]) || b->tensor[node->out[0]].dtype != DTYPE_U8))
        return NULL;
    return bytes ? &op_blocked_integer_conv : &op_blocked_conv;
}

/* Pixels of a picture with all that its windows reach, in blocks: offsets of 32 bits find every one. */
static bool is_near(const struct blocks *b, const struct node *node, const struct shape *w)
{
    const struct shape *x = blocks_shape(b, node->in[0]), *y = blocks_shape(b, node->out[0]);
    double numbers = (double)block_up(x->dim[1], b->lanes) * (double)b->lanes;
    int64_t stride[2], dilation[2];
    struct error ignored;

    if (attribute_ints(&node->attributes, "strides", 2, 1, stride, &ignored) < 0 ||
        attribute_ints(&node->attributes, "dilations", 2, 1, dilation, &ignored) < 0)
        return false;
    for (int i = 0; i < 2; i++) {
        double reach = (double)y->dim[2 + i] * (double)stride[i] + (double)w->dim[2 + i] * (double)dilation[i];
        numbers *= reach > (double)x->dim[2 + i] ? reach : (double)x->dim[2 + i];
    }
    return numbers < 1 << 28;
}

static int take_conv(struct blocks *b, int n, struct error *err)
{
    const struct node *node = blocks_node(b, n);
    const struct op *op;
    const struct shape *w;
    int64_t groups;
    int in[3];

    if (!blocks_is_picture(b, node->in[0]) || (op = conv_of(b, node)) == NULL)
        return 0;
    if (node->in_count > 2 && node->in[2] >= 0 && !is_weight(b, node->in[2]))
        return 0;
    if (attribute_int(&node->attributes, "group", 1, &groups, err) < 0)
        return -1;
    w = blocks_shape(b, node->in[1]);
    if (!groups_fit(b, groups, w) || w->dim[0] * 2 < b->lanes || !is_near(b, node, w))
        return 0;
    memcpy(in, node->in, (size_t)node->in_count * sizeof(int));
    if (blocks_has(b, in[0]) || groups > 1 || w->dim[1] >= 8)
        in[0] = blocks_twin(b, in[0], err);
    if (in[0] < 0)
        return -1;
    return blocks_push(b, node, op, in, node->in_count, err);
}

/* ---- one picture in, one out ---- */

static int take_as(struct blocks *b, int n, const struct op *floats, const struct op *bytes, struct error *err)
{
    const struct node *node = blocks_node(b, n);
    const struct op *op = b->tensor[node->in[0]].dtype == DTYPE_U8 ? bytes : floats;
    int in = node->in[0];

    if (node->out_count > 1 || !blocks_has(b, in) || !blocks_is_picture(b, node->out[0]))
        return 0;
    in = blocks_twin(b, in, err);
    return in < 0 ? -1 : blocks_push(b, node, op, &in, 1, err);
}

static int take_max_pool(struct blocks *b, int n, struct error *err)
{
    return take_as(b, n, &op_blocked_max_pool, &op_blocked_integer_max_pool, err);
}

static int take_average_pool(struct blocks *b, int n, struct error *err)
{
    return take_as(b, n, &op_blocked_average_pool, &op_blocked_integer_average_pool, err);
}

static int take_global_average_pool(struct blocks *b, int n, struct error *err)
{
    return take_as(b, n, &op_blocked_global_average_pool, &op_blocked_integer_global_average_pool, err);
}

/* Element by element, other inputs being single numbers. */
static int take_elementwise(struct blocks *b, int n, struct error *err)
{
    const struct node *node = blocks_node(b, n);
    int *in;

    if (!blocks_has(b, node->in[0]) || !blocks_is_picture(b, node->out[0]))
        return 0;
    for (int i = 1; i < node->in_count; i++)
        if (node->in[i] >= 0 && (!is_weight(b, node->in[i]) || shape_count(blocks_shape(b, node->in[i])) != 1))
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
    return in[1] < 0 ? -1 : blocks_push(b, blocks_node(b, n), op, in, 2, err);
}

static int take_binary(struct blocks *b, int n, struct error *err)
{
    const struct node *node = blocks_node(b, n);
    int x = node->in[0], y = node->in[1];

    if (node->in_count != 2 || (!blocks_has(b, x) && !blocks_has(b, y)))
        return 0;
    if (!blocks_is_picture(b, x) || !blocks_is_picture(b, y))
        return blocks_has(b, x) ? take_elementwise(b, n, err) : 0;
    if (shape_equal(blocks_shape(b, x), blocks_shape(b, y)))
        return push_two(b, n, node->op, x, y, err);
    if (strcmp(node->op->name, "Mul") != 0)
        return 0;
    if (!is_scale(blocks_shape(b, y), blocks_shape(b, x)) && !is_scale(blocks_shape(b, x), blocks_shape(b, y)))
        return 0;
    if (b->tensor[x].dtype == DTYPE_U8)
        return push_two(b, n, node->op, x, y, err);
    return is_scale(blocks_shape(b, y), blocks_shape(b, x)) ? push_two(b, n, &op_blocked_scale, x, y, err)
                                                            : push_two(b, n, &op_blocked_scale, y, x, err);
}

/* By ONNX's name. */
static const struct {
    const char *op;
    int (*take)(struct blocks *b, int n, struct error *err);
} takers[] = {
    { "Add", take_binary },
    { "AveragePool", take_average_pool },
    { "Clip", take_elementwise },
    { "Concat", blocks_take_concat },
    { "Conv", take_conv },
    { "DequantizeLinear", take_elementwise },
    { "Elu", take_elementwise },
    { "Gelu", take_elementwise },
    { "GlobalAveragePool", take_global_average_pool },
    { "HardSigmoid", take_elementwise },
    { "HardSwish", take_elementwise },
    { "LeakyRelu", take_elementwise },
    { "MaxPool", take_max_pool },
    { "Mish", take_elementwise },
    { "Mul", take_binary },
    { "QuantizeLinear", take_elementwise },
    { "Relu", take_elementwise },
    { "Reshape", blocks_take_shuffle },
    { "Sigmoid", take_elementwise },
    { "Slice", blocks_take_slice },
    { "Split", blocks_take_split },
    { "Sub", take_binary },
    { "Swish", take_elementwise },
    { "Tanh", take_elementwise },
};

int blocks_take(struct blocks *b, int n, struct error *err)
{
    const struct node *node = blocks_node(b, n);

    if (node->in_count < 1 || node->in[0] < 0)
        return 0;
    for (size_t i = 0; i < COUNT(takers); i++)
        if (strcmp(takers[i].op, node->op->name) == 0)
            return takers[i].take(b, n, err);
    return 0;
}

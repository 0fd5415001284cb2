/*
 * qdq.c - pairs of QuantizeLinear and DequantizeLinear, as other tools write
 * quantized models, become quantized values and weights: what is between two
 * pairs then runs in integers. Signed bytes are the unsigned ones less 128.
 */
#include "graph/internal.h"

#include <math.h>
#include <string.h>

struct qdq {
    struct graph *graph;
    int *producer; /* node, by value; -1 */
    int *readers;  /* by value; an output of the graph counts */
    bool *only_dequantized;
    int *instead; /* value to read, by value */
};

static bool is_op(const struct node *node, const char *op)
{
    return strcmp(node->op->name, op) == 0;
}

static const struct tensor *constant(const struct graph *graph, const struct node *node, int i)
{
    const struct value *value = i >= node->in_count || node->in[i] < 0 ? NULL : &graph->value[node->in[i]];

    return value != NULL && value->kind == VALUE_WEIGHT && value->tensor.quant == NULL ? &value->tensor : NULL;
}

static int32_t integer_at(const struct tensor *t, int64_t i)
{
    return t->dtype == DTYPE_I8    ? ((const int8_t *)t->data)[i]
           : t->dtype == DTYPE_U8  ? ((const uint8_t *)t->data)[i]
           : t->dtype == DTYPE_I32 ? ((const int32_t *)t->data)[i]
                                   : 0;
}

static bool is_scale(float scale)
{
    return isfinite(scale) && scale > 0 && scale < 1e30F;
}

/* One scale and zero point, of bytes; NULL when it is another form or memory runs out. */
static const struct quant *read_pair(const struct graph *graph, const struct node *node)
{
    const struct tensor *scale = constant(graph, node, 1), *zero = constant(graph, node, 2);
    float *scales;
    int32_t *zeros;
    struct quant *quant;

    if (scale == NULL || scale->dtype != DTYPE_F32 || shape_count(&scale->shape) != 1 ||
        !is_scale(*(const float *)scale->data) || (node->in_count > 2 && node->in[2] >= 0 && zero == NULL) ||
        (zero != NULL && ((zero->dtype != DTYPE_U8 && zero->dtype != DTYPE_I8) || shape_count(&zero->shape) != 1)))
        return NULL;
    scales = arena_alloc(graph->arena, sizeof(*scales));
    zeros = arena_alloc(graph->arena, sizeof(*zeros));
    quant = arena_alloc(graph->arena, sizeof(*quant));
    if (scales == NULL || zeros == NULL || quant == NULL)
        return NULL;
    *scales = *(const float *)scale->data;
    *zeros = zero == NULL ? 0 : integer_at(zero, 0) + (zero->dtype == DTYPE_I8 ? 128 : 0);
    *quant = (struct quant){ -1, 1, scales, zeros };
    return quant;
}

static void look_around(struct qdq *q)
{
    const struct graph *graph = q->graph;

    for (int v = 0; v < graph->value_count; v++) {
        q->producer[v] = -1;
        q->instead[v] = v;
        q->only_dequantized[v] = true;
    }
    for (int n = 0; n < graph->node_count; n++) {
        const struct node *node = &graph->node[n];

        for (int i = 0; i < node->out_count; i++)
            q->producer[node->out[i]] = n;
        for (int i = 0; i < node->in_count; i++) {
            if (node->in[i] < 0)
                continue;
            q->readers[node->in[i]]++;
            if (i != 0 || !is_op(node, "DequantizeLinear"))
                q->only_dequantized[node->in[i]] = false;
        }
    }
    for (int i = 0; i < graph->output_count; i++) {
        q->readers[graph->output[i]]++;
        q->only_dequantized[graph->output[i]] = false;
    }
}

/* ---- activations ---- */

/* A value made for one reader may be bytes instead of reals; what a conversion makes is what it says. */
static bool may_carry(const struct qdq *q, int x)
{
    const struct value *value = &q->graph->value[x];
    const int producer = q->producer[x];

    return q->readers[x] == 1 && value->kind != VALUE_WEIGHT && value->tensor.quant == NULL &&
           (producer < 0 || !is_op(&q->graph->node[producer], "DequantizeLinear"));
}

/* The value that carries the quantization: what is quantized, or where others read that too, an Identity of it. */
static int carrier(struct qdq *q, struct node *quantize, const struct quant *quant)
{
    struct graph *graph = q->graph;
    int x = quantize->in[0];
    struct value *value = &graph->value[x];

    if (!may_carry(q, x)) {
        quantize->op = op_find("Identity");
        quantize->in_count = 1;
        quantize->attributes.count = 0;
        x = quantize->out[0];
        value = &graph->value[x];
    }
    value->tensor.quant = quant;
    value->tensor.dtype = DTYPE_U8; /* an input too: whoever fills it quantizes */
    return x;
}

static void take_pair(struct qdq *q, int n)
{
    struct graph *graph = q->graph;
    struct node *dequantize = &graph->node[n], *quantize;
    const int bytes = dequantize->in[0], producer = q->producer[bytes];
    const struct quant *in, *out;
    int value;

    if (producer < 0 || !is_op(&graph->node[producer], "QuantizeLinear") || !q->only_dequantized[bytes] ||
        graph->value[graph->node[producer].in[0]].kind == VALUE_WEIGHT)
        return;
    quantize = &graph->node[producer];
    out = read_pair(graph, dequantize);
    in = read_pair(graph, quantize);
    if (in == NULL || out == NULL || !quant_equal(in, out) ||
        attribute_find(&quantize->attributes, "output_dtype") != NULL)
        return;
    value = carrier(q, quantize, in);
    if (graph_is_output(graph, dequantize->out[0])) {
        dequantize->op = op_find("Identity");
        dequantize->in[0] = value;
        dequantize->in_count = 1;
        dequantize->attributes.count = 0;
    } else {
        q->instead[dequantize->out[0]] = value;
    }
}

/* Several DequantizeLinear may read one QuantizeLinear; the first turned it into the carrier. */
static void take_again(struct qdq *q, int n)
{
    struct graph *graph = q->graph;
    const struct node *node = &graph->node[n];
    const int producer = q->producer[node->in[0]];
    const struct node *before = producer < 0 ? NULL : &graph->node[producer];
    const struct quant *mine;
    int value;

    if (before == NULL || (!is_op(before, "QuantizeLinear") && !is_op(before, "Identity")))
        return;
    value = is_op(before, "Identity") ? before->out[0] : before->in[0];
    mine = graph->value[value].tensor.quant == NULL ? NULL : read_pair(graph, node);
    if (mine != NULL && q->only_dequantized[node->in[0]] && quant_equal(mine, graph->value[value].tensor.quant) &&
        !graph_is_output(graph, node->out[0]))
        q->instead[node->out[0]] = value;
}

static void take_activations(struct qdq *q)
{
    struct graph *graph = q->graph;

    for (int n = 0; n < graph->node_count; n++) {
        struct node *node = &graph->node[n];

        for (int i = 0; i < node->in_count; i++)
            if (node->in[i] >= 0)
                node->in[i] = q->instead[node->in[i]];
        if (!is_op(node, "DequantizeLinear") || node->in[0] < 0)
            continue;
        if (graph->value[node->in[0]].kind == VALUE_COMPUTED && graph->value[node->in[0]].tensor.quant == NULL)
            take_pair(q, n);
        if (q->instead[node->out[0]] == node->out[0] && is_op(node, "DequantizeLinear"))
            take_again(q, n);
    }
}

/* ---- weights ---- */

/* The output channels' axis of an operator that multiplies bytes; -1: it does not. */
static int channel_axis(const struct node *node)
{
    const struct attribute *turned = attribute_find(&node->attributes, "transB");

    if (is_op(node, "Conv"))
        return 0;
    if (is_op(node, "ConvTranspose"))
        return 1;
    return !is_op(node, "Gemm") ? -1 : turned != NULL && turned->i != 0 ? 0 : 1;
}

static bool plain_gemm(const struct node *node)
{
    const struct attribute *alpha = attribute_find(&node->attributes, "alpha");
    const struct attribute *beta = attribute_find(&node->attributes, "beta");
    const struct attribute *turned = attribute_find(&node->attributes, "transA");

    return !is_op(node, "Gemm") ||
           ((alpha == NULL || alpha->f == 1) && (beta == NULL || beta->f == 1) && (turned == NULL || turned->i == 0));
}

/* I8 with zero point 0 and a scale for all or for each output channel; NULL: another form. */
static const struct quant *weight_quant(const struct graph *graph, const struct node *dequantize, int axis)
{
    const struct tensor *w = constant(graph, dequantize, 0), *scale = constant(graph, dequantize, 1);
    const struct tensor *zero = constant(graph, dequantize, 2);
    const struct attribute *along = attribute_find(&dequantize->attributes, "axis");
    struct quant *quant;
    int32_t *zeros;
    int64_t count, at = along == NULL ? 1 : along->i;

    if (w == NULL || w->dtype != DTYPE_I8 || scale == NULL || scale->dtype != DTYPE_F32 || w->shape.rank <= axis ||
        (dequantize->in_count > 2 && dequantize->in[2] >= 0 && zero == NULL))
        return NULL;
    count = shape_count(&scale->shape);
    at += at < 0 ? w->shape.rank : 0;
    if (count < 1 || (count > 1 && (at != axis || count != w->shape.dim[axis] || scale->shape.rank != 1)))
        return NULL;
    for (int64_t i = 0; i < count; i++)
        if (!is_scale(((const float *)scale->data)[i]))
            return NULL;
    for (int64_t i = 0; zero != NULL && i < shape_count(&zero->shape); i++)
        if (integer_at(zero, i) != 0)
            return NULL;
    quant = arena_alloc(graph->arena, sizeof(*quant));
    zeros = arena_array(graph->arena, (size_t)count, sizeof(*zeros));
    if (quant == NULL || zeros == NULL)
        return NULL;
    *quant = (struct quant){ count > 1 ? axis : -1, (int)count, scale->data, zeros };
    return quant;
}

static int add_weight(struct graph *graph, const char *base, const char *role, enum dtype dtype,
                      const struct shape *shape, void *data, const struct quant *quant, struct error *err)
{
    const char *name = arena_printf(graph->arena, "%s.%s", base, role);
    int value;

    name = name == NULL ? NULL : graph_fresh_name(graph, name);
    if (name == NULL)
        return error_memory(err);
    value = graph_add_weight(graph, name, dtype, shape, data, false, err);
    if (value >= 0)
        graph->value[value].tensor.quant = quant;
    return value;
}

/* The bias in reals: as it is, or dequantized by hand. NULL: it is computed. */
static float *real_bias(const struct qdq *q, const struct node *node, int64_t count)
{
    const struct graph *graph = q->graph;
    const int producer = q->producer[node->in[2]];
    const struct node *dequantize = producer < 0 ? NULL : &graph->node[producer];
    const struct tensor *b = constant(graph, node, 2), *scale = NULL;
    float *real = arena_array(graph->arena, (size_t)count + 1, sizeof(*real));

    if (dequantize != NULL && is_op(dequantize, "DequantizeLinear")) {
        const struct tensor *zero = constant(graph, dequantize, 2);

        b = constant(graph, dequantize, 0);
        scale = constant(graph, dequantize, 1);
        if (b == NULL || scale == NULL || b->dtype != DTYPE_I32 || scale->dtype != DTYPE_F32 ||
            (shape_count(&scale->shape) != 1 && shape_count(&scale->shape) != count) ||
            (zero != NULL && integer_at(zero, 0) != 0))
            return NULL;
    }
    if (real == NULL || b == NULL || shape_count(&b->shape) != count || (scale == NULL && b->dtype != DTYPE_F32))
        return NULL;
    for (int64_t i = 0; i < count; i++)
        real[i] = scale == NULL
                      ? ((const float *)b->data)[i]
                      : ((const float *)scale->data)[shape_count(&scale->shape) > 1 ? i : 0] * (float)integer_at(b, i);
    return real;
}

/* I32 in the steps of the products. -1: failed; 0: its form has none; 1: node->in[2] is it. */
static int take_bias(struct qdq *q, struct node *node, const struct quant *w, int64_t count, struct error *err)
{
    struct graph *graph = q->graph;
    const double in = (double)graph->value[node->in[0]].tensor.quant->scale[0];
    const struct shape shape = shape_of(1, count);
    float *scale = arena_array(graph->arena, (size_t)count + 1, sizeof(*scale));
    int32_t *zero = arena_array(graph->arena, (size_t)count + 1, sizeof(*zero));
    int32_t *data = arena_array(graph->arena, (size_t)count + 1, sizeof(*data));
    struct quant *quant = arena_alloc(graph->arena, sizeof(*quant));
    const float *real = real_bias(q, node, count);
    int value;

    if (scale == NULL || zero == NULL || data == NULL || quant == NULL)
        return error_memory(err);
    if (real == NULL)
        return 0;
    for (int64_t i = 0; i < count; i++) {
        double step = in * (double)w->scale[w->count > 1 ? i : 0], n = rint((double)real[i] / step);

        if (!(fabs(n) < 0x1p31))
            return 0;
        scale[i] = (float)step;
        data[i] = (int32_t)n;
    }
    *quant = (struct quant){ 0, (int)count, scale, zero };
    value = add_weight(graph, node->name, "bias", DTYPE_I32, &shape, data, quant, err);
    if (value < 0)
        return -1;
    node->in[2] = value;
    return 1;
}

static int take_weights(struct qdq *q, struct node *node, struct error *err)
{
    struct graph *graph = q->graph;
    const int axis = channel_axis(node);
    const int producer = axis < 0 || node->in_count < 2 ? -1 : q->producer[node->in[1]];
    const struct node *dequantize = producer < 0 ? NULL : &graph->node[producer];
    const struct quant *quant;
    struct tensor w;
    int64_t channels, group = 1;

    if (dequantize == NULL || !is_op(dequantize, "DequantizeLinear") || !plain_gemm(node) ||
        graph->value[node->in[0]].tensor.quant == NULL)
        return 0;
    quant = weight_quant(graph, dequantize, axis);
    if (quant == NULL)
        return 0;
    w = graph->value[dequantize->in[0]].tensor;
    if (is_op(node, "ConvTranspose") && attribute_int(&node->attributes, "group", 1, &group, err) < 0)
        return -1;
    channels = w.shape.dim[axis] * group;
    if (node->in_count > 2 && node->in[2] >= 0) {
        int rc = group > 1 && quant->count > 1 ? 0 : take_bias(q, node, quant, channels, err);

        if (rc <= 0)
            return rc;
    }
    node->in[1] = add_weight(graph, node->name, "weight", DTYPE_I8, &w.shape, w.data, quant, err);
    return node->in[1] < 0 ? -1 : 0;
}

/* A clamp before the bytes clamps them as well: the node before it gives bytes at once. */
static void pass_through_clamp(struct qdq *q, const struct node *node)
{
    struct graph *graph = q->graph;
    struct value *in = node->in[0] < 0 ? NULL : &graph->value[node->in[0]];
    const struct quant *out = graph->value[node->out[0]].tensor.quant;

    if ((!is_op(node, "Relu") && !is_op(node, "Clip")) || out == NULL || in == NULL || in->kind != VALUE_COMPUTED ||
        !may_carry(q, node->in[0]))
        return;
    in->tensor.quant = out;
    in->tensor.dtype = DTYPE_U8;
}

static int take_all(struct qdq *q, struct error *err)
{
    struct graph *graph = q->graph;
    const int count = graph->node_count;

    look_around(q);
    take_activations(q);
    for (int n = 0; n < count; n++)
        if (take_weights(q, &graph->node[n], err) < 0)
            return -1;
    for (int n = 0; n < count; n++)
        pass_through_clamp(q, &graph->node[n]);
    return graph_remove_dead(graph, err);
}

static bool has_pair(const struct graph *graph)
{
    for (int n = 0; n < graph->node_count; n++)
        if (is_op(&graph->node[n], "DequantizeLinear"))
            return true;
    return false;
}

int graph_take_qdq(struct graph *graph, struct error *err)
{
    struct arena scratch = { 0 };
    const size_t values = (size_t)graph->value_count + 1;
    struct qdq q = { graph, arena_array(&scratch, values, sizeof(int)), arena_array(&scratch, values, sizeof(int)),
                     arena_array(&scratch, values, sizeof(bool)), arena_array(&scratch, values, sizeof(int)) };
    int rc;

    if (q.producer == NULL || q.readers == NULL || q.only_dequantized == NULL || q.instead == NULL)
        rc = error_memory(err);
    else
        rc = has_pair(graph) ? take_all(&q, err) : 0;
    arena_free(&scratch);
    return rc;
}

/* shapes.c - what every value will be, and what a run will cost. */
#include "graph/internal.h"

#include <string.h>

#include "base/limits.h"

bool quant_equal(const struct quant *a, const struct quant *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return a->count == 1 && b->count == 1 && a->scale[0] == b->scale[0] && a->zero_point[0] == b->zero_point[0];
}

bool value_runs_quantized(const struct value *value)
{
    if (value->tensor.quant == NULL || value->kind == VALUE_WEIGHT)
        return false;
    return value->kind == VALUE_COMPUTED || value->tensor.dtype == DTYPE_U8;
}

static bool is_any(const struct node *node, const char *const *names)
{
    for (int i = 0; names[i] != NULL; i++)
        if (strcmp(node->op->name, names[i]) == 0)
            return true;
    return false;
}

/* An operand kept in F32 (mixed precision) makes the whole node F32; a bound or a list of scales does not. */
static bool has_real_operand(const struct graph *graph, const struct node *node)
{
    static const char *const with_bounds[] = { "Clip", "Resize", NULL };

    for (int i = 0; i < node->in_count && i < 2 && !is_any(node, with_bounds); i++)
        if (node->in[i] >= 0 && graph->value[node->in[i]].kind == VALUE_WEIGHT &&
            graph->value[node->in[i]].tensor.dtype == DTYPE_F32)
            return true;
    return false;
}

/* Sums of products are 32 bits wide and may leave as F32; what else there is gives bytes for bytes. */
static bool gives_quantized(const struct graph *graph, const struct node *node)
{
    static const char *const products[] = { "Conv", "ConvTranspose", "Gemm", "MatMul", NULL };

    for (int i = 0; i < node->out_count && !is_any(node, products); i++)
        if (graph->value[node->out[i]].tensor.quant == NULL)
            return false;
    return true;
}

bool node_is_integer(const struct graph *graph, const struct node *node)
{
    static const char *const conversions[] = { "QuantizeLinear", "DequantizeLinear", NULL };
    int quantized = 0;

    if (is_any(node, conversions))
        return true;
    if (node->op->flags & OP_VIEW)
        return node->in[0] >= 0 && value_runs_quantized(&graph->value[node->in[0]]) &&
               quant_equal(graph->value[node->in[0]].tensor.quant, graph->value[node->out[0]].tensor.quant);
    if (!(node->op->flags & OP_INTEGER) || has_real_operand(graph, node) || !gives_quantized(graph, node))
        return false;
    for (int i = 0; i < node->in_count; i++) {
        if (node->in[i] < 0 || graph->value[node->in[i]].kind == VALUE_WEIGHT)
            continue;
        if (!value_runs_quantized(&graph->value[node->in[i]]))
            return false;
        quantized++;
    }
    return quantized > 0;
}

float *weight_dequantize(struct arena *arena, const struct tensor *weight)
{
    const struct quant *quant = weight->quant;
    size_t count = (size_t)shape_count(&weight->shape);
    float *real = arena_array(arena, count + 1, sizeof(*real));
    size_t inner = quant->axis < 0 ? count : (size_t)shape_span(&weight->shape, quant->axis + 1, weight->shape.rank);

    if (real == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t c = inner == 0 ? 0 : i / inner % (size_t)quant->count;
        int64_t q = weight->dtype == DTYPE_I8   ? ((const int8_t *)weight->data)[i]
                    : weight->dtype == DTYPE_U8 ? ((const uint8_t *)weight->data)[i]
                                                : ((const int32_t *)weight->data)[i];

        real[i] = quant->scale[c] * (float)(q - quant->zero_point[c]);
    }
    return real;
}

/* An F32 node's view of a quantized value: the same shape, in reals. */
static struct tensor as_real(const struct tensor *tensor)
{
    struct tensor real = *tensor;

    if (real.quant != NULL) {
        real.quant = NULL;
        real.dtype = DTYPE_F32;
        real.data = NULL;
    }
    return real;
}

/* shape() of one node on tensors of its own, so that a quantized value can be seen as reals. */
static int call_shape(const struct graph *graph, const struct node *node, const struct tensor *tensor,
                      const struct kern *kern, struct op_io *io, struct tensor *out, struct arena *arena,
                      struct error *err)
{
    bool integer = node_is_integer(graph, node);
    struct tensor *in = arena_array(arena, (size_t)node->in_count + 1, sizeof(*in));
    const struct tensor **ins = arena_array(arena, (size_t)node->in_count + 1, sizeof(struct tensor *));
    struct tensor **outs = arena_array(arena, (size_t)node->out_count + 1, sizeof(struct tensor *));
    void *plan = arena_alloc(arena, node->op->plan_bytes + 1);

    if (in == NULL || ins == NULL || outs == NULL || plan == NULL)
        return error_memory(err);
    for (int i = 0; i < node->in_count; i++) {
        if (node->in[i] < 0)
            continue;
        in[i] = integer ? tensor[node->in[i]] : as_real(&tensor[node->in[i]]);
        ins[i] = &in[i];
    }
    for (int i = 0; i < node->out_count; i++) {
        out[i] = integer ? tensor[node->out[i]] : as_real(&tensor[node->out[i]]);
        outs[i] = &out[i];
    }
    *io = (struct op_io){ .attributes = &node->attributes,
                          .in = ins,
                          .in_count = node->in_count,
                          .out = outs,
                          .out_count = node->out_count,
                          .plan = plan,
                          .workers = 1,
                          .kern = kern };
    if (node->op->shape(io, err) < 0)
        return error_in(err, "node '%s' (%s)", node->name, node->op->name);
    return 0;
}

static int check_size(const struct shape *shape, struct error *err)
{
    return shape_check(shape, (int64_t)(limit_get(LIMIT_ACTIVATION_BYTES) / 4), err);
}

/* An operator that does not say so is given nothing empty, so that it may divide by an axis. */
static int check_empty(const struct node *node, const struct shape *shape, struct error *err)
{
    char text[160];

    if (shape_count(shape) > 0 || (node->op->flags & OP_EMPTY))
        return 0;
    return error_set(err, ERROR_INPUT, "shape %s has no element", shape_text(shape, text));
}

static int check_inputs(const struct node *node, const struct tensor *tensor, struct error *err)
{
    for (int i = 0; i < node->in_count; i++)
        if (node->in[i] >= 0 && !(i < 32 && node->op->arguments & 1U << i) &&
            check_empty(node, &tensor[node->in[i]].shape, err) < 0)
            return error_in(err, "node '%s' (%s)", node->name, node->op->name);
    return 0;
}

static int shape_node(const struct graph *graph, const struct node *node, struct tensor *tensor,
                      const struct kern *kern, struct error *err)
{
    struct arena arena = { 0 };
    struct tensor *out = arena_array(&arena, (size_t)node->out_count + 1, sizeof(*out));
    struct op_io io;
    int rc;

    rc = out == NULL ? error_memory(err) : check_inputs(node, tensor, err);
    if (rc == 0)
        rc = call_shape(graph, node, tensor, kern, &io, out, &arena, err);
    for (int i = 0; i < node->out_count && rc == 0; i++) {
        struct tensor *to = &tensor[node->out[i]];

        rc = check_size(&out[i].shape, err) < 0 || check_empty(node, &out[i].shape, err) < 0 ? -1 : 0;
        if (rc < 0)
            error_in(err, "node '%s' (%s)", node->name, node->op->name);
        to->shape = out[i].shape;
        to->dtype = to->quant != NULL ? DTYPE_U8 : out[i].dtype;
    }
    arena_free(&arena);
    return rc;
}

/* Some size follows from data that only a run brings. */
static bool is_late(const struct node *node, const struct tensor *tensor)
{
    for (int i = 0; i < node->in_count; i++) {
        const struct tensor *in = node->in[i] < 0 ? NULL : &tensor[node->in[i]];

        if (in == NULL)
            continue;
        if (in->shape.rank == SHAPE_UNKNOWN)
            return true;
        if (i < 32 && (node->op->arguments & 1U << i) && in->data == NULL && shape_count(&in->shape) > 0)
            return true;
    }
    return false;
}

/* What it gives is the same in every run, plain, and small enough. */
static bool is_known(const struct shaping *how, const struct node *node, const struct tensor *tensor, size_t *left)
{
    size_t bytes = 0;

    if (node->op->flags & OP_TRAINING_ONLY)
        return false;
    for (int i = 0; i < node->in_count; i++) {
        const struct tensor *in = node->in[i] < 0 ? NULL : &tensor[node->in[i]];

        if (in != NULL && (in->quant != NULL || (in->data == NULL && !(node->op->flags & OP_OF_SHAPE))))
            return false;
    }
    for (int i = 0; i < node->out_count; i++) {
        if (tensor[node->out[i]].quant != NULL)
            return false;
        bytes += tensor_bytes(&tensor[node->out[i]]);
    }
    if (bytes > how->known_bytes || bytes > *left)
        return false;
    *left -= bytes; /* a small file may ask for much: what is beyond is worked out when it runs */
    return true;
}

static void forget_outputs(const struct node *node, struct tensor *tensor)
{
    for (int i = 0; i < node->out_count; i++)
        tensor[node->out[i]].shape = (struct shape){ .rank = SHAPE_UNKNOWN };
}

static int shape_nodes(const struct graph *graph, const struct shaping *how, struct tensor *tensor, struct error *err)
{
    struct kern kern;
    struct op_run run = { 0 };
    size_t left = how->known_total > 0 ? how->known_total : KNOWN_TOTAL;

    for (int n = 0; n < graph->node_count; n++) {
        const struct node *node = &graph->node[n];

        struct error why;

        if (is_late(node, tensor)) {
            forget_outputs(node, tensor);
            continue;
        }
        if (shape_node(graph, node, tensor, how->kern, how->refused != NULL ? &why : err) < 0) {
            forget_outputs(node, tensor);
            if (how->refused == NULL || how->refused(how->context, node, why.message, err) < 0)
                return -1;
            continue;
        }
        if (!is_known(how, node, tensor, &left))
            continue;
        if (run.kern == NULL && kern_init(&kern, NULL, err) < 0)
            return -1;
        run.kern = &kern;
        if (node_evaluate(node, tensor, &run, how->arena, err) < 0)
            return -1;
    }
    return 0;
}

/* -1 becomes what the run brings. */
static int bind_input(const struct shaping *how, const struct value *value, struct shape *shape, struct error *err)
{
    char text[160];

    if (how->batch == 0) {
        *shape = (struct shape){ .rank = SHAPE_UNKNOWN };
        return 0;
    }
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dim[i] != -1)
            continue;
        shape->dim[i] = i == 0 ? how->batch : how->size;
        if (shape->dim[i] > 0)
            continue;
        error_set(err, ERROR_INPUT, "'%s' is %s: its size is not known", value->name,
                  shape_text(&value->tensor.shape, text));
        return error_hint(err, "coedge convert --input CHANNELSxHEIGHTxWIDTH sets it");
    }
    return 0;
}

int graph_shape_values(const struct graph *graph, const struct shaping *how, struct tensor *tensor, struct error *err)
{
    for (int i = 0; i < graph->value_count; i++) {
        const struct value *value = &graph->value[i];

        tensor[i] = value->tensor;
        if (value->kind == VALUE_COMPUTED || (value->trainable && how->trains))
            tensor[i].data = NULL;
        if (value->kind == VALUE_INPUT && bind_input(how, value, &tensor[i].shape, err) < 0)
            return -1;
        if (value->kind != VALUE_COMPUTED && tensor[i].shape.rank != SHAPE_UNKNOWN &&
            check_size(&tensor[i].shape, err) < 0)
            return error_in(err, "value '%s'", value->name);
    }
    if (shape_nodes(graph, how, tensor, err) < 0)
        return -1;
    for (int i = 0; i < graph->value_count && how->trains; i++)
        if (graph->value[i].trainable)
            tensor[i].data = graph->value[i].tensor.data;
    return 0;
}

bool graph_is_sized(const struct graph *graph)
{
    for (int i = 0; i < graph->input_count; i++) {
        const struct shape *shape = &graph->value[graph->input[i]].tensor.shape;

        for (int j = 1; j < shape->rank; j++)
            if (shape->dim[j] == -1)
                return false;
    }
    return true;
}

int graph_try_shapes(const struct graph *graph,
                     int (*refused)(void *context, const struct node *node, const char *reason, struct error *err),
                     void *context, struct error *err)
{
    struct arena arena = { 0 };
    struct tensor *tensor = arena_array(&arena, (size_t)graph->value_count + 1, sizeof(*tensor));
    const struct shaping how = {
        .batch = 1, .known_bytes = KNOWN_BYTES, .arena = &arena, .refused = refused, .context = context
    };
    int rc = tensor == NULL ? error_memory(err) : 0;

    if (rc == 0 && graph_is_sized(graph))
        rc = graph_shape_values(graph, &how, tensor, err);
    arena_free(&arena);
    return rc;
}

int graph_infer_shapes(struct graph *graph, int64_t batch, struct error *err)
{
    struct arena arena = { 0 };
    struct tensor *tensor = arena_array(&arena, (size_t)graph->value_count + 1, sizeof(*tensor));
    const struct shaping how = { .batch = batch, .known_bytes = KNOWN_BYTES, .arena = &arena };
    int rc = tensor == NULL ? error_memory(err) : graph_shape_values(graph, &how, tensor, err);

    for (int i = 0; i < graph->value_count && rc == 0; i++) {
        if (graph->value[i].kind != VALUE_COMPUTED)
            continue;
        graph->value[i].tensor.shape = tensor[i].shape;
        graph->value[i].tensor.dtype = tensor[i].dtype;
    }
    arena_free(&arena);
    return rc;
}

static int cost_node(const struct graph *graph, const struct node *node, const struct tensor *tensor,
                     struct op_cost *cost, struct error *err)
{
    struct arena arena = { 0 };
    struct tensor *out = arena_array(&arena, (size_t)node->out_count + 1, sizeof(*out));
    struct op_io io;
    int rc;

    rc = out == NULL ? error_memory(err) : call_shape(graph, node, tensor, NULL, &io, out, &arena, err);
    if (rc == 0)
        op_cost_of(node->op, &io, cost);
    arena_free(&arena);
    return rc;
}

int graph_cost(struct graph *graph, struct op_cost *total, struct op_cost *per_node, struct error *err)
{
    struct arena arena = { 0 };
    struct tensor *tensor = arena_array(&arena, (size_t)graph->value_count + 1, sizeof(*tensor));
    const struct shaping how = { .batch = 1, .known_bytes = KNOWN_BYTES, .arena = &arena };
    int rc = tensor == NULL ? error_memory(err) : graph_shape_values(graph, &how, tensor, err);

    *total = (struct op_cost){ 0 };
    for (int i = 0; i < graph->node_count && rc == 0; i++) {
        struct op_cost cost = { 0 };

        rc = is_late(&graph->node[i], tensor) ? 0 : cost_node(graph, &graph->node[i], tensor, &cost, err);
        total->macs += cost.macs;
        total->read_bytes += cost.read_bytes;
        total->write_bytes += cost.write_bytes;
        if (per_node != NULL)
            per_node[i] = cost;
    }
    arena_free(&arena);
    return rc;
}

#include <stdlib.h>
#include <string.h>

#include "quant/internal.h"

struct rewriting {
    struct model *model;
    struct graph *graph;
    const struct quant_options *options;
    struct range *range;
    struct quant_report *report;
};

static bool is_named(const struct node *node, const char *name)
{
    return strcmp(node->op->name, name) == 0;
}

/* Operators with weights, of which integer arithmetic has the first two. */
static bool has_weights(const struct node *node)
{
    return is_named(node, "Conv") || is_named(node, "Gemm") || is_named(node, "MatMul");
}

/* The channel axis of the weight as the operator reads it. */
static int weight_axis(const struct node *node, enum quant_per per)
{
    int64_t transposed = 0;
    struct error ignored;

    if (per == QUANT_PER_TENSOR)
        return -1;
    if (is_named(node, "Conv"))
        return 0;
    if (is_named(node, "MatMul"))
        return -1; /* any rank and broadcasting: one scale */
    if (attribute_int(&node->attributes, "transB", 0, &transposed, &ignored) < 0)
        transposed = 0; /* shape() has accepted it before: cannot be of another kind */
    return transposed ? 0 : 1;
}

static bool is_own_weight(const struct graph *graph, int value)
{
    return graph->value[value].kind == VALUE_WEIGHT && graph->value[value].tensor.dtype == DTYPE_F32;
}

/* Integers take one bias a channel, a weight; what else may be added stays for reals. */
static bool has_plain_bias(const struct graph *graph, const struct node *node, int axis)
{
    const struct tensor *bias, *weight = &graph->value[node->in[1]].tensor;

    if (node->in_count < 3 || node->in[2] < 0)
        return true;
    bias = &graph->value[node->in[2]].tensor;
    return is_own_weight(graph, node->in[2]) && bias->shape.rank > 0 &&
           bias->shape.dim[bias->shape.rank - 1] == weight->shape.dim[axis] &&
           shape_count(&bias->shape) == weight->shape.dim[axis];
}

/* Weighted nodes run in integers when the input is computed, and the weight one of the model's. */
static bool can_be_integer(const struct rewriting *r, const struct node *node)
{
    double alpha = 1, beta = 1;
    int64_t turned = 0;
    struct error ignored;

    if ((node->op->flags & OP_INTEGER) == 0)
        return false;
    if (!has_weights(node))
        return true;
    if (r->graph->value[node->in[0]].kind == VALUE_WEIGHT || !is_own_weight(r->graph, node->in[1]) ||
        !has_plain_bias(r->graph, node, weight_axis(node, QUANT_PER_CHANNEL)))
        return false;
    if (!is_named(node, "Gemm"))
        return true;
    if (attribute_float(&node->attributes, "alpha", 1, &alpha, &ignored) < 0 ||
        attribute_float(&node->attributes, "beta", 1, &beta, &ignored) < 0 ||
        attribute_int(&node->attributes, "transA", 0, &turned, &ignored) < 0)
        return false;
    return alpha == 1 && beta == 1 && turned == 0;
}

/* Weights alone may be bytes for any layer: it computes with the reals they stand for. */
static bool stores_bytes(const struct rewriting *r, const struct node *node, bool integer)
{
    return has_weights(node) && (r->options->weights_only ? is_own_weight(r->graph, node->in[1]) : integer);
}

/*
 * Nodes that hand on the bytes they were given share their input's range, and an activation that
 * only clamps hands its range back to the node before it, which then clamps by saturating.
 */
static bool passes_bytes(const struct node *node)
{
    return (node->op->flags & OP_VIEW) || is_named(node, "MaxPool") || is_named(node, "GlobalMaxPool") ||
           is_named(node, "Transpose") || is_named(node, "Split") || is_named(node, "Slice") ||
           is_named(node, "DepthToSpace") || is_named(node, "Squeeze") || is_named(node, "Unsqueeze");
}

static bool clamps(const struct node *node)
{
    return is_named(node, "Relu") || is_named(node, "Clip");
}

static void share_ranges(struct rewriting *r)
{
    struct graph *graph = r->graph;

    for (int i = graph->node_count - 1; i >= 0; i--) {
        const struct node *node = &graph->node[i];

        if (clamps(node) && graph_consumers(graph, node->in[0]) == 1 && graph_producer(graph, node->in[0]) >= 0)
            r->range[node->in[0]] = r->range[node->out[0]];
    }
    for (int i = 0; i < graph->node_count; i++) {
        const struct node *node = &graph->node[i];

        for (int k = 0; passes_bytes(node) && k < node->out_count; k++)
            r->range[node->out[k]] = r->range[node->in[0]];
    }
}

static bool is_output(const struct graph *graph, int value)
{
    for (int i = 0; i < graph->output_count; i++)
        if (graph->output[i] == value)
            return true;
    return false;
}

static int set_quant(struct rewriting *r, int value, struct error *err)
{
    struct arena *arena = r->graph->arena;
    struct quant *quant = arena_alloc(arena, sizeof(*quant));
    float *scale = arena_array(arena, 1, sizeof(*scale));
    int32_t *zero = arena_array(arena, 1, sizeof(*zero));

    if (quant == NULL || scale == NULL || zero == NULL)
        return error_memory(err);
    range_to_quant(&r->range[value], scale, zero);
    *quant = (struct quant){ .axis = -1, .count = 1, .scale = scale, .zero_point = zero };
    r->graph->value[value].tensor.quant = quant;
    r->graph->value[value].tensor.dtype = DTYPE_U8;
    return 0;
}

/* The input, and what integer nodes give to others; what only real nodes touch stays real. */
static int annotate(struct rewriting *r, const bool *integer, struct error *err)
{
    struct graph *graph = r->graph;

    for (int i = 0; i < graph->node_count; i++) {
        const struct node *node = &graph->node[i];

        if (!integer[i])
            continue;
        for (int k = 0; k < node->in_count; k++) {
            int value = node->in[k];

            if (value >= 0 && graph->value[value].kind != VALUE_WEIGHT && r->range[value].seen &&
                graph->value[value].tensor.quant == NULL && set_quant(r, value, err) < 0)
                return -1;
        }
        for (int k = 0; k < node->out_count; k++) {
            int value = node->out[k];

            if (!is_output(graph, value) && graph_consumers(graph, value) > 0 && r->range[value].seen &&
                graph->value[value].tensor.quant == NULL && set_quant(r, value, err) < 0)
                return -1;
        }
    }
    return 0;
}

static int rewrite_weights(struct rewriting *r, struct node *node, struct error *err)
{
    struct graph *graph = r->graph;
    const int axis = weight_axis(node, r->options->per);
    const bool has_bias = !r->options->weights_only && node->in_count > 2 && node->in[2] >= 0;
    const struct tensor *bias = has_bias ? &graph->value[node->in[2]].tensor : NULL;
    const float input_scale = has_bias ? graph->value[node->in[0]].tensor.quant->scale[0] : 1;

    if (quantize_weight(graph, &node->in[1], axis, bias, input_scale, err) < 0)
        return error_in(err, "node '%s'", node->name);
    r->report->weights++;
    if (!has_bias)
        return 0;
    if (quantize_bias(graph, &node->in[2], graph->value[node->in[1]].tensor.quant, input_scale, err) < 0)
        return error_in(err, "node '%s'", node->name);
    r->report->weights++;
    return 0;
}

static int rewrite(struct rewriting *r, struct error *err)
{
    struct graph *graph = r->graph;
    bool *integer = arena_array(graph->arena, (size_t)graph->node_count + 1, sizeof(*integer));

    if (integer == NULL)
        return error_memory(err);
    for (int i = 0; i < graph->node_count; i++) {
        integer[i] = can_be_integer(r, &graph->node[i]);
        r->report->nodes_integer += integer[i] && !r->options->weights_only;
        r->report->nodes_real += !integer[i] || r->options->weights_only;
    }
    if (!r->options->weights_only) {
        share_ranges(r);
        if (annotate(r, integer, err) < 0)
            return -1;
    }
    for (int i = 0; i < graph->node_count; i++)
        if (stores_bytes(r, &graph->node[i], integer[i]) && rewrite_weights(r, &graph->node[i], err) < 0)
            return -1;
    if (r->report->weights == 0)
        return error_set(err, ERROR_INPUT, "no Conv%s with weights: nothing to quantize",
                         r->options->weights_only ? ", Gemm or MatMul" : " or Gemm");
    return graph_remove_dead(graph, err);
}

static int check(const struct model *model, struct error *err)
{
    if (model->update != NULL)
        return error_set(err, ERROR_INPUT, "an update cannot be quantized: aggregate it first");
    if (model->part != NULL) {
        error_set(err, ERROR_INPUT, "this is part %d of %d of a split model", model->part->index + 1,
                  model->part->count);
        return error_hint(err, "quantize the whole, then split it");
    }
    for (int i = 0; i < model->graph.value_count; i++)
        if (model->graph.value[i].tensor.quant != NULL)
            return error_set(err, ERROR_INPUT, "the model is quantized already: value '%s' is %s",
                             model->graph.value[i].name, dtype_name(model->graph.value[i].tensor.dtype));
    return 0;
}

int quantize_model(struct model *model, const struct dataset *set, const struct quant_options *options,
                   const struct job *job, struct quant_report *report, struct error *err)
{
    struct rewriting r = { .model = model, .graph = &model->graph, .options = options, .report = report };
    int rc = check(model, err);

    *report = (struct quant_report){ .samples = set ? calibration_samples(set, options) : 0 };
    if (rc == 0)
        rc = graph_fold(&model->graph, err);
    if (rc == 0)
        rc = graph_infer_shapes(&model->graph, 1, err);
    if (rc < 0)
        return -1;
    r.range = calloc((size_t)model->graph.value_count + 1, sizeof(*r.range));
    if (r.range == NULL)
        return error_memory(err);
    if (!options->weights_only)
        rc = calibrate(model, set, options, job, r.range, err);
    if (rc == 0)
        rc = rewrite(&r, err);
    free(r.range);
    return rc;
}

/* fold.c - BatchNormalization into the linear node before it. */
#include "graph/internal.h"

#include <math.h>
#include <string.h>

#include "base/file.h"

/* y = factor[k] * x + shift[k]: what a BatchNormalization is at inference. */
struct affine {
    int64_t channels;
    double *factor, *shift;
};

/* Where the output channels lie in a linear node's weight: [groups, before, channels, inner]. */
struct layout {
    int64_t groups, before, channels, inner;
    double bias_factor; /* Gemm's beta */
};

static const float *weight_f32(const struct graph *graph, int value)
{
    const struct value *v = value < 0 ? NULL : &graph->value[value];

    if (v == NULL || v->kind != VALUE_WEIGHT || v->tensor.dtype != DTYPE_F32 || v->tensor.quant != NULL)
        return NULL;
    return v->tensor.data;
}

/* False when the node is not a BatchNormalization of stored weights. `failed` when memory or attributes fail. */
static bool read_affine(const struct graph *graph, const struct node *node, struct arena *arena, struct affine *affine,
                        bool *failed, struct error *err)
{
    const float *p[4]; /* scale, bias, mean, variance */
    double epsilon;
    int64_t count;

    if (strcmp(node->op->name, "BatchNormalization") != 0 || node->in_count != 5 || node->out_count != 1)
        return false;
    for (int i = 0; i < 4; i++)
        if ((p[i] = weight_f32(graph, node->in[i + 1])) == NULL)
            return false;
    count = shape_count(&graph->value[node->in[1]].tensor.shape);
    for (int i = 2; i < 5; i++)
        if (shape_count(&graph->value[node->in[i]].tensor.shape) != count)
            return false;
    affine->channels = count;
    affine->factor = arena_array(arena, (size_t)count + 1, sizeof(double));
    affine->shift = arena_array(arena, (size_t)count + 1, sizeof(double));
    if (affine->factor == NULL || affine->shift == NULL) {
        *failed = true;
        error_memory(err);
        return false;
    }
    if (attribute_float(&node->attributes, "epsilon", 1e-5, &epsilon, err) < 0) {
        *failed = true;
        error_in(err, "node '%s' (%s)", node->name, node->op->name);
        return false;
    }
    for (int64_t k = 0; k < count; k++) {
        affine->factor[k] = p[0][k] / sqrt((double)p[3][k] + epsilon);
        affine->shift[k] = p[1][k] - p[2][k] * affine->factor[k];
    }
    return true;
}

/* False when the node is not linear in a weight with one bias a channel. */
static bool read_layout(const struct node *node, const struct shape *w, struct layout *layout, bool *failed,
                        struct error *err)
{
    int64_t group = 1, transposed = 0;

    *layout = (struct layout){ .groups = 1, .before = 1, .bias_factor = 1 };
    if (strcmp(node->op->name, "Conv") == 0 && w->rank >= 3) {
        layout->channels = w->dim[0];
        layout->inner = shape_span(w, 1, w->rank);
    } else if (strcmp(node->op->name, "ConvTranspose") == 0 && w->rank >= 3) {
        *failed = attribute_int(&node->attributes, "group", 1, &group, err) < 0;
        if (*failed || group < 1 || w->dim[0] % group != 0)
            return false;
        *layout = (struct layout){ group, w->dim[0] / group, w->dim[1], shape_span(w, 2, w->rank), 1 };
    } else if (strcmp(node->op->name, "Gemm") == 0 && w->rank == 2) {
        *failed = attribute_int(&node->attributes, "transB", 0, &transposed, err) < 0 ||
                  attribute_float(&node->attributes, "beta", 1, &layout->bias_factor, err) < 0;
        layout->before = transposed ? 1 : w->dim[0];
        layout->channels = w->dim[transposed ? 0 : 1];
        layout->inner = transposed ? w->dim[1] : 1;
    } else {
        return false;
    }
    return !*failed;
}

/* The value to hold a rewritten weight: the old one when no other node reads it, so that its name stays. */
static int weight_to_write(struct graph *graph, struct uses *uses, const struct node *node, int old, const char *role,
                           struct error *err)
{
    const char *name;
    int value;

    if (old >= 0 && uses->count[old] == 1)
        return old;
    name = arena_printf(graph->arena, "%s.%s", node->name, role);
    name = name == NULL ? NULL : graph_fresh_name(graph, name);
    if (name == NULL)
        return error_memory(err);
    value = graph_add_weight(graph, name, DTYPE_F32, NULL, NULL, true, err);
    if (value < 0)
        return -1;
    uses->count[value] = 1;
    if (old >= 0) {
        uses->count[old]--;
        graph->value[value].tensor.shape = graph->value[old].tensor.shape;
    }
    return value;
}

static int fold_weight(struct graph *graph, struct uses *uses, struct node *node, const struct layout *layout,
                       const struct affine *affine, struct error *err)
{
    const float *w = weight_f32(graph, node->in[1]);
    int64_t count = layout->groups * layout->before * layout->channels * layout->inner, i = 0;
    float *folded = arena_array(graph->arena, (size_t)count + 1, sizeof(*folded));
    int value = weight_to_write(graph, uses, node, node->in[1], "weight", err);

    if (value < 0)
        return -1;
    if (folded == NULL)
        return error_memory(err);
    for (int64_t outer = 0; outer < layout->groups * layout->before; outer++) {
        const double *factor = affine->factor + outer / layout->before * layout->channels;

        for (int64_t k = 0; k < layout->channels; k++)
            for (int64_t r = 0; r < layout->inner; r++, i++)
                folded[i] = (float)(w[i] * factor[k]);
    }
    graph_rest(graph, &graph->value[node->in[1]].tensor);
    graph->value[value].tensor.data = folded;
    node->in[1] = value;
    return 0;
}

/* y = factor * (x + bias) + shift, so the new bias is factor * bias + shift. */
static int fold_bias(struct graph *graph, struct uses *uses, struct node *node, const struct layout *layout,
                     const struct affine *affine, struct error *err)
{
    int old = node->in_count > 2 ? node->in[2] : -1;
    const float *b = weight_f32(graph, old);
    int64_t b_count = old < 0 ? 0 : shape_count(&graph->value[old].tensor.shape);
    float *folded = arena_array(graph->arena, (size_t)affine->channels + 1, sizeof(*folded));
    int value = weight_to_write(graph, uses, node, old, "bias", err);
    int *in = arena_grow(graph->arena, node->in, (size_t)(node->in_count < 3 ? node->in_count : 3), 3, sizeof(int));

    if (value < 0)
        return -1;
    if (folded == NULL || in == NULL)
        return error_memory(err);
    for (int64_t k = 0; k < affine->channels; k++) {
        double bias = b == NULL ? 0 : layout->bias_factor * b[b_count == 1 ? 0 : k];

        folded[k] = (float)(bias * affine->factor[k] + affine->shift[k]);
    }
    graph->value[value].tensor.data = folded;
    graph->value[value].tensor.shape = shape_of(1, affine->channels);
    in[2] = value;
    node->in = in;
    node->in_count = 3;
    return 0;
}

/* Gemm's beta is in the folded bias now. */
static void forget_beta(struct node *node)
{
    for (int i = 0; i < node->attributes.count; i++)
        if (strcmp(node->attributes.item[i].name, "beta") == 0)
            node->attributes.item[i].f = 1;
}

/* True when the linear node before the BatchNormalization took it over. */
static bool fold_into(struct graph *graph, struct uses *uses, const struct node *norm, const struct affine *affine,
                      bool *failed, struct error *err)
{
    const int producer = uses->maker[norm->in[0]];
    struct node *node = producer < 0 ? NULL : &graph->node[producer];
    struct layout layout;
    int bias;

    if (node == NULL || node->in_count < 2 || uses->count[norm->in[0]] != 1 ||
        graph->value[norm->in[0]].tensor.quant != NULL || weight_f32(graph, node->in[1]) == NULL)
        return false;
    if (!read_layout(node, &graph->value[node->in[1]].tensor.shape, &layout, failed, err))
        return false;
    bias = node->in_count > 2 ? node->in[2] : -1;
    if (layout.groups * layout.channels != affine->channels || (bias >= 0 && weight_f32(graph, bias) == NULL))
        return false;
    if (bias >= 0 && shape_count(&graph->value[bias].tensor.shape) != affine->channels &&
        shape_count(&graph->value[bias].tensor.shape) != 1)
        return false;
    if (fold_weight(graph, uses, node, &layout, affine, err) < 0 ||
        fold_bias(graph, uses, node, &layout, affine, err) < 0) {
        *failed = true;
        return false;
    }
    forget_beta(node);
    node->out[0] = norm->out[0];
    uses->maker[norm->out[0]] = producer;
    return true;
}

static void forget_reads(struct uses *uses, const struct node *node)
{
    for (int i = 0; i < node->in_count; i++) {
        bool again = false;

        for (int k = 0; k < i; k++)
            again = again || node->in[k] == node->in[i];
        uses->count[node->in[i]] -= !again;
    }
}

static int fold_norms(struct graph *graph, struct uses *uses, struct error *err)
{
    bool failed = false;
    int kept = 0;

    for (int n = 0; n < graph->node_count; n++) {
        struct arena arena = { 0 };
        struct affine affine;
        const struct node *node = &graph->node[n];

        if (!failed && read_affine(graph, node, &arena, &affine, &failed, err) &&
            fold_into(graph, uses, node, &affine, &failed, err)) {
            forget_reads(uses, node);
        } else {
            for (int i = 0; i < node->out_count; i++)
                uses->maker[node->out[i]] = kept;
            graph->node[kept++] = *node;
        }
        arena_free(&arena);
    }
    if (graph->fixed != NULL && kept < graph->node_count) /* folded weights take memory: what is left of others goes */
        input_rest(graph->fixed, graph->fixed_bytes);
    graph->node_count = kept;
    return failed ? -1 : 0;
}

static int fold_all(struct graph *graph, struct error *err)
{
    struct arena scratch = { 0 };
    struct uses uses;
    int rc = uses_find(&uses, graph, 2 * graph->node_count, &scratch, err); /* a weight and a bias each */

    if (rc == 0)
        rc = fold_norms(graph, &uses, err);
    arena_free(&scratch);
    return rc;
}

/* Dead readers go first: they would keep a normalisation from folding now, but not the next time. */
int graph_fold(struct graph *graph, struct error *err)
{
    if (graph_remove_dead(graph, err) < 0 || graph_remove_identities(graph, OP_TRAINING_ONLY, err) < 0 ||
        fold_all(graph, err) < 0)
        return -1;
    return graph_remove_dead(graph, err);
}

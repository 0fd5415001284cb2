/* fold.c - BatchNormalization into the linear node before it, and identities away. */
#include "graph/internal.h"

#include <math.h>
#include <string.h>

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
static int weight_to_write(struct graph *graph, const struct node *node, int old, const char *role, struct error *err)
{
    const char *name;
    int value;

    if (old >= 0 && graph_consumers(graph, old) == 1)
        return old;
    name = arena_printf(graph->arena, "%s.%s", node->name, role);
    name = name == NULL ? NULL : graph_fresh_name(graph, name);
    if (name == NULL)
        return error_memory(err);
    value = graph_add_weight(graph, name, DTYPE_F32, NULL, NULL, true, err);
    if (value >= 0 && old >= 0)
        graph->value[value].tensor.shape = graph->value[old].tensor.shape;
    return value;
}

static int fold_weight(struct graph *graph, struct node *node, const struct layout *layout, const struct affine *affine,
                       struct error *err)
{
    const float *w = weight_f32(graph, node->in[1]);
    int64_t count = layout->groups * layout->before * layout->channels * layout->inner, i = 0;
    float *folded = arena_array(graph->arena, (size_t)count + 1, sizeof(*folded));
    int value = weight_to_write(graph, node, node->in[1], "weight", err);

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
    graph->value[value].tensor.data = folded;
    node->in[1] = value;
    return 0;
}

/* y = factor * (x + bias) + shift, so the new bias is factor * bias + shift. */
static int fold_bias(struct graph *graph, struct node *node, const struct layout *layout, const struct affine *affine,
                     struct error *err)
{
    int old = node->in_count > 2 ? node->in[2] : -1;
    const float *b = weight_f32(graph, old);
    int64_t b_count = old < 0 ? 0 : shape_count(&graph->value[old].tensor.shape);
    float *folded = arena_array(graph->arena, (size_t)affine->channels + 1, sizeof(*folded));
    int value = weight_to_write(graph, node, old, "bias", err);
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
static bool fold_into(struct graph *graph, const struct node *norm, const struct affine *affine, bool *failed,
                      struct error *err)
{
    int producer = graph_producer(graph, norm->in[0]);
    struct node *node = producer < 0 ? NULL : &graph->node[producer];
    struct layout layout;
    int bias;

    if (node == NULL || node->in_count < 2 || graph_consumers(graph, norm->in[0]) != 1 ||
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
    if (fold_weight(graph, node, &layout, affine, err) < 0 || fold_bias(graph, node, &layout, affine, err) < 0) {
        *failed = true;
        return false;
    }
    forget_beta(node);
    node->out[0] = norm->out[0];
    return true;
}

static void remove_node(struct graph *graph, int index)
{
    memmove(graph->node + index, graph->node + index + 1,
            (size_t)(graph->node_count - index - 1) * sizeof(*graph->node));
    graph->node_count--;
}

static int fold_norms(struct graph *graph, struct error *err)
{
    bool failed = false;

    for (int n = 0; n < graph->node_count && !failed; n++) {
        struct arena arena = { 0 };
        struct affine affine;

        if (read_affine(graph, &graph->node[n], &arena, &affine, &failed, err) &&
            fold_into(graph, &graph->node[n], &affine, &failed, err))
            remove_node(graph, n--);
        arena_free(&arena);
    }
    return failed ? -1 : 0;
}

static void replace(int *list, int count, int from, int to)
{
    for (int i = 0; i < count; i++)
        if (list[i] == from)
            list[i] = to;
}

/* Readers of the node's output read its input instead. An output of the graph keeps its name: its producer writes it. */
static bool bypass(struct graph *graph, const struct node *node)
{
    int from = node->out[0], to = node->in[0];
    int producer = to < 0 ? -1 : graph_producer(graph, to);

    if (to < 0 || !quant_equal(graph->value[from].tensor.quant, graph->value[to].tensor.quant))
        return false;
    for (int i = 1; i < node->out_count; i++)
        if (graph_consumers(graph, node->out[i]) > 0)
            return false;
    if (graph_is_output(graph, from)) {
        if (producer < 0 || graph_is_output(graph, to))
            return false;
        replace(graph->node[producer].out, graph->node[producer].out_count, to, from);
        from = node->in[0];
        to = node->out[0];
    }
    for (int n = 0; n < graph->node_count; n++)
        replace(graph->node[n].in, graph->node[n].in_count, from, to);
    return true;
}

/* Readers later in the order read what the node reads; one that gives an output of the graph is left to bypass(). */
static void remove_unseen(struct graph *graph, const char *op, int *instead)
{
    int kept = 0;

    for (int n = 0; n < graph->node_count; n++) {
        struct node *node = &graph->node[n];
        bool unseen = strcmp(node->op->name, op) == 0 && node->in[0] >= 0 && node->out_count == 1 &&
                      !graph_is_output(graph, node->out[0]);

        for (int i = 0; i < node->in_count; i++)
            if (node->in[i] >= 0)
                node->in[i] = instead[node->in[i]];
        if (unseen && quant_equal(graph->value[node->out[0]].tensor.quant, graph->value[node->in[0]].tensor.quant))
            instead[node->out[0]] = node->in[0];
        else
            graph->node[kept++] = *node;
    }
    graph->node_count = kept;
}

int graph_remove_named(struct graph *graph, const char *op, struct error *err)
{
    struct arena scratch = { 0 };
    int *instead = arena_array(&scratch, (size_t)graph->value_count + 1, sizeof(int));

    for (int v = 0; instead != NULL && v < graph->value_count; v++)
        instead[v] = v;
    if (instead != NULL)
        remove_unseen(graph, op, instead);
    arena_free(&scratch);
    if (instead == NULL)
        return error_memory(err);
    for (int n = 0; n < graph->node_count; n++)
        if (strcmp(graph->node[n].op->name, op) == 0 && bypass(graph, &graph->node[n]))
            remove_node(graph, n--);
    return 0;
}

static int remove_identities(struct graph *graph, struct error *err)
{
    if (graph_remove_named(graph, "Identity", err) < 0)
        return -1;
    for (int n = 0; n < graph->node_count; n++)
        if ((graph->node[n].op->flags & OP_TRAINING_ONLY) && bypass(graph, &graph->node[n]))
            remove_node(graph, n--);
    return 0;
}

/* Dead readers go first: they would keep a normalisation from folding now, but not the next time. */
int graph_fold(struct graph *graph, struct error *err)
{
    if (graph_remove_dead(graph, err) < 0 || remove_identities(graph, err) < 0)
        return -1;
    if (fold_norms(graph, err) < 0)
        return -1;
    return graph_remove_dead(graph, err);
}

/*
 * curves.c - what exporters spell in several nodes and one operator does at once:
 * x * HardSigmoid(x) is HardSwish, x * Sigmoid(x) is Swish, and the mean of all
 * pixels is a pool. For graphs that are about to run.
 */
#include "graph/exec_internal.h"

#include <math.h>
#include <string.h>

static bool is_op(const struct node *node, const char *op)
{
    return strcmp(node->op->name, op) == 0;
}

/* ---- x times its sigmoid ---- */

/* The curve that x times this one is; NULL. */
static const char *product_with(const struct node *node)
{
    struct error ignored;
    double alpha, beta;

    if (is_op(node, "Sigmoid"))
        return "Swish";
    if (!is_op(node, "HardSigmoid") || attribute_float(&node->attributes, "alpha", 0.2, &alpha, &ignored) < 0 ||
        attribute_float(&node->attributes, "beta", 0.5, &beta, &ignored) < 0)
        return NULL;
    return fabs(alpha - 1.0 / 6) < 1e-6 && fabs(beta - 0.5) < 1e-6 ? "HardSwish" : NULL;
}

static bool is_real(const struct graph *graph, int value)
{
    return value >= 0 && graph->value[value].tensor.quant == NULL;
}

/* The Mul becomes the curve; who else reads the sigmoid still does. */
static void join_product(struct graph *graph, const struct uses *uses, struct node *mul)
{
    for (int i = 0; i < 2; i++) {
        int curve = mul->in[i], x = mul->in[1 - i];
        const struct node *maker = curve >= 0 && uses->maker[curve] >= 0 ? &graph->node[uses->maker[curve]] : NULL;
        const char *name = maker == NULL || maker->in[0] != x ? NULL : product_with(maker);

        if (name == NULL || uses_only_reader(uses, curve) < 0 || !is_real(graph, x) || !is_real(graph, curve) ||
            !is_real(graph, mul->out[0]))
            continue;
        mul->op = op_find(name);
        mul->in[0] = x;
        mul->in_count = 1;
        mul->attributes = (struct attributes){ 0 };
        return;
    }
}

/* ---- the mean of all pixels ---- */

static bool is_last_two(const int64_t axis[2])
{
    int64_t low = axis[0] < axis[1] ? axis[0] : axis[1], high = axis[0] < axis[1] ? axis[1] : axis[0];

    return (low == 2 && high == 3) || (low == -2 && high == -1) || (low == -1 && high == 2) || (low == -2 && high == 3);
}

/* Over both axes of a picture [N, C, H, W], as an attribute or as an input says. */
static bool is_pool(const struct node *node, const struct tensor *tensor)
{
    const struct tensor *x = &tensor[node->in[0]], *list = NULL;
    const struct attribute *axes = attribute_find(&node->attributes, "axes");

    if (!is_op(node, "ReduceMean") || x->shape.rank != 4 || x->dtype != DTYPE_F32 || x->quant != NULL ||
        shape_count(&x->shape) == 0)
        return false;
    if (node->in_count > 1 && node->in[1] >= 0)
        list = &tensor[node->in[1]];
    if (list != NULL)
        return list->data != NULL && list->dtype == DTYPE_I64 && shape_count(&list->shape) == 2 &&
               is_last_two(list->data);
    return axes != NULL && axes->kind == ATTRIBUTE_INTS && axes->count == 2 && is_last_two(axes->ints);
}

/* GlobalAveragePool, and Flatten where the axes go. */
static int push_pool(struct graph *graph, const struct node *node, struct error *err)
{
    struct node pool = *node, flat = { .op = op_find("Flatten"), .in_count = 1, .out_count = 1 };
    const char *name = arena_printf(graph->arena, "%s.pool", node->name);
    struct shape shape = { .rank = SHAPE_UNKNOWN };
    int64_t keeps;

    if (attribute_int(&node->attributes, "keepdims", 1, &keeps, err) < 0)
        return -1;
    pool.op = op_find("GlobalAveragePool");
    pool.in_count = 1;
    pool.attributes = (struct attributes){ 0 };
    if (keeps)
        return graph_push_node(graph, &pool, err);
    name = name == NULL ? NULL : graph_fresh_name(graph, name);
    flat.name = name;
    flat.out = node->out;
    flat.in = arena_array(graph->arena, 1, sizeof(int));
    pool.out = arena_array(graph->arena, 1, sizeof(int));
    if (name == NULL || flat.in == NULL || pool.out == NULL)
        return error_memory(err);
    pool.out[0] = flat.in[0] = graph_add_value(graph, name, VALUE_COMPUTED, DTYPE_F32, &shape, err);
    if (flat.in[0] < 0 || graph_push_node(graph, &pool, err) < 0)
        return -1;
    return graph_push_node(graph, &flat, err);
}

static int join_means(struct graph *graph, const struct shaping *how, struct arena *scratch, struct error *err)
{
    struct tensor *tensor = arena_array(scratch, (size_t)graph->value_count + 1, sizeof(*tensor));
    const struct shaping scratched = { .batch = how->batch, .known_bytes = how->known_bytes, .arena = scratch };
    struct node *old = graph->node;
    int count = graph->node_count;

    if (tensor == NULL)
        return error_memory(err);
    if (graph_shape_values(graph, &scratched, tensor, err) < 0)
        return -1;
    graph->node = NULL;
    graph->node_count = graph->node_capacity = 0;
    for (int n = 0; n < count; n++)
        if ((is_pool(&old[n], tensor) ? push_pool(graph, &old[n], err) : graph_push_node(graph, &old[n], err)) < 0)
            return -1;
    return 0;
}

int graph_join_curves(struct graph *graph, const struct shaping *how, struct error *err)
{
    struct arena scratch = { 0 };
    struct uses uses;
    bool means = false;
    int rc = uses_find(&uses, graph, 0, &scratch, err);

    for (int n = 0; n < graph->node_count && rc == 0; n++) {
        means = means || is_op(&graph->node[n], "ReduceMean");
        if (is_op(&graph->node[n], "Mul") && graph->node[n].in_count == 2)
            join_product(graph, &uses, &graph->node[n]);
    }
    if (rc == 0 && means)
        rc = join_means(graph, how, &scratch, err);
    arena_free(&scratch);
    return rc;
}

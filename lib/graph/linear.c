/*
 * linear.c - layers as they are elsewhere: a product of two matrices and the row
 * added to it are one Gemm, a number added to each channel is the convolution's bias.
 */
#include "graph/internal.h"

#include <string.h>

static bool is_op(const struct node *node, const char *op)
{
    return strcmp(node->op->name, op) == 0;
}

static bool is_matrix(const struct tensor *tensor, int value)
{
    return value >= 0 && tensor[value].shape.rank == 2 && tensor[value].dtype == DTYPE_F32;
}

/* A constant row of the product's width: [n] or [1, n]. */
static bool is_row(const struct graph *graph, int value, int64_t width)
{
    const struct tensor *t = value < 0 ? NULL : &graph->value[value].tensor;

    return t != NULL && graph->value[value].kind == VALUE_WEIGHT && t->dtype == DTYPE_F32 && t->quant == NULL &&
           (t->shape.rank == 1 || (t->shape.rank == 2 && t->shape.dim[0] == 1)) &&
           t->shape.dim[t->shape.rank - 1] == width;
}

/* A constant number for each channel of [N, C, ...]: [C, 1, ...] or [1, C, 1, ...]. */
static bool is_column(const struct graph *graph, int value, const struct shape *shape)
{
    const struct tensor *t = value < 0 ? NULL : &graph->value[value].tensor;
    int64_t channels = shape->rank < 3 ? 0 : shape->dim[1];

    return t != NULL && graph->value[value].kind == VALUE_WEIGHT && t->dtype == DTYPE_F32 && t->quant == NULL &&
           channels > 0 && (t->shape.rank == shape->rank || t->shape.rank == shape->rank - 1) &&
           shape_count(&t->shape) == channels && t->shape.dim[t->shape.rank - shape->rank + 1] == channels;
}

/* The constant as a list of one axis; the data are shared. */
static int flat_weight(struct graph *graph, const struct node *node, int from, struct error *err)
{
    const struct tensor *t = &graph->value[from].tensor;
    const struct shape shape = shape_of(1, shape_count(&t->shape));
    const char *name;

    if (t->shape.rank == 1)
        return from;
    name = arena_printf(graph->arena, "%s.bias", node->name);
    name = name == NULL ? NULL : graph_fresh_name(graph, name);
    if (name == NULL)
        return error_memory(err);
    return graph_add_weight(graph, name, DTYPE_F32, &shape, t->data, graph->value[from].trainable, err);
}

/* The one Add that reads the node, with a constant that fits as its bias, is done by the node. */
static int take_addend(struct graph *graph, const struct uses *uses, struct node *node, const struct shape *shape,
                       bool matrix, struct error *err)
{
    const int reader = uses_only_reader(uses, node->out[0]);
    struct node *add = reader < 0 ? NULL : &graph->node[reader];
    int *in, other;

    if (add == NULL || !is_op(add, "Add") || add->in_count != 2 || node->in_count != 2 ||
        graph->value[node->out[0]].tensor.quant != NULL)
        return 0;
    other = add->in[0] == node->out[0] ? add->in[1] : add->in[0];
    if (matrix ? !is_row(graph, other, shape->dim[1]) : !is_column(graph, other, shape))
        return 0;
    in = arena_grow(graph->arena, node->in, 2, 3, sizeof(int));
    if (in == NULL)
        return error_memory(err);
    in[2] = flat_weight(graph, node, other, err);
    if (in[2] < 0)
        return -1;
    node->in = in;
    node->in_count = 3;
    add->op = op_find("Identity");
    add->in[0] = node->out[0];
    add->in_count = 1;
    add->attributes.count = 0;
    return 0;
}

/* An Add that a node took over reads what it did, but for the constant: who reads that is not asked. */
static int join_nodes(struct graph *graph, const struct uses *uses, const struct tensor *tensor, struct error *err)
{
    for (int n = 0; n < graph->node_count; n++) {
        struct node *node = &graph->node[n];
        const struct shape shape = tensor[node->out[0]].shape;
        bool matrix = is_op(node, "MatMul") && is_matrix(tensor, node->in[0]) && is_matrix(tensor, node->in[1]);

        if (matrix)
            node->op = op_find("Gemm");
        if ((matrix || is_op(node, "Conv")) && take_addend(graph, uses, node, &shape, matrix, err) < 0)
            return -1;
    }
    return 0;
}

int graph_join_linear(struct graph *graph, struct error *err)
{
    struct arena scratch = { 0 };
    const struct shaping how = { .batch = 1, .size = 256, .known_bytes = KNOWN_BYTES, .arena = &scratch };
    struct tensor *tensor = arena_array(&scratch, (size_t)graph->value_count + 1, sizeof(*tensor));
    struct error ignored;
    struct uses uses;
    int rc = tensor == NULL ? error_memory(err) : uses_find(&uses, graph, 0, &scratch, err);

    if (rc == 0 && graph_shape_values(graph, &how, tensor, &ignored) == 0)
        rc = join_nodes(graph, &uses, tensor, err);
    arena_free(&scratch);
    return rc;
}

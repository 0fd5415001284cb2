/* linear.c - a product of two matrices and the row added to it are one Gemm, as layers are elsewhere. */
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

static int take_addend(struct graph *graph, struct node *gemm, const struct tensor *tensor, struct error *err)
{
    const int reader = graph_only_consumer(graph, gemm->out[0]);
    struct node *add = reader < 0 ? NULL : &graph->node[reader];
    const int64_t width = tensor[gemm->out[0]].shape.dim[1];
    int *in, other;

    if (add == NULL || !is_op(add, "Add") || add->in_count != 2)
        return 0;
    other = add->in[0] == gemm->out[0] ? add->in[1] : add->in[0];
    if (!is_row(graph, other, width))
        return 0;
    in = arena_grow(graph->arena, gemm->in, 2, 3, sizeof(int));
    if (in == NULL)
        return error_memory(err);
    in[2] = other;
    gemm->in = in;
    gemm->in_count = 3;
    /* the sum's place in the order stays: what made it goes nowhere now */
    add->op = op_find("Identity");
    add->in[0] = gemm->out[0];
    add->in_count = 1;
    add->attributes.count = 0;
    return 0;
}

static int join_nodes(struct graph *graph, const struct tensor *tensor, struct error *err)
{
    for (int n = 0; n < graph->node_count; n++) {
        struct node *node = &graph->node[n];

        if (!is_op(node, "MatMul") || !is_matrix(tensor, node->in[0]) || !is_matrix(tensor, node->in[1]) ||
            tensor[node->out[0]].shape.rank != 2)
            continue;
        node->op = op_find("Gemm");
        if (take_addend(graph, node, tensor, err) < 0)
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
    int rc = tensor == NULL ? error_memory(err) : 0;

    if (rc == 0 && graph_shape_values(graph, &how, tensor, &ignored) == 0)
        rc = join_nodes(graph, tensor, err);
    arena_free(&scratch);
    return rc;
}

/* simplify.c - the passes of simplify.h, in their order. */
#include "graph/simplify.h"

#include <string.h>

#include "graph/internal.h"

/* ---- which weights learn ---- */

static const struct {
    const char *op;
    unsigned inputs; /* bit i: in[i] learns */
    int64_t least;   /* elements: fewer are a factor of the formula, not a weight */
} learners[] = {
    { "Add", 3, 2 },
    { "BatchNormalization", 6, 1 },
    { "Conv", 6, 1 },
    { "ConvTranspose", 6, 1 },
    { "Div", 3, 2 },
    { "Gemm", 7, 1 },
    { "GroupNormalization", 6, 1 },
    { "InstanceNormalization", 6, 1 },
    { "LayerNormalization", 6, 1 },
    { "MatMul", 3, 1 },
    { "Mul", 3, 2 },
    { "PRelu", 2, 1 },
    { "Sub", 3, 2 },
};

static unsigned learning_inputs(const struct node *node, int64_t *least)
{
    for (size_t i = 0; i < COUNT(learners); i++) {
        if (strcmp(learners[i].op, node->op->name) != 0)
            continue;
        *least = learners[i].least;
        return learners[i].inputs;
    }
    return 0;
}

static void mark_trainable(struct graph *graph)
{
    for (int v = 0; v < graph->value_count; v++)
        graph->value[v].trainable = false;
    for (int n = 0; n < graph->node_count; n++) {
        const struct node *node = &graph->node[n];
        int64_t least = 1;
        unsigned inputs = learning_inputs(node, &least);

        for (int i = 0; i < node->in_count && i < 8; i++) {
            struct value *value = node->in[i] < 0 ? NULL : &graph->value[node->in[i]];

            if (value != NULL && (inputs & 1U << i) && value->kind == VALUE_WEIGHT &&
                value->tensor.dtype == DTYPE_F32 && value->tensor.quant == NULL &&
                shape_count(&value->tensor.shape) >= least)
                value->trainable = true;
        }
    }
}

int graph_simplify(struct graph *graph, struct error *err)
{
    const struct shaping weights_alone = { .batch = 0, .known_bytes = SIZE_MAX };

    if (graph_join_linear(graph, err) < 0 || graph_take_qdq(graph, err) < 0 ||
        graph_bake(graph, &weights_alone, err) < 0)
        return -1;
    if (graph_remove_named(graph, "Identity", err) < 0)
        return -1;
    if (graph_settle_sizes(graph, err) < 0 || graph_remove_dead(graph, err) < 0 || graph_free_batch(graph, err) < 0 ||
        graph_sink_transposes(graph, err) < 0 || graph_merge_pads(graph, err) < 0)
        return -1;
    mark_trainable(graph);
    return 0;
}

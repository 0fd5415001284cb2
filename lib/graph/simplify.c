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

/* Some times what the weights take: integers become reals, kernels are turned; a tiny file that asks for gigabytes is not served. */
static int bake_weights(struct graph *graph, struct error *err)
{
    struct shaping weights_alone = { .batch = 0, .known_bytes = SIZE_MAX, .known_total = KNOWN_TOTAL };

    for (int v = 0; v < graph->value_count; v++)
        if (graph->value[v].kind == VALUE_WEIGHT)
            weights_alone.known_total += 8 * tensor_bytes(&graph->value[v].tensor);
    return graph_bake(graph, &weights_alone, err);
}

static int remove_identities(struct graph *graph, struct error *err)
{
    return graph_remove_identities(graph, 0, err);
}

int graph_simplify(struct graph *graph, struct error *err)
{
    static int (*const passes[])(struct graph * graph, struct error * err) = {
        graph_join_linear, /* before pairs are looked at: a quantized layer is a Gemm */
        graph_take_qdq,    /* before constants are worked out: those are its weights */
        bake_weights,          remove_identities, graph_settle_sizes, graph_remove_dead, graph_free_batch,
        graph_sink_transposes, graph_merge_pads,  graph_join_linear, /* again: what Transposes kept apart */
        remove_identities,     graph_remove_dead,
    };

    for (size_t i = 0; i < COUNT(passes); i++)
        if (passes[i](graph, err) < 0)
            return -1;
    mark_trainable(graph);
    return 0;
}

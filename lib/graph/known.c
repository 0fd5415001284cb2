/* known.c - values that are the same in every run are worked out once: shape arithmetic, and weights made of weights. */
#include "graph/internal.h"

static bool gives_known(const struct node *node, const struct tensor *tensor)
{
    for (int i = 0; i < node->out_count; i++)
        if (tensor[node->out[i]].data == NULL)
            return false;
    return true;
}

static bool learns(const struct graph *graph, const struct node *node)
{
    for (int i = 0; i < node->in_count; i++)
        if (node->in[i] >= 0 && graph->value[node->in[i]].trainable)
            return true;
    return false;
}

static void become_weights(struct graph *graph, const struct node *node, const struct tensor *tensor)
{
    for (int i = 0; i < node->out_count; i++) {
        struct value *value = &graph->value[node->out[i]];

        value->kind = VALUE_WEIGHT;
        value->tensor = tensor[node->out[i]];
        value->trainable = value->tensor.dtype == DTYPE_F32 && learns(graph, node);
    }
}

int graph_bake(struct graph *graph, const struct shaping *how, struct error *err)
{
    struct arena scratch = { 0 };
    struct tensor *tensor = arena_array(&scratch, (size_t)graph->value_count + 1, sizeof(*tensor));
    struct shaping mine = *how;
    int rc, kept = 0;

    mine.arena = graph->arena;
    rc = tensor == NULL ? error_memory(err) : graph_shape_values(graph, &mine, tensor, err);
    for (int n = 0; n < graph->node_count && rc == 0; n++) {
        if (gives_known(&graph->node[n], tensor))
            become_weights(graph, &graph->node[n], tensor);
        else
            graph->node[kept++] = graph->node[n];
    }
    if (rc == 0)
        graph->node_count = kept;
    arena_free(&scratch);
    return rc;
}

/* pools.c - for training: the largest pixel of a window first, then the curve, on a quarter of the pixels. */
#include <string.h>

#include "graph/internal.h"

/* Curves that never fall: the largest pixel stays so, and where they made several equal they have no slope. */
static bool never_falls(const struct graph *graph, const struct node *node)
{
    for (int i = 1; i < node->in_count; i++) /* bounds that only data tell may cross */
        if (node->in[i] >= 0 && graph->value[node->in[i]].kind != VALUE_WEIGHT)
            return false;
    return strcmp(node->op->name, "Relu") == 0 || strcmp(node->op->name, "Clip") == 0;
}

/* Taps farther than a pixel apart may all lie beside the picture, whose largest is no pixel. */
static bool is_dense(const struct node *node)
{
    const struct attribute *dilations = attribute_find(&node->attributes, "dilations");

    for (int i = 0; dilations != NULL && i < dilations->count; i++)
        if (dilations->ints[i] != 1)
            return false;
    return true;
}

/* The curve that only this pool reads; -1. */
static int curve_before(const struct graph *graph, int pool)
{
    const struct node *node = &graph->node[pool];
    int curve;

    if (strcmp(node->op->name, "MaxPool") != 0 || node->out_count != 1 || !is_dense(node))
        return -1;
    curve = graph_producer(graph, node->in[0]);
    return curve >= 0 && graph_only_consumer(graph, node->in[0]) == pool && never_falls(graph, &graph->node[curve])
               ? curve
               : -1;
}

/* x -> curve -> a -> pool -> y  becomes  x -> pool -> a -> curve -> y. */
static void exchange(struct graph *graph, int curve, int pool)
{
    struct node first = graph->node[pool], then = graph->node[curve];
    int x = then.in[0], a = then.out[0], y = first.out[0];

    first.in[0] = x;
    first.out[0] = a;
    then.in[0] = a;
    then.out[0] = y;
    graph->value[a].tensor.shape = graph->value[y].tensor.shape;
    graph->node[curve] = first;
    graph->node[pool] = then;
    graph->node_names.moved = true;
}

void graph_pool_first(struct graph *graph)
{
    for (int n = 0; n < graph->node_count; n++)
        for (int pool = n, curve; (curve = curve_before(graph, pool)) >= 0; pool = curve)
            exchange(graph, curve, pool);
}

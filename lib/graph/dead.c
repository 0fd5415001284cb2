/* dead.c - away with what no output needs. */
#include "graph/internal.h"

/* Which nodes lead to an output, and which values those nodes and the outputs touch. */
static void mark_needed(const struct graph *graph, bool *node_needed, bool *value_needed)
{
    for (int i = 0; i < graph->input_count; i++)
        value_needed[graph->input[i]] = true;
    for (int i = 0; i < graph->output_count; i++)
        value_needed[graph->output[i]] = true;
    for (int n = graph->node_count - 1; n >= 0; n--) {
        const struct node *node = &graph->node[n];

        for (int i = 0; i < node->out_count; i++)
            node_needed[n] = node_needed[n] || value_needed[node->out[i]];
        if (!node_needed[n])
            continue;
        for (int i = 0; i < node->out_count; i++)
            value_needed[node->out[i]] = true;
        for (int i = 0; i < node->in_count; i++)
            if (node->in[i] >= 0)
                value_needed[node->in[i]] = true;
    }
}

static void renumber(int *list, int count, const int *new_index)
{
    for (int i = 0; i < count; i++)
        if (list[i] >= 0)
            list[i] = new_index[list[i]];
}

static void keep_needed(struct graph *graph, const bool *node_needed, const bool *value_needed, int *new_index)
{
    int values = 0, nodes = 0;

    for (int i = 0; i < graph->value_count; i++) {
        if (!value_needed[i])
            continue;
        new_index[i] = values;
        graph->value[values++] = graph->value[i];
    }
    for (int i = 0; i < graph->node_count; i++) {
        if (!node_needed[i])
            continue;
        renumber(graph->node[i].in, graph->node[i].in_count, new_index);
        renumber(graph->node[i].out, graph->node[i].out_count, new_index);
        graph->node[nodes++] = graph->node[i];
    }
    graph->value_count = values;
    graph->node_count = nodes;
    renumber(graph->input, graph->input_count, new_index);
    renumber(graph->output, graph->output_count, new_index);
}

int graph_remove_dead(struct graph *graph, struct error *err)
{
    struct arena arena = { 0 };
    bool *node_needed = arena_array(&arena, (size_t)graph->node_count + 1, sizeof(bool));
    bool *value_needed = arena_array(&arena, (size_t)graph->value_count + 1, sizeof(bool));
    int *new_index = arena_array(&arena, (size_t)graph->value_count + 1, sizeof(int));
    int rc = 0;

    if (node_needed == NULL || value_needed == NULL || new_index == NULL) {
        rc = error_memory(err);
    } else {
        mark_needed(graph, node_needed, value_needed);
        keep_needed(graph, node_needed, value_needed, new_index);
    }
    arena_free(&arena);
    return rc;
}

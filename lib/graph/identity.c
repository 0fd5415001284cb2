/* identity.c - nodes that hand on what they read as it is go; the graph's outputs keep their names. */
#include "graph/internal.h"

#include <string.h>

struct passing {
    struct graph *graph;
    struct uses uses;
    int *instead; /* value to read, by value */
    bool *gone;   /* by node */
};

/* What takes the value's place may later have made way for an output's name. */
static int resolve(const struct passing *p, int value)
{
    while (value >= 0 && p->instead[value] != value)
        value = p->instead[value];
    return value;
}

static bool hands_on(const struct passing *p, const struct node *node, unsigned flags)
{
    const struct value *value = p->graph->value;

    if ((strcmp(node->op->name, "Identity") != 0 && !(node->op->flags & flags)) || node->in[0] < 0)
        return false;
    for (int i = 1; i < node->out_count; i++)
        if (p->uses.count[node->out[i]] > 0)
            return false;
    return quant_equal(value[node->out[0]].tensor.quant, value[node->in[0]].tensor.quant);
}

/* Its readers read what it reads; or, where it gives an output of the graph, what it reads gets its name. */
static bool pass_by(struct passing *p, const struct node *node)
{
    const int from = node->out[0], to = node->in[0], maker = p->uses.maker[to];
    struct node *before = maker < 0 ? NULL : &p->graph->node[maker];

    if (!p->uses.output[from]) {
        p->instead[from] = to;
        return true;
    }
    if (before == NULL || p->uses.output[to])
        return false;
    for (int i = 0; i < before->out_count; i++)
        if (before->out[i] == to)
            before->out[i] = from;
    p->uses.maker[from] = maker;
    p->instead[to] = from;
    return true;
}

static void pass_all(struct passing *p, unsigned flags)
{
    struct graph *graph = p->graph;
    int kept = 0;

    for (int v = 0; v < graph->value_count; v++)
        p->instead[v] = v;
    for (int n = 0; n < graph->node_count; n++) {
        struct node *node = &graph->node[n];

        for (int i = 0; i < node->in_count; i++)
            node->in[i] = resolve(p, node->in[i]);
        p->gone[n] = hands_on(p, node, flags) && pass_by(p, node);
    }
    for (int n = 0; n < graph->node_count; n++) {
        struct node *node = &graph->node[n];

        for (int i = 0; i < node->in_count; i++)
            node->in[i] = resolve(p, node->in[i]);
        if (!p->gone[n])
            graph->node[kept++] = *node;
    }
    graph->node_count = kept;
}

int graph_remove_identities(struct graph *graph, unsigned flags, struct error *err)
{
    struct arena scratch = { 0 };
    struct passing p = { .graph = graph,
                         .instead = arena_array(&scratch, (size_t)graph->value_count + 1, sizeof(int)),
                         .gone = arena_array(&scratch, (size_t)graph->node_count + 1, sizeof(bool)) };
    int rc = p.instead == NULL || p.gone == NULL ? error_memory(err) : uses_find(&p.uses, graph, 0, &scratch, err);

    if (rc == 0)
        pass_all(&p, flags);
    arena_free(&scratch);
    return rc;
}

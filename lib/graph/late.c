/*
 * late.c - nodes whose sizes follow from data (NonZero, a Reshape to a computed
 * shape, and all that reads them). They run one by one when the others are
 * done; what they gave lives until the next run.
 */
#include "graph/exec_internal.h"

static bool is_late(const struct node *node, const struct tensor *tensor)
{
    for (int i = 0; i < node->out_count; i++)
        if (tensor[node->out[i]].shape.rank == SHAPE_UNKNOWN)
            return true;
    return false;
}

/* Late nodes to a list of their own. */
static int take_late(struct exec *exec, const struct tensor *tensor, struct error *err)
{
    struct graph *graph = &exec->graph;
    int kept = 0;

    exec->late = arena_array(&exec->arena, (size_t)graph->node_count + 1, sizeof(*exec->late));
    if (exec->late == NULL)
        return error_memory(err);
    for (int n = 0; n < graph->node_count; n++) {
        if (is_late(&graph->node[n], tensor))
            exec->late[exec->late_count++] = graph->node[n];
        else
            graph->node[kept++] = graph->node[n];
    }
    graph->node_count = kept;
    return 0;
}

/* What is sized before the run and read after it must live to its end: an output. */
static int keep_read(struct exec *exec, const struct tensor *tensor, struct arena *scratch, struct error *err)
{
    struct graph *graph = &exec->graph;
    bool *wanted = arena_array(scratch, (size_t)graph->value_count + 1, sizeof(bool));
    int count = 0, *kept = arena_array(&exec->arena, (size_t)graph->value_count + 1, sizeof(int));

    if (wanted == NULL || kept == NULL)
        return error_memory(err);
    for (int i = 0; i < graph->output_count; i++)
        wanted[graph->output[i]] = true;
    for (int n = 0; n < exec->late_count; n++)
        for (int i = 0; i < exec->late[n].in_count; i++)
            if (exec->late[n].in[i] >= 0)
                wanted[exec->late[n].in[i]] = true;
    for (int v = 0; v < graph->value_count; v++)
        if (wanted[v] && tensor[v].shape.rank != SHAPE_UNKNOWN)
            kept[count++] = v;
    graph->output = kept;
    graph->output_count = count;
    return 0;
}

static int split_shaped(struct exec *exec, const struct tensor *tensor, struct arena *scratch, struct error *err)
{
    int late = -1;

    for (int n = exec->graph.node_count - 1; n >= 0; n--)
        late = is_late(&exec->graph.node[n], tensor) ? n : late;
    if (late < 0)
        return 0;
    if (exec->mode != EXEC_INFER)
        return error_set(err, ERROR_INPUT, "node '%s' (%s): its size is known only when it runs",
                         exec->graph.node[late].name, exec->graph.node[late].op->name);
    return take_late(exec, tensor, err) < 0 ? -1 : keep_read(exec, tensor, scratch, err);
}

int late_split(struct exec *exec, int64_t batch, struct error *err)
{
    struct arena scratch = { 0 };
    const struct shaping how = { .batch = batch, .known_bytes = KNOWN_BYTES, .arena = &scratch };
    struct tensor *tensor = arena_array(&scratch, (size_t)exec->graph.value_count + 1, sizeof(*tensor));
    int rc = tensor == NULL ? error_memory(err) : graph_shape_values(&exec->graph, &how, tensor, err);

    exec->result = exec->graph.output;
    exec->result_count = exec->graph.output_count;
    if (rc == 0)
        rc = split_shaped(exec, tensor, &scratch, err);
    arena_free(&scratch);
    return rc;
}

int late_step(struct exec *exec, int n, struct error *err)
{
    if (n == 0)
        arena_free(&exec->late_arena);
    exec->run.node = (uint64_t)exec->graph.node_count + (uint64_t)n;
    return node_evaluate(&exec->late[n], exec->tensor, &exec->run, &exec->late_arena, err);
}

int late_run(struct exec *exec, struct error *err)
{
    for (int n = 0; n < exec->late_count; n++)
        if (late_step(exec, n, err) < 0)
            return -1;
    return 0;
}

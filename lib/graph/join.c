/* join.c - Concat without copies: what its inputs are computed in is its output's memory, one behind another. */
#include "graph/exec_internal.h"

/* Values that a step of its own writes: they may lie anywhere. */
static bool *find_written(struct exec *exec)
{
    bool *written = arena_array(&exec->arena, (size_t)exec->graph.value_count + 1, sizeof(bool));

    for (int n = 0; written != NULL && n < exec->graph.node_count; n++)
        if (step_runs(&exec->step[n]))
            written[exec->step[n].result] = true;
    return written;
}

/* Gives the inputs of node n places in its output. False: one has another place, or would not be aligned. */
static bool assign(struct exec *exec, const struct node *node, const bool *written)
{
    size_t at = 0;

    for (int i = 0; i < node->in_count; i++) {
        int v = node->in[i];

        if (v < 0 || !written[v] || exec->part_of[v] >= 0 || at % PLAN_ALIGNMENT != 0)
            return false;
        exec->part_of[v] = node->out[0];
        exec->part_at[v] = at;
        at += tensor_bytes(&exec->tensor[v]);
    }
    return at == tensor_bytes(&exec->tensor[node->out[0]]);
}

static void take_back(struct exec *exec, const struct node *node)
{
    for (int i = 0; i < node->in_count; i++)
        if (node->in[i] >= 0 && exec->part_of[node->in[i]] == node->out[0])
            exec->part_of[node->in[i]] = -1;
}

int join_parts(struct exec *exec, struct error *err)
{
    bool *written = find_written(exec);

    if (written == NULL)
        return error_memory(err);
    for (int n = 0; n < exec->graph.node_count; n++) {
        const struct node *node = &exec->graph.node[n];
        struct step *step = &exec->step[n];

        /* a place within a place is not looked for */
        if (exec->mode != EXEC_INFER || node->op->joins == NULL || !step_runs(step) ||
            exec->part_of[node->out[0]] >= 0 || !node->op->joins(&step->io))
            continue;
        step->joined = assign(exec, node, written);
        if (step->joined)
            written[node->out[0]] = false; /* by its parts' steps */
        else
            take_back(exec, node);
    }
    return 0;
}

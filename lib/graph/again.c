/* again.c - what is not kept for the way back, but computed again: which nodes, and when. */
#include <stdint.h>

#include "graph/exec_internal.h"

/* ---- when ---- */

/* Its maker must run again, unless it did. */
static bool want(const struct exec *exec, bool *wanted, int value)
{
    int made = value < 0 ? -1 : exec->made[value];

    if (made < 0 || !exec->step[made].forgets || exec->step[made].again >= 0)
        return false;
    wanted[made] = true;
    return true;
}

static bool want_for_backward(const struct exec *exec, bool *wanted, int n)
{
    const struct node *node = &exec->graph.node[n];
    bool some = false;

    for (int i = 0; i < node->in_count && (node->op->flags & OP_BACKWARD_IN); i++)
        some |= want(exec, wanted, node->in[i]);
    for (int i = 0; i < node->out_count && (node->op->flags & OP_BACKWARD_OUT); i++)
        some |= want(exec, wanted, node->out[i]);
    return some;
}

/* What backward of node n reads, and what that is made of, in order. */
static void replay(struct exec *exec, bool *wanted, int n, int *time)
{
    for (int m = n; m >= 0; m--)
        for (int i = 0; i < exec->graph.node[m].in_count && wanted[m]; i++)
            want(exec, wanted, exec->graph.node[m].in[i]);
    for (int m = 0; m <= n; m++) {
        if (!wanted[m])
            continue;
        wanted[m] = false;
        exec->step[m].again = ++*time;
        exec->replay[exec->replay_count++] = m;
    }
}

void again_schedule(struct exec *exec)
{
    int nodes = exec->graph.node_count, time = nodes;

    exec->replay_count = 0;
    for (int n = 0; n < nodes; n++)
        exec->step[n].again = -1;
    for (int n = nodes - 1; n >= 0; n--) {
        if (exec->step[n].trains && want_for_backward(exec, exec->wanted, n))
            replay(exec, exec->wanted, n, &time);
        exec->step[n].back = ++time;
    }
    exec->time_end = time + 1;
}

/* ---- which ---- */

/* Values that stay: what the caller reads, what is no real number, and what has their memory. */
static void pin(struct exec *exec)
{
    for (int v = 0; v < exec->graph.value_count; v++)
        exec->pinned[v] = exec->tensor[v].dtype != DTYPE_F32 || exec->made[v] < 0;
    for (int i = 0; i < exec->graph.output_count; i++)
        exec->pinned[exec->graph.output[i]] = true;
    for (int n = exec->graph.node_count - 1; n >= 0; n--)
        if (exec->step[n].view && exec->pinned[exec->graph.node[n].out[0]])
            exec->pinned[exec->graph.node[n].in[0]] = true;
}

/* Its weights are as they were until its own backward is done. */
static bool may_forget(const struct exec *exec, int n)
{
    const struct node *node = &exec->graph.node[n];

    for (int i = 0; i < node->out_count; i++)
        if (exec->pinned[node->out[i]])
            return false;
    return exec->step[n].trains && !exec->step[n].view && !exec->step[n].forgets;
}

static void forget(struct exec *exec, int n, bool forgets)
{
    const struct graph *graph = &exec->graph;

    exec->step[n].forgets = forgets;
    for (int m = n + 1; m < graph->node_count; m++) { /* a view has its input's memory, and its fate */
        int made = exec->step[m].view && graph->node[m].in[0] >= 0 ? exec->made[graph->node[m].in[0]] : -1;

        if (made >= 0)
            exec->step[m].forgets = exec->step[made].forgets;
    }
}

/* What backward reads. */
static void mark_kept(struct exec *exec)
{
    for (int n = 0; n < exec->graph.node_count; n++) {
        const struct node *node = &exec->graph.node[n];
        bool trains = exec->step[n].trains;

        for (int i = 0; i < node->in_count && trains && (node->op->flags & OP_BACKWARD_IN); i++)
            if (node->in[i] >= 0)
                exec->kept[node->in[i]] = true;
        for (int i = 0; i < node->out_count && trains && (node->op->flags & OP_BACKWARD_OUT); i++)
            exec->kept[node->out[i]] = true;
    }
}

/* Elementwise, and from what is there on the way back anyway. */
static bool costs_little(const struct exec *exec, int n)
{
    const struct node *node = &exec->graph.node[n];

    if (!(node->op->flags & OP_IN_PLACE) || !may_forget(exec, n))
        return false;
    for (int i = 0; i < node->in_count; i++) {
        int v = node->in[i], made = v < 0 ? -1 : exec->made[v];

        if (made >= 0 && !exec->kept[v] && !exec->step[made].forgets)
            return false;
    }
    return true;
}

int again_init(struct exec *exec, struct error *err)
{
    size_t values = (size_t)exec->graph.value_count + 1, nodes = (size_t)exec->graph.node_count + 1;

    exec->replay = arena_array(&exec->arena, nodes, sizeof(int));
    exec->wanted = arena_array(&exec->arena, nodes, sizeof(bool));
    exec->tried = arena_array(&exec->arena, nodes, sizeof(bool));
    exec->pinned = arena_array(&exec->arena, values, sizeof(bool));
    exec->kept = arena_array(&exec->arena, values, sizeof(bool));
    exec->alive = arena_array(&exec->arena, 3 * nodes + 2, sizeof(int64_t));
    if (exec->replay == NULL || exec->wanted == NULL || exec->tried == NULL || exec->pinned == NULL ||
        exec->kept == NULL || exec->alive == NULL)
        return error_memory(err);
    return 0;
}

void again_forget_cheap(struct exec *exec)
{
    if (exec->mode != EXEC_TRAIN)
        return;
    pin(exec);
    mark_kept(exec);
    for (int n = 0; n < exec->graph.node_count; n++)
        if (costs_little(exec, n))
            forget(exec, n, true);
}

/* ---- under a limit ---- */

static size_t peak(struct exec *exec)
{
    place_values(exec);
    return plan_peak(&exec->plan, exec->alive, exec->time_end);
}

static bool lives_on(const struct exec *exec, int n)
{
    const struct node *node = &exec->graph.node[n];

    for (int i = 0; i < node->out_count; i++)
        if (exec->last_read[node->out[i]] > exec->graph.node_count)
            return true;
    return false;
}

/* Multiply-adds, and bytes moved, as so many. */
static double cost_of(const struct exec *exec, int n)
{
    struct op_cost cost;

    op_cost_of(exec->graph.node[n].op, &exec->step[n].io, &cost);
    return cost.macs + 2 * (cost.read_bytes + cost.write_bytes) + 1;
}

/* The node to forget next; -1: none is left. One that takes nothing from the peak may still clear the way for others. */
static int best_to_forget(struct exec *exec, size_t now)
{
    double best = 0;
    int found = -1;

    for (int n = 0; n < exec->graph.node_count; n++)
        exec->tried[n] = may_forget(exec, n) && lives_on(exec, n);
    for (int n = 0; n < exec->graph.node_count; n++) {
        if (!exec->tried[n])
            continue;
        forget(exec, n, true);
        double gain = ((double)now - (double)peak(exec)) / cost_of(exec, n);
        forget(exec, n, false);
        if (found < 0 || gain > best) {
            best = gain;
            found = n;
        }
    }
    return found;
}

int again_fit(struct exec *exec, const struct exec_training *how, struct error *err)
{
    size_t least = SIZE_MAX;

    for (;;) {
        size_t now = peak(exec);
        int n = -1;

        plan_layout(&exec->plan);
        least = exec->plan.bytes < least ? exec->plan.bytes : least;
        if (how->memory_bytes == 0 || exec->plan.bytes + how->beside_bytes <= how->memory_bytes)
            return 0;
        if (exec->mode == EXEC_TRAIN)
            n = best_to_forget(exec, now);
        if (n < 0)
            return error_set(err, ERROR_LIMIT, "a step of training needs %zu bytes at least, the limit is %zu",
                             least + how->beside_bytes, how->memory_bytes);
        forget(exec, n, true);
    }
}

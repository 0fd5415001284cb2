/* again.c - what is not kept for the way back, but computed again: which nodes, and when. */
#include <stdint.h>
#include <string.h>

#include "graph/exec_internal.h"

/* ---- room ---- */

enum { TIMES = 3 }; /* that a node is computed again, at most on the average */

static size_t count_outputs(const struct exec *exec)
{
    size_t count = 0;

    for (int n = 0; n < exec->graph.node_count; n++)
        count += (size_t)exec->graph.node[n].out_count;
    return count;
}

size_t again_spans(const struct exec *exec)
{
    return exec->mode == EXEC_TRAIN ? TIMES * (count_outputs(exec) + 2 * (size_t)exec->graph.node_count) : 0;
}

/* place_init() found that the sum of these is an int. */
static int init_replays(struct exec *exec, struct error *err)
{
    const int times = exec->mode == EXEC_TRAIN ? TIMES : 0;

    exec->output_count = (int)count_outputs(exec);
    exec->replay_room = times * exec->graph.node_count;
    exec->output_room = times * exec->output_count;
    exec->replay = arena_array(&exec->arena, (size_t)exec->replay_room + 1, sizeof(*exec->replay));
    exec->replay_output = arena_array(&exec->arena, (size_t)exec->output_room + 1, 2 * sizeof(int));
    return exec->replay == NULL || exec->replay_output == NULL ? error_memory(err) : 0;
}

int again_init(struct exec *exec, struct error *err)
{
    size_t values = (size_t)exec->graph.value_count + 1, nodes = (size_t)exec->graph.node_count + 1;

    exec->wanted = arena_array(&exec->arena, nodes, sizeof(bool));
    exec->tried = arena_array(&exec->arena, nodes, sizeof(bool));
    exec->drops = arena_array(&exec->arena, nodes, sizeof(bool));
    exec->read_by_held = arena_array(&exec->arena, values, sizeof(bool));
    exec->pinned = arena_array(&exec->arena, values, sizeof(bool));
    exec->kept = arena_array(&exec->arena, values, sizeof(bool));
    exec->open = arena_array(&exec->arena, nodes, sizeof(bool));
    exec->gain = arena_array(&exec->arena, nodes, sizeof(double));
    exec->alive = arena_array(&exec->arena, (3 + TIMES) * nodes + 2, sizeof(int64_t));
    if (exec->wanted == NULL || exec->tried == NULL || exec->drops == NULL || exec->read_by_held == NULL ||
        exec->pinned == NULL || exec->kept == NULL || exec->open == NULL || exec->gain == NULL || exec->alive == NULL)
        return error_memory(err);
    return init_replays(exec, err);
}

/* ---- when ---- */

/* What backward of a node reads: as many as it has inputs and outputs; -1: not this one. */
static int backward_read(const struct node *node, int i)
{
    if (i < node->in_count)
        return node->op->flags & OP_BACKWARD_IN ? node->in[i] : -1;
    return node->op->flags & OP_BACKWARD_OUT ? node->out[i - node->in_count] : -1;
}

static int backward_reads(const struct exec *exec, int n)
{
    return exec->step[n].trains ? exec->graph.node[n].in_count + exec->graph.node[n].out_count : 0;
}

/* Its maker must run again, unless that is held. True when that is new. */
static bool want(const struct exec *exec, bool *wanted, int value)
{
    int made = value < 0 ? -1 : exec->made[value];

    if (made < 0 || exec->step[made].keeping == KEPT || exec->step[made].again >= 0 || wanted[made])
        return false;
    wanted[made] = true;
    return true;
}

/* Times only rise. */
static void read_now(struct exec *exec, int value, int time)
{
    int made = value < 0 ? -1 : exec->made[value], again = made < 0 ? -1 : exec->step[made].again;

    if (value < 0)
        return;
    if (again < 0)
        exec->last_read[value] = time;
    for (int i = 0; again >= 0 && i < exec->graph.node[made].out_count; i++)
        if (exec->graph.node[made].out[i] == value)
            exec->replay[again].read[i] = time;
}

static void add_replay(struct exec *exec, int n, int time)
{
    const struct node *node = &exec->graph.node[n];
    struct replay *replay = &exec->replay[exec->replay_count];

    replay->node = n;
    replay->time = time;
    replay->read = exec->replay_output + 2 * (size_t)exec->replay_outputs;
    replay->span = replay->read + node->out_count;
    exec->replay_outputs += node->out_count;
    for (int i = 0; i < node->out_count; i++)
        replay->read[i] = time;
    for (int i = 0; i < node->in_count; i++)
        read_now(exec, node->in[i], time);
    exec->step[n].again = exec->step[n].last_replay = exec->replay_count++;
}

/* What backward of node n reads, `open` nodes, and what those are made of, in order. */
static void replay(struct exec *exec, bool *wanted, int n, int open, int *time)
{
    int first = n + 1;

    while (open > 0) {
        const struct node *node = &exec->graph.node[--first];

        open -= wanted[first];
        for (int i = 0; i < node->in_count && wanted[first]; i++)
            open += want(exec, wanted, node->in[i]);
    }
    for (int m = first; m <= n; m++) {
        if (wanted[m])
            add_replay(exec, m, ++*time);
        wanted[m] = false;
    }
}

/* Backward of node n is done: what was computed again for others that were is held no more, where it is brief. */
static void drop(struct exec *exec, int first, int n)
{
    for (int k = first; k < exec->replay_count; k++) {
        const struct replay *replay = &exec->replay[k];
        bool direct = false;

        for (int i = 0; i < exec->graph.node[replay->node].out_count; i++)
            direct = direct || replay->read[i] == exec->step[n].back_last;
        if (exec->drops[replay->node] && !direct)
            exec->step[replay->node].again = -1;
    }
}

/* What is elementwise and for brief nodes alone would else be held until those run again. */
static void mark_drops(struct exec *exec)
{
    bool *held = exec->read_by_held;

    memset(held, 0, (size_t)exec->graph.value_count * sizeof(*held));
    for (int n = exec->graph.node_count - 1; n >= 0; n--) {
        const struct node *node = &exec->graph.node[n];
        bool drops = exec->step[n].keeping == BRIEF;

        if (exec->step[n].keeping == FORGOTTEN && (exec->step[n].view || (node->op->flags & OP_IN_PLACE)))
            drops = !held[node->out[0]];
        for (int i = 0; i < node->in_count && !drops; i++)
            if (node->in[i] >= 0)
                held[node->in[i]] = true;
        exec->drops[n] = drops;
    }
}

/* Each node. */
static bool may_run_once_more(const struct exec *exec)
{
    return exec->replay_count + exec->graph.node_count <= exec->replay_room &&
           exec->replay_outputs + exec->output_count <= exec->output_room;
}

void again_schedule(struct exec *exec)
{
    int nodes = exec->graph.node_count, time = nodes;

    mark_drops(exec);
    exec->replay_count = exec->replay_outputs = 0;
    for (int n = 0; n < nodes; n++)
        exec->step[n].again = exec->step[n].last_replay = -1;
    for (int n = nodes - 1; n >= 0; n--) {
        const struct node *node = &exec->graph.node[n];
        const int first = exec->replay_count, reads = backward_reads(exec, n);
        int open = 0;

        for (int i = 0; i < reads; i++)
            open += want(exec, exec->wanted, backward_read(node, i));
        replay(exec, exec->wanted, n, open, &time);
        exec->step[n].back = ++time;
        exec->step[n].back_last = time += exec->step[n].apart;
        for (int i = 0; i < reads; i++)
            read_now(exec, backward_read(node, i), time);
        if (may_run_once_more(exec))
            drop(exec, first, n);
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

bool again_may_forget(const struct exec *exec, int n)
{
    const struct node *node = &exec->graph.node[n];

    for (int i = 0; i < node->out_count; i++)
        if (exec->pinned[node->out[i]])
            return false;
    return exec->step[n].trains && !exec->step[n].view && exec->step[n].keeping == KEPT;
}

void again_keep(struct exec *exec, int n, enum keeping keeping)
{
    const struct graph *graph = &exec->graph;

    exec->step[n].keeping = keeping;
    for (int m = n + 1; m < graph->node_count; m++) { /* a view has its input's memory, and its fate */
        int made = exec->step[m].view && graph->node[m].in[0] >= 0 ? exec->made[graph->node[m].in[0]] : -1;

        if (made >= 0)
            exec->step[m].keeping = exec->step[made].keeping;
    }
}

/* What backward reads. */
static void mark_kept(struct exec *exec)
{
    for (int n = 0; n < exec->graph.node_count; n++) {
        for (int i = 0; i < backward_reads(exec, n); i++) {
            const int v = backward_read(&exec->graph.node[n], i);

            if (v >= 0)
                exec->kept[v] = true;
        }
    }
}

/* Elementwise, and from what is there on the way back anyway. */
static bool costs_little(const struct exec *exec, int n)
{
    const struct node *node = &exec->graph.node[n];

    if (!(node->op->flags & OP_IN_PLACE) || !again_may_forget(exec, n))
        return false;
    for (int i = 0; i < node->in_count; i++) {
        int v = node->in[i], made = v < 0 ? -1 : exec->made[v];

        if (made >= 0 && !exec->kept[v] && exec->step[made].keeping == KEPT)
            return false;
    }
    return true;
}

void again_forget_cheap(struct exec *exec)
{
    if (exec->mode != EXEC_TRAIN)
        return;
    pin(exec);
    mark_kept(exec);
    for (int n = 0; n < exec->graph.node_count; n++)
        if (costs_little(exec, n))
            again_keep(exec, n, FORGOTTEN);
}

/* profile.c - see profile.h. */
#include "graph/profile.h"

#include <string.h>

#include "base/clock.h"
#include "graph/exec_internal.h"

/* ---- what runs ---- */

/* The absorbed node that reads this value; -1. */
static int absorbed_reader(const struct exec *exec, int value, int after)
{
    for (int n = after + 1; n < exec->graph.node_count; n++)
        for (int i = 0; exec->step[n].absorbed && i < exec->graph.node[n].in_count; i++)
            if (exec->graph.node[n].in[i] == value)
                return n;
    return -1;
}

/* From the node's own value to the step's result, one absorbed node after the other. */
static int list_absorbed(const struct exec *exec, int n, const char **does)
{
    int value = exec->graph.node[n].out[0], count = 0;

    for (int at = n; value != exec->step[n].result; value = exec->graph.node[at].out[0]) {
        at = absorbed_reader(exec, value, at);
        if (at < 0)
            break;
        if (does != NULL)
            does[count] = exec->graph.node[at].name;
        count++;
    }
    return count;
}

/* Values in blocks of channels: what the pass for them makes (blocks.c), and what is computed from those as they lie. */
static void mark_blocks(const struct exec *exec, bool *blocks)
{
    for (int n = 0; n < exec->graph.node_count; n++) {
        const struct node *node = &exec->graph.node[n];
        bool in_blocks = strncmp(node->op->name, "Blocked", 7) == 0 || strcmp(node->op->name, "ToBlocks") == 0;

        for (int i = 0; i < node->in_count; i++)
            in_blocks = in_blocks || (node->in[i] >= 0 && blocks[node->in[i]]);
        for (int i = 0; i < node->out_count; i++)
            blocks[node->out[i]] = in_blocks && exec->tensor[node->out[i]].shape.rank == 5;
    }
}

static const char *layout_of(const struct tensor *out, bool blocks)
{
    if (!blocks)
        return "plain";
    switch (out->shape.dim[4]) {
    case 4: return "c4";
    case 8: return "c8";
    case 16: return "c16";
    default: return "blocks";
    }
}

/* Its way made a difference. */
static bool goes_as_asked(const struct step *step, const char *kernel)
{
    return step->usual != NULL && strcmp(kernel, step->usual) != 0;
}

static int describe(const struct exec *exec, int n, const bool *blocks, struct arena *arena, struct profile_step *step,
                    struct error *err)
{
    const struct node *node = &exec->graph.node[n];
    const struct op_io *io = &exec->step[n].io;
    const int does = list_absorbed(exec, n, NULL);
    const char **names = arena_array(arena, (size_t)does + 1, sizeof(*names));
    struct op_cost cost;

    if (names == NULL)
        return error_memory(err);
    list_absorbed(exec, n, names);
    op_cost_of(node->op, io, &cost);
    *step = (struct profile_step){ .name = node->name,
                                   .op = node->op->name,
                                   .kernel = node->op->kernel != NULL ? node->op->kernel(io) : NULL,
                                   .layout = layout_of(io->out[0], blocks[node->out[0]]),
                                   .macs = cost.macs * (double)exec->slices,
                                   .does = names,
                                   .does_count = does };
    step->real = cost.macs > 0 && io->in_count > 0 && io->in[0] != NULL && io->in[0]->dtype == DTYPE_F32;
    if (step->kernel == NULL)
        step->kernel = "-";
    step->way = goes_as_asked(&exec->step[n], step->kernel) ? node->way : OP_WAY_ANY;
    return 0;
}

int exec_steps(const struct exec *exec, struct arena *arena, struct profile_step **step, int *count, struct error *err)
{
    const size_t nodes = (size_t)exec->graph.node_count + (size_t)exec->late_count;
    struct profile_step *list = arena_array(arena, nodes + 1, sizeof(*list));
    bool *blocks = arena_array(arena, (size_t)exec->graph.value_count + 1, sizeof(*blocks));

    if (list == NULL || blocks == NULL)
        return error_memory(err);
    mark_blocks(exec, blocks);
    *count = 0;
    for (int n = 0; n < exec->graph.node_count; n++)
        if (step_runs(&exec->step[n]) && describe(exec, n, blocks, arena, &list[(*count)++], err) < 0)
            return -1;
    for (int n = 0; n < exec->late_count; n++)
        list[(*count)++] = (struct profile_step){
            .name = exec->late[n].name, .op = exec->late[n].op->name, .kernel = "-", .layout = "plain"
        };
    *step = list;
    return 0;
}

/* ---- how long ---- */

int exec_run_timed(struct exec *exec, double *seconds, struct error *err)
{
    double before, now;
    int at = 0;

    for (int64_t slice = 0; slice < exec->slices; slice++) {
        slices_enter(exec, slice);
        before = clock_seconds();
        at = 0;
        for (int n = 0; n < exec->graph.node_count; n++) {
            if (!step_runs(&exec->step[n]))
                continue;
            step_run(exec, n);
            now = clock_seconds();
            seconds[at] = now - before + (slice > 0 ? seconds[at] : 0);
            before = now;
            at++;
        }
        slices_leave(exec, slice);
    }
    before = clock_seconds();
    for (int n = 0; n < exec->late_count; n++, before = now) {
        if (late_step(exec, n, err) < 0)
            return -1;
        now = clock_seconds();
        seconds[at++] = now - before;
    }
    return 0;
}

/* ---- at best ---- */

enum { PEAK_ROUNDS = 100000, PEAK_TRIES = 20 };

static void chain(void *context, size_t index, int worker)
{
    const struct kern *kern = context;
    float sum[KERN_CHAINS] = { 0 };

    (void)index;
    (void)worker;
    kern->multiply_add_f32(sum, 0.5F, 1.0F, PEAK_ROUNDS);
}

double profile_peak(const struct kern *kern, struct pool *pool)
{
    const double all = (double)KERN_CHAINS * PEAK_ROUNDS * pool_threads(pool);
    struct kern copy = *kern;
    double best = 0;

    for (int i = 0; i < PEAK_TRIES; i++) {
        const double begin = clock_seconds();
        double rate;

        pool_run(pool, (size_t)pool_threads(pool), chain, &copy);
        rate = all / (clock_seconds() - begin);
        best = rate > best ? rate : best;
    }
    return best;
}

/*
 * lessen.c - less memory for more work: node by node, that is kept less which frees most for what it costs to compute
 * again (Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016, with the segments found by cost).
 */
#include <math.h>
#include <stdint.h>

#include "graph/exec_internal.h"

/*
 * What is computed again though nobody asked for less memory: of a step's work so much altogether, and each so that a
 * share of the work frees so many times that share of the memory.
 */
static const double cheap = 0.03, worth = 4;

/* What a choice takes: memory, and what is computed again. */
struct price {
    double strain, cost;
};

/* Multiply-adds, and bytes moved, as so many. */
static double cost_of(const struct exec *exec, int n)
{
    struct op_cost cost;

    op_cost_of(exec->graph.node[n].op, &exec->step[n].io, &cost);
    return cost.macs + 2 * (cost.read_bytes + cost.write_bytes) + 1;
}

/* Forward once, back twice. */
static double cost_of_step(const struct exec *exec)
{
    double cost = 0;

    for (int n = 0; n < exec->graph.node_count; n++)
        cost += cost_of(exec, n) * (exec->step[n].trains ? 3 : 1);
    return cost;
}

static struct price price_of(struct exec *exec)
{
    struct price price = { 0 };

    place_values(exec);
    price.strain = plan_strain(&exec->plan, exec->alive, exec->time_end);
    for (int k = 0; k < exec->replay_count; k++)
        price.cost += cost_of(exec, exec->replay[k].node);
    return price;
}

static bool lives_on(const struct exec *exec, int n)
{
    const struct node *node = &exec->graph.node[n];

    for (int i = 0; i < node->out_count; i++)
        if (exec->last_read[node->out[i]] > exec->graph.node_count)
            return true;
    return false;
}

static bool may_be_less(const struct exec *exec, int n)
{
    if (exec->step[n].keeping == KEPT)
        return again_may_forget(exec, n) && lives_on(exec, n);
    return exec->step[n].keeping == FORGOTTEN && !exec->step[n].view && exec->step[n].last_replay >= 0;
}

/*
 * The node whose outputs shall be kept less: that which frees most for what it costs, which is `most` at most; -1: none
 * is left. For those who need it that may be one that frees nothing: it may still clear the way for others.
 */
static int best_to_lessen(struct exec *exec, double most, bool needed)
{
    const struct price now = price_of(exec);
    double best = needed ? -HUGE_VAL : worth * now.strain / cost_of_step(exec);
    int found = -1;

    for (int n = 0; n < exec->graph.node_count; n++)
        exec->tried[n] = may_be_less(exec, n);
    for (int n = 0; n < exec->graph.node_count; n++) {
        const enum keeping was = exec->step[n].keeping;

        if (!exec->tried[n])
            continue;
        again_keep(exec, n, was + 1);
        const struct price then = price_of(exec);
        const double gain = (now.strain - then.strain) / (then.cost - now.cost + 1);
        again_keep(exec, n, was);
        if (then.cost <= most && gain > best) {
            best = gain;
            found = n;
        }
    }
    return found;
}

static void lessen(struct exec *exec, int n)
{
    again_keep(exec, n, exec->step[n].keeping + 1);
}

/* What costs next to nothing. */
static void lessen_cheaply(struct exec *exec)
{
    const double most = price_of(exec).cost + cheap * cost_of_step(exec);

    for (int n = best_to_lessen(exec, most, false); n >= 0; n = best_to_lessen(exec, most, false))
        lessen(exec, n);
}

int lessen_to_fit(struct exec *exec, const struct exec_training *how, struct error *err)
{
    size_t least = SIZE_MAX;

    if (exec->mode == EXEC_TRAIN)
        lessen_cheaply(exec);
    for (;;) {
        int n = -1;

        place_values(exec);
        plan_layout(&exec->plan);
        least = exec->plan.bytes < least ? exec->plan.bytes : least;
        if (how->memory_bytes == 0 || exec->plan.bytes + how->beside_bytes <= how->memory_bytes)
            return 0;
        if (exec->mode == EXEC_TRAIN)
            n = best_to_lessen(exec, HUGE_VAL, true);
        if (n < 0)
            return error_set(err, ERROR_LIMIT, "a step of training needs %zu bytes at least, the limit is %zu",
                             least + how->beside_bytes, how->memory_bytes);
        lessen(exec, n);
    }
}

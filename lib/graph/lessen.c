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

/* Of what a node promised to gain: one that holds as much is taken at once. */
static const double held = 0.95;

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

    exec->pricing += exec->graph.node_count + exec->graph.value_count;
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

/* Nothing was tried yet: every node promises most. */
static void forget_gains(struct exec *exec)
{
    for (int n = 0; n < exec->graph.node_count; n++)
        exec->gain[n] = HUGE_VAL;
}

/* What is freed for what it costs, were this node kept less; nothing where it costs too much. */
static void try_to_lessen(struct exec *exec, int n, const struct price *now, double most)
{
    const enum keeping was = exec->step[n].keeping;

    again_keep(exec, n, was + 1);
    const struct price then = price_of(exec);
    again_keep(exec, n, was);
    exec->gain[n] = then.cost > most ? -HUGE_VAL : (now->strain - then.strain) / (then.cost - now->cost + 1);
    exec->tried[n] = true;
}

static int most_promising(const struct exec *exec, double least)
{
    int found = -1;

    for (int n = 0; n < exec->graph.node_count; n++)
        if (exec->open[n] && exec->gain[n] > (found < 0 ? least : exec->gain[found]))
            found = n;
    return found;
}

/*
 * The node whose outputs shall be kept less: that which frees most for what it costs, which is `most` at most; -1: none
 * is left. For those who need it that may be one that frees nothing: it may still clear the way for others.
 *
 * Nodes are believed what they gained when they were tried last; the most promising is tried again, and taken when it
 * holds what it promised or is the best even so (Minoux, "Accelerated greedy algorithms", 1978). To try each for every
 * choice is cubic in the nodes: who needs it does so while that is no great work.
 */
static int best_to_lessen(struct exec *exec, double most, bool needed)
{
    const struct price now = price_of(exec);
    const double least = needed ? -HUGE_VAL : worth * now.strain / cost_of_step(exec);

    if (needed && exec->pricing < LESSEN_WORK)
        forget_gains(exec);
    for (int n = 0; n < exec->graph.node_count; n++) {
        exec->open[n] = may_be_less(exec, n);
        exec->tried[n] = false;
    }
    while (needed || exec->pricing < LESSEN_WORK) {
        const int n = most_promising(exec, least);

        if (n < 0 || exec->tried[n])
            return n;
        const double promised = exec->gain[n];
        try_to_lessen(exec, n, &now, most);
        if (exec->gain[n] > least && exec->gain[n] > held * promised)
            return n;
    }
    return -1;
}

static void lessen(struct exec *exec, int n)
{
    again_keep(exec, n, exec->step[n].keeping + 1);
    exec->gain[n] = HUGE_VAL;
}

/* What costs next to nothing. */
static void lessen_cheaply(struct exec *exec)
{
    const double most = price_of(exec).cost + cheap * cost_of_step(exec);

    forget_gains(exec);
    for (int n = best_to_lessen(exec, most, false); n >= 0; n = best_to_lessen(exec, most, false))
        lessen(exec, n);
}

int lessen_to_fit(struct exec *exec, const struct exec_training *how, struct error *err)
{
    size_t least = SIZE_MAX;

    if (exec->mode == EXEC_TRAIN)
        lessen_cheaply(exec);
    forget_gains(exec);
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

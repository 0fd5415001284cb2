/* steps.c - nodes bound to tensors. */
#include <string.h>

#include "base/sys.h"
#include "graph/exec_internal.h"

static int bind_tensors(struct exec *exec, int n, struct error *err)
{
    const struct node *node = &exec->graph.node[n];
    struct step *step = &exec->step[n];
    void *plan = arena_alloc(&exec->arena, node->op->plan_bytes + 1);

    step->in = arena_array(&exec->arena, (size_t)node->in_count + 1, sizeof(struct tensor *));
    step->out = arena_array(&exec->arena, (size_t)node->out_count + 1, sizeof(struct tensor *));
    step->in_grad = arena_array(&exec->arena, (size_t)node->in_count + 1, sizeof(struct tensor));
    if (plan == NULL || step->in == NULL || step->out == NULL || step->in_grad == NULL)
        return error_memory(err);
    for (int i = 0; i < node->in_count; i++)
        if (node->in[i] >= 0)
            step->in[i] = &exec->tensor[node->in[i]];
    for (int i = 0; i < node->out_count; i++)
        step->out[i] = &exec->tensor[node->out[i]];
    step->result = node->out[0];
    step->add = -1;
    step->io = (struct op_io){ .attributes = &node->attributes,
                               .in = step->in,
                               .in_count = node->in_count,
                               .out = step->out,
                               .out_count = node->out_count,
                               .way = node->way,
                               .plan = plan };
    return 0;
}

/* What shape() would do were the node not asked; afterwards nothing has happened. */
static void find_usual(const struct node *node, struct step *step)
{
    const struct op_io asked = step->io;

    if (node->way == OP_WAY_ANY || node->op->kernel == NULL)
        return;
    step->io.way = OP_WAY_ANY;
    if (node->op->shape(&step->io, NULL) == 0)
        step->usual = node->op->kernel(&step->io);
    step->io = asked;
    memset(step->io.plan, 0, node->op->plan_bytes);
}

static int call_shape(struct exec *exec, int n, struct error *err)
{
    const struct node *node = &exec->graph.node[n];
    struct step *step = &exec->step[n];

    if (step->add >= 0)
        step->epilogue.add = &exec->tensor[step->add];
    if (step->add >= 0 || step->epilogue.activation != ACTIVATION_NONE)
        step->io.epilogue = &step->epilogue;
    step->out[0] = &exec->tensor[step->result];
    find_usual(node, step);
    if (node->op->shape(&step->io, err) < 0)
        return error_in(err, "node '%s' (%s)", node->name, node->op->name);
    step->empty = true;
    for (int i = 0; i < node->out_count; i++)
        step->empty = step->empty && shape_count(&step->out[i]->shape) == 0;
    return 0;
}

/* Weights that never change may lie in the kernel's own order. */
static bool may_pack(const struct exec *exec, int n)
{
    const struct node *node = &exec->graph.node[n];

    if (exec->mode == EXEC_TRAIN || node->op->pack == NULL)
        return false;
    for (int i = 1; i < node->in_count; i++)
        if (node->in[i] >= 0 && exec->graph.value[node->in[i]].kind != VALUE_WEIGHT)
            return false;
    return true;
}

static size_t packed_bytes(const struct step *step)
{
    return step->absorbed ? 0 : (step->io.packed_bytes + PLAN_ALIGNMENT - 1) / PLAN_ALIGNMENT * PLAN_ALIGNMENT;
}

int steps_pack(struct exec *exec, struct error *err)
{
    unsigned char *at;

    for (int n = 0; n < exec->graph.node_count; n++)
        exec->packed_bytes += packed_bytes(&exec->step[n]);
    exec->packed = sys_alloc(exec->packed_bytes + PLAN_ALIGNMENT);
    if (exec->packed == NULL)
        return error_memory(err);
    at = exec->packed;
    at += (PLAN_ALIGNMENT - (uintptr_t)at % PLAN_ALIGNMENT) % PLAN_ALIGNMENT;
    for (int n = 0; n < exec->graph.node_count; n++) {
        struct step *step = &exec->step[n];

        if (packed_bytes(step) == 0)
            continue;
        step->io.packed = at;
        exec->graph.node[n].op->pack(&step->io, &exec->run);
        for (int i = 1; i < step->io.in_count; i++)
            if (step->io.in[i] != NULL)
                graph_rest(&exec->graph, step->io.in[i]);
        at += packed_bytes(step);
    }
    return 0;
}

int steps_make(struct exec *exec, int64_t batch, const struct job *job, struct error *err)
{
    const struct shaping how = { .batch = batch, .arena = &exec->arena, .kern = exec->run.kern };

    exec->tensor = arena_array(&exec->arena, (size_t)exec->graph.value_count + 1, sizeof(*exec->tensor));
    exec->step = arena_array(&exec->arena, (size_t)exec->graph.node_count + 1, sizeof(*exec->step));
    if (exec->tensor == NULL || exec->step == NULL)
        return error_memory(err);
    if (graph_shape_values(&exec->graph, &how, exec->tensor, err) < 0)
        return -1;
    for (int n = 0; n < exec->graph.node_count; n++) {
        if (bind_tensors(exec, n, err) < 0)
            return -1;
        exec->step[n].io.training = exec->mode == EXEC_TRAIN;
        exec->step[n].io.packs = may_pack(exec, n);
        exec->step[n].io.kern = exec->run.kern;
        exec->step[n].io.workers = pool_threads(job != NULL ? job->pool : NULL);
    }
    if ((exec->mode == EXEC_INFER && steps_fuse(exec, err) < 0) ||
        (exec->mode == EXEC_TRAIN && steps_fuse_back(exec, err) < 0))
        return -1;
    for (int n = 0; n < exec->graph.node_count; n++)
        if (!exec->step[n].absorbed && call_shape(exec, n, err) < 0)
            return -1;
    return 0;
}

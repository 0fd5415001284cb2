/* train.c - gradients: who needs one, where they lie, and the way back. */
#include "graph/exec_internal.h"

#include <string.h>

#include "base/sys.h"

static bool learns(const struct value *value)
{
    return value->kind == VALUE_WEIGHT && value->trainable && value->tensor.dtype == DTYPE_F32 &&
           value->tensor.quant == NULL;
}

static size_t gradient_bytes(const struct value *value)
{
    return (tensor_bytes(&value->tensor) + PLAN_ALIGNMENT - 1) / PLAN_ALIGNMENT * PLAN_ALIGNMENT;
}

int train_init(struct exec *exec, struct error *err)
{
    const struct graph *graph = &exec->graph;
    size_t values = (size_t)graph->value_count + 1, bytes = PLAN_ALIGNMENT;
    unsigned char *at;

    exec->needs = arena_array(&exec->arena, values, sizeof(bool));
    exec->gets = arena_array(&exec->arena, values, sizeof(bool));
    exec->gradient = arena_array(&exec->arena, values, sizeof(float *));
    if (exec->needs == NULL || exec->gets == NULL || exec->gradient == NULL)
        return error_memory(err);
    if (exec->mode != EXEC_TRAIN)
        return 0;
    for (int v = 0; v < graph->value_count; v++)
        bytes += learns(&graph->value[v]) ? gradient_bytes(&graph->value[v]) : 0;
    exec->gradients = sys_alloc(bytes);
    if (exec->gradients == NULL)
        return error_memory(err);
    at = exec->gradients;
    at += (PLAN_ALIGNMENT - (uintptr_t)at % PLAN_ALIGNMENT) % PLAN_ALIGNMENT;
    for (int v = 0; v < graph->value_count; v++) {
        if (!learns(&graph->value[v]))
            continue;
        exec->gradient[v] = (float *)(void *)at;
        at += gradient_bytes(&graph->value[v]);
    }
    return 0;
}

static bool any(const bool *marks, const int *list, int count)
{
    for (int i = 0; i < count; i++)
        if (list[i] >= 0 && marks[list[i]])
            return true;
    return false;
}

/* Forward: a value needs a gradient when something before it learns. Only F32 carries one: indices and sizes have none. */
static void mark_needs(struct exec *exec, const bool *frozen)
{
    const struct graph *graph = &exec->graph;

    for (int v = 0; v < graph->value_count; v++)
        exec->needs[v] = learns(&graph->value[v]) && (frozen == NULL || !frozen[v]);
    for (int n = 0; n < graph->node_count; n++) {
        const struct node *node = &graph->node[n];
        bool needs = any(exec->needs, node->in, node->in_count);

        for (int i = 0; i < node->out_count; i++)
            exec->needs[node->out[i]] = needs && exec->tensor[node->out[i]].dtype == DTYPE_F32;
    }
}

/* Backward: a value gets one when it leads to an output. */
static void mark_gets(struct exec *exec)
{
    const struct graph *graph = &exec->graph;

    memset(exec->gets, 0, (size_t)graph->value_count * sizeof(bool));
    for (int i = 0; i < graph->output_count; i++)
        exec->gets[graph->output[i]] = true;
    for (int n = graph->node_count - 1; n >= 0; n--) {
        const struct node *node = &graph->node[n];
        struct step *step = &exec->step[n];

        step->trains = any(exec->gets, node->out, node->out_count) && any(exec->needs, node->in, node->in_count) &&
                       exec->needs[node->out[0]];
        for (int i = 0; i < node->in_count && step->trains; i++)
            if (node->in[i] >= 0 && exec->needs[node->in[i]])
                exec->gets[node->in[i]] = true;
    }
}

/* A normalisation whose weights all keep still is the affine map it will be at inference. */
static void mark_statistics(struct exec *exec)
{
    for (int n = 0; n < exec->graph.node_count; n++) {
        const struct node *node = &exec->graph.node[n];

        if (strcmp(node->op->name, "BatchNormalization") == 0)
            exec->step[n].io.training = any(exec->needs, node->in + 1, node->in_count - 1);
    }
}

void train_mark(struct exec *exec, const bool *frozen)
{
    if (exec->mode != EXEC_TRAIN)
        return;
    mark_needs(exec, frozen);
    mark_gets(exec);
    mark_statistics(exec);
}

void exec_freeze(struct exec *exec, const bool *frozen)
{
    if (exec->mode != EXEC_TRAIN)
        return;
    train_mark(exec, frozen);
    place_values(exec);
    if (exec->plan.bytes > exec->block_bytes) {
        /* Less is alive, yet the heuristic needs more: keep the places of the whole, which hold any part of it. */
        train_mark(exec, NULL);
        place_values(exec);
        train_mark(exec, frozen);
    }
    place_bind(exec);
}

static void zero_gradient(struct exec *exec, int value)
{
    memset(exec->tensor[value].grad, 0, (size_t)shape_count(&exec->tensor[value].shape) * sizeof(float));
}

static void step_backward(struct exec *exec, int n)
{
    const struct node *node = &exec->graph.node[n];
    struct step *step = &exec->step[n];

    for (int i = 0; i < node->out_count; i++)
        if (exec->zeroed[node->out[i]])
            zero_gradient(exec, node->out[i]);
    step->io.work = step->work_back < 0 ? NULL : exec->block + exec->plan.span[step->work_back].offset;
    exec->run.node = (uint64_t)n;
    node->op->backward(&step->io, &exec->run);
}

void exec_backward(struct exec *exec)
{
    if (exec->mode != EXEC_TRAIN)
        return;
    for (int v = 0; v < exec->graph.value_count; v++)
        if (exec->graph.value[v].kind == VALUE_WEIGHT && exec->needs[v] && !exec->gets[v])
            zero_gradient(exec, v);
    for (int n = exec->graph.node_count - 1; n >= 0; n--)
        if (exec->step[n].trains && !exec->step[n].grad_view)
            step_backward(exec, n);
}

float *exec_gradient(struct exec *exec, int value)
{
    if (exec->mode != EXEC_TRAIN || value < 0 || value >= exec->graph.value_count || !exec->needs[value])
        return NULL;
    return exec->gradient[value];
}

/* train.c - gradients: who needs one, where they lie, and the way back. */
#include "graph/exec_internal.h"

#include <string.h>

static bool learns(const struct value *value)
{
    return value->kind == VALUE_WEIGHT && value->trainable && value->tensor.dtype == DTYPE_F32 &&
           value->tensor.quant == NULL;
}

int train_init(struct exec *exec, struct error *err)
{
    size_t values = (size_t)exec->graph.value_count + 1;

    exec->needs = arena_array(&exec->arena, values, sizeof(bool));
    exec->gets = arena_array(&exec->arena, values, sizeof(bool));
    exec->whole = arena_array(&exec->arena, values, sizeof(int));
    return exec->needs == NULL || exec->gets == NULL || exec->whole == NULL ? error_memory(err) : 0;
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

/* A weight's last writer in backward order is its first reader. */
static void mark_whole(struct exec *exec)
{
    const struct graph *graph = &exec->graph;

    for (int v = 0; v < graph->value_count; v++)
        exec->whole[v] = graph->node_count;
    for (int n = graph->node_count - 1; n >= 0; n--)
        for (int i = 0; i < graph->node[n].in_count && exec->step[n].trains; i++)
            if (graph->node[n].in[i] >= 0)
                exec->whole[graph->node[n].in[i]] = n;
}

static bool is_weight(const struct exec *exec, int value)
{
    return value >= 0 && exec->graph.value[value].kind == VALUE_WEIGHT && exec->needs[value];
}

static int times_read(const struct node *node, int value)
{
    int times = 0;

    for (int i = 0; i < node->in_count; i++)
        times += node->in[i] == value;
    return times;
}

/* Who takes a weight's gradient may have it apart where nothing else adds to it, nor reads the weight later. */
static void mark_apart(struct exec *exec)
{
    const struct graph *graph = &exec->graph;

    for (int n = 0; n < graph->node_count; n++) {
        const int weight = graph->node[n].in_count > 1 ? graph->node[n].in[1] : -1;
        struct step *step = &exec->step[n];

        step->apart = exec->takes && step->trains && is_weight(exec, weight) && step->io.apart &&
                      graph_only_consumer(graph, weight) == n && times_read(&graph->node[n], weight) == 1;
    }
}

/* The node that gives it apart; -1. */
static int gives_apart(const struct exec *exec, int value)
{
    int n = exec->mode == EXEC_TRAIN && exec->graph.value[value].kind == VALUE_WEIGHT ? exec->whole[value] : -1;

    return n >= 0 && n < exec->graph.node_count && exec->step[n].apart && exec->graph.node[n].in[1] == value ? n : -1;
}

/* Of its first axis, at a time. */
static int64_t rows_of(const struct exec *exec, int n)
{
    const int64_t rows = exec->step[n].io.in[1]->shape.dim[0], some = exec->step[n].io.grad_rows;

    return some > 0 && some < rows ? some : rows;
}

size_t train_grad_bytes(const struct exec *exec, int value)
{
    const struct shape *shape = &exec->tensor[value].shape;
    int n = gives_apart(exec, value);

    if (n < 0)
        return (size_t)shape_count(shape) * sizeof(float);
    return (size_t)(rows_of(exec, n) * shape_span(shape, 1, shape->rank)) * sizeof(float);
}

void train_mark(struct exec *exec, const bool *frozen)
{
    if (exec->mode != EXEC_TRAIN)
        return;
    mark_needs(exec, frozen);
    mark_gets(exec);
    mark_statistics(exec);
    mark_whole(exec);
    mark_apart(exec);
}

static void zero_gradient(struct exec *exec, int value)
{
    memset(exec->tensor[value].grad, 0, (size_t)shape_count(&exec->tensor[value].shape) * sizeof(float));
}

static void *work_at(const struct exec *exec, int span)
{
    return span < 0 ? NULL : exec->block + exec->plan.span[span].offset;
}

struct taker {
    void (*take)(void *context, const struct gradient *gradient);
    void *context;
};

static void take_rows(const struct exec *exec, int value, int64_t first, int64_t count, const struct taker *taker)
{
    const struct shape *shape = &exec->tensor[value].shape;
    const size_t row = (size_t)shape_span(shape, 1, shape->rank);
    const struct gradient part = { value, (size_t)first * row, (size_t)count * row, exec->tensor[value].grad };

    taker->take(taker->context, &part);
}

/* Those of in[1], or all others. */
static void want_gradients(const struct exec *exec, int n, bool weight)
{
    const struct node *node = &exec->graph.node[n];

    for (int i = 0; i < node->in_count; i++)
        if (node->in[i] >= 0)
            exec->step[n].in_grad[i].grad = exec->needs[node->in[i]] && (i == 1) == weight
                                                ? exec->tensor[node->in[i]].grad
                                                : NULL;
}

/* The gradient of in[1] in as many calls as it has parts, once the others need no weight any more. */
static void backward_apart(struct exec *exec, int n, const struct taker *taker)
{
    const struct node *node = &exec->graph.node[n];
    struct op_io *io = &exec->step[n].io;
    const int64_t rows = io->in[1]->shape.dim[0], some = rows_of(exec, n);

    want_gradients(exec, n, true);
    io->work = work_at(exec, exec->step[n].work_apart);
    for (io->grad_first = 0; io->grad_first < rows; io->grad_first += some) {
        io->grad_count = rows - io->grad_first < some ? rows - io->grad_first : some;
        node->op->backward(io, &exec->run);
        take_rows(exec, node->in[1], io->grad_first, io->grad_count, taker);
    }
}

static void step_backward(struct exec *exec, int n, const struct taker *taker)
{
    const struct node *node = &exec->graph.node[n];
    struct step *step = &exec->step[n];

    for (int i = 0; i < node->out_count; i++)
        if (exec->zeroed[node->out[i]])
            zero_gradient(exec, node->out[i]);
    place_inputs(exec, n);
    if (step->apart)
        want_gradients(exec, n, false);
    step->io.work = work_at(exec, step->work_back);
    exec->run.node = (uint64_t)n;
    node->op->backward(&step->io, &exec->run);
    if (step->apart)
        backward_apart(exec, n, taker);
}

static void step_again(struct exec *exec, const struct replay *replay)
{
    const int n = replay->node;
    struct step *step = &exec->step[n];

    place_again(exec, replay);
    if (!step_runs(step))
        return;
    place_inputs(exec, n);
    step->io.work = work_at(exec, replay->work);
    exec->run.node = (uint64_t)n;
    exec->graph.node[n].op->forward(&step->io, &exec->run);
}

static void take_all(const struct exec *exec, int value, const struct taker *taker)
{
    const size_t count = (size_t)shape_count(&exec->tensor[value].shape);

    taker->take(taker->context, &(struct gradient){ value, 0, count, exec->tensor[value].grad });
}

/* Weights whose gradients no other node adds to. */
static void take_whole(struct exec *exec, int n, const struct taker *taker)
{
    const struct node *node = &exec->graph.node[n];

    for (int i = 0; i < node->in_count; i++) {
        bool seen = false;

        for (int j = 0; j < i; j++)
            seen = seen || node->in[j] == node->in[i];
        if (!seen && is_weight(exec, node->in[i]) && exec->whole[node->in[i]] == n &&
            gives_apart(exec, node->in[i]) < 0)
            take_all(exec, node->in[i], taker);
    }
}

void exec_backward(struct exec *exec, void (*take)(void *context, const struct gradient *gradient), void *context)
{
    const struct taker taker = { take, context };
    int again = 0;

    if (exec->mode != EXEC_TRAIN)
        return;
    for (int v = 0; v < exec->graph.value_count; v++) {
        if (is_weight(exec, v) && !exec->gets[v])
            zero_gradient(exec, v);
        if (is_weight(exec, v) && take != NULL && exec->whole[v] == exec->graph.node_count)
            take_all(exec, v, &taker);
    }
    for (int n = exec->graph.node_count - 1; n >= 0; n--) {
        for (; again < exec->replay_count && exec->replay[again].time < exec->step[n].back; again++)
            step_again(exec, &exec->replay[again]);
        if (exec->step[n].trains && !exec->step[n].grad_view)
            step_backward(exec, n, &taker);
        if (exec->step[n].trains && take != NULL)
            take_whole(exec, n, &taker);
    }
}

float *exec_gradient(struct exec *exec, int value)
{
    if (exec->mode != EXEC_TRAIN || value < 0 || value >= exec->graph.value_count || !is_weight(exec, value) ||
        gives_apart(exec, value) >= 0)
        return NULL;
    return exec->tensor[value].grad;
}

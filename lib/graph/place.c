/* place.c - how long each thing lives, and where. */
#include "graph/exec_internal.h"

#include <limits.h>
#include <math.h>

/* Node n runs forward at n, the caller looks at the outputs at `node_count`; again_schedule() has the way back. */
/* A clamp between bytes of one range that saturate there already. */
static bool clamps_nothing(const struct exec *exec, const struct node *node)
{
    const struct tensor *in = &exec->tensor[node->in[0]], *out = &exec->tensor[node->out[0]];
    struct epilogue clamp = { 0 };
    double scale, zero;

    if (in->dtype != DTYPE_U8 || out->quant == NULL || !quant_equal(in->quant, out->quant) ||
        !fuse_read_activation(exec, node, &clamp))
        return false;
    scale = (double)in->quant->scale[0];
    zero = in->quant->zero_point[0];
    if (clamp.activation == ACTIVATION_RELU)
        return zero <= 0;
    return clamp.activation == ACTIVATION_CLIP && rint((double)clamp.low / scale) + zero <= 0 &&
           rint((double)clamp.high / scale) + zero >= 255;
}

static bool is_view(const struct exec *exec, int n)
{
    const struct node *node = &exec->graph.node[n];

    if (node->in_count < 1 || node->in[0] < 0 || exec->mode == EXEC_TRACE)
        return false;
    if (!(node->op->flags & OP_VIEW))
        return clamps_nothing(exec, node);
    return tensor_bytes(&exec->tensor[node->in[0]]) == tensor_bytes(&exec->tensor[node->out[0]]);
}

/* A value and its gradient; a node's work forward and back, that apart, and what it saves; what is computed again. */
static int init_plan(struct exec *exec, struct error *err)
{
    const size_t spans = 2 * (size_t)exec->graph.value_count + 4 * (size_t)exec->graph.node_count + again_spans(exec);

    if (spans > INT_MAX)
        return error_set(err, ERROR_LIMIT, "one run needs %zu places in memory, the limit is %d", spans, INT_MAX);
    return plan_init(&exec->plan, &exec->arena, (int)spans, err);
}

int place_init(struct exec *exec, struct error *err)
{
    size_t values = (size_t)exec->graph.value_count + 1;

    if (init_plan(exec, err) < 0)
        return -1;
    exec->made = arena_array(&exec->arena, values, sizeof(int));
    exec->last_read = arena_array(&exec->arena, values, sizeof(int));
    exec->again_span = arena_array(&exec->arena, values, sizeof(int));
    exec->root = arena_array(&exec->arena, values, sizeof(int));
    exec->span = arena_array(&exec->arena, values, sizeof(int));
    exec->grad_span = arena_array(&exec->arena, values, sizeof(int));
    exec->part_of = arena_array(&exec->arena, values, sizeof(int));
    exec->part_at = arena_array(&exec->arena, values, sizeof(size_t));
    exec->written = arena_array(&exec->arena, values, sizeof(bool));
    exec->zeroed = arena_array(&exec->arena, values, sizeof(bool));
    if (exec->made == NULL || exec->last_read == NULL || exec->again_span == NULL || exec->root == NULL ||
        exec->span == NULL || exec->grad_span == NULL || exec->part_of == NULL || exec->part_at == NULL ||
        exec->written == NULL || exec->zeroed == NULL)
        return error_memory(err);
    for (int v = 0; v < exec->graph.value_count; v++)
        exec->made[v] = exec->part_of[v] = -1;
    for (int n = 0; n < exec->graph.node_count; n++)
        for (int i = 0; i < exec->graph.node[n].out_count; i++)
            exec->made[exec->graph.node[n].out[i]] = n;
    for (int n = 0; n < exec->graph.node_count; n++)
        exec->step[n].view = !exec->step[n].absorbed && is_view(exec, n);
    return join_parts(exec, err);
}

static void read_at(struct exec *exec, int value, int time)
{
    if (value >= 0 && exec->last_read[value] < time)
        exec->last_read[value] = time;
}

static void find_reads(struct exec *exec)
{
    const struct graph *graph = &exec->graph;

    for (int v = 0; v < graph->value_count; v++) {
        if (exec->mode == EXEC_TRACE || graph->value[v].kind == VALUE_INPUT)
            read_at(exec, v, exec->time_end);
    }
    for (int i = 0; i < graph->output_count; i++)
        read_at(exec, graph->output[i], exec->time_end);
    for (int n = 0; n < graph->node_count; n++) {
        const struct node *node = &graph->node[n];

        if (exec->step[n].absorbed)
            continue;
        for (int i = 0; i < node->in_count; i++)
            read_at(exec, node->in[i], n);
        read_at(exec, exec->step[n].add, n);
    }
}

static void extend(struct exec *exec, int span, int time)
{
    if (span >= 0 && exec->plan.span[span].last < time)
        exec->plan.span[span].last = time;
}

static void new_span(struct exec *exec, int value, int time)
{
    int last = exec->last_read[value] > time ? exec->last_read[value] : time;

    exec->root[value] = value;
    exec->span[value] = plan_add(&exec->plan, tensor_bytes(&exec->tensor[value]), time, last);
}

static void share(struct exec *exec, int value, int with)
{
    exec->root[value] = exec->root[with];
    exec->span[value] = exec->span[with];
    exec->part_at[value] = exec->part_at[with];
    extend(exec, exec->span[value], exec->last_read[value]);
}

/* Its part of another value, whose memory is there from its first part on. */
static void new_part(struct exec *exec, int value, int time)
{
    int whole = exec->part_of[value];

    if (exec->span[whole] < 0)
        new_span(exec, whole, time);
    exec->root[value] = whole;
    exec->span[value] = exec->span[whole];
    extend(exec, exec->span[value], exec->last_read[value]);
}

/* Out[0] over in[0]: nobody reads that memory any more, and no other input lies in it. */
static bool may_overwrite(const struct exec *exec, int n)
{
    const struct node *node = &exec->graph.node[n];
    int in = node->in[0], out = node->out[0];

    if (exec->mode == EXEC_TRACE || !(node->op->flags & OP_IN_PLACE) || in < 0 || exec->span[in] < 0)
        return false;
    if (exec->graph.value[exec->root[in]].kind != VALUE_COMPUTED || exec->plan.span[exec->span[in]].last != n)
        return false;
    for (int i = 1; i < node->in_count; i++)
        if (node->in[i] >= 0 && exec->root[node->in[i]] == exec->root[in])
            return false;
    return exec->tensor[in].dtype == exec->tensor[out].dtype &&
           shape_equal(&exec->tensor[in].shape, &exec->tensor[out].shape);
}

static void place_outputs(struct exec *exec, int n)
{
    const struct node *node = &exec->graph.node[n];
    struct step *step = &exec->step[n];

    if (step->joined)
        return;
    if (exec->part_of[step->result] >= 0)
        new_part(exec, step->result, n);
    else if (step->view || may_overwrite(exec, n))
        share(exec, step->result, node->in[0]);
    else
        new_span(exec, step->result, n);
    for (int i = 1; i < node->out_count; i++)
        new_span(exec, node->out[i], n);
}

/* Where a reader on the way back finds it. */
static int span_back(const struct exec *exec, int value)
{
    return exec->again_span[value] >= 0 ? exec->again_span[value] : exec->span[value];
}

/* The same for what is computed again: in its input's memory where that is nobody else's any more. */
static bool may_overwrite_again(const struct exec *exec, const struct replay *replay)
{
    const struct node *node = &exec->graph.node[replay->node];
    int in = node->in[0], out = node->out[0];

    if (!(node->op->flags & OP_IN_PLACE) || in < 0 || exec->again_span[in] < 0 ||
        exec->plan.span[exec->again_span[in]].last != replay->time)
        return false;
    for (int i = 1; i < node->in_count; i++)
        if (node->in[i] >= 0 && span_back(exec, node->in[i]) == exec->again_span[in])
            return false;
    return exec->tensor[in].dtype == exec->tensor[out].dtype &&
           shape_equal(&exec->tensor[in].shape, &exec->tensor[out].shape);
}

static void place_outputs_again(struct exec *exec, struct replay *replay)
{
    const struct node *node = &exec->graph.node[replay->node];

    for (int i = 0; i < node->out_count; i++) {
        const int v = node->out[i];

        if (i == 0 && (exec->step[replay->node].view || may_overwrite_again(exec, replay))) {
            replay->span[i] = span_back(exec, node->in[0]);
            extend(exec, replay->span[i], replay->read[i]);
        } else {
            replay->span[i] = plan_add(&exec->plan, tensor_bytes(&exec->tensor[v]), replay->time, replay->read[i]);
        }
        exec->again_span[v] = replay->span[i];
    }
}

static bool saves_again(const struct exec *exec, int n)
{
    return exec->step[n].io.saved_bytes > 0 && !(exec->graph.node[n].op->flags & OP_AGAIN_SAVED);
}

/* What is saved lives until backward: as it was saved last. */
static void place_scratch_again(struct exec *exec, int at)
{
    struct replay *replay = &exec->replay[at];
    const struct step *step = &exec->step[replay->node];
    const bool stays = step->trains && step->last_replay == at;

    replay->work = replay->saved = -1;
    if (step->view)
        return;
    if (step->io.work_bytes > 0)
        replay->work = plan_add(&exec->plan, step->io.work_bytes, replay->time, replay->time);
    if (saves_again(exec, replay->node))
        replay->saved = plan_add(&exec->plan, step->io.saved_bytes, replay->time,
                                 stays ? step->back_last : replay->time);
}

static void place_scratch(struct exec *exec, int n)
{
    struct step *step = &exec->step[n];
    const bool stays = step->trains && (step->last_replay < 0 || !saves_again(exec, n));

    step->work = step->work_back = step->work_apart = step->saved = -1;
    if (step->view && (step->grad_view || !step->trains))
        return;
    if (step->io.work_bytes > 0)
        step->work = plan_add(&exec->plan, step->io.work_bytes, n, n);
    if (step->io.work_bytes > 0 && step->trains)
        step->work_back = plan_add(&exec->plan, step->io.work_bytes, step->back, step->back);
    if (step->io.apart_bytes > 0 && step->apart)
        step->work_apart = plan_add(&exec->plan, step->io.apart_bytes, step->back_last, step->back_last);
    if (step->io.saved_bytes > 0)
        step->saved = plan_add(&exec->plan, step->io.saved_bytes, n, stays ? step->back_last : n);
}

/* A gradient lives from its first writer, in backward order, to the node that made its value. */
static void new_grad_span(struct exec *exec, int value, int time, int taken)
{
    int made = exec->made[value];
    int last = made >= 0 && exec->step[made].trains ? exec->step[made].back_last : time;

    if (exec->graph.value[value].kind == VALUE_WEIGHT) /* the caller reads it: when it is whole, or in the end */
        last = exec->takes ? taken : exec->time_end;
    exec->grad_span[value] = plan_add(&exec->plan, train_grad_bytes(exec, value), time, last);
}

static bool wants_gradient(const struct exec *exec, const struct step *step, int value)
{
    return step->trains && value >= 0 && exec->needs[value];
}

/* A view's gradient is its input's, when nothing else adds to that. */
static void share_gradient(struct exec *exec, int n)
{
    struct step *step = &exec->step[n];
    int in = exec->graph.node[n].in[0], span = exec->grad_span[step->result];

    step->grad_view = true;
    exec->grad_span[in] = span;
    extend(exec, span, exec->step[exec->made[in]].back_last);
}

/* In[0]'s gradient over out[0]'s: it is the first there, and nobody reads the other any more. */
static bool may_overwrite_gradient(const struct exec *exec, int n)
{
    const struct node *node = &exec->graph.node[n];
    int in = node->in[0], out = node->out[0];

    for (int i = 1; i < node->in_count; i++)
        if (node->in[i] == in)
            return false;
    return (node->op->flags & OP_GRAD_IN_PLACE) && exec->grad_span[in] < 0 && exec->made[in] >= 0 &&
           exec->plan.span[exec->grad_span[out]].last == exec->step[n].back_last &&
           shape_equal(&exec->tensor[in].shape, &exec->tensor[out].shape);
}

static void place_input_gradient(struct exec *exec, int n, int i)
{
    const struct step *step = &exec->step[n];
    int v = exec->graph.node[n].in[i], back = step->apart && i == 1 ? step->back_last : step->back;

    exec->step[n].in_grad[i].grad_add = exec->written[v];
    exec->written[v] = true;
    if (i == 0 && may_overwrite_gradient(exec, n)) {
        exec->grad_span[v] = exec->grad_span[exec->graph.node[n].out[0]];
        extend(exec, exec->grad_span[v], exec->step[exec->made[v]].back_last);
    } else if (exec->grad_span[v] < 0) {
        new_grad_span(exec, v, back, step->back_last);
    } else {
        extend(exec, exec->grad_span[v], step->back_last);
    }
}

static void place_gradients(struct exec *exec, int n)
{
    const struct node *node = &exec->graph.node[n];
    struct step *step = &exec->step[n];

    step->grad_view = false;
    if (!step->trains)
        return;
    for (int i = 0; i < node->out_count; i++) {
        if (exec->grad_span[node->out[i]] >= 0)
            continue;
        exec->zeroed[node->out[i]] = true;
        new_grad_span(exec, node->out[i], step->back, step->back);
    }
    if (step->view && wants_gradient(exec, step, node->in[0]) && exec->made[node->in[0]] >= 0 &&
        graph_only_consumer(&exec->graph, node->in[0]) == n) {
        share_gradient(exec, n);
        return;
    }
    for (int i = 0; i < node->in_count; i++)
        if (wants_gradient(exec, step, node->in[i]))
            place_input_gradient(exec, n, i);
}

/* The caller writes the outputs' gradients first, between forward and backward. */
static void place_output_gradients(struct exec *exec)
{
    for (int i = 0; i < exec->graph.output_count; i++) {
        int v = exec->graph.output[i];

        if (exec->grad_span[v] < 0)
            new_grad_span(exec, v, exec->graph.node_count, exec->graph.node_count);
        exec->written[v] = true;
    }
    for (int v = 0; v < exec->graph.value_count; v++) /* zeros */
        if (exec->graph.value[v].kind == VALUE_WEIGHT && exec->needs[v] && !exec->gets[v])
            new_grad_span(exec, v, exec->graph.node_count, exec->graph.node_count);
}

static void forget_places(struct exec *exec)
{
    plan_clear(&exec->plan);
    for (int v = 0; v < exec->graph.value_count; v++) {
        exec->root[v] = v;
        exec->last_read[v] = -1;
        exec->span[v] = exec->again_span[v] = exec->grad_span[v] = -1;
        exec->written[v] = exec->zeroed[v] = false;
    }
}

void place_values(struct exec *exec)
{
    int nodes = exec->graph.node_count;

    forget_places(exec);
    again_schedule(exec);
    find_reads(exec);
    for (int i = 0; i < exec->graph.input_count; i++)
        new_span(exec, exec->graph.input[i], -1);
    for (int n = 0; n < nodes; n++)
        if (!exec->step[n].absorbed)
            place_outputs(exec, n);
    for (int i = 0; i < exec->replay_count; i++)
        place_outputs_again(exec, &exec->replay[i]);
    if (exec->mode == EXEC_TRAIN)
        place_output_gradients(exec);
    for (int n = nodes - 1; n >= 0; n--)
        place_gradients(exec, n);
    for (int n = 0; n < nodes; n++)
        if (!exec->step[n].absorbed)
            place_scratch(exec, n);
    for (int i = 0; i < exec->replay_count; i++)
        place_scratch_again(exec, i);
}

static void *at_span(const struct exec *exec, int span)
{
    return span < 0 ? NULL : exec->block + exec->plan.span[span].offset;
}

static void bind_step(struct exec *exec, int n)
{
    const struct node *node = &exec->graph.node[n];
    struct step *step = &exec->step[n];

    step->io.saved = at_span(exec, step->saved);
    for (int i = 0; i < node->in_count && exec->mode == EXEC_TRAIN; i++) {
        bool add = step->in_grad[i].grad_add;

        if (node->in[i] < 0)
            continue;
        step->in_grad[i] = exec->tensor[node->in[i]];
        step->in_grad[i].grad_add = add;
        if (!wants_gradient(exec, step, node->in[i]))
            step->in_grad[i].grad = NULL;
        step->in[i] = &step->in_grad[i];
    }
}

void place_bind(struct exec *exec)
{
    for (int v = 0; v < exec->graph.value_count; v++) {
        struct tensor *tensor = &exec->tensor[v];

        tensor->grad = at_span(exec, exec->grad_span[v]);
        if (exec->graph.value[v].kind == VALUE_WEIGHT)
            continue;
        tensor->data = at_span(exec, exec->span[v]);
        if (tensor->data != NULL)
            tensor->data = (char *)tensor->data + exec->part_at[v];
        if (tensor->data == NULL && exec->root[v] != v)
            tensor->data = exec->tensor[exec->root[v]].data; /* another shape of a weight */
    }
    for (int n = 0; n < exec->graph.node_count; n++)
        bind_step(exec, n);
}

void place_inputs(struct exec *exec, int n)
{
    const struct node *node = &exec->graph.node[n];

    for (int i = 0; i < node->in_count; i++)
        if (node->in[i] >= 0)
            exec->step[n].in_grad[i].data = exec->tensor[node->in[i]].data;
}

void place_first(struct exec *exec, int n)
{
    const struct node *node = &exec->graph.node[n];

    for (int i = 0; i < node->out_count; i++)
        if (exec->span[node->out[i]] >= 0)
            exec->tensor[node->out[i]].data = at_span(exec, exec->span[node->out[i]]);
    exec->step[n].io.saved = at_span(exec, exec->step[n].saved);
    exec->step[n].io.again = false;
}

void place_again(struct exec *exec, const struct replay *replay)
{
    const struct node *node = &exec->graph.node[replay->node];
    struct step *step = &exec->step[replay->node];

    for (int i = 0; i < node->out_count; i++)
        exec->tensor[node->out[i]].data = at_span(exec, replay->span[i]);
    if (replay->saved >= 0)
        step->io.saved = at_span(exec, replay->saved);
    step->io.again = true;
}

/* reduce_max.c - the largest along axes; equal largest ones share the gradient. */
#include <math.h>
#include <string.h>

#include "op/argument.h"
#include "op/reduce.h"
#include "op/reduce_any.h"

static int shape(struct op_io *io, struct error *err)
{
    if (reduce_is_other(io))
        return reduce_any_shape(io, err);
    if (reduce_shape(io, io->plan, false, err) < 0)
        return -1;
    if (io->training)
        io->work_bytes = tensor_bytes(io->out[0]); /* how many share each maximum */
    return 0;
}

static void max_run(const void *context, const struct walk_run *run)
{
    const struct op_io *io = context;
    const float *x = (const float *)io->in[0]->data + run->at[WALK_WHOLE];
    float *y = (float *)io->out[0]->data + run->at[0];

    for (size_t i = 0; i < run->n; i++) {
        float *most = y + i * run->step[0];

        if (x[i] > *most || isnan(x[i]))
            *most = x[i];
    }
}

static void forward(const struct op_io *io, const struct op_run *run)
{
    const struct reduce_plan *plan = io->plan;
    float *y = io->out[0]->data;

    if (reduce_is_other(io)) {
        reduce_any_forward(io, REDUCE_MAX);
        return;
    }
    for (int64_t i = 0; i < shape_count(&io->out[0]->shape); i++)
        y[i] = -INFINITY;
    walk_visit_all(&plan->walk, walk_axis(&plan->walk, 0), run->pool, max_run, io);
}

static void count_run(const void *context, const struct walk_run *run)
{
    const struct op_io *io = context;
    const float *x = (const float *)io->in[0]->data + run->at[WALK_WHOLE];
    const float *y = (const float *)io->out[0]->data + run->at[0];
    float *sharers = (float *)io->work + run->at[0];

    for (size_t i = 0; i < run->n; i++)
        if (x[i] == y[i * run->step[0]])
            sharers[i * run->step[0]]++;
}

static void spread_run(const void *context, const struct walk_run *run)
{
    const struct op_io *io = context;
    const float *x = (const float *)io->in[0]->data + run->at[WALK_WHOLE];
    const float *y = (const float *)io->out[0]->data + run->at[0], *gy = io->out[0]->grad + run->at[0];
    const float *sharers = (const float *)io->work + run->at[0];
    float *gx = io->in[0]->grad + run->at[WALK_WHOLE];

    for (size_t i = 0; i < run->n; i++) {
        size_t j = i * run->step[0];
        float g = x[i] == y[j] ? gy[j] / sharers[j] : 0;

        gx[i] = io->in[0]->grad_add ? gx[i] + g : g;
    }
}

static void backward(const struct op_io *io, const struct op_run *run)
{
    const struct reduce_plan *plan = io->plan;

    if (io->in[0]->grad == NULL || reduce_is_other(io)) /* nothing to spread over */
        return;
    memset(io->work, 0, io->work_bytes);
    walk_visit_all(&plan->walk, walk_axis(&plan->walk, 0), run->pool, count_run, io);
    walk_visit_all(&plan->walk, 0, run->pool, spread_run, io);
}

const struct op op_reduce_max = {
    .name = "ReduceMax",
    .formula = "y = largest x over axes",
    .min_inputs = 1,
    .max_inputs = 2,
    .outputs = 1,
    .attributes = "axes keepdims noop_with_empty_axes",
    .arguments = 1U << 1,
    .flags = OP_EMPTY | OP_BACKWARD_IN | OP_BACKWARD_OUT,
    .plan_bytes = sizeof(struct reduce_plan),
    .shape = shape,
    .forward = forward,
    .backward = backward,
};

/* reduce_mean.c - ReduceMean and ReduceSum: sums over axes, the mean divided by their number. */
#include <math.h>
#include <string.h>

#include "op/argument.h"
#include "op/chunk.h"
#include "op/reduce.h"
#include "op/reduce_any.h"

struct plan {
    struct reduce_plan reduce;
    double factor; /* from the sum to the result; on bytes from the sum of q - zero_point to the output's steps */
};

struct pass {
    const struct op_io *io;
    const struct kern *kern;
};

static int shape_of_sum(struct op_io *io, bool mean, struct error *err)
{
    struct plan *plan = io->plan;

    if (reduce_is_other(io))
        return reduce_any_shape(io, err);
    if (reduce_shape(io, &plan->reduce, true, err) < 0)
        return -1;
    plan->factor = mean ? 1.0 / (double)plan->reduce.count : 1;
    if (!argument_is_quantized(io))
        return 0;
    if (plan->reduce.count > INT32_MAX / 255)
        return error_set(err, ERROR_INPUT, "a sum of %lld bytes, expected at most %d", (long long)plan->reduce.count,
                         INT32_MAX / 255);
    plan->factor *= (double)io->in[0]->quant->scale[0] / (double)io->out[0]->quant->scale[0];
    io->work_bytes = (size_t)shape_count(&io->out[0]->shape) * sizeof(int32_t);
    return 0;
}

static int shape_mean(struct op_io *io, struct error *err)
{
    return shape_of_sum(io, true, err);
}

static int shape_sum(struct op_io *io, struct error *err)
{
    return shape_of_sum(io, false, err);
}

static void sum_run(const void *context, const struct walk_run *run)
{
    const struct pass *pass = context;
    const float *x = (const float *)pass->io->in[0]->data + run->at[WALK_WHOLE];
    float *y = (float *)pass->io->out[0]->data + run->at[0];

    if (run->step[0] == 0)
        *y += (float)pass->kern->sum_f32(x, run->n);
    else
        pass->kern->add_f32(y, y, 1, x, 1, run->n);
}

static void sum_bytes(const void *context, const struct walk_run *run)
{
    const struct pass *pass = context;
    const uint8_t *x = (const uint8_t *)pass->io->in[0]->data + run->at[WALK_WHOLE];
    int32_t *sum = (int32_t *)pass->io->work + run->at[0], total = 0;

    for (size_t i = 0; run->step[0] == 0 && i < run->n; i++)
        total += x[i];
    for (size_t i = 0; run->step[0] != 0 && i < run->n; i++)
        sum[i] += x[i];
    *sum += total;
}

static void store_bytes(const struct op_io *io)
{
    const struct plan *plan = io->plan;
    const struct quant *in = io->in[0]->quant, *out = io->out[0]->quant;
    const int32_t *sum = io->work;
    uint8_t *y = io->out[0]->data;
    int64_t zero = plan->reduce.count * in->zero_point[0];

    for (int64_t i = 0; i < shape_count(&io->out[0]->shape); i++) {
        double v = rint((double)(sum[i] - zero) * plan->factor) + out->zero_point[0];

        y[i] = (uint8_t)(v > 0 ? (v < 255 ? v : 255) : 0);
    }
}

static void forward(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    const struct walk *walk = &plan->reduce.walk;
    struct pass pass = { io, run->kern };
    size_t count = (size_t)shape_count(&io->out[0]->shape);
    bool bytes = io->in[0]->dtype == DTYPE_U8;
    float factor = (float)plan->factor, *y = io->out[0]->data;

    memset(bytes ? io->work : io->out[0]->data, 0, count * 4);
    walk_visit_all(walk, walk_axis(walk, 0), run->pool, bytes ? sum_bytes : sum_run, &pass);
    if (bytes)
        store_bytes(io);
    else
        run->kern->mul_f32(y, y, 1, &factor, 0, count);
}

static void forward_sum(const struct op_io *io, const struct op_run *run)
{
    if (reduce_is_other(io))
        reduce_any_forward(io, REDUCE_SUM);
    else
        forward(io, run);
}

static void forward_mean(const struct op_io *io, const struct op_run *run)
{
    if (reduce_is_other(io))
        reduce_any_forward(io, REDUCE_MEAN);
    else
        forward(io, run);
}

static void spread_run(const void *context, const struct walk_run *run)
{
    enum { BLOCK = 512 };
    const struct pass *pass = context;
    const struct plan *plan = pass->io->plan;
    const struct tensor *x = pass->io->in[0];
    const float *gy = pass->io->out[0]->grad + run->at[0];
    const float factor = (float)plan->factor;

    for (size_t i = 0; i < run->n; i += BLOCK) {
        size_t n = run->n - i < BLOCK ? run->n - i : BLOCK;
        float *gx = x->grad + run->at[WALK_WHOLE] + i, part[BLOCK];

        for (size_t j = 0; j < n; j++)
            part[j] = factor * gy[(i + j) * run->step[0]];
        if (x->grad_add)
            pass->kern->add_f32(gx, gx, 1, part, 1, n);
        else
            memcpy(gx, part, n * sizeof(*gx));
    }
}

static void backward(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    struct pass pass = { io, run->kern };

    if (io->in[0]->grad != NULL && !reduce_is_other(io))
        walk_visit_all(&plan->reduce.walk, 0, run->pool, spread_run, &pass);
}

const struct op op_reduce_mean = {
    .name = "ReduceMean",
    .formula = "y = sum of x over axes / their number",
    .min_inputs = 1,
    .max_inputs = 2,
    .outputs = 1,
    .attributes = "axes keepdims noop_with_empty_axes",
    .arguments = 1U << 1,
    .flags = OP_EMPTY | OP_INTEGER,
    .plan_bytes = sizeof(struct plan),
    .shape = shape_mean,
    .forward = forward_mean,
    .backward = backward,
};

const struct op op_reduce_sum = {
    .name = "ReduceSum",
    .formula = "y = sum of x over axes",
    .min_inputs = 1,
    .max_inputs = 2,
    .outputs = 1,
    .attributes = "axes keepdims noop_with_empty_axes",
    .arguments = 1U << 1,
    .flags = OP_EMPTY | OP_INTEGER,
    .plan_bytes = sizeof(struct plan),
    .shape = shape_sum,
    .forward = forward_sum,
    .backward = backward,
};

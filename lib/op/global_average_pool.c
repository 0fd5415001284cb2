#include <math.h>

#include "op/argument.h"
#include "op/chunk.h"
#include "op/pool_any.h"
#include "tensor/element.h"

/* Integers: y = zero_out + (sum - pixels * zero_in) * ratio, rounded to nearest even in double on every CPU. */
struct plan {
    int64_t planes, pixels;
    bool integer, other; /* other: reals but F32 */
    double ratio;        /* scale_in / (scale_out * pixels) */
};

static int shape(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    const struct tensor *x = io->in[0];
    struct tensor *y = io->out[0];

    plan->other = x->dtype != DTYPE_F32 && dtype_is_float(x->dtype);
    if (plan->other ? argument_untrained(io, err) < 0 : argument_numeric(io, 0, true, err) < 0)
        return -1;
    if (argument_rank(x, 3, SHAPE_MAX_RANK, err) < 0)
        return -1;
    plan->planes = x->shape.dim[0] * x->shape.dim[1];
    plan->pixels = shape_span(&x->shape, 2, x->shape.rank);
    plan->integer = argument_is_quantized(io);
    if (plan->pixels < 1)
        return error_set(err, ERROR_INPUT, "there are no pixels to average");
    if (plan->integer)
        plan->ratio = (double)x->quant->scale[0] / ((double)y->quant->scale[0] * (double)plan->pixels);
    y->dtype = x->dtype;
    y->shape = x->shape;
    for (int i = 2; i < y->shape.rank; i++)
        y->shape.dim[i] = 1;
    return 0;
}

struct pass {
    const struct op_io *io;
    const struct kern *kern;
};

static void float_planes(const void *context, size_t begin, size_t end, int worker)
{
    const struct pass *pass = context;
    const struct plan *plan = pass->io->plan;
    size_t pixels = (size_t)plan->pixels;

    (void)worker;
    for (size_t i = begin; i < end; i++)
        ((float *)pass->io->out[0]->data)[i] =
            (float)(pass->kern->sum_f32((const float *)pass->io->in[0]->data + i * pixels, pixels) / (double)pixels);
}

static void integer_planes(const void *context, size_t begin, size_t end, int worker)
{
    const struct pass *pass = context;
    const struct plan *plan = pass->io->plan;
    int64_t zero_in = pass->io->in[0]->quant->zero_point[0], zero_out = pass->io->out[0]->quant->zero_point[0];

    (void)worker;
    for (size_t i = begin; i < end; i++) {
        const uint8_t *x = (const uint8_t *)pass->io->in[0]->data + i * (size_t)plan->pixels;
        int64_t sum = 0;
        for (int64_t j = 0; j < plan->pixels; j++)
            sum += x[j];
        double y = rint((double)(sum - plan->pixels * zero_in) * plan->ratio) + (double)zero_out;
        ((uint8_t *)pass->io->out[0]->data)[i] = (uint8_t)(y < 0 ? 0 : y > 255 ? 255 : y);
    }
}

static void forward(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    const struct pass pass = { io, run->kern };

    if (plan->other) {
        pool_any_global(io, plan->pixels, false, run);
        return;
    }
    chunk_run(run->pool, (size_t)plan->planes, (size_t)plan->pixels, plan->integer ? integer_planes : float_planes,
              &pass);
}

static void backward_planes(const void *context, size_t begin, size_t end, int worker)
{
    const struct pass *pass = context;
    const struct plan *plan = pass->io->plan;
    const struct tensor *x = pass->io->in[0];

    (void)worker;
    for (size_t i = begin; i < end; i++) {
        float *dx = x->grad + i * (size_t)plan->pixels, share = pass->io->out[0]->grad[i] / (float)plan->pixels;
        for (int64_t j = 0; j < plan->pixels; j++)
            dx[j] = x->grad_add ? dx[j] + share : share;
    }
}

static void backward(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    const struct pass pass = { io, run->kern };

    if (io->in[0]->grad)
        chunk_run(run->pool, (size_t)plan->planes, (size_t)plan->pixels, backward_planes, &pass);
}

const struct op op_global_average_pool = {
    .name = "GlobalAveragePool",
    .formula = "y[c] = the mean of channel c's pixels",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .flags = OP_INTEGER,
    .plan_bytes = sizeof(struct plan),
    .shape = shape,
    .forward = forward,
    .backward = backward,
};

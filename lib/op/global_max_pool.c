#include "op/argument.h"
#include "op/chunk.h"
#include "op/pool_any.h"
#include "op/unary.h"
#include "tensor/element.h"

struct plan {
    int64_t planes, pixels;
    bool integer, other; /* other: reals but F32 */
    uint8_t table[256];  /* from the input's quantization to the output's */
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
    if (plan->pixels < 1 || plan->pixels > INT32_MAX)
        return error_set(err, ERROR_INPUT, "there are no pixels to choose from");
    if (plan->integer)
        unary_table(plan->table, x->quant, y->quant, unary_same, NULL);
    y->dtype = x->dtype;
    y->shape = x->shape;
    for (int i = 2; i < y->shape.rank; i++)
        y->shape.dim[i] = 1;
    if (io->training)
        io->saved_bytes = (size_t)plan->planes * sizeof(int32_t); /* where the largest was */
    return 0;
}

/* The first of the largest; NaN is larger than all. */
static int64_t find_largest(const float *x, int64_t n)
{
    int64_t best = 0;

    for (int64_t i = 1; i < n; i++)
        best = x[i] > x[best] || (x[i] != x[i] && x[best] == x[best]) ? i : best;
    return best;
}

static void float_planes(const void *context, size_t begin, size_t end, int worker)
{
    const struct op_io *io = context;
    const struct plan *plan = io->plan;

    (void)worker;
    for (size_t i = begin; i < end; i++) {
        const float *x = (const float *)io->in[0]->data + (int64_t)i * plan->pixels;
        int64_t best = find_largest(x, plan->pixels);
        ((float *)io->out[0]->data)[i] = x[best];
        if (io->training)
            ((int32_t *)io->saved)[i] = (int32_t)best;
    }
}

static void integer_planes(const void *context, size_t begin, size_t end, int worker)
{
    const struct op_io *io = context;
    const struct plan *plan = io->plan;

    (void)worker;
    for (size_t i = begin; i < end; i++) {
        const uint8_t *x = (const uint8_t *)io->in[0]->data + (int64_t)i * plan->pixels;
        uint8_t best = 0;
        for (int64_t j = 0; j < plan->pixels; j++)
            best = x[j] > best ? x[j] : best;
        ((uint8_t *)io->out[0]->data)[i] = plan->table[best];
    }
}

static void forward(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;

    if (plan->other) {
        pool_any_global(io, plan->pixels, true, run);
        return;
    }
    chunk_run(run->pool, (size_t)plan->planes, (size_t)plan->pixels, plan->integer ? integer_planes : float_planes, io);
}

static void backward_planes(const void *context, size_t begin, size_t end, int worker)
{
    const struct op_io *io = context;
    const struct plan *plan = io->plan;
    const struct tensor *x = io->in[0];

    (void)worker;
    for (size_t i = begin; i < end; i++) {
        float *dx = x->grad + (int64_t)i * plan->pixels;
        for (int64_t j = 0; !x->grad_add && j < plan->pixels; j++)
            dx[j] = 0;
        dx[((const int32_t *)io->saved)[i]] += io->out[0]->grad[i];
    }
}

static void backward(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;

    if (io->in[0]->grad)
        chunk_run(run->pool, (size_t)plan->planes, (size_t)plan->pixels, backward_planes, io);
}

const struct op op_global_max_pool = {
    .name = "GlobalMaxPool",
    .formula = "y[c] = the largest of channel c's pixels",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .flags = OP_INTEGER,
    .plan_bytes = sizeof(struct plan),
    .shape = shape,
    .forward = forward,
    .backward = backward,
};

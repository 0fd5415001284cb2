/* variadic.c - Max, Min, Sum and Mean of any number of operands that broadcast together. */
#include <math.h>

#include "base/limits.h"
#include "op/argument.h"
#include "op/chunk.h"
#include "op/typed.h"
#include "tensor/element.h"

static double max_real(double a, double b)
{
    return isnan(a) || a > b ? a : b;
}

static double min_real(double a, double b)
{
    return isnan(a) || a < b ? a : b;
}

static double sum_real(double a, double b)
{
    return a + b;
}

static int64_t max_whole(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t min_whole(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static uint64_t max_natural(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t min_natural(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static const struct typed max_typed = { max_real, max_whole, max_natural, false };
static const struct typed min_typed = { min_real, min_whole, min_natural, false };
static const struct typed sum_typed = { sum_real, NULL, NULL, false };

struct plan {
    const struct typed *typed;
    bool mean;
};

static int shape_of_all(struct op_io *io, const struct typed *typed, bool mean, struct error *err)
{
    struct plan *plan = io->plan;
    struct tensor *y = io->out[0];
    struct shape shape = io->in[0]->shape;

    if (typed_check(typed, io->in[0]->dtype, err) < 0)
        return -1;
    for (int i = 0; i < io->in_count; i++) {
        struct shape before = shape;

        if (io->in[i] == NULL)
            return error_set(err, ERROR_INPUT, "input %d is absent, expected %d inputs", i, io->in_count);
        if (io->in[i]->quant != NULL)
            return error_set(err, ERROR_INPUT, "input %d is quantized, expected plain numbers", i);
        if (op_expect_dtype(io, i, io->in[0]->dtype, err) < 0 ||
            shape_broadcast(&shape, &before, &io->in[i]->shape, err) < 0)
            return -1;
    }
    plan->typed = typed;
    plan->mean = mean;
    y->dtype = io->in[0]->dtype;
    y->shape = shape;
    return shape_check(&shape, (int64_t)limit_get(LIMIT_ACTIVATION_BYTES), err);
}

/* The first operand as it is, then each further one on top. */
static void forward_piece(const void *context, size_t begin, size_t end, int worker)
{
    const struct op_io *io = context;
    const struct plan *plan = io->plan;
    const struct tensor *y = io->out[0];

    (void)worker;
    for (int k = 0; k < io->in_count; k++) {
        const struct shape *operand[] = { &y->shape, &io->in[k]->shape };
        struct odometer o = odometer_of(&y->shape, operand, 2);

        if (k > 0) {
            typed_apply(plan->typed, y, y, io->in[k], &o, (int64_t)begin, (int64_t)end);
            continue;
        }
        odometer_seek(&o, (int64_t)begin);
        for (size_t i = begin; i < end; i++, odometer_next(&o)) {
            if (dtype_is_float(y->dtype))
                element_set_real(y->dtype, y->data, (int64_t)i, element_real(y->dtype, io->in[0]->data, o.at[1]));
            else
                element_set_int(y->dtype, y->data, (int64_t)i, element_int(y->dtype, io->in[0]->data, o.at[1]));
        }
    }
    for (size_t i = begin; i < end && plan->mean; i++)
        element_set_real(y->dtype, y->data, (int64_t)i, element_real(y->dtype, y->data, (int64_t)i) / io->in_count);
}

static void forward(const struct op_io *io, const struct op_run *run)
{
    chunk_run(run->pool, (size_t)shape_count(&io->out[0]->shape), 8, forward_piece, io);
}

static int shape_max(struct op_io *io, struct error *err)
{
    return shape_of_all(io, &max_typed, false, err);
}

static int shape_min(struct op_io *io, struct error *err)
{
    return shape_of_all(io, &min_typed, false, err);
}

static int shape_sum(struct op_io *io, struct error *err)
{
    return shape_of_all(io, &sum_typed, false, err);
}

static int shape_mean(struct op_io *io, struct error *err)
{
    return shape_of_all(io, &sum_typed, true, err);
}

/* Sum and Mean: each operand gets the result's gradient, over the axes along which it repeats summed. */
static void backward(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    const struct tensor *y = io->out[0];
    const float factor = plan->mean ? 1 / (float)io->in_count : 1;

    (void)run;
    for (int k = 0; k < io->in_count; k++) {
        const struct tensor *x = io->in[k];
        const struct shape *operand[] = { &x->shape };
        struct odometer o = odometer_of(&y->shape, operand, 1);

        if (x->grad == NULL)
            continue;
        for (int64_t i = 0; !x->grad_add && i < shape_count(&x->shape); i++)
            x->grad[i] = 0;
        odometer_seek(&o, 0);
        for (int64_t i = 0; i < shape_count(&y->shape); i++, odometer_next(&o))
            x->grad[o.at[0]] += factor * y->grad[i];
    }
}

const struct op op_max = {
    .name = "Max",
    .formula = "y = largest of the inputs",
    .min_inputs = 1,
    .max_inputs = -1,
    .outputs = 1,
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct plan),
    .shape = shape_max,
    .forward = forward,
};

const struct op op_mean = {
    .name = "Mean",
    .formula = "y = mean of the inputs",
    .min_inputs = 1,
    .max_inputs = -1,
    .outputs = 1,
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct plan),
    .shape = shape_mean,
    .forward = forward,
    .backward = backward,
};

const struct op op_min = {
    .name = "Min",
    .formula = "y = smallest of the inputs",
    .min_inputs = 1,
    .max_inputs = -1,
    .outputs = 1,
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct plan),
    .shape = shape_min,
    .forward = forward,
};

const struct op op_sum = {
    .name = "Sum",
    .formula = "y = sum of the inputs",
    .min_inputs = 1,
    .max_inputs = -1,
    .outputs = 1,
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct plan),
    .shape = shape_sum,
    .forward = forward,
    .backward = backward,
};

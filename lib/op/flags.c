/* flags.c - truth values of one operand: Not, IsNaN, IsInf; and BitwiseNot. */
#include <math.h>

#include "op/argument.h"
#include "op/chunk.h"
#include "tensor/element.h"

struct plan {
    bool (*test)(double x, bool negative, bool positive);
    bool negative, positive;
};

static bool is_false(double x, bool negative, bool positive)
{
    (void)negative;
    (void)positive;
    return x == 0;
}

static bool is_nan(double x, bool negative, bool positive)
{
    (void)negative;
    (void)positive;
    return isnan(x);
}

static bool is_infinite(double x, bool negative, bool positive)
{
    return isinf(x) && (x < 0 ? negative : positive);
}

static int give_truth(struct op_io *io, bool (*test)(double x, bool negative, bool positive))
{
    struct plan *plan = io->plan;

    plan->test = test;
    io->out[0]->dtype = DTYPE_BOOL;
    io->out[0]->shape = io->in[0]->shape;
    return 0;
}

static int shape_not(struct op_io *io, struct error *err)
{
    return op_expect_dtype(io, 0, DTYPE_BOOL, err) < 0 ? -1 : give_truth(io, is_false);
}

static int need_real(const struct op_io *io, struct error *err)
{
    return dtype_is_float(io->in[0]->dtype)
               ? 0
               : error_set(err, ERROR_INPUT, "input 0 is %s, expected reals", dtype_name(io->in[0]->dtype));
}

static int shape_is_nan(struct op_io *io, struct error *err)
{
    return need_real(io, err) < 0 ? -1 : give_truth(io, is_nan);
}

static int shape_is_inf(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    int64_t negative, positive;

    if (need_real(io, err) < 0 || attribute_int(io->attributes, "detect_negative", 1, &negative, err) < 0 ||
        attribute_int(io->attributes, "detect_positive", 1, &positive, err) < 0)
        return -1;
    plan->negative = negative != 0;
    plan->positive = positive != 0;
    return give_truth(io, is_infinite);
}

static void truth_piece(const void *context, size_t begin, size_t end, int worker)
{
    const struct op_io *io = context;
    const struct plan *plan = io->plan;
    const struct tensor *x = io->in[0];

    (void)worker;
    for (size_t i = begin; i < end; i++)
        ((uint8_t *)io->out[0]->data)[i] = plan->test(element_real(x->dtype, x->data, (int64_t)i), plan->negative,
                                                      plan->positive);
}

static void forward(const struct op_io *io, const struct op_run *run)
{
    chunk_run(run->pool, (size_t)shape_count(&io->in[0]->shape), 2, truth_piece, io);
}

static int shape_bits(struct op_io *io, struct error *err)
{
    const enum dtype dtype = io->in[0]->dtype;

    if (dtype_is_float(dtype) || dtype == DTYPE_BOOL || io->in[0]->quant != NULL)
        return error_set(err, ERROR_INPUT, "input 0 is %s, expected integers", dtype_name(dtype));
    io->out[0]->dtype = dtype;
    io->out[0]->shape = io->in[0]->shape;
    return 0;
}

static void forward_bits(const struct op_io *io, const struct op_run *run)
{
    const uint8_t *x = io->in[0]->data;
    uint8_t *y = io->out[0]->data;

    (void)run;
    for (size_t i = 0; i < tensor_bytes(io->in[0]); i++)
        y[i] = (uint8_t)~x[i];
}

const struct op op_bitwise_not = {
    .name = "BitwiseNot",
    .formula = "y = ~x, bit by bit",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .flags = OP_EMPTY,
    .shape = shape_bits,
    .forward = forward_bits,
};

const struct op op_is_inf = {
    .name = "IsInf",
    .formula = "y = x is infinite",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .attributes = "detect_negative detect_positive",
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct plan),
    .shape = shape_is_inf,
    .forward = forward,
};

const struct op op_is_nan = {
    .name = "IsNaN",
    .formula = "y = x is not a number",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct plan),
    .shape = shape_is_nan,
    .forward = forward,
};

const struct op op_not = {
    .name = "Not",
    .formula = "y = not x",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct plan),
    .shape = shape_not,
    .forward = forward,
};

/*
 * truth.c - comparisons and logic: two operands that broadcast, a truth value
 * for each element. NaN is equal to nothing and in no order.
 */
#include <math.h>

#include "base/limits.h"
#include "op/argument.h"
#include "op/chunk.h"
#include "op/typed.h"

static double equal_real(double a, double b)
{
    return a == b;
}
static double less_real(double a, double b)
{
    return a < b;
}
static double less_or_equal_real(double a, double b)
{
    return a <= b;
}
static double greater_real(double a, double b)
{
    return a > b;
}
static double greater_or_equal_real(double a, double b)
{
    return a >= b;
}

static int64_t equal_whole(int64_t a, int64_t b)
{
    return a == b;
}
static int64_t less_whole(int64_t a, int64_t b)
{
    return a < b;
}
static int64_t less_or_equal_whole(int64_t a, int64_t b)
{
    return a <= b;
}
static int64_t greater_whole(int64_t a, int64_t b)
{
    return a > b;
}
static int64_t greater_or_equal_whole(int64_t a, int64_t b)
{
    return a >= b;
}

static uint64_t less_natural(uint64_t a, uint64_t b)
{
    return a < b;
}
static uint64_t less_or_equal_natural(uint64_t a, uint64_t b)
{
    return a <= b;
}
static uint64_t greater_natural(uint64_t a, uint64_t b)
{
    return a > b;
}
static uint64_t greater_or_equal_natural(uint64_t a, uint64_t b)
{
    return a >= b;
}

static int64_t and_whole(int64_t a, int64_t b)
{
    return a && b;
}
static int64_t or_whole(int64_t a, int64_t b)
{
    return a || b;
}
static int64_t xor_whole(int64_t a, int64_t b)
{
    return !a != !b;
}

static const struct typed equal = { equal_real, equal_whole, NULL, true };
static const struct typed less = { less_real, less_whole, less_natural, false };
static const struct typed less_or_equal = { less_or_equal_real, less_or_equal_whole, less_or_equal_natural, false };
static const struct typed greater = { greater_real, greater_whole, greater_natural, false };
static const struct typed greater_or_equal = { greater_or_equal_real, greater_or_equal_whole, greater_or_equal_natural,
                                               false };
/* Logic takes truth values alone: there is no `whole` to check against, so shape() asks for BOOL. */
static const struct typed and = { NULL, and_whole, NULL, true };
static const struct typed or = { NULL, or_whole, NULL, true };
static const struct typed xor = { NULL, xor_whole, NULL, true };

struct plan {
    const struct typed *typed;
    struct odometer odometer;
};

static int shape_of_pair(struct op_io *io, const struct typed *typed, struct error *err)
{
    struct plan *plan = io->plan;
    const struct tensor *a = io->in[0], *b = io->in[1];
    const struct shape *operand[] = { &a->shape, &b->shape };
    struct tensor *y = io->out[0];

    if (a->quant != NULL || b->quant != NULL)
        return error_set(err, ERROR_INPUT, "an input is quantized, expected plain numbers");
    if (typed_check(typed, a->dtype, err) < 0 || op_expect_dtype(io, 1, a->dtype, err) < 0 ||
        shape_broadcast(&y->shape, &a->shape, &b->shape, err) < 0 ||
        shape_check(&y->shape, (int64_t)limit_get(LIMIT_ACTIVATION_BYTES), err) < 0)
        return -1;
    y->dtype = DTYPE_BOOL;
    plan->typed = typed;
    plan->odometer = odometer_of(&y->shape, operand, 2);
    return 0;
}

static int shape_logic(struct op_io *io, const struct typed *typed, struct error *err)
{
    return op_expect_dtype(io, 0, DTYPE_BOOL, err) < 0 ? -1 : shape_of_pair(io, typed, err);
}

static void forward_piece(const void *context, size_t begin, size_t end, int worker)
{
    const struct op_io *io = context;
    const struct plan *plan = io->plan;
    struct odometer o = plan->odometer;

    (void)worker;
    typed_apply(plan->typed, io->out[0], io->in[0], io->in[1], &o, (int64_t)begin, (int64_t)end);
}

static void forward(const struct op_io *io, const struct op_run *run)
{
    chunk_run(run->pool, (size_t)shape_count(&io->out[0]->shape), 8, forward_piece, io);
}

static int shape_equal_op(struct op_io *io, struct error *err)
{
    return shape_of_pair(io, &equal, err);
}
static int shape_less(struct op_io *io, struct error *err)
{
    return shape_of_pair(io, &less, err);
}
static int shape_less_or_equal(struct op_io *io, struct error *err)
{
    return shape_of_pair(io, &less_or_equal, err);
}
static int shape_greater(struct op_io *io, struct error *err)
{
    return shape_of_pair(io, &greater, err);
}
static int shape_greater_or_equal(struct op_io *io, struct error *err)
{
    return shape_of_pair(io, &greater_or_equal, err);
}
static int shape_and(struct op_io *io, struct error *err)
{
    return shape_logic(io, &and, err);
}
static int shape_or(struct op_io *io, struct error *err)
{
    return shape_logic(io, & or, err);
}
static int shape_xor(struct op_io *io, struct error *err)
{
    return shape_logic(io, &xor, err);
}

const struct op op_and = {
    .name = "And",
    .formula = "y = a and b",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct plan),
    .shape = shape_and,
    .forward = forward,
};

const struct op op_equal = {
    .name = "Equal",
    .formula = "y = a == b",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct plan),
    .shape = shape_equal_op,
    .forward = forward,
};

const struct op op_greater = {
    .name = "Greater",
    .formula = "y = a > b",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct plan),
    .shape = shape_greater,
    .forward = forward,
};

const struct op op_greater_or_equal = {
    .name = "GreaterOrEqual",
    .formula = "y = a >= b",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct plan),
    .shape = shape_greater_or_equal,
    .forward = forward,
};

const struct op op_less = {
    .name = "Less",
    .formula = "y = a < b",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct plan),
    .shape = shape_less,
    .forward = forward,
};

const struct op op_less_or_equal = {
    .name = "LessOrEqual",
    .formula = "y = a <= b",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct plan),
    .shape = shape_less_or_equal,
    .forward = forward,
};

const struct op op_or = {
    .name = "Or",
    .formula = "y = a or b",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct plan),
    .shape = shape_or,
    .forward = forward,
};

const struct op op_xor = {
    .name = "Xor",
    .formula = "y = a != b, of truth values",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct plan),
    .shape = shape_xor,
    .forward = forward,
};

/*
 * reduce_any.c - reductions over axes in any element type, one element after
 * the other in order: reals in double, integers in 64 bits. A row a reduction.
 */
#include <math.h>
#include <string.h>

#include "op/argument.h"
#include "op/odometer.h"
#include "op/reduce.h"
#include "op/reduce_any.h"
#include "tensor/element.h"

static double add(double a, double x)
{
    return a + x;
}

static double add_magnitude(double a, double x)
{
    return a + fabs(x);
}

static double add_square(double a, double x)
{
    return a + x * x;
}

static double multiply(double a, double x)
{
    return a * x;
}

static double larger(double a, double x)
{
    return x > a || isnan(x) ? x : a;
}

static double smaller(double a, double x)
{
    return x < a || isnan(x) ? x : a;
}

static double as_it_is(double a, int64_t count)
{
    (void)count;
    return a;
}

static double mean(double a, int64_t count)
{
    return a / (double)count;
}

static double root(double a, int64_t count)
{
    (void)count;
    return sqrt(a);
}

static double logarithm(double a, int64_t count)
{
    (void)count;
    return log(a);
}

static int64_t add_whole(int64_t a, int64_t x)
{
    return (int64_t)((uint64_t)a + (uint64_t)x);
}

static int64_t add_magnitude_whole(int64_t a, int64_t x)
{
    return (int64_t)((uint64_t)a + (x < 0 ? 0 - (uint64_t)x : (uint64_t)x));
}

static int64_t add_square_whole(int64_t a, int64_t x)
{
    return (int64_t)((uint64_t)a + (uint64_t)x * (uint64_t)x);
}

static int64_t multiply_whole(int64_t a, int64_t x)
{
    return (int64_t)((uint64_t)a * (uint64_t)x);
}

static int64_t larger_whole(int64_t a, int64_t x)
{
    return x > a ? x : a;
}

static int64_t smaller_whole(int64_t a, int64_t x)
{
    return x < a ? x : a;
}

/* Where the first element of the order lies: integers that are no I64 start at the end of their own range. */
enum start { ZERO, ONE, LEAST, MOST };

/* whole NULL: integers go by double and are cut, as the roots of sums do. */
static const struct rule {
    double start;
    double (*step)(double a, double x);
    double (*end)(double a, int64_t count);
    enum start start_whole;
    int64_t (*whole)(int64_t a, int64_t x);
} rules[] = {
    [REDUCE_L1] = { 0, add_magnitude, as_it_is, ZERO, add_magnitude_whole },
    [REDUCE_L2] = { 0, add_square, root, ZERO, NULL },
    [REDUCE_LOG_SUM] = { 0, add, logarithm, ZERO, NULL },
    [REDUCE_LOG_SUM_EXP] = { 0, add, logarithm, ZERO, NULL },
    [REDUCE_MAX] = { -INFINITY, larger, as_it_is, LEAST, larger_whole },
    [REDUCE_MEAN] = { 0, add, mean, ZERO, add_whole },
    [REDUCE_MIN] = { INFINITY, smaller, as_it_is, MOST, smaller_whole },
    [REDUCE_PROD] = { 1, multiply, as_it_is, ONE, multiply_whole },
    [REDUCE_SUM] = { 0, add, as_it_is, ZERO, add_whole },
    [REDUCE_SUM_SQUARE] = { 0, add_square, as_it_is, ZERO, add_square_whole },
};

/* Sums so far of one element of the result. */
struct sum {
    double real, most; /* most: the largest x, of LogSumExp */
    int64_t whole;
};

struct plan {
    struct shape kept; /* the result with all axes */
    int64_t count;
};

bool reduce_is_other(const struct op_io *io)
{
    const struct tensor *x = io->in[0];

    return x->quant == NULL && (x->dtype != DTYPE_F32 || shape_count(&x->shape) == 0);
}

int reduce_any_shape(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;

    if (io->in[0]->quant != NULL)
        return error_set(err, ERROR_INPUT, "input 0 is quantized, expected plain numbers");
    if (reduce_axes(io, &plan->kept, &plan->count, err) < 0)
        return -1;
    io->work_bytes = (size_t)shape_count(&plan->kept) * sizeof(struct sum);
    return 0;
}

/* U64 with its highest bit turned has I64's order. Sums wrap alike and need no turning. */
static int64_t turned(enum dtype dtype, const struct rule *rule, int64_t v)
{
    const bool ordered = rule->start_whole == LEAST || rule->start_whole == MOST;

    return dtype == DTYPE_U64 && ordered ? (int64_t)((uint64_t)v ^ (uint64_t)INT64_MIN) : v;
}

/* Of no elements: 0, 1, or the least or the most that the type holds. */
static int64_t first_whole(enum dtype dtype, const struct rule *rule)
{
    const bool is_signed = dtype == DTYPE_I8 || dtype == DTYPE_I16 || dtype == DTYPE_I32;
    const int bits = dtype == DTYPE_BOOL ? 1 : 8 * (int)dtype_bytes(dtype) - is_signed;

    if (rule->start_whole == ZERO || rule->start_whole == ONE)
        return rule->start_whole == ONE;
    if (bits == 64) /* U64 is turned, too */
        return rule->start_whole == LEAST ? INT64_MIN : INT64_MAX;
    if (rule->start_whole == MOST)
        return ((int64_t)1 << bits) - 1;
    return is_signed ? -((int64_t)1 << bits) : 0;
}

static int64_t mean_whole(enum dtype dtype, int64_t sum, int64_t count)
{
    if (count == 0)
        return 0;
    return dtype == DTYPE_U64 ? (int64_t)((uint64_t)sum / (uint64_t)count) : sum / count;
}

/* `width` elements from x[from] on to sums `step` apart. */
static void add_row(const struct tensor *x, int64_t from, int64_t width, const struct rule *rule, bool exponentials,
                    struct sum *to, int64_t step)
{
    const bool by_whole = rule->whole != NULL && !dtype_is_float(x->dtype);
    const float *plain = x->dtype == DTYPE_F32 ? x->data : NULL;

    for (int64_t i = from; i < from + width; i++, to += step) {
        if (by_whole) {
            to->whole = rule->whole(to->whole, turned(x->dtype, rule, element_int(x->dtype, x->data, i)));
        } else {
            const double v = plain != NULL ? (double)plain[i] : element_real(x->dtype, x->data, i);

            to->real = rule->step(to->real, exponentials ? exp(v - to->most) : v);
        }
    }
}

static void add_up(const struct op_io *io, const struct rule *rule, bool exponentials, struct sum *sum)
{
    const struct plan *plan = io->plan;
    const struct tensor *x = io->in[0];
    const struct shape *operand[] = { &plan->kept };
    struct odometer o = odometer_of(&x->shape, operand, 1);
    const int64_t count = shape_count(&x->shape), width = o.rank > 0 ? o.dim[o.rank - 1] : 1;
    const int64_t step = o.rank > 0 ? o.step[0][--o.rank] : 0; /* the last axis is a row */

    odometer_seek(&o, 0);
    for (int64_t i = 0; i < count; i += width, odometer_next(&o))
        add_row(x, i, width, rule, exponentials, &sum[o.at[0]], step);
}

static void find_largest(const struct op_io *io, struct sum *sum)
{
    const struct plan *plan = io->plan;
    const struct tensor *x = io->in[0];
    const struct shape *operand[] = { &plan->kept };
    struct odometer o = odometer_of(&x->shape, operand, 1);

    odometer_seek(&o, 0);
    for (int64_t i = 0; i < shape_count(&x->shape); i++, odometer_next(&o)) {
        const double v = element_real(x->dtype, x->data, i);

        if (v > sum[o.at[0]].most)
            sum[o.at[0]].most = v;
    }
    for (int64_t i = 0; i < shape_count(&plan->kept); i++)
        if (!isfinite(sum[i].most))
            sum[i].most = 0;
}

void reduce_any_forward(const struct op_io *io, enum reduction reduction)
{
    const struct plan *plan = io->plan;
    const struct rule *rule = &rules[reduction];
    const struct tensor *y = io->out[0];
    const bool exponentials = reduction == REDUCE_LOG_SUM_EXP;
    struct sum *sum = io->work;

    for (int64_t i = 0; i < shape_count(&plan->kept); i++)
        sum[i] = (struct sum){ rule->start, -INFINITY, first_whole(y->dtype, rule) };
    if (exponentials)
        find_largest(io, sum);
    add_up(io, rule, exponentials, sum);
    for (int64_t i = 0; i < shape_count(&plan->kept); i++) {
        if (rule->whole != NULL && !dtype_is_float(y->dtype))
            element_set_int(y->dtype, y->data, i,
                            reduction == REDUCE_MEAN ? mean_whole(y->dtype, sum[i].whole, plan->count)
                                                     : turned(y->dtype, rule, sum[i].whole));
        else
            element_set_real(y->dtype, y->data, i,
                             rule->end(sum[i].real, plan->count) + (exponentials ? sum[i].most : 0));
    }
}

static void clear(const struct tensor *x)
{
    for (int64_t i = 0; x->grad != NULL && !x->grad_add && i < shape_count(&x->shape); i++)
        x->grad[i] = 0;
}

/* y = sum |x|, sqrt(sum x^2) or sum x^2: the slope is of x and y alone. */
static void backward(const struct op_io *io, enum reduction reduction)
{
    const struct plan *plan = io->plan;
    const struct tensor *x = io->in[0], *y = io->out[0];
    const struct shape *operand[] = { &plan->kept };
    struct odometer o = odometer_of(&x->shape, operand, 1);

    clear(x);
    odometer_seek(&o, 0);
    for (int64_t i = 0; x->grad != NULL && i < shape_count(&x->shape); i++, odometer_next(&o)) {
        const float v = ((const float *)x->data)[i], total = ((const float *)y->data)[o.at[0]];
        const float slope = reduction == REDUCE_L1   ? (float)((v > 0) - (v < 0))
                            : reduction == REDUCE_L2 ? (total > 0 ? v / total : 0)
                                                     : 2 * v;

        x->grad[i] += slope * y->grad[o.at[0]];
    }
}

/* Equal smallest ones share the gradient, as ReduceMax's largest do. */
static void backward_min(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    const struct tensor *x = io->in[0], *y = io->out[0];
    const struct shape *operand[] = { &plan->kept };
    struct odometer o = odometer_of(&x->shape, operand, 1);
    struct sum *sum = io->work;
    const float *in = x->data, *out = y->data;

    (void)run;
    if (x->grad == NULL)
        return;
    clear(x);
    for (int64_t i = 0; i < shape_count(&plan->kept); i++)
        sum[i].whole = 0;
    odometer_seek(&o, 0);
    for (int64_t i = 0; i < shape_count(&x->shape); i++, odometer_next(&o))
        sum[o.at[0]].whole += in[i] == out[o.at[0]];
    odometer_seek(&o, 0);
    for (int64_t i = 0; i < shape_count(&x->shape); i++, odometer_next(&o))
        if (in[i] == out[o.at[0]])
            x->grad[i] += y->grad[o.at[0]] / (float)sum[o.at[0]].whole;
}

static void forward_l1(const struct op_io *io, const struct op_run *run)
{
    (void)run;
    reduce_any_forward(io, REDUCE_L1);
}

static void backward_l1(const struct op_io *io, const struct op_run *run)
{
    (void)run;
    backward(io, REDUCE_L1);
}

const struct op op_reduce_l1 = {
    .name = "ReduceL1",
    .formula = "y = sum of |x| over axes",
    .min_inputs = 1,
    .max_inputs = 2,
    .outputs = 1,
    .attributes = "axes keepdims noop_with_empty_axes",
    .arguments = 1U << 1,
    .flags = OP_EMPTY | OP_BACKWARD_IN | OP_BACKWARD_OUT,
    .plan_bytes = sizeof(struct plan),
    .shape = reduce_any_shape,
    .forward = forward_l1,
    .backward = backward_l1,
};

static void forward_l2(const struct op_io *io, const struct op_run *run)
{
    (void)run;
    reduce_any_forward(io, REDUCE_L2);
}

static void backward_l2(const struct op_io *io, const struct op_run *run)
{
    (void)run;
    backward(io, REDUCE_L2);
}

const struct op op_reduce_l2 = {
    .name = "ReduceL2",
    .formula = "y = root of the sum of x^2 over axes",
    .min_inputs = 1,
    .max_inputs = 2,
    .outputs = 1,
    .attributes = "axes keepdims noop_with_empty_axes",
    .arguments = 1U << 1,
    .flags = OP_EMPTY | OP_BACKWARD_IN | OP_BACKWARD_OUT,
    .plan_bytes = sizeof(struct plan),
    .shape = reduce_any_shape,
    .forward = forward_l2,
    .backward = backward_l2,
};

static void forward_log_sum(const struct op_io *io, const struct op_run *run)
{
    (void)run;
    reduce_any_forward(io, REDUCE_LOG_SUM);
}

const struct op op_reduce_log_sum = {
    .name = "ReduceLogSum",
    .formula = "y = log of the sum of x over axes",
    .min_inputs = 1,
    .max_inputs = 2,
    .outputs = 1,
    .attributes = "axes keepdims noop_with_empty_axes",
    .arguments = 1U << 1,
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct plan),
    .shape = reduce_any_shape,
    .forward = forward_log_sum,
};

static void forward_log_sum_exp(const struct op_io *io, const struct op_run *run)
{
    (void)run;
    reduce_any_forward(io, REDUCE_LOG_SUM_EXP);
}

const struct op op_reduce_log_sum_exp = {
    .name = "ReduceLogSumExp",
    .formula = "y = log of the sum of e^x over axes",
    .min_inputs = 1,
    .max_inputs = 2,
    .outputs = 1,
    .attributes = "axes keepdims noop_with_empty_axes",
    .arguments = 1U << 1,
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct plan),
    .shape = reduce_any_shape,
    .forward = forward_log_sum_exp,
};

static void forward_min(const struct op_io *io, const struct op_run *run)
{
    (void)run;
    reduce_any_forward(io, REDUCE_MIN);
}

const struct op op_reduce_min = {
    .name = "ReduceMin",
    .formula = "y = smallest x over axes",
    .min_inputs = 1,
    .max_inputs = 2,
    .outputs = 1,
    .attributes = "axes keepdims noop_with_empty_axes",
    .arguments = 1U << 1,
    .flags = OP_EMPTY | OP_BACKWARD_IN | OP_BACKWARD_OUT,
    .plan_bytes = sizeof(struct plan),
    .shape = reduce_any_shape,
    .forward = forward_min,
    .backward = backward_min,
};

static void forward_prod(const struct op_io *io, const struct op_run *run)
{
    (void)run;
    reduce_any_forward(io, REDUCE_PROD);
}

const struct op op_reduce_prod = {
    .name = "ReduceProd",
    .formula = "y = product of x over axes",
    .min_inputs = 1,
    .max_inputs = 2,
    .outputs = 1,
    .attributes = "axes keepdims noop_with_empty_axes",
    .arguments = 1U << 1,
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct plan),
    .shape = reduce_any_shape,
    .forward = forward_prod,
};

static void forward_sum_square(const struct op_io *io, const struct op_run *run)
{
    (void)run;
    reduce_any_forward(io, REDUCE_SUM_SQUARE);
}

static void backward_sum_square(const struct op_io *io, const struct op_run *run)
{
    (void)run;
    backward(io, REDUCE_SUM_SQUARE);
}

const struct op op_reduce_sum_square = {
    .name = "ReduceSumSquare",
    .formula = "y = sum of x^2 over axes",
    .min_inputs = 1,
    .max_inputs = 2,
    .outputs = 1,
    .attributes = "axes keepdims noop_with_empty_axes",
    .arguments = 1U << 1,
    .flags = OP_EMPTY | OP_BACKWARD_IN | OP_BACKWARD_OUT,
    .plan_bytes = sizeof(struct plan),
    .shape = reduce_any_shape,
    .forward = forward_sum_square,
    .backward = backward_sum_square,
};

/* variadic.c - Max, Min, Sum and Mean of any number of operands that broadcast together. */
#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "op/argument.h"
#include "op/chunk.h"
#include "op/typed.h"
#include "op/walk.h"
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

static void copy_rows(const struct kern *k, float *y, const float *x, size_t step, size_t n)
{
    (void)k;
    for (size_t i = 0; i < n; i++)
        y[i] = x[i * step];
}

static void max_rows(const struct kern *k, float *y, const float *x, size_t step, size_t n)
{
    (void)k;
    for (size_t i = 0; i < n; i++) {
        const float v = x[i * step];

        y[i] = isnan(y[i]) || y[i] > v ? y[i] : v;
    }
}

static void min_rows(const struct kern *k, float *y, const float *x, size_t step, size_t n)
{
    (void)k;
    for (size_t i = 0; i < n; i++) {
        const float v = x[i * step];

        y[i] = isnan(y[i]) || y[i] < v ? y[i] : v;
    }
}

static void sum_rows(const struct kern *k, float *y, const float *x, size_t step, size_t n)
{
    k->add_f32(y, y, 1, x, step, n);
}

struct variadic {
    void (*rows)(const struct kern *k, float *y, const float *x, size_t step, size_t n); /* F32: y = f(y, x) */
    struct typed typed;                                                                  /* other types */
    bool mean;
};

static const struct variadic max_of = { max_rows, { max_real, max_whole, max_natural, false }, false };
static const struct variadic min_of = { min_rows, { min_real, min_whole, min_natural, false }, false };
static const struct variadic sum_of = { sum_rows, { sum_real, NULL, NULL, false }, false };
static const struct variadic mean_of = { sum_rows, { sum_real, NULL, NULL, false }, true };

struct plan {
    const struct variadic *variadic;
};

static int check_input(const struct op_io *io, int i, struct error *err)
{
    if (io->in[i] == NULL)
        return error_set(err, ERROR_INPUT, "input %d is absent, expected %d inputs", i, io->in_count);
    if (io->in[i]->quant != NULL)
        return error_set(err, ERROR_INPUT, "input %d is quantized, expected plain numbers", i);
    return op_expect_dtype(io, i, io->in[0]->dtype, err);
}

static int shape_of_all(struct op_io *io, const struct variadic *variadic, struct error *err)
{
    struct plan *plan = io->plan;
    struct tensor *y = io->out[0];
    struct shape shape = io->in[0]->shape;

    if (typed_check(&variadic->typed, io->in[0]->dtype, err) < 0)
        return -1;
    for (int i = 0; i < io->in_count; i++) {
        struct shape before = shape;

        if (check_input(io, i, err) < 0 || shape_broadcast(&shape, &before, &io->in[i]->shape, err) < 0)
            return -1;
    }
    if (shape_check(&shape, (int64_t)limit_get(LIMIT_ACTIVATION_BYTES), err) < 0)
        return -1;
    plan->variadic = variadic;
    y->dtype = io->in[0]->dtype;
    y->shape = shape;
    return 0;
}

/* ---- F32: the first operand as it is, then each further one on top ---- */

struct pass {
    const struct kern *kern;
    void (*rows)(const struct kern *k, float *y, const float *x, size_t step, size_t n);
    float *y;
    const float *x;
};

static void pass_run(const void *context, const struct walk_run *run)
{
    const struct pass *pass = context;

    pass->rows(pass->kern, pass->y + run->at[WALK_WHOLE], pass->x + run->at[0], run->step[0], run->n);
}

static void divide_piece(const void *context, size_t begin, size_t end, int worker)
{
    const struct op_io *io = context;
    float *y = io->out[0]->data;

    (void)worker;
    for (size_t i = begin; i < end; i++)
        y[i] /= (float)io->in_count;
}

static void forward_f32(const struct op_io *io, const struct op_run *run)
{
    const struct variadic *variadic = ((const struct plan *)io->plan)->variadic;
    const struct tensor *y = io->out[0];

    for (int k = 0; k < io->in_count; k++) {
        const struct walk walk = walk_of(&y->shape, &io->in[k]->shape, &y->shape);
        const struct pass pass = { run->kern, k == 0 ? copy_rows : variadic->rows, y->data, io->in[k]->data };

        walk_visit_all(&walk, 0, run->pool, pass_run, &pass);
    }
    if (variadic->mean)
        chunk_run(run->pool, (size_t)shape_count(&y->shape), 1, divide_piece, io);
}

/* ---- other types: a block at a time, so that reals are rounded once, at the end ---- */

enum { BLOCK = 256 };

static void real_block(const struct op_io *io, int64_t begin, int64_t n)
{
    const struct variadic *variadic = ((const struct plan *)io->plan)->variadic;
    const struct tensor *y = io->out[0];
    double result[BLOCK] = { 0 };

    for (int k = 0; k < io->in_count; k++) {
        const struct shape *operand[] = { &io->in[k]->shape };
        struct odometer o = odometer_of(&y->shape, operand, 1);

        odometer_seek(&o, begin);
        for (int64_t i = 0; i < n; i++, odometer_next(&o)) {
            const double v = element_real(y->dtype, io->in[k]->data, o.at[0]);

            result[i] = k == 0 ? v : variadic->typed.real(result[i], v);
        }
    }
    for (int64_t i = 0; i < n; i++)
        element_set_real(y->dtype, y->data, begin + i, variadic->mean ? result[i] / io->in_count : result[i]);
}

static void whole_block(const struct op_io *io, int64_t begin, int64_t n)
{
    const struct typed *typed = &((const struct plan *)io->plan)->variadic->typed;
    const struct tensor *y = io->out[0];

    for (int k = 0; k < io->in_count; k++) {
        const struct shape *operand[] = { &y->shape, &io->in[k]->shape };
        struct odometer o = odometer_of(&y->shape, operand, 2);

        if (k > 0) {
            typed_apply(typed, y, y, io->in[k], &o, begin, begin + n);
            continue;
        }
        odometer_seek(&o, begin);
        for (int64_t i = begin; i < begin + n; i++, odometer_next(&o))
            element_set_int(y->dtype, y->data, i, element_int(y->dtype, io->in[0]->data, o.at[1]));
    }
}

static void typed_piece(const void *context, size_t begin, size_t end, int worker)
{
    const struct op_io *io = context;
    const bool real = dtype_is_float(io->out[0]->dtype);

    (void)worker;
    for (size_t i = begin; i < end; i += BLOCK) {
        const size_t n = end - i < BLOCK ? end - i : BLOCK;

        (real ? real_block : whole_block)(io, (int64_t)i, (int64_t)n);
    }
}

static void forward(const struct op_io *io, const struct op_run *run)
{
    const size_t count = (size_t)shape_count(&io->out[0]->shape);

    if (count > 0 && io->out[0]->dtype == DTYPE_F32)
        forward_f32(io, run);
    else
        chunk_run(run->pool, count, 8, typed_piece, io);
}

static int shape_sum(struct op_io *io, struct error *err)
{
    return shape_of_all(io, &sum_of, err);
}

static int shape_mean(struct op_io *io, struct error *err)
{
    return shape_of_all(io, &mean_of, err);
}

/* Room to count, for each element, how many inputs are the largest: they share its gradient. */
static int shape_best(struct op_io *io, const struct variadic *variadic, struct error *err)
{
    if (shape_of_all(io, variadic, err) < 0)
        return -1;
    if (io->training)
        io->work_bytes = (size_t)shape_count(&io->out[0]->shape) * sizeof(float);
    return 0;
}

static int shape_max(struct op_io *io, struct error *err)
{
    return shape_best(io, &max_of, err);
}

static int shape_min(struct op_io *io, struct error *err)
{
    return shape_best(io, &min_of, err);
}

/* ---- backward: over the axes along which an operand repeats its gradient is summed ---- */

static void clear(const struct tensor *x)
{
    for (int64_t i = 0; !x->grad_add && i < shape_count(&x->shape); i++)
        x->grad[i] = 0;
}

static struct odometer start(const struct tensor *y, const struct tensor *x)
{
    const struct shape *operand[] = { &x->shape };
    struct odometer o = odometer_of(&y->shape, operand, 1);

    odometer_seek(&o, 0);
    return o;
}

/* Sum and Mean: each operand gets the result's gradient. */
static void backward(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    const struct tensor *y = io->out[0];
    const float factor = plan->variadic->mean ? 1 / (float)io->in_count : 1;

    (void)run;
    for (int k = 0; k < io->in_count; k++) {
        const struct tensor *x = io->in[k];
        struct odometer o = start(y, x);

        if (x->grad == NULL)
            continue;
        clear(x);
        for (int64_t i = 0; i < shape_count(&y->shape); i++, odometer_next(&o))
            x->grad[o.at[0]] += factor * y->grad[i];
    }
}

static bool is_best(const struct tensor *x, int64_t at, const struct tensor *y, int64_t i)
{
    return ((const float *)x->data)[at] == ((const float *)y->data)[i];
}

/* Max and Min: those that are the result share its gradient. */
static void backward_best(const struct op_io *io, const struct op_run *run)
{
    const struct tensor *y = io->out[0];
    const int64_t count = shape_count(&y->shape);
    float *sharers = io->work;

    (void)run;
    if (count > 0)
        memset(sharers, 0, (size_t)count * sizeof(*sharers));
    for (int k = 0; k < io->in_count; k++) {
        struct odometer o = start(y, io->in[k]);

        for (int64_t i = 0; i < count; i++, odometer_next(&o))
            sharers[i] += is_best(io->in[k], o.at[0], y, i) ? 1 : 0;
    }
    for (int k = 0; k < io->in_count; k++) {
        const struct tensor *x = io->in[k];
        struct odometer o = start(y, x);

        if (x->grad == NULL)
            continue;
        clear(x);
        for (int64_t i = 0; i < count; i++, odometer_next(&o))
            x->grad[o.at[0]] += is_best(x, o.at[0], y, i) ? y->grad[i] / sharers[i] : 0;
    }
}

const struct op op_max = {
    .name = "Max",
    .formula = "y = largest of the inputs",
    .min_inputs = 1,
    .max_inputs = -1,
    .outputs = 1,
    .flags = OP_EMPTY | OP_BACKWARD_IN | OP_BACKWARD_OUT,
    .plan_bytes = sizeof(struct plan),
    .shape = shape_max,
    .forward = forward,
    .backward = backward_best,
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
    .flags = OP_EMPTY | OP_BACKWARD_IN | OP_BACKWARD_OUT,
    .plan_bytes = sizeof(struct plan),
    .shape = shape_min,
    .forward = forward,
    .backward = backward_best,
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

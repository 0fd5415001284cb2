/* pow.c - the power; the exponent may be of another type, the result has the base's. */
#include <math.h>

#include "base/limits.h"
#include "op/argument.h"
#include "op/chunk.h"
#include "op/odometer.h"
#include "tensor/element.h"

struct plan {
    struct odometer odometer;
};

static int shape(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    const struct tensor *a = io->in[0], *b = io->in[1];
    const struct shape *operand[] = { &a->shape, &b->shape };
    struct tensor *y = io->out[0];

    if (a->dtype == DTYPE_BOOL || b->dtype == DTYPE_BOOL || a->quant != NULL || b->quant != NULL)
        return error_set(err, ERROR_INPUT, "inputs are %s and %s, expected numbers", dtype_name(a->dtype),
                         dtype_name(b->dtype));
    if (shape_broadcast(&y->shape, &a->shape, &b->shape, err) < 0 ||
        shape_check(&y->shape, (int64_t)limit_get(LIMIT_ACTIVATION_BYTES), err) < 0)
        return -1;
    y->dtype = a->dtype;
    plan->odometer = odometer_of(&y->shape, operand, 2);
    return 0;
}

/* By squaring, wrapping; below 1 for negative exponents of integers, which is 0 but for bases 1 and -1. */
static int64_t whole_power(int64_t a, uint64_t b, bool negative)
{
    uint64_t result = 1, base = (uint64_t)a;

    if (negative)
        return a == 1 ? 1 : a == -1 ? (b % 2 ? -1 : 1) : 0;
    for (; b > 0; b /= 2, base *= base)
        if (b % 2)
            result *= base;
    return (int64_t)result;
}

static int64_t whole_at(const struct tensor *a, int64_t at_a, const struct tensor *b, int64_t at_b)
{
    const int64_t base = element_int(a->dtype, a->data, at_a), exponent = element_int(b->dtype, b->data, at_b);
    const bool negative = exponent < 0 && b->dtype != DTYPE_U64;

    if (negative && a->dtype == DTYPE_U64) /* its largest is not -1 */
        return base == 1;
    return whole_power(base, (uint64_t)exponent, negative);
}

static void power_at(const struct tensor *y, const struct tensor *a, const struct tensor *b, const struct odometer *o,
                     int64_t i)
{
    if (dtype_is_float(a->dtype) || dtype_is_float(b->dtype))
        element_set_real(y->dtype, y->data, i,
                         pow(element_real(a->dtype, a->data, o->at[0]), element_real(b->dtype, b->data, o->at[1])));
    else
        element_set_int(y->dtype, y->data, i, whole_at(a, o->at[0], b, o->at[1]));
}

/* One exponent for all is the usual case; a square needs no pow(). */
static void one_exponent(float *y, const float *x, double exponent, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = exponent == 2 ? x[i] * x[i] : powf(x[i], (float)exponent);
}

static void forward_piece(const void *context, size_t begin, size_t end, int worker)
{
    const struct op_io *io = context;
    const struct plan *plan = io->plan;
    const struct tensor *a = io->in[0], *b = io->in[1], *y = io->out[0];
    struct odometer o = plan->odometer;

    (void)worker;
    if (a->dtype == DTYPE_F32 && shape_count(&b->shape) == 1) {
        one_exponent((float *)y->data + begin, (const float *)a->data + begin, element_real(b->dtype, b->data, 0),
                     end - begin);
        return;
    }
    odometer_seek(&o, (int64_t)begin);
    for (size_t i = begin; i < end; i++, odometer_next(&o))
        power_at(y, a, b, &o, (int64_t)i);
}

static void forward(const struct op_io *io, const struct op_run *run)
{
    chunk_run(run->pool, (size_t)shape_count(&io->out[0]->shape), 8, forward_piece, io);
}

static void clear(const struct tensor *x)
{
    for (int64_t i = 0; x->grad != NULL && !x->grad_add && i < shape_count(&x->shape); i++)
        x->grad[i] = 0;
}

/* Of x^p: p x^(p-1) towards x, and x^p ln x towards p; 0 where the other factor is an infinity. */
static double base_slope(double x, double p)
{
    return p == 0 ? 0 : p * pow(x, p - 1);
}

static double exponent_slope(double x, double p)
{
    return x == 0 && p >= 0 ? 0 : pow(x, p) * log(x);
}

static void backward(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    const struct tensor *a = io->in[0], *b = io->in[1], *y = io->out[0];
    struct odometer o = plan->odometer;

    (void)run;
    clear(a);
    clear(b);
    odometer_seek(&o, 0);
    for (int64_t i = 0; i < shape_count(&y->shape); i++, odometer_next(&o)) {
        const double x = element_real(a->dtype, a->data, o.at[0]), p = element_real(b->dtype, b->data, o.at[1]);

        if (a->grad != NULL)
            a->grad[o.at[0]] += y->grad[i] * (float)base_slope(x, p);
        if (b->grad != NULL)
            b->grad[o.at[1]] += y->grad[i] * (float)exponent_slope(x, p);
    }
}

const struct op op_pow = {
    .name = "Pow",
    .formula = "y = a ^ b",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .flags = OP_EMPTY | OP_BACKWARD_IN,
    .plan_bytes = sizeof(struct plan),
    .shape = shape,
    .forward = forward,
    .backward = backward,
};

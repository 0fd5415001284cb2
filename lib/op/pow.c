/* pow.c - the power; the exponent may be of another type, the result has the base's. */
#include <math.h>

#include "base/limits.h"
#include "op/argument.h"
#include "op/chunk.h"
#include "op/odometer.h"
#include "tensor/element.h"

struct plan {
    struct odometer odometer;
    double exponent; /* where it is one constant of F32 */
    bool square, constant;
};

/* One exponent for all, known in advance, is the usual case; a square needs no pow(). */
static void read_exponent(struct plan *plan, const struct tensor *b)
{
    if (b->data == NULL || shape_count(&b->shape) != 1)
        return;
    plan->constant = true;
    plan->exponent = element_real(b->dtype, b->data, 0);
    plan->square = plan->exponent == 2;
}

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
    read_exponent(plan, b);
    return 0;
}

/* By squaring, wrapping; below 1 for negative exponents of integers, which is 0 but for bases 1 and -1. */
static int64_t whole_power(int64_t a, int64_t b)
{
    uint64_t result = 1, base = (uint64_t)a;

    if (b < 0)
        return a == 1 ? 1 : a == -1 ? (b % 2 ? -1 : 1) : 0;
    for (; b > 0; b /= 2, base *= base)
        if (b % 2)
            result *= base;
    return (int64_t)result;
}

static void power_at(const struct tensor *y, const struct tensor *a, const struct tensor *b, const struct odometer *o,
                     int64_t i)
{
    if (dtype_is_float(a->dtype) || dtype_is_float(b->dtype))
        element_set_real(y->dtype, y->data, i,
                         pow(element_real(a->dtype, a->data, o->at[0]), element_real(b->dtype, b->data, o->at[1])));
    else
        element_set_int(
            y->dtype, y->data, i,
            whole_power(element_int(a->dtype, a->data, o->at[0]), element_int(b->dtype, b->data, o->at[1])));
}

static void forward_piece(const void *context, size_t begin, size_t end, int worker)
{
    const struct op_io *io = context;
    const struct plan *plan = io->plan;
    const struct tensor *a = io->in[0], *y = io->out[0];
    struct odometer o = plan->odometer;

    (void)worker;
    if (a->dtype == DTYPE_F32 && plan->constant && shape_equal(&a->shape, &y->shape)) {
        for (size_t i = begin; i < end; i++) {
            float x = ((const float *)a->data)[i];

            ((float *)y->data)[i] = plan->square ? x * x : powf(x, (float)plan->exponent);
        }
        return;
    }
    odometer_seek(&o, (int64_t)begin);
    for (size_t i = begin; i < end; i++, odometer_next(&o))
        power_at(y, a, io->in[1], &o, (int64_t)i);
}

static void forward(const struct op_io *io, const struct op_run *run)
{
    chunk_run(run->pool, (size_t)shape_count(&io->out[0]->shape), 8, forward_piece, io);
}

/* Towards the base alone, for one exponent known in advance. */
static void backward(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    const struct tensor *a = io->in[0], *y = io->out[0];
    struct odometer o = plan->odometer;

    (void)run;
    if (a->grad == NULL)
        return;
    for (int64_t i = 0; !a->grad_add && i < shape_count(&a->shape); i++)
        a->grad[i] = 0;
    odometer_seek(&o, 0);
    for (int64_t i = 0; i < shape_count(&y->shape); i++, odometer_next(&o)) {
        const double x = (double)((const float *)a->data)[o.at[0]];
        const double p = element_real(io->in[1]->dtype, io->in[1]->data, o.at[1]);

        a->grad[o.at[0]] += y->grad[i] * (float)(p * pow(x, p - 1));
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

/* mul.c - the product; on quantized inputs in 64-bit integers. */
#include "op/binary.h"

#include <math.h>

static void rows(const struct kern *k, float *y, const float *a, size_t step_a, const float *b, size_t step_b, size_t n)
{
    k->mul_f32(y, a, step_a, b, step_b, n);
}

static void slopes_a(const struct kern *k, float *g, const float *gy, const float *a, size_t step_a, const float *b,
                     size_t step_b, size_t n)
{
    (void)a;
    (void)step_a;
    k->mul_f32(g, gy, 1, b, step_b, n);
}

static void slopes_b(const struct kern *k, float *g, const float *gy, const float *a, size_t step_a, const float *b,
                     size_t step_b, size_t n)
{
    (void)b;
    (void)step_b;
    k->mul_f32(g, gy, 1, a, step_a, n);
}

/* 28 bits; a factor beyond 2^13 is halved until it fits, for it saturates all the same. */
static void quantize(struct binary_plan *plan, const struct quant *a, const struct quant *b, const struct quant *y)
{
    double factor = (double)a->scale[0] * (double)b->scale[0] / (double)y->scale[0];
    struct kern_mul_u8 *how = &plan->how.product;
    int exponent;
    int64_t bits;

    (void)frexp(factor, &exponent);
    how->shift = exponent < -16 ? 30 : exponent > 13 ? 1 : 14 - exponent;
    bits = (int64_t)rint(ldexp(factor, exponent < -16 ? 44 : 28 - exponent));
    how->high = (int32_t)(bits >> 14);
    how->low = (int32_t)(bits & 0x3fff);
    how->zero_a = a->zero_point[0];
    how->zero_b = b->zero_point[0];
    how->zero_point = y->zero_point[0];
}

static void bytes(const struct kern *k, const struct binary_plan *plan, uint8_t *y, const uint8_t *a, size_t step_a,
                  const uint8_t *b, size_t step_b, size_t n)
{
    k->mul_u8(y, a, step_a, b, step_b, &plan->how.product, n);
}

static double real(double a, double b)
{
    return a * b;
}

static int64_t whole(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a * (uint64_t)b);
}

static const struct typed typed = { real, whole, NULL, false };

static const struct binary arithmetic = { rows, { slopes_a, slopes_b }, bytes, quantize, &typed };

static int shape(struct op_io *io, struct error *err)
{
    return binary_shape(io, &arithmetic, err);
}

const struct op op_mul = {
    .name = "Mul",
    .formula = "y = a * b",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .flags = OP_EMPTY | OP_IN_PLACE | OP_INTEGER | OP_BACKWARD_IN,
    .plan_bytes = sizeof(struct binary_plan),
    .shape = shape,
    .forward = binary_forward,
    .backward = binary_backward,
};

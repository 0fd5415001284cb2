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

static int quantize(struct binary_plan *plan, const struct quant *a, const struct quant *b, const struct quant *y,
                    struct error *err)
{
    double factor = (double)a->scale[0] * (double)b->scale[0] / (double)y->scale[0];
    struct kern_mul_u8 *how = &plan->how.product;
    int exponent;

    (void)frexp(factor, &exponent);
    if (exponent > 30)
        return error_set(err, ERROR_INPUT, "output scale is %g, expected more than a billionth of the product's",
                         (double)y->scale[0]);
    how->shift = exponent < -31 ? 62 : 31 - exponent;
    how->factor = (int64_t)rint(ldexp(factor, how->shift));
    how->zero_a = a->zero_point[0];
    how->zero_b = b->zero_point[0];
    how->zero_point = y->zero_point[0];
    return 0;
}

static void bytes(const struct kern *k, const struct binary_plan *plan, uint8_t *y, const uint8_t *a, size_t step_a,
                  const uint8_t *b, size_t step_b, size_t n)
{
    k->mul_u8(y, a, step_a, b, step_b, &plan->how.product, n);
}

static const struct binary arithmetic = { rows, { slopes_a, slopes_b }, bytes, quantize };

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
    .flags = OP_IN_PLACE | OP_INTEGER | OP_BACKWARD_IN,
    .plan_bytes = sizeof(struct binary_plan),
    .shape = shape,
    .forward = binary_forward,
    .backward = binary_backward,
};

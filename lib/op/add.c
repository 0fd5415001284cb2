/* add.c - the sum; on quantized inputs in 32-bit integers. */
#include "op/binary.h"

#include <string.h>

static void rows(const struct kern *k, float *y, const float *a, size_t step_a, const float *b, size_t step_b, size_t n)
{
    k->add_f32(y, a, step_a, b, step_b, n);
}

static void slopes_a(const struct kern *k, float *g, const float *gy, const float *a, size_t step_a, const float *b,
                     size_t step_b, size_t n)
{
    (void)k;
    (void)a;
    (void)step_a;
    (void)b;
    (void)step_b;
    if (g != gy) /* the gradient may lie there already */
        memcpy(g, gy, n * sizeof(*g));
}

static void slopes_b(const struct kern *k, float *g, const float *gy, const float *a, size_t step_a, const float *b,
                     size_t step_b, size_t n)
{
    (void)k;
    (void)a;
    (void)step_a;
    (void)b;
    (void)step_b;
    if (g != gy) /* the gradient may lie there already */
        memcpy(g, gy, n * sizeof(*g));
}

static void quantize(struct binary_plan *plan, const struct quant *a, const struct quant *b, const struct quant *y)
{
    binary_quantize_sum(plan, a, b, y, 1);
}

static double real(double a, double b)
{
    return a + b;
}

static int64_t whole(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static const struct typed typed = { real, whole, NULL, false };

static const struct binary arithmetic = { rows, { slopes_a, slopes_b }, binary_sum_bytes, quantize, &typed };

static int shape(struct op_io *io, struct error *err)
{
    return binary_shape(io, &arithmetic, err);
}

const struct op op_add = {
    .name = "Add",
    .formula = "y = a + b",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .flags = OP_EMPTY | OP_IN_PLACE | OP_INTEGER | OP_GRAD_IN_PLACE,
    .plan_bytes = sizeof(struct binary_plan),
    .shape = shape,
    .forward = binary_forward,
    .backward = binary_backward,
};

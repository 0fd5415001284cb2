/* div.c - the quotient. */
#include "op/binary.h"

static void rows(const struct kern *k, float *y, const float *a, size_t step_a, const float *b, size_t step_b, size_t n)
{
    k->div_f32(y, a, step_a, b, step_b, n);
}

static void slopes_a(const struct kern *k, float *g, const float *gy, const float *a, size_t step_a, const float *b,
                     size_t step_b, size_t n)
{
    (void)a;
    (void)step_a;
    k->div_f32(g, gy, 1, b, step_b, n);
}

static void slopes_b(const struct kern *k, float *g, const float *gy, const float *a, size_t step_a, const float *b,
                     size_t step_b, size_t n)
{
    (void)k;
    for (size_t i = 0; i < n; i++) {
        float divisor = b[i * step_b];

        g[i] = -gy[i] * a[i * step_a] / (divisor * divisor);
    }
}

static double real(double a, double b)
{
    return a / b;
}

static int64_t whole(int64_t a, int64_t b)
{
    return typed_divide(a, b);
}

static uint64_t natural(uint64_t a, uint64_t b)
{
    return b == 0 ? 0 : a / b;
}

static const struct typed typed = { real, whole, natural, false };

static const struct binary arithmetic = { rows, { slopes_a, slopes_b }, NULL, NULL, &typed };

static int shape(struct op_io *io, struct error *err)
{
    return binary_shape(io, &arithmetic, err);
}

const struct op op_div = {
    .name = "Div",
    .formula = "y = a / b",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .flags = OP_EMPTY | OP_IN_PLACE | OP_BACKWARD_IN,
    .plan_bytes = sizeof(struct binary_plan),
    .shape = shape,
    .forward = binary_forward,
    .backward = binary_backward,
};

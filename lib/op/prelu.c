/* prelu.c - a rectifier with slopes that are learned (He et al., 2015); they broadcast to x. */
#include "op/binary.h"

static void rows(const struct kern *k, float *y, const float *a, size_t step_a, const float *b, size_t step_b, size_t n)
{
    (void)k;
    for (size_t i = 0; i < n; i++) {
        const float x = a[i * step_a];

        y[i] = x < 0 ? x * b[i * step_b] : x;
    }
}

static void slopes_a(const struct kern *k, float *g, const float *gy, const float *a, size_t step_a, const float *b,
                     size_t step_b, size_t n)
{
    (void)k;
    for (size_t i = 0; i < n; i++)
        g[i] = a[i * step_a] < 0 ? gy[i] * b[i * step_b] : gy[i];
}

static void slopes_b(const struct kern *k, float *g, const float *gy, const float *a, size_t step_a, const float *b,
                     size_t step_b, size_t n)
{
    (void)k;
    (void)b;
    (void)step_b;
    for (size_t i = 0; i < n; i++)
        g[i] = a[i * step_a] < 0 ? gy[i] * a[i * step_a] : 0;
}

static double real(double a, double b)
{
    return a < 0 ? a * b : a;
}

static int64_t whole(int64_t a, int64_t b)
{
    return a < 0 ? (int64_t)((uint64_t)a * (uint64_t)b) : a;
}

static uint64_t natural(uint64_t a, uint64_t b)
{
    (void)b;
    return a;
}

static const struct typed typed = { real, whole, natural, false };

static const struct binary arithmetic = { rows, { slopes_a, slopes_b }, NULL, NULL, &typed };

static int shape(struct op_io *io, struct error *err)
{
    const struct shape *x = &io->in[0]->shape, *slope = &io->in[1]->shape;
    char wide[160], narrow[160];

    if (binary_shape(io, &arithmetic, err) < 0)
        return -1;
    if (shape_equal(&io->out[0]->shape, x))
        return 0;
    return error_set(err, ERROR_INPUT, "slope has shape %s, expected one that broadcasts to %s",
                     shape_text(slope, narrow), shape_text(x, wide));
}

const struct op op_prelu = {
    .name = "PRelu",
    .formula = "y = x < 0 ? slope * x : x",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .flags = OP_ELEMENTWISE | OP_EMPTY | OP_IN_PLACE | OP_BACKWARD_IN,
    .plan_bytes = sizeof(struct binary_plan),
    .shape = shape,
    .forward = binary_forward,
    .backward = binary_backward,
};

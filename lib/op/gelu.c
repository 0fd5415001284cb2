/* gelu.c - x times the normal distribution's share below x (Hendrycks & Gimpel, 2016). */
#include "op/unary.h"

#include <math.h>

#include "op/argument.h"

static const float root_half = 0.70710678F;    /* 1 / sqrt(2) */
static const float density_peak = 0.39894228F; /* 1 / sqrt(2 pi) */
static const float tanh_scale = 0.79788456F;   /* sqrt(2 / pi) */
static const float tanh_cubic = 0.044715F;

static void rows(const struct kern *k, float *y, const float *x, const float p[2], size_t n)
{
    (void)k;
    (void)p;
    for (size_t i = 0; i < n; i++)
        y[i] = 0.5F * x[i] * (1 + erff(x[i] * root_half));
}

static void slopes(const struct kern *k, float *gx, const float *gy, const float *x, const float *y, const float p[2],
                   size_t n)
{
    (void)k;
    (void)y;
    (void)p;
    for (size_t i = 0; i < n; i++) {
        float below = 0.5F * (1 + erff(x[i] * root_half)), density = density_peak * expf(-0.5F * x[i] * x[i]);

        gx[i] = gy[i] * (below + x[i] * density);
    }
}

static double exact(double x, const float p[2])
{
    (void)p;
    return 0.5 * x * (1 + erf(x * sqrt(0.5)));
}

static void rows_tanh(const struct kern *k, float *y, const float *x, const float p[2], size_t n)
{
    (void)k;
    (void)p;
    for (size_t i = 0; i < n; i++)
        y[i] = 0.5F * x[i] * (1 + tanhf(tanh_scale * (x[i] + tanh_cubic * x[i] * x[i] * x[i])));
}

static void slopes_tanh(const struct kern *k, float *gx, const float *gy, const float *x, const float *y,
                        const float p[2], size_t n)
{
    (void)k;
    (void)y;
    (void)p;
    for (size_t i = 0; i < n; i++) {
        float square = x[i] * x[i], t = tanhf(tanh_scale * (x[i] + tanh_cubic * x[i] * square));
        float inner = tanh_scale * (1 + 3 * tanh_cubic * square);

        gx[i] = gy[i] * 0.5F * (1 + t + x[i] * (1 - t * t) * inner);
    }
}

static double exact_tanh(double x, const float p[2])
{
    (void)p;
    return 0.5 * x * (1 + tanh(sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
}

static const char *const forms[] = { "none", "tanh", NULL };
static const struct unary curve[] = { { rows, slopes, exact, NULL }, { rows_tanh, slopes_tanh, exact_tanh, NULL } };

static int shape(struct op_io *io, struct error *err)
{
    int form;

    if (argument_choice(io, "approximate", forms, 0, &form, err) < 0)
        return -1;
    return unary_shape(io, &curve[form], 0, 0, err);
}

const struct op op_gelu = {
    .name = "Gelu",
    .formula = "y = x / 2 * (1 + erf(x / sqrt(2)))",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .attributes = "approximate",
    .flags = OP_EMPTY | OP_ELEMENTWISE | OP_IN_PLACE | OP_INTEGER | OP_BACKWARD_IN,
    .plan_bytes = sizeof(struct unary_plan),
    .shape = shape,
    .forward = unary_forward,
    .backward = unary_backward,
};

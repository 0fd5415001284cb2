/* smooth.c - Erf, Mish (Misra, 2019), Reciprocal, Softsign. */
#include <math.h>

#include "op/unary.h"

static float mish_slope(float x)
{
    const float t = tanhf(x > 20 ? x : log1pf(expf(x))), s = 1 / (1 + expf(-x));

    return t + x * s * (1 - t * t);
}

/* ---- Erf ---- */

static void erf_rows(const struct kern *k, float *y, const float *x, const float p[2], size_t n)
{
    (void)k;
    (void)p;
    for (size_t i = 0; i < n; i++)
        y[i] = erff(x[i]);
}

static void erf_slopes(const struct kern *k, float *gx, const float *gy, const float *x, const float *y,
                       const float p[2], size_t n)
{
    (void)k;
    (void)y;
    (void)p;
    for (size_t i = 0; i < n; i++)
        gx[i] = gy[i] * (1.128379167F * expf(-x[i] * x[i]));
}

static double erf_exact(double x, const float p[2])
{
    (void)p;
    return erf(x);
}

static int64_t erf_whole(int64_t x, bool natural, const float p[2])
{
    return unary_cut(erf_exact, x, natural, p);
}

static const struct unary erf_curve = { erf_rows, erf_slopes, erf_exact, erf_whole };

static int erf_shape(struct op_io *io, struct error *err)
{
    return unary_shape(io, &erf_curve, 0, 0, err);
}

const struct op op_erf = {
    .name = "Erf",
    .formula = "y = erf(x)",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .flags = OP_EMPTY | OP_ELEMENTWISE | OP_IN_PLACE | OP_INTEGER | OP_BACKWARD_IN,
    .plan_bytes = sizeof(struct unary_plan),
    .shape = erf_shape,
    .forward = unary_forward,
    .backward = unary_backward,
};

/* ---- Mish ---- */

static void mish_rows(const struct kern *k, float *y, const float *x, const float p[2], size_t n)
{
    (void)k;
    (void)p;
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] * tanhf(x[i] > 20 ? x[i] : log1pf(expf(x[i])));
}

static void mish_slopes(const struct kern *k, float *gx, const float *gy, const float *x, const float *y,
                        const float p[2], size_t n)
{
    (void)k;
    (void)y;
    (void)p;
    for (size_t i = 0; i < n; i++)
        gx[i] = gy[i] * (mish_slope(x[i]));
}

static double mish_exact(double x, const float p[2])
{
    (void)p;
    return x * tanh(x > 40 ? x : log1p(exp(x)));
}

static const struct unary mish_curve = { mish_rows, mish_slopes, mish_exact, NULL };

static int mish_shape(struct op_io *io, struct error *err)
{
    return unary_shape(io, &mish_curve, 0, 0, err);
}

const struct op op_mish = {
    .name = "Mish",
    .formula = "y = x * tanh(log(1 + e^x))",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .flags = OP_EMPTY | OP_ELEMENTWISE | OP_IN_PLACE | OP_INTEGER | OP_BACKWARD_IN,
    .plan_bytes = sizeof(struct unary_plan),
    .shape = mish_shape,
    .forward = unary_forward,
    .backward = unary_backward,
};

/* ---- Reciprocal ---- */

static void reciprocal_rows(const struct kern *k, float *y, const float *x, const float p[2], size_t n)
{
    (void)k;
    (void)p;
    for (size_t i = 0; i < n; i++)
        y[i] = 1 / x[i];
}

static void reciprocal_slopes(const struct kern *k, float *gx, const float *gy, const float *x, const float *y,
                              const float p[2], size_t n)
{
    (void)k;
    (void)y;
    (void)p;
    for (size_t i = 0; i < n; i++)
        gx[i] = gy[i] * (-1 / (x[i] * x[i]));
}

static double reciprocal_exact(double x, const float p[2])
{
    (void)p;
    return 1 / x;
}

static const struct unary reciprocal_curve = { reciprocal_rows, reciprocal_slopes, reciprocal_exact, NULL };

static int reciprocal_shape(struct op_io *io, struct error *err)
{
    return unary_shape(io, &reciprocal_curve, 0, 0, err);
}

const struct op op_reciprocal = {
    .name = "Reciprocal",
    .formula = "y = 1 / x",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .flags = OP_EMPTY | OP_ELEMENTWISE | OP_IN_PLACE | OP_INTEGER | OP_BACKWARD_IN,
    .plan_bytes = sizeof(struct unary_plan),
    .shape = reciprocal_shape,
    .forward = unary_forward,
    .backward = unary_backward,
};

/* ---- Softsign ---- */

static void softsign_rows(const struct kern *k, float *y, const float *x, const float p[2], size_t n)
{
    (void)k;
    (void)p;
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] / (1 + fabsf(x[i]));
}

static void softsign_slopes(const struct kern *k, float *gx, const float *gy, const float *x, const float *y,
                            const float p[2], size_t n)
{
    (void)k;
    (void)y;
    (void)p;
    for (size_t i = 0; i < n; i++)
        gx[i] = gy[i] * (1 / ((1 + fabsf(x[i])) * (1 + fabsf(x[i]))));
}

static double softsign_exact(double x, const float p[2])
{
    (void)p;
    return x / (1 + fabs(x));
}

static const struct unary softsign_curve = { softsign_rows, softsign_slopes, softsign_exact, NULL };

static int softsign_shape(struct op_io *io, struct error *err)
{
    return unary_shape(io, &softsign_curve, 0, 0, err);
}

const struct op op_softsign = {
    .name = "Softsign",
    .formula = "y = x / (1 + |x|)",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .flags = OP_EMPTY | OP_ELEMENTWISE | OP_IN_PLACE | OP_INTEGER | OP_BACKWARD_IN,
    .plan_bytes = sizeof(struct unary_plan),
    .shape = softsign_shape,
    .forward = unary_forward,
    .backward = unary_backward,
};

/* rectifier.c - relatives of Relu: Celu (Barron, 2017), Selu (Klambauer et al., 2017), ThresholdedRelu, Shrink. */
#include <math.h>

#include "op/unary.h"

/* ---- Celu ---- */

static void celu_rows(const struct kern *k, float *y, const float *x, const float p[2], size_t n)
{
    (void)k;
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] < 0 ? p[0] * expm1f(x[i] / p[0]) : x[i];
}

static void celu_slopes(const struct kern *k, float *gx, const float *gy, const float *x, const float *y,
                        const float p[2], size_t n)
{
    (void)k;
    (void)y;
    for (size_t i = 0; i < n; i++)
        gx[i] = gy[i] * (x[i] < 0 ? expf(x[i] / p[0]) : 1);
}

static double celu_exact(double x, const float p[2])
{
    return x < 0 ? (double)p[0] * expm1(x / (double)p[0]) : x;
}

static const struct unary celu_curve = { celu_rows, celu_slopes, celu_exact, NULL };

static int celu_shape(struct op_io *io, struct error *err)
{
    double alpha;

    if (attribute_float(io->attributes, "alpha", 1, &alpha, err) < 0)
        return -1;
    return unary_shape(io, &celu_curve, alpha, 0, err);
}

const struct op op_celu = {
    .name = "Celu",
    .formula = "y = max(0, x) + min(0, alpha * (e^(x/alpha) - 1))",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .attributes = "alpha",
    .flags = OP_EMPTY | OP_ELEMENTWISE | OP_IN_PLACE | OP_INTEGER | OP_BACKWARD_IN,
    .plan_bytes = sizeof(struct unary_plan),
    .shape = celu_shape,
    .forward = unary_forward,
    .backward = unary_backward,
};

/* ---- Selu ---- */

static void selu_rows(const struct kern *k, float *y, const float *x, const float p[2], size_t n)
{
    (void)k;
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] < 0 ? p[1] * p[0] * expm1f(x[i]) : p[1] * x[i];
}

static void selu_slopes(const struct kern *k, float *gx, const float *gy, const float *x, const float *y,
                        const float p[2], size_t n)
{
    (void)k;
    (void)y;
    for (size_t i = 0; i < n; i++)
        gx[i] = gy[i] * (x[i] < 0 ? p[1] * p[0] * expf(x[i]) : p[1]);
}

static double selu_exact(double x, const float p[2])
{
    return x < 0 ? (double)p[1] * (double)p[0] * expm1(x) : (double)p[1] * x;
}

static const struct unary selu_curve = { selu_rows, selu_slopes, selu_exact, NULL };

static int selu_shape(struct op_io *io, struct error *err)
{
    double alpha, gamma;

    if (attribute_float(io->attributes, "alpha", 1.67326319217681884765625, &alpha, err) < 0 ||
        attribute_float(io->attributes, "gamma", 1.05070102214813232421875, &gamma, err) < 0)
        return -1;
    return unary_shape(io, &selu_curve, alpha, gamma, err);
}

const struct op op_selu = {
    .name = "Selu",
    .formula = "y = gamma * (x < 0 ? alpha * (e^x - 1) : x)",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .attributes = "alpha gamma",
    .flags = OP_EMPTY | OP_ELEMENTWISE | OP_IN_PLACE | OP_INTEGER | OP_BACKWARD_IN,
    .plan_bytes = sizeof(struct unary_plan),
    .shape = selu_shape,
    .forward = unary_forward,
    .backward = unary_backward,
};

/* ---- Shrink ---- */

static void shrink_rows(const struct kern *k, float *y, const float *x, const float p[2], size_t n)
{
    (void)k;
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] < -p[1] ? x[i] + p[0] : x[i] > p[1] ? x[i] - p[0] : 0;
}

static void shrink_slopes(const struct kern *k, float *gx, const float *gy, const float *x, const float *y,
                          const float p[2], size_t n)
{
    (void)k;
    (void)y;
    for (size_t i = 0; i < n; i++)
        gx[i] = gy[i] * (x[i] < -p[1] || x[i] > p[1] ? 1 : 0);
}

static double shrink_exact(double x, const float p[2])
{
    return x < -(double)p[1] ? x + (double)p[0] : x > (double)p[1] ? x - (double)p[0] : 0;
}

static int64_t shrink_whole(int64_t x, bool natural, const float p[2])
{
    return unary_cut(shrink_exact, x, natural, p);
}

static const struct unary shrink_curve = { shrink_rows, shrink_slopes, shrink_exact, shrink_whole };

static int shrink_shape(struct op_io *io, struct error *err)
{
    double bias, lambd;

    if (attribute_float(io->attributes, "bias", 0, &bias, err) < 0 ||
        attribute_float(io->attributes, "lambd", 0.5, &lambd, err) < 0)
        return -1;
    return unary_shape(io, &shrink_curve, bias, lambd, err);
}

const struct op op_shrink = {
    .name = "Shrink",
    .formula = "y = x < -lambd ? x + bias : x > lambd ? x - bias : 0",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .attributes = "bias lambd",
    .flags = OP_EMPTY | OP_ELEMENTWISE | OP_IN_PLACE | OP_INTEGER | OP_BACKWARD_IN,
    .plan_bytes = sizeof(struct unary_plan),
    .shape = shrink_shape,
    .forward = unary_forward,
    .backward = unary_backward,
};

/* ---- ThresholdedRelu ---- */

static void thresholded_relu_rows(const struct kern *k, float *y, const float *x, const float p[2], size_t n)
{
    (void)k;
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] > p[0] ? x[i] : 0;
}

static void thresholded_relu_slopes(const struct kern *k, float *gx, const float *gy, const float *x, const float *y,
                                    const float p[2], size_t n)
{
    (void)k;
    (void)y;
    for (size_t i = 0; i < n; i++)
        gx[i] = gy[i] * (x[i] > p[0] ? 1 : 0);
}

static double thresholded_relu_exact(double x, const float p[2])
{
    return x > (double)p[0] ? x : 0;
}

static const struct unary thresholded_relu_curve = { thresholded_relu_rows, thresholded_relu_slopes,
                                                     thresholded_relu_exact, NULL };

static int thresholded_relu_shape(struct op_io *io, struct error *err)
{
    double alpha;

    if (attribute_float(io->attributes, "alpha", 1, &alpha, err) < 0)
        return -1;
    return unary_shape(io, &thresholded_relu_curve, alpha, 0, err);
}

const struct op op_thresholded_relu = {
    .name = "ThresholdedRelu",
    .formula = "y = x > alpha ? x : 0",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .attributes = "alpha",
    .flags = OP_EMPTY | OP_ELEMENTWISE | OP_IN_PLACE | OP_INTEGER | OP_BACKWARD_IN,
    .plan_bytes = sizeof(struct unary_plan),
    .shape = thresholded_relu_shape,
    .forward = unary_forward,
    .backward = unary_backward,
};

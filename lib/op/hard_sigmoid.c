/* hard_sigmoid.c - a sigmoid made of straight lines. */
#include "op/unary.h"

static void rows(const struct kern *k, float *y, const float *x, const float p[2], size_t n)
{
    k->hard_sigmoid_f32(y, x, p[0], p[1], n);
}

static void slopes(const struct kern *k, float *gx, const float *gy, const float *x, const float *y, const float p[2],
                   size_t n)
{
    (void)k;
    (void)x;
    for (size_t i = 0; i < n; i++)
        gx[i] = y[i] > 0 && y[i] < 1 ? p[0] * gy[i] : 0;
}

static double exact(double x, const float p[2])
{
    const double v = (double)p[0] * x + (double)p[1];

    return v < 0 ? 0 : v > 1 ? 1 : v;
}

static const struct unary curve = { rows, slopes, exact, NULL };

static int shape(struct op_io *io, struct error *err)
{
    double alpha, beta;

    if (attribute_float(io->attributes, "alpha", 0.2, &alpha, err) < 0 ||
        attribute_float(io->attributes, "beta", 0.5, &beta, err) < 0)
        return -1;
    return unary_shape(io, &curve, alpha, beta, err);
}

const struct op op_hard_sigmoid = {
    .name = "HardSigmoid",
    .formula = "y = max(0, min(1, alpha * x + beta))",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .attributes = "alpha beta",
    .flags = OP_EMPTY | OP_ELEMENTWISE | OP_IN_PLACE | OP_INTEGER | OP_BACKWARD_OUT | OP_GRAD_IN_PLACE,
    .plan_bytes = sizeof(struct unary_plan),
    .shape = shape,
    .forward = unary_forward,
    .backward = unary_backward,
};

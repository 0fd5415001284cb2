/* leaky_relu.c - a rectifier that lets a share of the negatives through. */
#include "op/unary.h"

static void rows(const struct kern *k, float *y, const float *x, const float p[2], size_t n)
{
    k->leaky_relu_f32(y, x, p[0], n);
}

static void slopes(const struct kern *k, float *gx, const float *gy, const float *x, const float *y, const float p[2],
                   size_t n)
{
    (void)k;
    (void)y;
    for (size_t i = 0; i < n; i++)
        gx[i] = x[i] < 0 ? p[0] * gy[i] : gy[i];
}

static double exact(double x, const float p[2])
{
    return x < 0 ? (double)p[0] * x : x;
}

static const struct unary curve = { rows, slopes, exact, NULL };

static int shape(struct op_io *io, struct error *err)
{
    double alpha;

    if (attribute_float(io->attributes, "alpha", 0.01, &alpha, err) < 0)
        return -1;
    return unary_shape(io, &curve, alpha, 0, err);
}

const struct op op_leaky_relu = {
    .name = "LeakyRelu",
    .formula = "y = x < 0 ? alpha * x : x",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .attributes = "alpha",
    .flags = OP_EMPTY | OP_ELEMENTWISE | OP_IN_PLACE | OP_INTEGER | OP_BACKWARD_IN | OP_GRAD_IN_PLACE,
    .plan_bytes = sizeof(struct unary_plan),
    .shape = shape,
    .forward = unary_forward,
    .backward = unary_backward,
};

/* swish.c - x times its own sigmoid (Ramachandran, Zoph, Le, "Searching for Activation Functions", 2017). */
#include "op/unary.h"

#include <math.h>

static void rows(const struct kern *k, float *y, const float *x, const float p[2], size_t n)
{
    k->swish_f32(y, x, p[0], n);
}

/* s (1 + alpha x (1 - s)), s the sigmoid of alpha x */
static void slopes(const struct kern *k, float *gx, const float *gy, const float *x, const float *y, const float p[2],
                   size_t n)
{
    (void)k;
    (void)y;
    for (size_t i = 0; i < n; i++) {
        float s = 1 / (1 + expf(-p[0] * x[i]));
        gx[i] = gy[i] * s * (1 + p[0] * x[i] * (1 - s));
    }
}

static double exact(double x, const float p[2])
{
    return x / (1 + exp(-(double)p[0] * x));
}

static const struct unary curve = { rows, slopes, exact, NULL };

static int shape(struct op_io *io, struct error *err)
{
    double alpha;

    if (attribute_float(io->attributes, "alpha", 1, &alpha, err) < 0)
        return -1;
    return unary_shape(io, &curve, alpha, 0, err);
}

const struct op op_swish = {
    .name = "Swish",
    .formula = "y = x / (1 + e^(-alpha x))",
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

/* hard_swish.c - x times a sigmoid made of straight lines (Howard et al., "Searching for MobileNetV3"). */
#include "op/unary.h"

#include <math.h>

static void rows(const struct kern *k, float *y, const float *x, const float p[2], size_t n)
{
    (void)p;
    k->hard_swish_f32(y, x, n);
}

static void slopes(const struct kern *k, float *gx, const float *gy, const float *x, const float *y, const float p[2],
                   size_t n)
{
    (void)y;
    (void)p;
    k->hard_swish_grad_f32(gx, gy, x, n);
}

static double exact(double x, const float p[2])
{
    (void)p;
    return x * fmax(0, fmin(6, x + 3)) / 6;
}

static const struct unary curve = { rows, slopes, exact, NULL };

static int shape(struct op_io *io, struct error *err)
{
    return unary_shape(io, &curve, 0, 0, err);
}

const struct op op_hard_swish = {
    .name = "HardSwish",
    .formula = "y = x * max(0, min(1, x / 6 + 0.5))",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .flags = OP_EMPTY | OP_ELEMENTWISE | OP_IN_PLACE | OP_INTEGER | OP_BACKWARD_IN | OP_GRAD_IN_PLACE,
    .plan_bytes = sizeof(struct unary_plan),
    .shape = shape,
    .forward = unary_forward,
    .backward = unary_backward,
};

/* clip.c - values kept within two bounds. */
#include "op/unary.h"

#include <float.h>

#include "op/argument.h"

static void rows(const struct kern *k, float *y, const float *x, const float p[2], size_t n)
{
    k->clip_f32(y, x, p[0], p[1], n);
}

static void slopes(const struct kern *k, float *gx, const float *gy, const float *x, const float *y, const float p[2],
                   size_t n)
{
    (void)y;
    k->clip_grad_f32(gx, gy, x, p[0], p[1], n);
}

static double exact(double x, const float p[2])
{
    double v = x < (double)p[0] ? (double)p[0] : x;

    return v > (double)p[1] ? (double)p[1] : v;
}

static const struct unary curve = { rows, slopes, exact, NULL };

static int shape(struct op_io *io, struct error *err)
{
    double low, high;

    if (argument_real(io, 1, "min", -(double)FLT_MAX, &low, err) < 0 ||
        argument_real(io, 2, "max", (double)FLT_MAX, &high, err) < 0)
        return -1;
    return unary_shape(io, &curve, low, high, err);
}

const struct op op_clip = {
    .name = "Clip",
    .formula = "y = min(max(x, min), max)",
    .min_inputs = 1,
    .max_inputs = 3,
    .outputs = 1,
    .attributes = "max min",
    .arguments = 1U << 1 | 1U << 2,
    .flags = OP_EMPTY | OP_ELEMENTWISE | OP_IN_PLACE | OP_INTEGER | OP_BACKWARD_IN,
    .plan_bytes = sizeof(struct unary_plan),
    .shape = shape,
    .forward = unary_forward,
    .backward = unary_backward,
};

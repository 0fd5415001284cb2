/* abs.c - the magnitude. */
#include "op/unary.h"

#include <math.h>

static void rows(const struct kern *k, float *y, const float *x, const float p[2], size_t n)
{
    (void)k;
    (void)p;
    for (size_t i = 0; i < n; i++)
        y[i] = fabsf(x[i]);
}

static void slopes(const struct kern *k, float *gx, const float *gy, const float *x, const float *y, const float p[2],
                   size_t n)
{
    (void)k;
    (void)y;
    (void)p;
    for (size_t i = 0; i < n; i++)
        gx[i] = x[i] > 0 ? gy[i] : (x[i] < 0 ? -gy[i] : 0);
}

static double exact(double x, const float p[2])
{
    (void)p;
    return fabs(x);
}

static int64_t whole(int64_t x, bool natural, const float p[2])
{
    (void)p;
    return x < 0 && !natural ? (int64_t)(0 - (uint64_t)x) : x;
}

static const struct unary curve = { rows, slopes, exact, whole };

static int shape(struct op_io *io, struct error *err)
{
    return unary_shape(io, &curve, 0, 0, err);
}

const struct op op_abs = {
    .name = "Abs",
    .formula = "y = |x|",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .flags = OP_EMPTY | OP_ELEMENTWISE | OP_IN_PLACE | OP_INTEGER | OP_BACKWARD_IN,
    .plan_bytes = sizeof(struct unary_plan),
    .shape = shape,
    .forward = unary_forward,
    .backward = unary_backward,
};

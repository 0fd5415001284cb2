/* neg.c - the other sign. */
#include "op/unary.h"

static void rows(const struct kern *k, float *y, const float *x, const float p[2], size_t n)
{
    (void)k;
    (void)p;
    for (size_t i = 0; i < n; i++)
        y[i] = -x[i];
}

static void slopes(const struct kern *k, float *gx, const float *gy, const float *x, const float *y, const float p[2],
                   size_t n)
{
    (void)k;
    (void)x;
    (void)y;
    (void)p;
    for (size_t i = 0; i < n; i++)
        gx[i] = -gy[i];
}

static double exact(double x, const float p[2])
{
    (void)p;
    return -x;
}

static int64_t whole(int64_t x, bool natural, const float p[2])
{
    (void)natural;
    (void)p;
    return (int64_t)(0 - (uint64_t)x);
}

static const struct unary curve = { rows, slopes, exact, whole };

static int shape(struct op_io *io, struct error *err)
{
    return unary_shape(io, &curve, 0, 0, err);
}

const struct op op_neg = {
    .name = "Neg",
    .formula = "y = -x",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .flags = OP_EMPTY | OP_ELEMENTWISE | OP_IN_PLACE | OP_INTEGER,
    .plan_bytes = sizeof(struct unary_plan),
    .shape = shape,
    .forward = unary_forward,
    .backward = unary_backward,
};

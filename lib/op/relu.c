/* relu.c - the rectifier. */
#include "op/unary.h"

static void rows(const struct kern *k, float *y, const float *x, const float p[2], size_t n)
{
    (void)p;
    k->relu_f32(y, x, n);
}

static void slopes(const struct kern *k, float *gx, const float *gy, const float *x, const float *y, const float p[2],
                   size_t n)
{
    (void)x;
    (void)p;
    k->relu_grad_f32(gx, gy, y, n);
}

static double exact(double x, const float p[2])
{
    (void)p;
    return x < 0 ? 0 : x;
}

static int64_t whole(int64_t x, bool natural, const float p[2])
{
    (void)p;
    return x < 0 && !natural ? 0 : x;
}

static const struct unary curve = { rows, slopes, exact, whole };

static int shape(struct op_io *io, struct error *err)
{
    return unary_shape(io, &curve, 0, 0, err);
}

const struct op op_relu = {
    .name = "Relu",
    .formula = "y = max(x, 0)",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .flags = OP_EMPTY | OP_ELEMENTWISE | OP_IN_PLACE | OP_INTEGER | OP_BACKWARD_OUT | OP_GRAD_IN_PLACE,
    .plan_bytes = sizeof(struct unary_plan),
    .shape = shape,
    .forward = unary_forward,
    .backward = unary_backward,
};

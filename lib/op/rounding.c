/* rounding.c - to whole numbers, and the sign. */
#include <math.h>

#include "op/unary.h"

/* ---- Ceil ---- */

static void ceil_rows(const struct kern *k, float *y, const float *x, const float p[2], size_t n)
{
    (void)k;
    (void)p;
    for (size_t i = 0; i < n; i++)
        y[i] = ceilf(x[i]);
}

static double ceil_exact(double x, const float p[2])
{
    (void)p;
    return ceil(x);
}

static const struct unary ceil_curve = { ceil_rows, NULL, ceil_exact, NULL };

static int ceil_shape(struct op_io *io, struct error *err)
{
    return unary_shape(io, &ceil_curve, 0, 0, err);
}

const struct op op_ceil = {
    .name = "Ceil",
    .formula = "y = smallest whole number >= x",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .flags = OP_EMPTY | OP_ELEMENTWISE | OP_IN_PLACE | OP_INTEGER,
    .plan_bytes = sizeof(struct unary_plan),
    .shape = ceil_shape,
    .forward = unary_forward,
};

/* ---- Floor ---- */

static void floor_rows(const struct kern *k, float *y, const float *x, const float p[2], size_t n)
{
    (void)k;
    (void)p;
    for (size_t i = 0; i < n; i++)
        y[i] = floorf(x[i]);
}

static double floor_exact(double x, const float p[2])
{
    (void)p;
    return floor(x);
}

static const struct unary floor_curve = { floor_rows, NULL, floor_exact, NULL };

static int floor_shape(struct op_io *io, struct error *err)
{
    return unary_shape(io, &floor_curve, 0, 0, err);
}

const struct op op_floor = {
    .name = "Floor",
    .formula = "y = largest whole number <= x",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .flags = OP_EMPTY | OP_ELEMENTWISE | OP_IN_PLACE | OP_INTEGER,
    .plan_bytes = sizeof(struct unary_plan),
    .shape = floor_shape,
    .forward = unary_forward,
};

/* ---- Round ---- */

static void round_rows(const struct kern *k, float *y, const float *x, const float p[2], size_t n)
{
    (void)k;
    (void)p;
    for (size_t i = 0; i < n; i++)
        y[i] = rintf(x[i]);
}

static double round_exact(double x, const float p[2])
{
    (void)p;
    return rint(x);
}

static const struct unary round_curve = { round_rows, NULL, round_exact, NULL };

static int round_shape(struct op_io *io, struct error *err)
{
    return unary_shape(io, &round_curve, 0, 0, err);
}

const struct op op_round = {
    .name = "Round",
    .formula = "y = nearest whole number, half to even",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .flags = OP_EMPTY | OP_ELEMENTWISE | OP_IN_PLACE | OP_INTEGER,
    .plan_bytes = sizeof(struct unary_plan),
    .shape = round_shape,
    .forward = unary_forward,
};

/* ---- Sign ---- */

static void sign_rows(const struct kern *k, float *y, const float *x, const float p[2], size_t n)
{
    (void)k;
    (void)p;
    for (size_t i = 0; i < n; i++)
        y[i] = isnan(x[i]) ? x[i] : (float)((x[i] > 0) - (x[i] < 0));
}

static double sign_exact(double x, const float p[2])
{
    (void)p;
    return isnan(x) ? x : (x > 0) - (x < 0);
}

static int64_t sign_whole(int64_t x, bool natural, const float p[2])
{
    (void)p;
    return natural ? x != 0 : (x > 0) - (x < 0);
}

static const struct unary sign_curve = { sign_rows, NULL, sign_exact, sign_whole };

static int sign_shape(struct op_io *io, struct error *err)
{
    return unary_shape(io, &sign_curve, 0, 0, err);
}

const struct op op_sign = {
    .name = "Sign",
    .formula = "y = -1, 0 or 1",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .flags = OP_EMPTY | OP_ELEMENTWISE | OP_IN_PLACE | OP_INTEGER,
    .plan_bytes = sizeof(struct unary_plan),
    .shape = sign_shape,
    .forward = unary_forward,
};

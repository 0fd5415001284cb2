/* trigonometry.c - circular and hyperbolic functions and their inverses. */
#include <math.h>

#include "op/unary.h"

/* ---- Sin ---- */

static void sin_rows(const struct kern *k, float *y, const float *x, const float p[2], size_t n)
{
    (void)k;
    (void)p;
    for (size_t i = 0; i < n; i++)
        y[i] = sinf(x[i]);
}

static void sin_slopes(const struct kern *k, float *gx, const float *gy, const float *x, const float *y,
                       const float p[2], size_t n)
{
    (void)k;
    (void)y;
    (void)p;
    for (size_t i = 0; i < n; i++)
        gx[i] = gy[i] * cosf(x[i]);
}

static double sin_exact(double x, const float p[2])
{
    (void)p;
    return sin(x);
}

static const struct unary sin_curve = { sin_rows, sin_slopes, sin_exact, NULL };

static int sin_shape(struct op_io *io, struct error *err)
{
    return unary_shape(io, &sin_curve, 0, 0, err);
}

const struct op op_sin = {
    .name = "Sin",
    .formula = "y = sin(x)",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .flags = OP_EMPTY | OP_ELEMENTWISE | OP_IN_PLACE | OP_INTEGER | OP_BACKWARD_IN,
    .plan_bytes = sizeof(struct unary_plan),
    .shape = sin_shape,
    .forward = unary_forward,
    .backward = unary_backward,
};

/* ---- Cos ---- */

static void cos_rows(const struct kern *k, float *y, const float *x, const float p[2], size_t n)
{
    (void)k;
    (void)p;
    for (size_t i = 0; i < n; i++)
        y[i] = cosf(x[i]);
}

static void cos_slopes(const struct kern *k, float *gx, const float *gy, const float *x, const float *y,
                       const float p[2], size_t n)
{
    (void)k;
    (void)y;
    (void)p;
    for (size_t i = 0; i < n; i++)
        gx[i] = gy[i] * -sinf(x[i]);
}

static double cos_exact(double x, const float p[2])
{
    (void)p;
    return cos(x);
}

static const struct unary cos_curve = { cos_rows, cos_slopes, cos_exact, NULL };

static int cos_shape(struct op_io *io, struct error *err)
{
    return unary_shape(io, &cos_curve, 0, 0, err);
}

const struct op op_cos = {
    .name = "Cos",
    .formula = "y = cos(x)",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .flags = OP_EMPTY | OP_ELEMENTWISE | OP_IN_PLACE | OP_INTEGER | OP_BACKWARD_IN,
    .plan_bytes = sizeof(struct unary_plan),
    .shape = cos_shape,
    .forward = unary_forward,
    .backward = unary_backward,
};

/* ---- Tan ---- */

static void tan_rows(const struct kern *k, float *y, const float *x, const float p[2], size_t n)
{
    (void)k;
    (void)p;
    for (size_t i = 0; i < n; i++)
        y[i] = tanf(x[i]);
}

static double tan_exact(double x, const float p[2])
{
    (void)p;
    return tan(x);
}

static const struct unary tan_curve = { tan_rows, NULL, tan_exact, NULL };

static int tan_shape(struct op_io *io, struct error *err)
{
    return unary_shape(io, &tan_curve, 0, 0, err);
}

const struct op op_tan = {
    .name = "Tan",
    .formula = "y = tan(x)",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .flags = OP_EMPTY | OP_ELEMENTWISE | OP_IN_PLACE | OP_INTEGER,
    .plan_bytes = sizeof(struct unary_plan),
    .shape = tan_shape,
    .forward = unary_forward,
};

/* ---- Asin ---- */

static void asin_rows(const struct kern *k, float *y, const float *x, const float p[2], size_t n)
{
    (void)k;
    (void)p;
    for (size_t i = 0; i < n; i++)
        y[i] = asinf(x[i]);
}

static double asin_exact(double x, const float p[2])
{
    (void)p;
    return asin(x);
}

static const struct unary asin_curve = { asin_rows, NULL, asin_exact, NULL };

static int asin_shape(struct op_io *io, struct error *err)
{
    return unary_shape(io, &asin_curve, 0, 0, err);
}

const struct op op_asin = {
    .name = "Asin",
    .formula = "y = asin(x)",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .flags = OP_EMPTY | OP_ELEMENTWISE | OP_IN_PLACE | OP_INTEGER,
    .plan_bytes = sizeof(struct unary_plan),
    .shape = asin_shape,
    .forward = unary_forward,
};

/* ---- Acos ---- */

static void acos_rows(const struct kern *k, float *y, const float *x, const float p[2], size_t n)
{
    (void)k;
    (void)p;
    for (size_t i = 0; i < n; i++)
        y[i] = acosf(x[i]);
}

static double acos_exact(double x, const float p[2])
{
    (void)p;
    return acos(x);
}

static const struct unary acos_curve = { acos_rows, NULL, acos_exact, NULL };

static int acos_shape(struct op_io *io, struct error *err)
{
    return unary_shape(io, &acos_curve, 0, 0, err);
}

const struct op op_acos = {
    .name = "Acos",
    .formula = "y = acos(x)",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .flags = OP_EMPTY | OP_ELEMENTWISE | OP_IN_PLACE | OP_INTEGER,
    .plan_bytes = sizeof(struct unary_plan),
    .shape = acos_shape,
    .forward = unary_forward,
};

/* ---- Atan ---- */

static void atan_rows(const struct kern *k, float *y, const float *x, const float p[2], size_t n)
{
    (void)k;
    (void)p;
    for (size_t i = 0; i < n; i++)
        y[i] = atanf(x[i]);
}

static double atan_exact(double x, const float p[2])
{
    (void)p;
    return atan(x);
}

static const struct unary atan_curve = { atan_rows, NULL, atan_exact, NULL };

static int atan_shape(struct op_io *io, struct error *err)
{
    return unary_shape(io, &atan_curve, 0, 0, err);
}

const struct op op_atan = {
    .name = "Atan",
    .formula = "y = atan(x)",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .flags = OP_EMPTY | OP_ELEMENTWISE | OP_IN_PLACE | OP_INTEGER,
    .plan_bytes = sizeof(struct unary_plan),
    .shape = atan_shape,
    .forward = unary_forward,
};

/* ---- Sinh ---- */

static void sinh_rows(const struct kern *k, float *y, const float *x, const float p[2], size_t n)
{
    (void)k;
    (void)p;
    for (size_t i = 0; i < n; i++)
        y[i] = sinhf(x[i]);
}

static double sinh_exact(double x, const float p[2])
{
    (void)p;
    return sinh(x);
}

static const struct unary sinh_curve = { sinh_rows, NULL, sinh_exact, NULL };

static int sinh_shape(struct op_io *io, struct error *err)
{
    return unary_shape(io, &sinh_curve, 0, 0, err);
}

const struct op op_sinh = {
    .name = "Sinh",
    .formula = "y = sinh(x)",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .flags = OP_EMPTY | OP_ELEMENTWISE | OP_IN_PLACE | OP_INTEGER,
    .plan_bytes = sizeof(struct unary_plan),
    .shape = sinh_shape,
    .forward = unary_forward,
};

/* ---- Cosh ---- */

static void cosh_rows(const struct kern *k, float *y, const float *x, const float p[2], size_t n)
{
    (void)k;
    (void)p;
    for (size_t i = 0; i < n; i++)
        y[i] = coshf(x[i]);
}

static double cosh_exact(double x, const float p[2])
{
    (void)p;
    return cosh(x);
}

static const struct unary cosh_curve = { cosh_rows, NULL, cosh_exact, NULL };

static int cosh_shape(struct op_io *io, struct error *err)
{
    return unary_shape(io, &cosh_curve, 0, 0, err);
}

const struct op op_cosh = {
    .name = "Cosh",
    .formula = "y = cosh(x)",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .flags = OP_EMPTY | OP_ELEMENTWISE | OP_IN_PLACE | OP_INTEGER,
    .plan_bytes = sizeof(struct unary_plan),
    .shape = cosh_shape,
    .forward = unary_forward,
};

/* ---- Asinh ---- */

static void asinh_rows(const struct kern *k, float *y, const float *x, const float p[2], size_t n)
{
    (void)k;
    (void)p;
    for (size_t i = 0; i < n; i++)
        y[i] = asinhf(x[i]);
}

static double asinh_exact(double x, const float p[2])
{
    (void)p;
    return asinh(x);
}

static const struct unary asinh_curve = { asinh_rows, NULL, asinh_exact, NULL };

static int asinh_shape(struct op_io *io, struct error *err)
{
    return unary_shape(io, &asinh_curve, 0, 0, err);
}

const struct op op_asinh = {
    .name = "Asinh",
    .formula = "y = asinh(x)",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .flags = OP_EMPTY | OP_ELEMENTWISE | OP_IN_PLACE | OP_INTEGER,
    .plan_bytes = sizeof(struct unary_plan),
    .shape = asinh_shape,
    .forward = unary_forward,
};

/* ---- Acosh ---- */

static void acosh_rows(const struct kern *k, float *y, const float *x, const float p[2], size_t n)
{
    (void)k;
    (void)p;
    for (size_t i = 0; i < n; i++)
        y[i] = acoshf(x[i]);
}

static double acosh_exact(double x, const float p[2])
{
    (void)p;
    return acosh(x);
}

static const struct unary acosh_curve = { acosh_rows, NULL, acosh_exact, NULL };

static int acosh_shape(struct op_io *io, struct error *err)
{
    return unary_shape(io, &acosh_curve, 0, 0, err);
}

const struct op op_acosh = {
    .name = "Acosh",
    .formula = "y = acosh(x)",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .flags = OP_EMPTY | OP_ELEMENTWISE | OP_IN_PLACE | OP_INTEGER,
    .plan_bytes = sizeof(struct unary_plan),
    .shape = acosh_shape,
    .forward = unary_forward,
};

/* ---- Atanh ---- */

static void atanh_rows(const struct kern *k, float *y, const float *x, const float p[2], size_t n)
{
    (void)k;
    (void)p;
    for (size_t i = 0; i < n; i++)
        y[i] = atanhf(x[i]);
}

static double atanh_exact(double x, const float p[2])
{
    (void)p;
    return atanh(x);
}

static const struct unary atanh_curve = { atanh_rows, NULL, atanh_exact, NULL };

static int atanh_shape(struct op_io *io, struct error *err)
{
    return unary_shape(io, &atanh_curve, 0, 0, err);
}

const struct op op_atanh = {
    .name = "Atanh",
    .formula = "y = atanh(x)",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .flags = OP_EMPTY | OP_ELEMENTWISE | OP_IN_PLACE | OP_INTEGER,
    .plan_bytes = sizeof(struct unary_plan),
    .shape = atanh_shape,
    .forward = unary_forward,
};

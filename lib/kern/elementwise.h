/*
 * elementwise.h - floats element by element, written so that a compiler
 * turns every loop into vectors. Included once per instruction set, after what
 * curves.h wants, and ELEMENTWISE, which names the function that fills the slots
 * of a kern table.
 *
 * y may be x itself (in place), hence ivdep: element i only ever meets
 * element i. An element's bits do not depend on its place in the row.
 */
#include <string.h>

#include "kern/curves.h"

#define VECTORS _Pragma("GCC ivdep")

/* ---- one operand ---- */

static void relu_f32(float *y, const float *x, size_t n)
{
    VECTORS
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] < 0 ? 0 : x[i];
}

static void leaky_relu_f32(float *y, const float *x, float alpha, size_t n)
{
    VECTORS
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] < 0 ? alpha * x[i] : x[i];
}

/* ---- gradients: gx = gy * slope ---- */

static void relu_grad_f32(float *gx, const float *gy, const float *y, size_t n)
{
    VECTORS
    for (size_t i = 0; i < n; i++)
        gx[i] = y[i] > 0 ? gy[i] : 0;
}

static void clip_grad_f32(float *gx, const float *gy, const float *y, float low, float high, size_t n)
{
    VECTORS
    for (size_t i = 0; i < n; i++) {
        float above = y[i] <= low ? 0 : gy[i];

        gx[i] = y[i] >= high ? 0 : above;
    }
}

static void hard_swish_grad_f32(float *gx, const float *gy, const float *x, size_t n)
{
    VECTORS
    for (size_t i = 0; i < n; i++) {
        float slope = x[i] < -3 ? 0 : (2 * x[i] + 3) * (1.0F / 6);

        gx[i] = gy[i] * (x[i] > 3 ? 1 : slope);
    }
}

static void sigmoid_grad_f32(float *gx, const float *gy, const float *y, size_t n)
{
    VECTORS
    for (size_t i = 0; i < n; i++)
        gx[i] = gy[i] * y[i] * (1 - y[i]);
}

/* ---- two operands, either of which may be one number (step 0) ---- */

#define BINARY(name, operator)                                                                                         \
    static void name(float *y, const float *a, size_t step_a, const float *b, size_t step_b, size_t n)                 \
    {                                                                                                                  \
        float one;                                                                                                     \
                                                                                                                       \
        if (step_a != 0 && step_b != 0) {                                                                              \
            VECTORS                                                                                                    \
            for (size_t i = 0; i < n; i++)                                                                             \
                y[i] = a[i] operator b[i];                                                                             \
        } else if (step_a != 0 && n > 0) {                                                                             \
            one = b[0];                                                                                                \
            VECTORS                                                                                                    \
            for (size_t i = 0; i < n; i++)                                                                             \
                y[i] = a[i] operator one;                                                                              \
        } else if (n > 0) {                                                                                            \
            one = a[0];                                                                                                \
            VECTORS                                                                                                    \
            for (size_t i = 0; i < n; i++)                                                                             \
                y[i] = one operator b[i];                                                                              \
        }                                                                                                              \
    }

BINARY(add_f32, +)
BINARY(sub_f32, -)
BINARY(mul_f32, *)
BINARY(div_f32, /)

/* ---- sums, in double, over eight lanes in a fixed order ---- */

static inline double sum_lanes(const double s[8])
{
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

static double sum_f32(const float *x, size_t n)
{
    double s[8] = { 0 };
    size_t i = 0;

    for (; i + 8 <= n; i += 8)
        for (size_t j = 0; j < 8; j++)
            s[j] += (double)x[i + j];
    for (size_t j = 0; i < n; i++, j++)
        s[j] += (double)x[i];
    return sum_lanes(s);
}

static double dot_f32(const float *x, const float *y, size_t n)
{
    double s[8] = { 0 };
    size_t i = 0;

    for (; i + 8 <= n; i += 8)
        for (size_t j = 0; j < 8; j++)
            s[j] += (double)x[i + j] * (double)y[i + j];
    for (size_t j = 0; i < n; i++, j++)
        s[j] += (double)x[i] * (double)y[i];
    return sum_lanes(s);
}

/* ---- the slots ---- */

void ELEMENTWISE(struct kern *k)
{
    k->relu_f32 = relu_f32;
    k->leaky_relu_f32 = leaky_relu_f32;
    k->clip_f32 = clip_f32;
    k->hard_swish_f32 = hard_swish_f32;
    k->hard_sigmoid_f32 = hard_sigmoid_f32;
    k->exp_f32 = exp_f32;
    k->sigmoid_f32 = sigmoid_f32;
    k->swish_f32 = swish_f32;
    k->relu_grad_f32 = relu_grad_f32;
    k->clip_grad_f32 = clip_grad_f32;
    k->hard_swish_grad_f32 = hard_swish_grad_f32;
    k->sigmoid_grad_f32 = sigmoid_grad_f32;
    k->add_f32 = add_f32;
    k->sub_f32 = sub_f32;
    k->mul_f32 = mul_f32;
    k->div_f32 = div_f32;
    k->sum_f32 = sum_f32;
    k->dot_f32 = dot_f32;
}

/*
 * curves.h - activations on vectors, in maxima and minima that a compiler cannot
 * turn into branches: out of `x < low ? low : x` gcc computes all that follows
 * for both, divisions too.
 *
 * Before including: what block.h wants of a machine, but for BLOCK_REGISTERS and
 * VECTOR_PERMUTE.
 */
#ifndef KERN_CURVES_H
#define KERN_CURVES_H

#include "kern/vector.h"

typedef uint32_t bits __attribute__((vector_size(VECTOR_BYTES)));

/* NaN stays NaN. */
static inline vector clip(vector x, float low, float high)
{
    return VECTOR_MIN((vector){ 0 } + high, VECTOR_MAX((vector){ 0 } + low, x));
}

static inline vector hard_sigmoid(vector x, float alpha, float beta)
{
    return clip(alpha * x + beta, 0, 1);
}

/* Reals beyond the sixth of the largest do not overflow on the way. */
static inline vector hard_swish(vector x)
{
    return x * (clip(x + 3, 0, 6) * (1.0F / 6));
}

/*
 * e^x to about one unit in the last place: x = k ln 2 + r, |r| <= ln 2 / 2,
 * and Taylor's series to r^7. Adding 1.5 * 2^23 rounds to an integer, which is
 * then found in the low bits. 2^k comes as two factors, so that results below
 * the normal range and overflow to infinity come out right.
 */
static inline vector exponential(vector x)
{
    const float round = 12582912.0F;
    vector v = clip(x, -104, 89), t = v * 1.44269504F + round, k = t - round;
    vector r = v - k * 0.693145751953125F - k * 1.42860677e-6F;
    vector p = 1.0F / 720 + r * (1.0F / 5040);
    bits exponent = (bits)t - 0x4b400000U,
         first = (exponent >> 1) + (exponent & 0x80000000U); /* halved with its sign */

    p = 1.0F / 24 + r * (1.0F / 120 + r * p);
    p = 1 + r * (1 + r * (0.5F + r * (1.0F / 6 + r * p)));
    return p * (vector)((first + 127) << 23) * (vector)((exponent - first + 127) << 23);
}

static inline vector sigmoid(vector x)
{
    return 1 / (1 + exponential(-x));
}

/*
 * exponential()'s way with less of it: 1 + r + a polynomial up to r^5, (e^r - 1) / r interpolated at Chebyshev's
 * points, summed in pairs, which wait less for each other; and 2^k as one factor, 0x7f800000 being infinity.
 */
static inline vector swish(vector x, float alpha)
{
    const float round = 12582912.0F;
    vector v = clip(-alpha * x, -87, 89), t = v * 1.44269504F + round, k = t - round;
    vector r = v - k * 0.693145751953125F - k * 1.42860677e-6F, square = r * r;
    vector upper = 0.0418758541F + r * 0.00836320315F, p = 0.499993712F + r * 0.166665763F + square * upper;

    p = 1 + r + square * p;
    return x / (1 + p * (vector)(((bits)t << 23) + 0x3f800000U));
}

/* y = curve of x, element by element; y may be x. The last vector has zeros beyond the row. */
#define CURVE(name, arguments, curve)                                                                                  \
    static void name##_f32 arguments                                                                                   \
    {                                                                                                                  \
        size_t i = 0;                                                                                                  \
                                                                                                                       \
        for (; i + LANES <= n; i += LANES) {                                                                           \
            vector v = load(x + i);                                                                                    \
            store(y + i, curve);                                                                                       \
        }                                                                                                              \
        if (i < n) {                                                                                                   \
            vector v = load_first(x + i, n - i), last = curve;                                                         \
            memcpy(y + i, &last, (n - i) * sizeof *y);                                                                 \
        }                                                                                                              \
    }

CURVE(clip, (float *y, const float *x, float low, float high, size_t n), clip(v, low, high))
CURVE(hard_sigmoid, (float *y, const float *x, float alpha, float beta, size_t n), hard_sigmoid(v, alpha, beta))
CURVE(hard_swish, (float *y, const float *x, size_t n), hard_swish(v))
CURVE(exp, (float *y, const float *x, size_t n), exponential(v))
CURVE(sigmoid, (float *y, const float *x, size_t n), sigmoid(v))
CURVE(swish, (float *y, const float *x, float alpha, size_t n), swish(v, alpha))

#endif

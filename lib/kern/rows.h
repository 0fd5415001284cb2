/*
 * rows.h - rows of planes, of pools and of batch normalization, written so that a
 * compiler turns every loop into vectors. Included once per instruction set,
 * after ROWS names the function that fills the slots of a kern table.
 */
#include "kern/internal.h"

#define VECTORS _Pragma("GCC ivdep")
#define INLINE static inline __attribute__((always_inline))
#define LARGER(best, v) ((v) > (best) || (v) != (v)) /* NaN wins, and stays */

/* Literal strides let the compiler shuffle instead of gather. */
static void max_f32(float *restrict y, const float *restrict x, size_t step, size_t n)
{
    if (step == 1) {
        for (size_t i = 0; i < n; i++)
            y[i] = LARGER(y[i], x[i]) ? x[i] : y[i];
    } else if (step == 2) {
        for (size_t i = 0; i < n; i++)
            y[i] = LARGER(y[i], x[2 * i]) ? x[2 * i] : y[i];
    } else {
        for (size_t i = 0; i < n; i++)
            y[i] = LARGER(y[i], x[step * i]) ? x[step * i] : y[i];
    }
}

static void max_tap_f32(float *restrict y, int32_t *restrict tap, const float *restrict x, size_t step, int32_t mark,
                        size_t n)
{
    if (step == 2) {
        for (size_t i = 0; i < n; i++) {
            tap[i] = LARGER(y[i], x[2 * i]) ? mark : tap[i];
            y[i] = LARGER(y[i], x[2 * i]) ? x[2 * i] : y[i];
        }
        return;
    }
    for (size_t i = 0; i < n; i++) {
        tap[i] = LARGER(y[i], x[step * i]) ? mark : tap[i];
        y[i] = LARGER(y[i], x[step * i]) ? x[step * i] : y[i];
    }
}

/* Windows of two by two pixels side by side: rows of their upper and of their lower pixels. */
static void max_2x2_f32(float *restrict y, uint16_t *restrict tap, const float *restrict upper,
                        const float *restrict lower, size_t n)
{
    if (!tap) {
        for (size_t i = 0; i < n; i++) {
            float v = LARGER(upper[2 * i], upper[2 * i + 1]) ? upper[2 * i + 1] : upper[2 * i];
            v = LARGER(v, lower[2 * i]) ? lower[2 * i] : v;
            y[i] = LARGER(v, lower[2 * i + 1]) ? lower[2 * i + 1] : v;
        }
        return;
    }
    for (size_t i = 0; i < n; i++) {
        float v = upper[2 * i];
        int32_t t = LARGER(v, upper[2 * i + 1]) ? 1 : 0;
        v = t == 1 ? upper[2 * i + 1] : v;
        t = LARGER(v, lower[2 * i]) ? 2 : t;
        v = t == 2 ? lower[2 * i] : v;
        t = LARGER(v, lower[2 * i + 1]) ? 3 : t;
        y[i] = t == 3 ? lower[2 * i + 1] : v;
        tap[i] = (uint16_t)t;
    }
}

static void max_2x2_grad_f32(float *restrict dx, const float *restrict dy, const uint16_t *restrict tap, uint16_t left,
                             bool add, size_t n)
{
    if (add) {
        for (size_t i = 0; i < n; i++) {
            dx[2 * i] += tap[i] == left ? dy[i] : 0;
            dx[2 * i + 1] += tap[i] == left + 1 ? dy[i] : 0;
        }
        return;
    }
    for (size_t i = 0; i < n; i++) {
        dx[2 * i] = tap[i] == left ? dy[i] : 0;
        dx[2 * i + 1] = tap[i] == left + 1 ? dy[i] : 0;
    }
}

static void max_u8(uint8_t *restrict y, const uint8_t *restrict x, size_t step, size_t n)
{
    if (step == 1) {
        for (size_t i = 0; i < n; i++)
            y[i] = x[i] > y[i] ? x[i] : y[i];
    } else if (step == 2) {
        for (size_t i = 0; i < n; i++)
            y[i] = x[2 * i] > y[i] ? x[2 * i] : y[i];
    } else {
        for (size_t i = 0; i < n; i++)
            y[i] = x[step * i] > y[i] ? x[step * i] : y[i];
    }
}

static void max_2x2_u8(uint8_t *restrict y, const uint8_t *restrict upper, const uint8_t *restrict lower, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t left = upper[2 * i] > lower[2 * i] ? upper[2 * i] : lower[2 * i];
        uint8_t right = upper[2 * i + 1] > lower[2 * i + 1] ? upper[2 * i + 1] : lower[2 * i + 1];
        y[i] = left > right ? left : right;
    }
}

/* A clamp, as clip_f32 does it; and what of a gradient goes through it. NaN goes through. */
INLINE float within(float v, float low, float high)
{
    v = v < low ? low : v;
    return v > high ? high : v;
}

INLINE float passed(float dy, float v, float low, float high)
{
    dy = v <= low ? 0 : dy;
    return v >= high ? 0 : dy;
}

enum { LANES = 32, BLOCK = 4096 }; /* elements summed in float before they join a double */

static double lanes_sum(const float lane[LANES])
{
    double sum = 0;

    for (size_t j = 0; j < LANES; j++)
        sum += (double)lane[j];
    return sum;
}

static void moments_f32(const float *x, float origin, size_t n, double *sum, double *squares)
{
    for (size_t start = 0; start < n; start += BLOCK) {
        size_t end = n - start < BLOCK ? n : start + BLOCK, i = start;
        float first[LANES] = { 0 }, second[LANES] = { 0 };
        for (; i + LANES <= end; i += LANES) {
            for (size_t j = 0; j < LANES; j++) {
                float d = x[i + j] - origin;
                first[j] += d;
                second[j] += d * d;
            }
        }
        for (size_t j = 0; i < end; i++, j++) {
            float d = x[i] - origin;
            first[j] += d;
            second[j] += d * d;
        }
        *sum += lanes_sum(first);
        *squares += lanes_sum(second);
    }
}

static void affine_f32(float *y, const float *x, float scale, float shift, const struct kern_clamp *clamp, size_t n)
{
    if (clamp) {
        const float low = clamp->low, high = clamp->high;
        VECTORS
        for (size_t i = 0; i < n; i++)
            y[i] = within(x[i] * scale + shift, low, high);
        return;
    }
    VECTORS
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] * scale + shift;
}

INLINE void centred_sums(const float *dy, const float *x, float mean, const struct kern_clamp *clamp, size_t n,
                         double *sum, double *product)
{
    const float scale = clamp ? *clamp->scale : 0, shift = clamp ? *clamp->shift : 0;
    const float low = clamp ? clamp->low : 0, high = clamp ? clamp->high : 0;

    for (size_t start = 0; start < n; start += BLOCK) {
        size_t end = n - start < BLOCK ? n : start + BLOCK, i = start;
        float first[LANES] = { 0 }, second[LANES] = { 0 };
        for (; i + LANES <= end; i += LANES) {
            for (size_t j = 0; j < LANES; j++) {
                float d = clamp ? passed(dy[i + j], x[i + j] * scale + shift, low, high) : dy[i + j];
                first[j] += d;
                second[j] += d * (x[i + j] - mean);
            }
        }
        for (size_t j = 0; i < end; i++, j++) {
            float d = clamp ? passed(dy[i], x[i] * scale + shift, low, high) : dy[i];
            first[j] += d;
            second[j] += d * (x[i] - mean);
        }
        *sum += lanes_sum(first);
        *product += lanes_sum(second);
    }
}

static void centred_sums_f32(const float *dy, const float *x, float mean, const struct kern_clamp *clamp, size_t n,
                             double *sum, double *product)
{
    if (clamp)
        centred_sums(dy, x, mean, clamp, n, sum, product);
    else
        centred_sums(dy, x, mean, NULL, n, sum, product);
}

/* dx may be dy itself: element i only ever meets element i. */
INLINE void centred_grad(float *dx, const float *dy, const float *restrict x, float mean, float a, float b, float c,
                         const struct kern_clamp *clamp, bool add, size_t n)
{
    const float scale = clamp ? *clamp->scale : 0, shift = clamp ? *clamp->shift : 0;
    const float low = clamp ? clamp->low : 0, high = clamp ? clamp->high : 0;

    VECTORS
    for (size_t i = 0; i < n; i++) {
        float d = clamp ? passed(dy[i], x[i] * scale + shift, low, high) : dy[i];
        float grad = d * a + (x[i] - mean) * b + c;
        dx[i] = add ? dx[i] + grad : grad;
    }
}

static void centred_grad_f32(float *dx, const float *dy, const float *x, float mean, float a, float b, float c,
                             const struct kern_clamp *clamp, bool add, size_t n)
{
    if (clamp && add)
        centred_grad(dx, dy, x, mean, a, b, c, clamp, true, n);
    else if (clamp)
        centred_grad(dx, dy, x, mean, a, b, c, clamp, false, n);
    else if (add)
        centred_grad(dx, dy, x, mean, a, b, c, NULL, true, n);
    else
        centred_grad(dx, dy, x, mean, a, b, c, NULL, false, n);
}

static void each_moments_f32(float *restrict sum, float *restrict squares, const float *restrict x,
                             const float *restrict origin, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float d = x[i] - origin[i];
        sum[i] += d;
        squares[i] += d * d;
    }
}

static void each_affine_f32(float *y, const float *x, const float *restrict scale, const float *restrict shift,
                            const struct kern_clamp *clamp, size_t n)
{
    if (clamp) {
        const float low = clamp->low, high = clamp->high;
        VECTORS
        for (size_t i = 0; i < n; i++)
            y[i] = within(x[i] * scale[i] + shift[i], low, high);
        return;
    }
    VECTORS
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] * scale[i] + shift[i];
}

static void each_centred_sums_f32(float *restrict sum, float *restrict product, const float *restrict dy,
                                  const float *restrict x, const float *restrict mean, const struct kern_clamp *clamp,
                                  size_t n)
{
    if (clamp) {
        const float *restrict scale = clamp->scale, *restrict shift = clamp->shift;
        const float low = clamp->low, high = clamp->high;
        for (size_t i = 0; i < n; i++) {
            float d = passed(dy[i], x[i] * scale[i] + shift[i], low, high);
            sum[i] += d;
            product[i] += d * (x[i] - mean[i]);
        }
        return;
    }
    for (size_t i = 0; i < n; i++) {
        sum[i] += dy[i];
        product[i] += dy[i] * (x[i] - mean[i]);
    }
}

INLINE void each_centred_grad(float *dx, const float *dy, const float *restrict x, const float *restrict mean,
                              const float *restrict a, const float *restrict b, const float *restrict c,
                              const struct kern_clamp *clamp, bool add, size_t n)
{
    const float *restrict scale = clamp ? clamp->scale : NULL, *restrict shift = clamp ? clamp->shift : NULL;
    const float low = clamp ? clamp->low : 0, high = clamp ? clamp->high : 0;

    VECTORS
    for (size_t i = 0; i < n; i++) {
        float d = clamp ? passed(dy[i], x[i] * scale[i] + shift[i], low, high) : dy[i];
        float grad = d * a[i] + (x[i] - mean[i]) * b[i] + c[i];
        dx[i] = add ? dx[i] + grad : grad;
    }
}

static void each_centred_grad_f32(float *dx, const float *dy, const float *x, const float *mean, const float *a,
                                  const float *b, const float *c, const struct kern_clamp *clamp, bool add, size_t n)
{
    if (clamp && add)
        each_centred_grad(dx, dy, x, mean, a, b, c, clamp, true, n);
    else if (clamp)
        each_centred_grad(dx, dy, x, mean, a, b, c, clamp, false, n);
    else if (add)
        each_centred_grad(dx, dy, x, mean, a, b, c, NULL, true, n);
    else
        each_centred_grad(dx, dy, x, mean, a, b, c, NULL, false, n);
}

static void lay_apart_f32(float *restrict plane, size_t rows, size_t wide, const float *restrict from, size_t from_row,
                          size_t first, size_t last, size_t step)
{
    for (size_t i = 0; i < rows; i++, plane += wide, from += from_row) {
        for (size_t j = 0; j < first; j++)
            plane[j] = 0;
        if (step == 2) {
            for (size_t j = first; j < last; j++)
                plane[j] = from[2 * (j - first)];
        } else {
            for (size_t j = first; j < last; j++)
                plane[j] = from[step * (j - first)];
        }
        for (size_t j = last; j < wide; j++)
            plane[j] = 0;
    }
}

void ROWS(struct kern *k)
{
    k->lay_apart_f32 = lay_apart_f32;
    k->max_f32 = max_f32;
    k->max_tap_f32 = max_tap_f32;
    k->max_2x2_f32 = max_2x2_f32;
    k->max_2x2_grad_f32 = max_2x2_grad_f32;
    k->max_u8 = max_u8;
    k->max_2x2_u8 = max_2x2_u8;
    k->moments_f32 = moments_f32;
    k->affine_f32 = affine_f32;
    k->centred_sums_f32 = centred_sums_f32;
    k->centred_grad_f32 = centred_grad_f32;
    k->each_moments_f32 = each_moments_f32;
    k->each_affine_f32 = each_affine_f32;
    k->each_centred_sums_f32 = each_centred_sums_f32;
    k->each_centred_grad_f32 = each_centred_grad_f32;
}

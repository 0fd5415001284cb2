/*
 * bytes.h - quantized elements: u8 in, u8 out, the same bytes on every CPU.
 * Included once per instruction set, after BYTES names the function that fills
 * the slots of a kern table, and SUM_VECTORS what sums whole vectors of two rows
 * and gives how many that are, where there is such a function (sums.h).
 */
#include <string.h>

#include "kern/internal.h"

#define VECTORS _Pragma("GCC ivdep")
#ifndef SUM_VECTORS
#define SUM_VECTORS(y, a, b, how, n) 0
#endif

static void map_u8(uint8_t *y, const uint8_t *x, const uint8_t table[256], size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = table[x[i]];
}

static void clamp_u8(uint8_t *y, const uint8_t *x, uint8_t low, uint8_t high, size_t n)
{
    VECTORS
    for (size_t i = 0; i < n; i++) {
        uint8_t v = x[i] < low ? low : x[i];

        y[i] = v > high ? high : v;
    }
}

static inline uint8_t saturate(int32_t v)
{
    int32_t above = v < 0 ? 0 : v;

    return (uint8_t)(above > 255 ? 255 : above);
}

static void add_u8(uint8_t *y, const uint8_t *a, size_t step_a, const uint8_t *b, size_t step_b,
                   const struct kern_add_u8 *how, size_t n)
{
    const int32_t ka = how->factor_a, kb = how->factor_b, offset = how->offset, zero = how->zero_point;
    const int shift = how->shift;

    if (step_a != 0 && step_b != 0) {
        VECTORS
        for (size_t i = SUM_VECTORS(y, a, b, how, n); i < n; i++)
            y[i] = saturate(((a[i] * ka + b[i] * kb + offset) >> shift) + zero);
    } else if (n > 0) {
        const uint8_t *v = step_a != 0 ? a : b;
        const int32_t k = step_a != 0 ? ka : kb, rest = offset + (step_a != 0 ? b[0] * kb : a[0] * ka);

        VECTORS
        for (size_t i = 0; i < n; i++)
            y[i] = saturate(((v[i] * k + rest) >> shift) + zero);
    }
}

static inline uint8_t product(int32_t a, int32_t b, const struct kern_mul_u8 *how, int32_t half)
{
    int32_t p = a * b, v = p * how->high + ((p * how->low) >> 14) + half;

    return saturate((v >> how->shift) + how->zero_point);
}

static void mul_u8(uint8_t *y, const uint8_t *a, size_t step_a, const uint8_t *b, size_t step_b,
                   const struct kern_mul_u8 *plan, size_t n)
{
    const struct kern_mul_u8 how = *plan;
    const int32_t half = 1 << (how.shift - 1);

    if (step_a != 0 && step_b != 0) {
        VECTORS
        for (size_t i = 0; i < n; i++)
            y[i] = product(a[i] - how.zero_a, b[i] - how.zero_b, &how, half);
    } else if (n > 0) {
        const uint8_t *v = step_a != 0 ? a : b;
        const int32_t zero = step_a != 0 ? how.zero_a : how.zero_b;
        const int32_t one = step_a != 0 ? b[0] - how.zero_b : a[0] - how.zero_a;

        VECTORS
        for (size_t i = 0; i < n; i++)
            y[i] = product(v[i] - zero, one, &how, half);
    }
}

static void interleave_u8(uint8_t *restrict y, const uint8_t *restrict a, const uint8_t *restrict b,
                          const uint8_t *restrict c, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        y[3 * i] = a[i];
        y[3 * i + 1] = b[i];
        y[3 * i + 2] = c[i];
    }
}

/* Rounds half to even: adding 1.5 * 2^23 leaves the integer in the low bits. */
static void quantize_u8_f32(uint8_t *y, const float *x, float scale, int32_t zero_point, size_t n)
{
    const float round = 12582912.0F, low = (float)-zero_point, high = (float)(255 - zero_point);

    VECTORS
    for (size_t i = 0; i < n; i++) {
        float q = x[i] / scale, above = q > low ? q : low, t = (above < high ? above : high) + round;
        int32_t v;

        memcpy(&v, &t, sizeof(v));
        y[i] = (uint8_t)(v - 0x4b400000 + zero_point);
    }
}

static void dequantize_f32_u8(float *y, const uint8_t *x, float scale, int32_t zero_point, size_t n)
{
    VECTORS
    for (size_t i = 0; i < n; i++)
        y[i] = scale * (float)(x[i] - zero_point);
}

void BYTES(struct kern *k)
{
    k->map_u8 = map_u8;
    k->clamp_u8 = clamp_u8;
    k->add_u8 = add_u8;
    k->mul_u8 = mul_u8;
    k->interleave_u8 = interleave_u8;
    k->quantize_u8_f32 = quantize_u8_f32;
    k->dequantize_f32_u8 = dequantize_f32_u8;
}

/*
 * requantize.h - between bytes and the sums of their products, and dot
 * products of bytes: plain loops that a compiler turns into vectors, the same
 * numbers on every CPU. Included once per instruction set, after REQUANTIZE
 * names the function that fills the slots of a kern table.
 */
#include "kern/internal.h"

static void requantize_u8(uint8_t *restrict q, const int32_t *restrict acc, float scale, int32_t zero_point,
                          int32_t low, int32_t high, size_t n)
{
    const float least = (float)(low - zero_point), most = (float)(high - zero_point);
    const float round = 12582912.0F; /* 1.5 * 2^23: adding it rounds to nearest even, as lrintf does */

    for (size_t i = 0; i < n; i++) {
        float v = (float)acc[i] * scale;
        v = v > least ? v : least;
        v = v < most ? v : most;
        q[i] = (uint8_t)((int32_t)(v + round - round) + zero_point);
    }
}

static void rescale_f32(float *restrict y, const int32_t *restrict acc, float scale, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = (float)acc[i] * scale;
}

static void widen_pair_u8(int16_t *restrict pairs, const uint8_t *restrict a, const uint8_t *restrict b, size_t step,
                          int32_t zero_point, size_t n)
{
    const int16_t zero = (int16_t)zero_point;

    if (b && step == 1) {
        for (size_t i = 0; i < n; i++) {
            pairs[2 * i] = (int16_t)(a[i] - zero);
            pairs[2 * i + 1] = (int16_t)(b[i] - zero);
        }
        return;
    }
    for (size_t i = 0; i < n; i++) {
        pairs[2 * i] = (int16_t)(a[i * step] - zero);
        pairs[2 * i + 1] = b ? (int16_t)(b[i * step] - zero) : 0;
    }
}

static void widen_u8(int16_t *restrict y, const uint8_t *restrict x, int32_t zero_point, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = (int16_t)(x[i] - (int16_t)zero_point);
}

/* Wraps like unsigned numbers; the compiler's own pattern for multiply-and-add of 16 bits. */
static int32_t dot_i8(const int16_t *restrict a, const int8_t *restrict b, size_t n)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (uint32_t)(a[i] * (int16_t)b[i]);
    return (int32_t)sum;
}

void REQUANTIZE(struct kern *kern)
{
    kern->requantize_u8 = requantize_u8;
    kern->rescale_f32 = rescale_f32;
    kern->widen_pair_u8 = widen_pair_u8;
    kern->widen_u8 = widen_u8;
    kern->dot_i8 = dot_i8;
}

#include <string.h>

#include "kern/internal.h"

int32_t kern_pair_i8(const int8_t *w, size_t step)
{
    uint32_t low = (uint16_t)w[0], high = step ? (uint16_t)w[step] : 0;
    uint32_t word = low | high << 16;
    int32_t pair;

    memcpy(&pair, &word, sizeof pair);
    return pair;
}

static int32_t low_half(int32_t pair)
{
    return (int16_t)((uint32_t)pair & 0xffff);
}

static int32_t high_half(int32_t pair)
{
    return (int16_t)((uint32_t)pair >> 16);
}

static void conv_pack_i8(int32_t *packed, size_t m, size_t channels, size_t taps, const int8_t *w)
{
    for (size_t i = 0; i < m; i++)
        for (size_t c = 0; c < channels; c += 2)
            for (size_t t = 0; t < taps; t++)
                *packed++ = kern_pair_i8(w + i * channels * taps + c * taps + t, c + 1 < channels ? taps : 0);
}

/* Sums wrap like unsigned numbers: callers keep them in range, and nothing is undefined when they do not. */
static void conv_i8(size_t m, size_t n, size_t pairs, size_t taps, const int32_t *tap, size_t plane,
                    const int32_t *packed, const int32_t *b, const int32_t *bias, int32_t *c, size_t ldc)
{
    for (size_t i = 0; i < m; i++) {
        int32_t *restrict row = c + i * ldc;
        for (size_t j = 0; j < n; j++)
            row[j] = bias ? bias[i] : 0;
        for (size_t p = 0; p < pairs; p++) {
            for (size_t t = 0; t < taps; t++) {
                const int32_t *restrict from = b + p * plane + tap[t], w = *packed++;
                const int32_t low = low_half(w), high = high_half(w);
                for (size_t j = 0; j < n; j++)
                    row[j] = (int32_t)((uint32_t)row[j] +
                                       (uint32_t)(low_half(from[j]) * low + high_half(from[j]) * high));
            }
        }
    }
}

void kern_use_integer(struct kern *kern)
{
    kern->conv_pack_i8 = conv_pack_i8;
    kern->conv_i8 = conv_i8;
}

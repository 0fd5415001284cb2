/*
 * block_quads.h - depthwise convolutions of bytes where a CPU has products of four bytes: a word is four neighbouring
 * pixels of one channel, made in registers out of pixels that lie as the picture has them. One word serves two
 * neighbouring outputs, the second with weights one byte further on.
 *
 * Before including: what block_strips.h wants; QUADS_AT(from), the words of four pixels from an address on.
 * Where others are better: QUAD_NEAR_STEP and QUAD_FAR_STEP, a segment of a strip.
 */
#include "kern/block_strips.h"

enum { QUAD_MOST = BLOCK_REGISTERS >= 32 ? 12 : 8 };

/* clang-format off */
#define QUAD_STRIP(NAME, P, STEP)                                                                               \
    static void NAME##_##P(const struct kern_block_bytes *c, const char *x, const int32_t *w,                   \
                           const int32_t *bias, const float *scale, uint8_t *y, struct bytes_ahead ahead)       \
    {                                                                                                           \
        (void)ahead;                                                                                            \
        STRIP_START(P, 1)                                                                                       \
        for (size_t s = 0; s < c->segments; s++) {                                                              \
            const char *from = x + c->offset[s];                                                                \
            STEP(P)                                                                                             \
        }                                                                                                       \
        STRIP_END(P, 1)                                                                                         \
    }
#ifndef QUAD_NEAR_STEP
/* Outputs side by side read pixels side by side. */
#define QUAD_NEAR_STEP(P)                                                                                       \
    const WORDS even = LOAD(w), odd = LOAD(w + LANES);                                                          \
    w += 2 * LANES;                                                                                             \
    _Pragma("GCC unroll 16") for (int p = 0; p < (P); p += 2) {                                                 \
        const WORDS four = QUADS_AT(from + p * LANES);                                                          \
        acc[p][0] = DOT(acc[p][0], four, even);                                                                 \
        if (p + 1 < (P))                                                                                        \
            acc[(p + 1) % (P)][0] = DOT(acc[(p + 1) % (P)][0], four, odd);                                      \
    }
/* Or every second one. */
#define QUAD_FAR_STEP(P)                                                                                        \
    const WORDS taps = LOAD(w);                                                                                 \
    w += LANES;                                                                                                 \
    EACH_PIXEL(P)                                                                                               \
        acc[p][0] = DOT(acc[p][0], QUADS_AT(from + 2 * p * LANES), taps);
#endif
#define QUAD_NEAR(P, B) QUAD_STRIP(quad_strip, P, QUAD_NEAR_STEP)
#define QUAD_FAR(P, B) QUAD_STRIP(quad_far, P, QUAD_FAR_STEP)
STRIPS_1(QUAD_NEAR)
STRIPS_1(QUAD_FAR)
#define QUAD_NEAR_NAME(P, B) [P] = quad_strip_##P,
#define QUAD_FAR_NAME(P, B) [P] = quad_far_##P,
static strip_u8 *const quad_strips[] = { STRIPS_1(QUAD_NEAR_NAME) };
static strip_u8 *const quad_far_strips[] = { STRIPS_1(QUAD_FAR_NAME) };
/* clang-format on */

/* Where a strip of n pixels that begins at one ends: after whole pairs. */
static inline size_t quad_end(size_t n, size_t start)
{
    const size_t end = 2 * strip_end((n + 1) / 2, QUAD_MOST / 2, start / 2);

    return end < n ? end : n;
}

static void block_quads_u8(const struct kern_block_bytes *c, size_t rows, size_t n, const void *x, size_t x_row,
                           const int32_t *w, const int32_t *bias, const float *scale, uint8_t *y)
{
    strip_u8 *const *strip = c->pixel == LANES ? quad_strips : quad_far_strips;

    for (size_t j = 0, end; j < n; j = end) {
        end = quad_end(n, j);
        for (size_t row = 0; row < rows; row++)
            strip[end - j](c, (const char *)x + row * x_row + j * c->pixel, w, bias, scale, y + (row * n + j) * LANES,
                           (struct bytes_ahead){ 0 });
    }
}

/*
 * words.h - block_integer.h's words of four bytes for ARM's dot products. A pixel of a block
 * is one word, so four pixels side by side are a vector, and each is multiplied where it
 * lies. Before including: BLOCK_INTEGER; TURN(x), the picture's bytes as the product takes
 * them, and TURNED, their type; LANE_DOT(sum, w, x, lane), sum + w * one word of those;
 * EACH_DOT(sum, w, x), sum + each word of w * that of x.
 */
#include <arm_neon.h>
#include <string.h>

#include "kern/kern.h"

/* The first n words, and nothing beyond. */
static inline int32x4_t load_pixels(const char *x, int n)
{
    int32x4_t v = vdupq_n_s32(0);
    int32x2_t two;
    int32_t one;

    if (n >= 4) {
        memcpy(&v, x, sizeof v);
        return v;
    }
    memcpy(&two, x, n >= 2 ? sizeof two : 0);
    memcpy(&one, x + n * 4 - 4, sizeof one);
    return n == 1   ? vsetq_lane_s32(one, v, 0)
           : n == 2 ? vcombine_s32(two, two)
                    : vsetq_lane_s32(one, vcombine_s32(two, two), 2);
}

/* clang-format off */
#define PIXEL_DOT(P, B, I)                                                                                      \
    if (q + (I) < (P))                                                                                          \
        EACH_BLOCK(B)                                                                                           \
            acc[(q + (I)) % (P)][b] = LANE_DOT(acc[(q + (I)) % (P)][b], v[b], four[q / 4], I);
/* All of a segment's pixels are loaded before one is multiplied: a processor that takes instructions in turn waits. */
#define NEAR_SEGMENTS(P, B)                                                                                     \
    for (; s < c->whole; s++, w += (B) * LANES) {                                                               \
        const char *from = x + c->offset[s];                                                                    \
        TURNED four[((P) + 3) / 4];                                                                             \
        WORDS v[B];                                                                                             \
        _Pragma("GCC unroll 4") for (int q = 0; q < (P); q += 4)                                                \
            four[q / 4] = TURN(load_pixels(from + q * BLOCK_PIXEL, (P) - q));                                   \
        EACH_BLOCK(B)                                                                                           \
            v[b] = LOAD(w + b * LANES);                                                                         \
        _Pragma("GCC unroll 4") for (int q = 0; q < (P); q += 4) {                                              \
            PIXEL_DOT(P, B, 0) PIXEL_DOT(P, B, 1) PIXEL_DOT(P, B, 2) PIXEL_DOT(P, B, 3)                         \
        }                                                                                                       \
    }
/* clang-format on */

/* Four pixels of four channels, channel by channel. */
static inline int32x4_t quads_at(const char *x)
{
    static const uint8_t order[16] = { 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15 };
    uint8x16_t bytes;

    memcpy(&bytes, x, sizeof bytes);
    return vreinterpretq_s32_u8(vqtbl1q_u8(bytes, vld1q_u8(order)));
}

/* clang-format off */
/* And all words of four pixels are made. */
#define QUAD_NEAR_STEP(P)                                                                                       \
    TURNED four[((P) + 1) / 2];                                                                                 \
    const WORDS even = LOAD(w), odd = LOAD(w + LANES);                                                          \
    w += 2 * LANES;                                                                                             \
    _Pragma("GCC unroll 16") for (int q = 0; q < ((P) + 1) / 2; q++)                                            \
        four[q] = TURN(QUADS_AT(from + 2 * q * LANES));                                                         \
    EACH_PIXEL(P)                                                                                               \
        acc[p][0] = EACH_DOT(acc[p][0], p % 2 ? odd : even, four[p / 2]);
#define QUAD_FAR_STEP(P)                                                                                        \
    TURNED four[P];                                                                                             \
    const WORDS taps = LOAD(w);                                                                                 \
    w += LANES;                                                                                                 \
    EACH_PIXEL(P)                                                                                               \
        four[p] = TURN(QUADS_AT(from + 2 * p * LANES));                                                         \
    EACH_PIXEL(P)                                                                                               \
        acc[p][0] = EACH_DOT(acc[p][0], taps, four[p]);
/* clang-format on */

#define QUADS_AT quads_at
#define WORD_DEPTH 4
#define DOT(sum, x, w) LANE_DOT(sum, w, TURN(x), 0)
#include "kern/arm-neon/words.h"

/*
 * words.h - block_integer.h's words of four bytes for ARM's dot products. A pixel of a block
 * is one word, so four pixels side by side are a vector, and each is multiplied where it
 * lies. Before including: BLOCK_INTEGER; BYTES_OF(x), the picture's bytes as the product takes
 * them, and BYTES, their type; LANE_DOT(sum, w, x, lane), sum + w * one word of those;
 * EACH_DOT(sum, w, x), sum + each word of w * that of x.
 */
#include <arm_neon.h>
#include <string.h>

#include "kern/arm-neon/in_turn.h"
#include "kern/kern.h"

/* clang-format off */
#define LANE_OF_FOUR(P, I)                                                                                      \
    if (q + (I) < (P))                                                                                          \
        acc[(q + (I)) % (P)][b] = LANE_DOT(acc[(q + (I)) % (P)][b], v[b], BYTES_OF(four[q / 4]), I);
#define PLACE_OF(OFFSET) (OFFSET)
#define NEAR_SEGMENTS(P, B)                                                                                     \
    if (c->whole > 0) {                                                                                         \
        SEGMENTS_OF_FOUR(P, B, c->whole)                                                                        \
        s = c->whole;                                                                                           \
        w += s * (B) * LANES;                                                                                   \
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
    BYTES four[((P) + 1) / 2];                                                                                  \
    const WORDS even = LOAD(w), odd = LOAD(w + LANES);                                                          \
    w += 2 * LANES;                                                                                             \
    _Pragma("GCC unroll 16") for (int q = 0; q < ((P) + 1) / 2; q++)                                            \
        four[q] = BYTES_OF(QUADS_AT(from + 2 * q * LANES));                                                     \
    EACH_PIXEL(P)                                                                                               \
        acc[p][0] = EACH_DOT(acc[p][0], p % 2 ? odd : even, four[p / 2]);
#define QUAD_FAR_STEP(P)                                                                                        \
    BYTES four[P];                                                                                              \
    const WORDS taps = LOAD(w);                                                                                 \
    w += LANES;                                                                                                 \
    EACH_PIXEL(P)                                                                                               \
        four[p] = BYTES_OF(QUADS_AT(from + 2 * p * LANES));                                                     \
    EACH_PIXEL(P)                                                                                               \
        acc[p][0] = EACH_DOT(acc[p][0], taps, four[p]);
/* clang-format on */

#define QUADS_AT quads_at
#define WORD_DEPTH 4
#define DOT(sum, x, w) LANE_DOT(sum, w, BYTES_OF(x), 0)
#include "kern/arm-neon/words.h"

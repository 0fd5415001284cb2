/* Words of two 16-bit numbers: smlal of four filters' weights by one number of the picture. */
#include <arm_neon.h>

#include "kern/arm-neon/in_turn.h"

static inline int32x4_t dot_words(int32x4_t sum, int32x4_t x, int32x4_t w)
{
    int16x4_t pair = vget_low_s16(vreinterpretq_s16_s32(x));
    int16x8_t both = vreinterpretq_s16_s32(w);

    return vmlal_high_lane_s16(vmlal_lane_s16(sum, vget_low_s16(both), pair, 0), both, pair, 1);
}

/* Two pixels, or one, each of two words. */
static inline int32x4_t load_two(const char *x, int n)
{
    const int16_t *from = (const int16_t *)(const void *)x;

    return vreinterpretq_s32_s16(n > 1 ? vld1q_s16(from) : vcombine_s16(vld1_s16(from), vdup_n_s16(0)));
}

/* clang-format off */
/* Pixels that are multiplied together: what waits for a sum has three others between. */
#define TOGETHER(B) ((B) == 1 ? 4 : 2)
#define PIXEL_PRODUCT(P, B, K, I)                                                                               \
    if ((I) < TOGETHER(B) && p + (I) < (P))                                                                     \
        EACH_BLOCK(B)                                                                                           \
            acc[(p + (I)) % (P)][b] =                                                                           \
                (K) % 2 ? vmlal_high_laneq_s16(acc[(p + (I)) % (P)][b], vreinterpretq_s16_s32(v[(K) / 2][b]),   \
                                               vreinterpretq_s16_s32(two[(p + (I)) % (P) / 2]), (I) % 2 * 4 + (K)) \
                        : vmlal_laneq_s16(acc[(p + (I)) % (P)][b],                                              \
                                          vget_low_s16(vreinterpretq_s16_s32(v[(K) / 2][b])),                   \
                                          vreinterpretq_s16_s32(two[(p + (I)) % (P) / 2]), (I) % 2 * 4 + (K));
#define CHANNEL_PRODUCTS(P, B, K)                                                                               \
    PIXEL_PRODUCT(P, B, K, 0) PIXEL_PRODUCT(P, B, K, 1) PIXEL_PRODUCT(P, B, K, 2) PIXEL_PRODUCT(P, B, K, 3)
#define PIXEL_PAIR(P, I) if ((I) < (P)) two[(I) % (P) / 2] = here(load_two(pixels[(I) % (P) / 2] + from, (P) - (I)));
#define PIXELS_FROM(P, B, I) { PIXEL_PAIR(P, I) if (TOGETHER(B) == 4) PIXEL_PAIR(P, (I) + 2) }
#define WEIGHTS_AT(B, K, I)                                                                                     \
    EACH_BLOCK(B)                                                                                               \
        v[K][b] = here(LOAD(weights[(I) * (B) + b] + at));
/*
 * What comes next, pixels or a word's weights, is loaded before what is there is multiplied, and the next segment's
 * first before this one's last.
 */
#define NEAR_SEGMENT(P, B, MORE)                                                                                \
    _Pragma("GCC unroll 8") for (int p = 0; p < (P); p += TOGETHER(B)) {                                        \
        const bool last = p + TOGETHER(B) >= (P);                                                               \
        if (p == 0)                                                                                             \
            WEIGHTS_AT(B, 1, 1)                                                                                 \
        PIXELS_FROM(P, B, p + TOGETHER(B))                                                                      \
        if ((MORE) && ((P) <= TOGETHER(B) || (!last && p + 2 * TOGETHER(B) >= (P))))                            \
            from = hidden(offset[left]);                                                                        \
        CHANNEL_PRODUCTS(P, B, 0) CHANNEL_PRODUCTS(P, B, 1)                                                     \
        IN_TURN;                                                                                                \
        if ((MORE) && last)                                                                                     \
            WEIGHTS_AT(B, 0, 2)                                                                                 \
        if ((MORE) && last && p > 0)                                                                            \
            PIXELS_FROM(P, B, 0)                                                                                \
        CHANNEL_PRODUCTS(P, B, 2) CHANNEL_PRODUCTS(P, B, 3)                                                     \
        if ((MORE) && last && p == 0)                                                                           \
            PIXELS_FROM(P, B, 0)                                                                                \
        IN_TURN;                                                                                                \
    }
#define NEAR_SEGMENTS(P, B)                                                                                     \
    if (c->whole > 0) {                                                                                         \
        const int32_t *const offset = c->offset + c->whole - 1;                                                 \
        const char *pixels[((P) + 1) / 2], *weights[3 * (B)];                                                   \
        ptrdiff_t left = 1 - (ptrdiff_t)c->whole, from = offset[left], at = 0;                                  \
        WORDS two[((P) + 1) / 2], v[2][B];                                                                      \
        _Pragma("GCC unroll 8") for (int p = 0; p < (P); p += 2)                                                \
            pixels[p / 2] = base(x + p * BLOCK_PIXEL);                                                          \
        _Pragma("GCC unroll 12") for (int i = 0; i < 3 * (B); i++)                                              \
            weights[i] = base(w + i * LANES);                                                                   \
        PIXELS_FROM(P, B, 0)                                                                                    \
        WEIGHTS_AT(B, 0, 0)                                                                                     \
        while (left != 0) {                                                                                     \
            left = hidden(left + 1);                                                                            \
            __builtin_prefetch(ahead.at);                                                                       \
            ahead.at += ahead.step;                                                                             \
            IN_TURN;                                                                                            \
            NEAR_SEGMENT(P, B, true)                                                                            \
            at = hidden(at + 2 * (B) * LANES * 4);                                                              \
        }                                                                                                       \
        NEAR_SEGMENT(P, B, false)                                                                               \
        s = c->whole;                                                                                           \
        w += 2 * s * (B) * LANES;                                                                               \
    }
/* clang-format on */

#define WORD_DEPTH 2
#define WORD_APART true
#define DOT dot_words
#define BLOCK_INTEGER kern_use_neon_block_integer
#include "kern/arm-neon/words.h"

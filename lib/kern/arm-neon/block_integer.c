/* Words of two 16-bit numbers: smlal of four filters' weights by one number of the picture. */
#include <arm_neon.h>

static inline int32x4_t dot_words(int32x4_t sum, int32x4_t x, int16x4x2_t w)
{
    int16x4_t pair = vget_low_s16(vreinterpretq_s16_s32(x));

    return vmlal_lane_s16(vmlal_lane_s16(sum, w.val[0], pair, 0), w.val[1], pair, 1);
}

/* clang-format off */
/* Channel CHANNEL of two pixels: what waits for a sum has others between. */
#define CHANNEL_DOT(P, B, MULTIPLY, WEIGHTS, CHANNEL)                                                           \
    _Pragma("GCC unroll 2") for (int i = 0; i < 2; i++)                                                         \
        EACH_BLOCK(B)                                                                                           \
            if (p + i < (P))                                                                                    \
                acc[(p + i) % (P)][b] =                                                                         \
                    MULTIPLY(acc[(p + i) % (P)][b], WEIGHTS, one[(p + i) % (P)], CHANNEL);
#define PIXEL_AT(P, I) if ((I) < (P)) one[(I) % (P)] = vld1_s16((const int16_t *)(const void *)(from + (I) * BLOCK_PIXEL));
/*
 * A pixel of a block is two words, 64 bits, and its weights are those of the even channels and those of the odd ones.
 * Two pixels are multiplied, and the next two loaded before.
 */
#define NEAR_SEGMENTS(P, B)                                                                                     \
    for (; s < c->whole; s++, w += 2 * (B) * LANES) {                                                           \
        const char *from = x + c->offset[s];                                                                    \
        int16x8_t even[B], odd[B];                                                                              \
        int16x4_t one[P];                                                                                       \
        __builtin_prefetch(ahead.at);                                                                           \
        ahead.at += ahead.step;                                                                                 \
        EACH_BLOCK(B) {                                                                                         \
            const int16x8_t first = vreinterpretq_s16_s32(LOAD(w + b * LANES));                                 \
            const int16x8_t second = vreinterpretq_s16_s32(LOAD(w + ((B) + b) * LANES));                        \
            even[b] = vuzp1q_s16(first, second);                                                                \
            odd[b] = vuzp2q_s16(first, second);                                                                 \
        }                                                                                                       \
        PIXEL_AT(P, 0) PIXEL_AT(P, 1)                                                                           \
        _Pragma("GCC unroll 8") for (int p = 0; p < (P); p += 2) {                                              \
            PIXEL_AT(P, p + 2) PIXEL_AT(P, p + 3)                                                               \
            CHANNEL_DOT(P, B, vmlal_lane_s16, vget_low_s16(even[b]), 0)                                         \
            CHANNEL_DOT(P, B, vmlal_lane_s16, vget_low_s16(odd[b]), 1)                                          \
            CHANNEL_DOT(P, B, vmlal_high_lane_s16, even[b], 2)                                                  \
            CHANNEL_DOT(P, B, vmlal_high_lane_s16, odd[b], 3)                                                   \
        }                                                                                                       \
    }
/* clang-format on */

#define WORD_DEPTH 2
#define WEIGHTS int16x4x2_t /* the even channels', the odd ones' */
#define LOAD_WEIGHTS(from) vld2_s16((const int16_t *)(from))
#define DOT dot_words
#define BLOCK_INTEGER kern_use_neon_block_integer
#include "kern/arm-neon/words.h"

/*
 * words.h - block_integer.h's words on 32 registers of four. ARM multiplies by one lane of
 * a vector, so a pixel's word need not be copied to all. Before including: what kern/words.h
 * wants.
 */
#include <arm_neon.h>

#include "kern/arm-neon/in_turn.h"
#include "kern/kern.h"

typedef int32_t word_anywhere __attribute__((aligned(1), may_alias));

/* In the first lane. */
static inline int32x4_t load_word(const char *x)
{
    int32x4_t v;

    __asm__("ldr %s0, %1" : "=w"(v) : "m"(*(const word_anywhere *)(const void *)x));
    return v;
}

/* Pixels that are loaded before one is multiplied, for a processor that takes instructions in turn. */
enum { AHEAD = 4 };

/* clang-format off */
/* Two channels' sums of even and of odd taps in each, till the end. */
#define DEPTH_SEGMENTS(P, PIXEL)                                                                                \
    int32x4_t low[P], high[P];                                                                                  \
    const char *pixels[P];                                                                                      \
    EACH_PIXEL(P) {                                                                                             \
        low[p] = high[p] = vdupq_n_s32(0);                                                                      \
        pixels[p] = base(x + p * (PIXEL));                                                                      \
    }                                                                                                           \
    for (size_t s = 0; s < c->segments; s++, w += LANES) {                                                      \
        const ptrdiff_t from = hidden(c->offset[s]);                                                            \
        const int16x8_t v = vreinterpretq_s16_s32(LOAD(w));                                                     \
        int16x8_t one[P];                                                                                       \
        EACH_PIXEL(P)                                                                                           \
            if (p < AHEAD)                                                                                      \
                one[p] = vreinterpretq_s16_s32(LOAD(pixels[p] + from));                                         \
        EACH_PIXEL(P) {                                                                                         \
            if (p + AHEAD < (P))                                                                                \
                one[(p + AHEAD) % (P)] = vreinterpretq_s16_s32(LOAD(pixels[(p + AHEAD) % (P)] + from));         \
            low[p] = vmlal_s16(low[p], vget_low_s16(one[p]), vget_low_s16(v));                                  \
            high[p] = vmlal_high_s16(high[p], one[p], v);                                                       \
        }                                                                                                       \
    }                                                                                                           \
    EACH_PIXEL(P)                                                                                               \
        acc[p][0] = vaddq_s32(acc[p][0], vpaddq_s32(low[p], high[p]));
/* clang-format on */

#define STRIP_PIXELS(blocks) ((blocks) == 1 ? 12 : 24 / (blocks))
#define BLOCK_REGISTERS 32
#define WORD_AT load_word
#include "kern/words.h"

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

/* The widest strips first: on a processor that takes instructions in turn, narrower ones wait for what they load. */
static inline size_t widest_end(size_t n, size_t most, size_t start)
{
    return n - start > most ? start + most : n;
}

/* The words of taps that so many lie before. The compiler would multiply by their size in an instruction of its own. */
static inline int16x8_t taps_at(const char *taps, ptrdiff_t before)
{
    int16x8_t v;

    __asm__ volatile("ldr %q0, [%1, %2, lsl 4]" : "=w"(v) : "r"(taps), "r"(before) : "memory");
    return v;
}

/* clang-format off */
#define PIXEL_OF(P, I) ((p + (I) + 4 * (P)) % (P))
#define PIXEL_HERE(P, I) one[PIXEL_OF(P, I)] = vreinterpretq_s16_s32(here(LOAD(pixels[PIXEL_OF(P, I)] + from)));
#define LOW_PRODUCT(P, I)                                                                                       \
    IN_TURN;                                                                                                    \
    if (p + (I) >= 0)                                                                                           \
        low[PIXEL_OF(P, I)] = vmlal_s16(low[PIXEL_OF(P, I)], vget_low_s16(one[PIXEL_OF(P, I)]),                 \
                                        vget_low_s16(v[0]));
/* A pixel that is done gives way to the one four on, or to its like of the next segment. */
#define HIGH_PRODUCT(P, I, MORE)                                                                                \
    if (p + (I) >= 0)                                                                                           \
        high[PIXEL_OF(P, I)] = vmlal_high_s16(high[PIXEL_OF(P, I)], one[PIXEL_OF(P, I)], v[1]);                 \
    if (p + (I) >= 0 && ((MORE) || p + 4 < (P)))                                                                \
        PIXEL_HERE(P, (I) + ((P) < 4 ? (P) : 4))                                                                \
    IN_TURN;
/* Four pixels in a go, or what is left by four in the first. */
#define DEPTH_SEGMENT(P, MORE)                                                                                  \
    v[1] = taps_at(taps[1], left);                                                                              \
    if (MORE)                                                                                                   \
        left = hidden(left + 1);                                                                                \
    _Pragma("GCC unroll 3") for (int p = ((P) - 1) % 4 - 3; p < (P); p += 4) {                                  \
        LOW_PRODUCT(P, 0)                                                                                       \
        if ((MORE) && p + 4 >= (P))                                                                             \
            from = hidden(offset[left]);                                                                        \
        LOW_PRODUCT(P, 1) LOW_PRODUCT(P, 2) LOW_PRODUCT(P, 3)                                                   \
        if ((MORE) && p + 4 >= (P))                                                                             \
            v[0] = taps_at(taps[0], left);                                                                      \
        HIGH_PRODUCT(P, 0, MORE) HIGH_PRODUCT(P, 1, MORE) HIGH_PRODUCT(P, 2, MORE) HIGH_PRODUCT(P, 3, MORE)     \
    }
/*
 * Two channels' sums of even and of odd taps in each, till the end. Taps lie in two registers, since the halves of
 * one are multiplied at different times.
 */
#define DEPTH_SEGMENTS(P, PIXEL)                                                                                \
    const int32_t *const offset = c->offset + c->segments - 1;                                                  \
    const char *pixels[P], *taps[2] = { base(w + (c->segments - 1) * LANES) };                                   \
    ptrdiff_t left = 1 - (ptrdiff_t)c->segments, from = offset[left];                                           \
    int32x4_t low[P], high[P];                                                                                  \
    int16x8_t one[P], v[2] = { taps_at(taps[0], left) };                                                        \
    taps[1] = base(taps[0]);                                                                                    \
    EACH_PIXEL(P) {                                                                                             \
        low[p] = high[p] = vdupq_n_s32(0);                                                                      \
        pixels[p] = base(x + p * (PIXEL));                                                                      \
        if (p < 4)                                                                                              \
            PIXEL_HERE(P, 0)                                                                                    \
    }                                                                                                           \
    while (left != 0) {                                                                                         \
        DEPTH_SEGMENT(P, true)                                                                                  \
    }                                                                                                           \
    DEPTH_SEGMENT(P, false)                                                                                     \
    EACH_PIXEL(P)                                                                                               \
        acc[p][0] = vaddq_s32(acc[p][0], vpaddq_s32(low[p], high[p]));
/* clang-format on */

#define PAIRS_END widest_end
#define STRIP_PIXELS(blocks) ((blocks) == 1 ? 12 : 24 / (blocks))
#define BLOCK_REGISTERS 32
#define WORD_AT load_word
#include "kern/words.h"

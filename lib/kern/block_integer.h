/*
 * block_integer.h - convolutions of bytes on pictures in blocks (kern.h says how
 * they are laid). One source, compiled by each instruction set's folder. A word
 * has WORD_DEPTH channels: two of 16 bits, the zero point taken off, so that all
 * sums are exact for any bytes; or four bytes where a CPU multiplies those exactly.
 *
 * Before including: what block_strips.h wants; PAIR_DOT, DOT of words of 16 bits;
 * WIDEN(a, b), LANES bytes at a and at b as numbers of 16 bits; BLOCK_INTEGER, what fills the table.
 * Where others are better: NEAR_SEGMENTS, strips of pixels side by side; STRIP_PIXELS, the widest
 * strip of so many blocks; DEPTH_SEGMENTS, a strip's words of two taps, and PAIRS_END, as strip_end for such strips;
 * QUADS_AT, as in block_quads.h; SHORT_RUNS, that block_short.h is worth it.
 */
#include "kern/block_strips.h"

#ifndef STRIP_PIXELS
#define STRIP_PIXELS(blocks) kern_block_sums(BLOCK_REGISTERS, blocks)
#endif

/* clang-format off */
/* All whole segments. */
#define WHOLE_SEGMENTS(P, B, PIXEL, DEPTH, FETCH)                                                               \
    for (; s < c->whole; s++) {                                                                                 \
        const char *from = x + c->offset[s];                                                                    \
        _Pragma("GCC unroll 8") for (int k = 0; k < (int)(DEPTH); k++) {                                        \
            FETCH(k)                                                                                            \
            STRIP_STEP(P, B, from + k * 4, PIXEL)                                                               \
        }                                                                                                       \
    }
/* Every second step; not where the compiler has no register to spare for it. */
#define FETCH_AHEAD(K) if ((K) % 2 == 0) { __builtin_prefetch(ahead.at); ahead.at += ahead.step; }
#define FETCH_NOTHING(K)
#ifndef NEAR_SEGMENTS
#define NEAR_SEGMENTS(P, B) WHOLE_SEGMENTS(P, B, BLOCK_PIXEL, BLOCK_WORDS, FETCH_AHEAD)
#endif
#define FAR_SEGMENTS(P, B) WHOLE_SEGMENTS(P, B, (ptrdiff_t)c->pixel, c->words, FETCH_NOTHING)

#define STRIP(NAME, P, B, PIXEL, SEGMENTS)                                                                      \
    static void NAME##_##P##x##B(const struct kern_block_bytes *c, const char *x, const int32_t *w,             \
                                 const int32_t *bias, const float *scale, uint8_t *y, struct bytes_ahead ahead) \
    {                                                                                                           \
        STRIP_START(P, B)                                                                                       \
        size_t s = 0;                                                                                           \
        (void)ahead;                                                                                            \
        SEGMENTS(P, B)                                                                                          \
        for (; s < c->segments; s++) {                                                                          \
            const char *from = x + c->offset[s];                                                                \
            for (size_t k = 0; k < c->rest; k++)                                                                \
                STRIP_STEP(P, B, from + k * 4, PIXEL)                                                           \
        }                                                                                                       \
        STRIP_END(P, B)                                                                                         \
    }

#define BLOCK_STRIP(P, B) STRIP(strip, P, B, BLOCK_PIXEL, NEAR_SEGMENTS)
#define FAR_STRIP(P, B) STRIP(far_strip, P, B, (ptrdiff_t)c->pixel, FAR_SEGMENTS)

#define STRIPS_2(S) S(1, 2) S(2, 2) S(3, 2) S(4, 2) S(5, 2) S(6, 2)
#define STRIPS_3(S) S(1, 3) S(2, 3) S(3, 3)
#define MORE_STRIPS(S) S(7, 2) S(8, 2) S(9, 2) S(10, 2) S(11, 2) S(12, 2) S(13, 2) \
    S(4, 3) S(5, 3) S(6, 3) S(7, 3) S(8, 3) S(1, 4) S(2, 4) S(3, 4) S(4, 4) S(5, 4) S(6, 4)
#if BLOCK_REGISTERS >= 32
#define STRIPS(S) STRIPS_1(S) STRIPS_2(S) STRIPS_3(S) MORE_STRIPS(S)
#else
#define STRIPS(S) STRIPS_1(S) STRIPS_2(S) STRIPS_3(S)
#endif
STRIPS(BLOCK_STRIP)
STRIPS(FAR_STRIP)

#define STRIP_NAME(P, B) [B][P] = strip_##P##x##B,
#define FAR_NAME(P, B) [B][P] = far_strip_##P##x##B,
static strip_u8 *const strips[KERN_BLOCKS + 1][KERN_PIXELS + 1] = { STRIPS(STRIP_NAME) };
static strip_u8 *const far_strips[KERN_BLOCKS + 1][KERN_PIXELS + 1] = { STRIPS(FAR_NAME) };

/* Each lane by itself; words are two taps. */
#ifndef PAIRS_END
#define PAIRS_END strip_end
#endif
#ifndef DEPTH_SEGMENTS
#define DEPTH_SEGMENTS(P, PIXEL)                                                                                \
    for (size_t s = 0; s < c->segments; s++, w += LANES) {                                                      \
        const char *from = x + c->offset[s];                                                                    \
        WORDS v = LOAD(w);                                                                                      \
        EACH_PIXEL(P)                                                                                           \
            acc[p][0] = PAIR_DOT(acc[p][0], LOAD(from + p * (PIXEL)), v);                                       \
    }
#endif
#define DEPTH_STRIP(NAME, P, PIXEL)                                                                             \
    static void NAME##_##P(const struct kern_block_bytes *c, const char *x, const int32_t *w,                   \
                           const int32_t *bias, const float *scale, uint8_t *y, struct bytes_ahead ahead)       \
    {                                                                                                           \
        (void)ahead;                                                                                            \
        STRIP_START(P, 1)                                                                                       \
        DEPTH_SEGMENTS(P, PIXEL)                                                                                \
        STRIP_END(P, 1)                                                                                         \
    }
#define DEPTH_NEAR(P, B) DEPTH_STRIP(depth_strip, P, PAIR_PIXEL)
#define DEPTH_FAR(P, B) DEPTH_STRIP(depth_far, P, 2 * PAIR_PIXEL)
STRIPS_1(DEPTH_NEAR)
STRIPS_1(DEPTH_FAR)
#define DEPTH_NEAR_NAME(P, B) [P] = depth_strip_##P,
#define DEPTH_FAR_NAME(P, B) [P] = depth_far_##P,
static strip_u8 *const depth_strips[] = { STRIPS_1(DEPTH_NEAR_NAME) };
static strip_u8 *const depth_far_strips[] = { STRIPS_1(DEPTH_FAR_NAME) };
/* clang-format on */

#ifdef SHORT_RUNS
#include "kern/block_short.h"
#endif

static void block_conv_u8(const struct kern_block_bytes *c, size_t n, size_t blocks, const void *x, const int32_t *w,
                          const int32_t *bias, const float *scale, uint8_t *y)
{
    const bool near = c->pixel == BLOCK_PIXEL && c->words == BLOCK_WORDS;
    strip_u8 *const *strip = near ? strips[blocks] : far_strips[blocks];
    size_t most = STRIP_PIXELS(blocks), wide = scale ? LANES : LANES * 4;
    size_t depth = c->whole * ((c->words + 1) / 2), share = c->next_bytes * most / (n + most - 1);
    struct bytes_ahead ahead = { (const char *)(c->next_bytes ? c->next : w), depth > 0 ? share / depth : 0 };

#ifdef SHORT_RUNS
    if (near) {
        size_t done = block_short_u8(c, n, blocks, x, w, bias, scale, y);
        n -= done;
        x = (const char *)x + done * BLOCK_PIXEL;
        y += done * LANES;
    }
#endif
    for (size_t j = 0, end; j < n; j = end, ahead.at += share) {
        end = strip_end(n, most, j);
        strip[end - j](c, (const char *)x + j * c->pixel, w, bias, scale, y + j * wide, ahead);
    }
}

static void block_depthwise_u8(const struct kern_block_bytes *c, size_t n, const void *x, const int32_t *w,
                               const int32_t *bias, const float *scale, uint8_t *y)
{
    strip_u8 *const *strip = c->pixel == PAIR_PIXEL ? depth_strips : depth_far_strips;
    size_t most = c->pixel == PAIR_PIXEL || c->pixel == 2 * PAIR_PIXEL ? COUNT(depth_strips) - 1 : 1;

    for (size_t j = 0, end; j < n; j = end) {
        end = PAIRS_END(n, most, j);
        strip[end - j](c, (const char *)x + j * c->pixel, w, bias, scale, y + j * LANES, (struct bytes_ahead){ 0 });
    }
}

#ifdef QUADS_AT
#include "kern/block_quads.h"
#endif
#include "kern/winograd_integer.h"

void BLOCK_INTEGER(struct kern *kern)
{
    use_winograd_integer(kern);
    kern->word_depth = WORD_DEPTH;
    kern->byte_zero = BYTE_ZERO;
    kern->word_apart = WORD_APART;
#ifdef SHORT_RUNS
    kern->short_blocks = SHORT_BLOCKS;
#else
    kern->short_blocks = 0;
#endif
    kern->block_conv_u8 = block_conv_u8;
    kern->block_depthwise_u8 = block_depthwise_u8;
#ifdef QUADS_AT
    kern->block_quads_u8 = block_quads_u8;
#else
    kern->block_quads_u8 = NULL;
#endif
    kern->block_square_u8 = NULL;
}

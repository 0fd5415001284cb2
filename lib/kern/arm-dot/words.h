/*
 * words.h - block_integer.h's words of four bytes for ARM's dot products. A pixel of a block
 * is one word, so four pixels side by side are a vector, and each is multiplied where it
 * lies. Before including: BLOCK_INTEGER; BYTES_OF(x), the picture's bytes as the product takes
 * them, and BYTES, their type; LANE_DOT(sum, w, x, lane), sum + w * one word of those;
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

/* The same number or address, of which the compiler does not know how far it is from another. */
static inline ptrdiff_t hidden(ptrdiff_t number)
{
    __asm__("" : "+r"(number));
    return number;
}

static inline const char *base(const void *address)
{
    __asm__("" : "+r"(address));
    return address;
}

/* Loaded where the source says so. */
static inline int32x4_t here(int32x4_t v)
{
    __asm__("" : "+w"(v));
    return v;
}

/* clang-format off */
/* The compiler moves nothing across. */
#define IN_TURN __asm__ volatile("")
#define EACH_FOUR(P) _Pragma("GCC unroll 4") for (int q = 0; q < (P); q += 4)
#define LANE_OF_FOUR(P, I)                                                                                      \
    if (q + (I) < (P))                                                                                          \
        acc[(q + (I)) % (P)][b] = LANE_DOT(acc[(q + (I)) % (P)][b], v[b], BYTES_OF(four[q / 4]), I);
/*
 * For a processor that takes instructions in turn: what comes next, pixels or a block's weights, is loaded before what
 * is there is multiplied, and the next segment's first before this one's last. The Cortex-A55 starts such a load beside
 * a product if nothing has to be added to an address for it: each has a base of its own, to which it adds one number.
 */
#define PIXELS_AT(P, Q) here(load_pixels(pixels[(Q) / 4] + from, (P) - (Q)))
#define WEIGHTS_AT(B) here(LOAD(weights[B] + at))
#define NEAR_SEGMENT(P, B, MORE)                                                                                \
    EACH_FOUR(P)                                                                                                \
        EACH_BLOCK(B) {                                                                                         \
            const bool last = q + 4 >= (P);                                                                     \
            if (q == 0 && b + 1 < (B))                                                                          \
                v[(b + 1) % (B)] = WEIGHTS_AT(b + 1);                                                           \
            LANE_OF_FOUR(P, 0)                                                                                  \
            IN_TURN;                                                                                            \
            if (b == 0 && !last)                                                                                \
                four[(q + 4) % (P) / 4] = PIXELS_AT(P, (q + 4) % (P));                                          \
            if ((MORE) && b == 0 && ((P) <= 4 || (!last && q + 8 >= (P))))                                      \
                from = hidden(offset[left]);                                                                    \
            if ((MORE) && b + 1 == (B) && q > 0 && last)                                                        \
                four[0] = PIXELS_AT(P, 0);                                                                      \
            LANE_OF_FOUR(P, 1) LANE_OF_FOUR(P, 2) LANE_OF_FOUR(P, 3)                                            \
            if ((MORE) && b == 0 && last)                                                                       \
                v[0] = WEIGHTS_AT(B);                                                                           \
            if ((MORE) && b + 1 == (B) && (P) <= 4)                                                             \
                four[0] = PIXELS_AT(P, 0);                                                                      \
            IN_TURN;                                                                                            \
        }
#define NEAR_SEGMENTS(P, B)                                                                                     \
    if (c->whole > 0) {                                                                                         \
        const int32_t *const offset = c->offset + c->whole - 1;                                                 \
        const char *pixels[((P) + 3) / 4], *weights[(B) + 1];                                                   \
        ptrdiff_t left = 1 - (ptrdiff_t)c->whole, from = offset[left], at = 0;                                  \
        EACH_FOUR(P)                                                                                            \
            pixels[q / 4] = base(x + q * BLOCK_PIXEL);                                                          \
        _Pragma("GCC unroll 5") for (int b = 0; b < (B) + 1; b++)                                               \
            weights[b] = base(w + b * LANES);                                                                   \
        WORDS four[((P) + 3) / 4] = { PIXELS_AT(P, 0) }, v[B] = { WEIGHTS_AT(0) };                              \
        while (left != 0) {                                                                                     \
            left = hidden(left + 1);                                                                            \
            IN_TURN;                                                                                            \
            NEAR_SEGMENT(P, B, true)                                                                            \
            at = hidden(at + (B) * LANES * 4);                                                                  \
        }                                                                                                       \
        NEAR_SEGMENT(P, B, false)                                                                               \
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
    BYTES four[((P) + 1) / 2];                                                                                 \
    const WORDS even = LOAD(w), odd = LOAD(w + LANES);                                                          \
    w += 2 * LANES;                                                                                             \
    _Pragma("GCC unroll 16") for (int q = 0; q < ((P) + 1) / 2; q++)                                            \
        four[q] = BYTES_OF(QUADS_AT(from + 2 * q * LANES));                                                         \
    EACH_PIXEL(P)                                                                                               \
        acc[p][0] = EACH_DOT(acc[p][0], p % 2 ? odd : even, four[p / 2]);
#define QUAD_FAR_STEP(P)                                                                                        \
    BYTES four[P];                                                                                             \
    const WORDS taps = LOAD(w);                                                                                 \
    w += LANES;                                                                                                 \
    EACH_PIXEL(P)                                                                                               \
        four[p] = BYTES_OF(QUADS_AT(from + 2 * p * LANES));                                                         \
    EACH_PIXEL(P)                                                                                               \
        acc[p][0] = EACH_DOT(acc[p][0], taps, four[p]);
/* clang-format on */

#define QUADS_AT quads_at
#define WORD_DEPTH 4
#define DOT(sum, x, w) LANE_DOT(sum, w, BYTES_OF(x), 0)
#include "kern/arm-neon/words.h"

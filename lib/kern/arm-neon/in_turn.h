/*
 * in_turn.h - loops for a processor that takes instructions in turn, as the Cortex-A55: what the source loads before a
 * product is loaded there. It starts a load beside a product if nothing has to be added to an address for it: each has
 * a base of its own, to which it adds one number.
 */
#ifndef KERN_ARM_NEON_IN_TURN_H
#define KERN_ARM_NEON_IN_TURN_H

#include <arm_neon.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* The compiler moves nothing across. */
#define IN_TURN __asm__ volatile("")

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

/* Loaded here. */
static inline int32x4_t here(int32x4_t v)
{
    __asm__("" : "+w"(v));
    return v;
}

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
           : n == 2 ? vcombine_s32(two, vdup_n_s32(0))
                    : vsetq_lane_s32(one, vcombine_s32(two, vdup_n_s32(0)), 2);
}

/* clang-format off */
#define EACH_FOUR(P) _Pragma("GCC unroll 4") for (int q = 0; q < (P); q += 4)
#define PIXELS_OF(P, Q) here(load_pixels(pixels[(Q) / 4] + from, (P) - (Q)))
#define WEIGHTS_OF(B) here(vld1q_s32((const int32_t *)(const void *)(weights[B] + at)))
/*
 * Segments of a strip: P neighbouring pixels, a word of four bytes each, by B vectors of weights. What comes next,
 * pixels or weights, is loaded before what is there is multiplied, and the next segment's first before this one's last.
 * Before using: LANE_OF_FOUR(P, I), pixel q + I by weights v[b], if there is one; PLACE_OF(offset), in bytes.
 */
#define SEGMENT_OF_FOUR(P, B, MORE)                                                                             \
    EACH_FOUR(P)                                                                                                \
        EACH_BLOCK(B) {                                                                                         \
            const bool last = q + 4 >= (P);                                                                     \
            if (q == 0 && b + 1 < (B))                                                                          \
                v[(b + 1) % (B)] = WEIGHTS_OF(b + 1);                                                           \
            LANE_OF_FOUR(P, 0)                                                                                  \
            IN_TURN;                                                                                            \
            if (b == 0 && !last)                                                                                \
                four[(q + 4) % (P) / 4] = PIXELS_OF(P, (q + 4) % (P));                                          \
            if ((MORE) && b == 0 && ((P) <= 4 || (!last && q + 8 >= (P))))                                      \
                from = hidden(PLACE_OF(offset[left]));                                                          \
            if ((MORE) && b + 1 == (B) && q > 0 && last)                                                        \
                four[0] = PIXELS_OF(P, 0);                                                                      \
            LANE_OF_FOUR(P, 1) LANE_OF_FOUR(P, 2) LANE_OF_FOUR(P, 3)                                            \
            if ((MORE) && b == 0 && last)                                                                       \
                v[0] = WEIGHTS_OF(B);                                                                           \
            if ((MORE) && b + 1 == (B) && (P) <= 4)                                                             \
                four[0] = PIXELS_OF(P, 0);                                                                      \
            IN_TURN;                                                                                            \
        }
#define SEGMENTS_OF_FOUR(P, B, COUNT)                                                                           \
    const int32_t *const offset = c->offset + (COUNT) - 1;                                                      \
    const char *pixels[((P) + 3) / 4], *weights[(B) + 1];                                                       \
    ptrdiff_t left = 1 - (ptrdiff_t)(COUNT), from = PLACE_OF(offset[left]), at = 0;                             \
    EACH_FOUR(P)                                                                                                \
        pixels[q / 4] = base((const char *)x + q * 4);                                                          \
    _Pragma("GCC unroll 5") for (int b = 0; b < (B) + 1; b++)                                                   \
        weights[b] = base(w + b * 4);                                                                           \
    int32x4_t four[((P) + 3) / 4] = { PIXELS_OF(P, 0) }, v[B] = { WEIGHTS_OF(0) };                              \
    while (left != 0) {                                                                                         \
        left = hidden(left + 1);                                                                                \
        IN_TURN;                                                                                                \
        SEGMENT_OF_FOUR(P, B, true)                                                                             \
        at = hidden(at + (B) * 16);                                                                             \
    }                                                                                                           \
    SEGMENT_OF_FOUR(P, B, false)
/* clang-format on */

#endif

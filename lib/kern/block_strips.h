/*
 * block_strips.h - what kernels of bytes in blocks have in common: a strip is P neighbouring output pixels of B output
 * blocks, whose sums stay in registers while the whole depth runs through.
 *
 * Before including: LANES words of a vector, WORD_DEPTH, BLOCK_REGISTERS;
 * WORDS and FLOATS, the vectors; LOAD, LOAD_FLOATS, STORE at any address; SPLAT, SPLAT_FLOAT
 * of a number; DOT, sum + word * word;
 * REQUANTIZE(sum, scale, least, most), to nearest even; PUT, PUT_TWO and PUT_FOUR, words
 * plus a zero point as the bytes of so many pixels; ROUND(sum, scale), as REQUANTIZE without
 * bounds, where those three saturate.
 * Where others are better: WORD_AT, a word of the picture as DOT has it; BYTE_ZERO and WORD_APART, as in kern.h.
 */
#ifndef KERN_BLOCK_STRIPS_H
#define KERN_BLOCK_STRIPS_H

#include "kern/internal.h"

#ifndef BYTE_ZERO
#define BYTE_ZERO 0
#endif
#ifndef WORD_APART
#define WORD_APART false
#endif
#ifdef ROUND
#define SATURATES(c) (c)->saturates
#else
#define SATURATES(c) false
#define ROUND(sum, scale) ((void)(scale), (sum))
#endif

typedef int32_t loose_word __attribute__((aligned(1), may_alias));
/* Where the next thing to read is, and how far a step goes on in it. */
struct bytes_ahead {
    const char *at;
    size_t step;
};

typedef void strip_u8(const struct kern_block_bytes *c, const char *x, const int32_t *w, const int32_t *bias,
                      const float *scale, uint8_t *y, struct bytes_ahead ahead);

enum { BLOCK_PIXEL = LANES * 4 / WORD_DEPTH, BLOCK_WORDS = LANES / WORD_DEPTH, PAIR_PIXEL = LANES * 4 };

#ifndef WORD_AT
#define WORD_AT word_at
static inline WORDS word_at(const char *x)
{
    return SPLAT(*(const loose_word *)(const void *)x);
}
#endif

/* clang-format off */
#define EACH_PIXEL(P) _Pragma("GCC unroll 16") for (int p = 0; p < (P); p++)
#define EACH_BLOCK(B) _Pragma("GCC unroll 4") for (int b = 0; b < (B); b++)

/* Literal sizes of the accumulators, or gcc keeps them in memory. */
#define STRIP_START(P, B)                                                                                       \
    WORDS acc[P][B];                                                                                            \
    EACH_BLOCK(B) {                                                                                             \
        WORDS first = LOAD(bias + b * LANES);                                                                   \
        EACH_PIXEL(P)                                                                                           \
            acc[p][b] = first;                                                                                  \
    }

#define STRIP_STEP(P, B, FROM, PIXEL)                                                                           \
    {                                                                                                           \
        WORDS v[B];                                                                                             \
        EACH_BLOCK(B)                                                                                           \
            v[b] = LOAD(w + b * LANES);                                                                         \
        EACH_PIXEL(P) {                                                                                         \
            WORDS one = WORD_AT((FROM) + p * (PIXEL));                                                          \
            EACH_BLOCK(B)                                                                                       \
                acc[p][b] = DOT(acc[p][b], one, v[b]);                                                          \
        }                                                                                                       \
        w += (B) * LANES;                                                                                       \
    }

#define SCALE_AT(b) LOAD_FLOATS(scale + (b) * LANES)
/* The sums as bytes. */
#define STRIP_BYTES(P, B, SCALE_OF)                                                                             \
    {                                                                                                           \
        if (SATURATES(c)) {                                                                                     \
            EACH_BLOCK(B) {                                                                                     \
                const FLOATS by = SCALE_OF(b);                                                                  \
                EACH_PIXEL(P)                                                                                   \
                    acc[p][b] = ROUND(acc[p][b], by);                                                           \
            }                                                                                                   \
        } else {                                                                                                \
            const FLOATS least = SPLAT_FLOAT((float)(c->low - c->zero_point));                                  \
            const FLOATS most = SPLAT_FLOAT((float)(c->high - c->zero_point));                                  \
            EACH_BLOCK(B) {                                                                                     \
                const FLOATS by = SCALE_OF(b);                                                                  \
                EACH_PIXEL(P)                                                                                   \
                    acc[p][b] = REQUANTIZE(acc[p][b], by, least, most);                                         \
            }                                                                                                   \
        }                                                                                                       \
        const int32_t zero_point = c->zero_point;                                                               \
        EACH_BLOCK(B) {                                                                                         \
            uint8_t *to = y + (size_t)b * c->y_block;                                                           \
            _Pragma("GCC unroll 4") for (int p = 0; p + 3 < (P); p += 4)                                        \
                PUT_FOUR(to + p * LANES, acc[p][b], acc[p + 1][b], acc[p + 2][b], acc[p + 3][b], zero_point);   \
            if ((P) % 4 >= 2)                                                                                   \
                PUT_TWO(to + (P) / 4 * 4 * LANES, acc[(P) / 4 * 4][b], acc[((P) / 4 * 4 + 1) % (P)][b], zero_point); \
            if ((P) % 2)                                                                                        \
                PUT(to + ((P) - 1) * LANES, acc[(P) - 1][b], zero_point);                                       \
        }                                                                                                       \
    }

#define STRIP_END(P, B)                                                                                         \
    if (!scale) {                                                                                               \
        EACH_BLOCK(B)                                                                                           \
            EACH_PIXEL(P)                                                                                       \
                STORE(y + (size_t)b * c->y_block + (size_t)p * LANES * 4, acc[p][b]);                           \
        return;                                                                                                 \
    }                                                                                                           \
    STRIP_BYTES(P, B, SCALE_AT)

#define STRIPS_1(S) S(1, 1) S(2, 1) S(3, 1) S(4, 1) S(5, 1) S(6, 1) S(7, 1) S(8, 1) S(9, 1) S(10, 1) S(11, 1) S(12, 1)
/* clang-format on */

/* n pixels in strips that differ by one pixel at most: 14 are 5, 5 and 4. */
static inline size_t strip_end(size_t n, size_t most, size_t start)
{
    size_t count = (n + most - 1) / most, i = (start * count + n - 1) / n;

    return n * (i + 1) / count;
}

#endif

/*
 * words.h - block_integer.h's vectors in plain C, the definition: WORD_LANES words, 4 if
 * none is said, which the compiler takes apart where registers are narrower. Before
 * including: WORD_DEPTH, BLOCK_INTEGER, and DOT where it is not pair_dot.
 */
#pragma GCC diagnostic ignored "-Wpsabi"
#include <string.h>

#include "kern/kern.h"

#ifndef WORD_LANES
#define WORD_LANES 4
#endif

typedef int32_t words __attribute__((vector_size(4 * WORD_LANES)));
typedef float floats __attribute__((vector_size(4 * WORD_LANES)));

static inline words load_words(const void *from)
{
    words v;

    memcpy(&v, from, sizeof v);
    return v;
}

static inline void store_words(void *to, words v)
{
    memcpy(to, &v, sizeof v);
}

static inline floats load_floats(const void *from)
{
    floats v;

    memcpy(&v, from, sizeof v);
    return v;
}

/* Sums wrap like unsigned numbers. */
static inline words pair_dot(words sum, words a, words b)
{
    typedef uint32_t naturals __attribute__((vector_size(4 * WORD_LANES)));
    words low = (words)((naturals)a << 16) >> 16, high = a >> 16;

    low *= (words)((naturals)b << 16) >> 16;
    high *= b >> 16;
    return (words)((naturals)sum + (naturals)low + (naturals)high);
}

static inline words requantize(words sum, floats scale, floats least, floats most)
{
    const floats round = (floats){ 0 } + 12582912.0F; /* 1.5 * 2^23: adding it rounds to nearest even, as lrintf does */
    floats v = __builtin_convertvector(sum, floats) * scale;
    words above = v > least, below;

    v = (floats)((above & (words)v) | (~above & (words)least));
    below = v < most;
    v = (floats)((below & (words)v) | (~below & (words)most));
    return __builtin_convertvector(v + round - round, words);
}

static inline void put(uint8_t *to, words v, int32_t zero_point)
{
    for (int i = 0; i < WORD_LANES; i++)
        to[i] = (uint8_t)(v[i] + zero_point);
}

typedef int16_t shorts __attribute__((vector_size(4 * WORD_LANES)));

static inline shorts widen(const uint8_t *a, const uint8_t *b)
{
    typedef uint8_t half __attribute__((vector_size(WORD_LANES)));
    typedef int16_t half_shorts __attribute__((vector_size(2 * WORD_LANES)));
    half from[2];
    shorts v;

    memcpy(&from[0], a, sizeof from[0]);
    memcpy(&from[1], b, sizeof from[1]);
    for (int i = 0; i < 2; i++) {
        half_shorts wide = __builtin_convertvector(from[i], half_shorts);
        memcpy((char *)&v + i * (int)sizeof wide, &wide, sizeof wide);
    }
    return v;
}

#define WORDS words
#define FLOATS floats
#define LANES WORD_LANES
#ifndef BLOCK_REGISTERS
#define BLOCK_REGISTERS 16
#endif
#define LOAD load_words
#define STORE store_words
#define LOAD_FLOATS load_floats
#define SPLAT(number) ((words){ 0 } + (number))
#define SPLAT_FLOAT(number) ((floats){ 0 } + (number))
#ifndef DOT
#define DOT pair_dot
#endif
#define PAIR_DOT pair_dot
#define REQUANTIZE requantize
#define PUT put
#define PUT_TWO(to, a, b, zero_point) (put(to, a, zero_point), put((to) + WORD_LANES, b, zero_point))
#define PUT_FOUR(to, a, b, c, d, zero_point)                                                                           \
    (PUT_TWO(to, a, b, zero_point), PUT_TWO((to) + 2 * WORD_LANES, c, d, zero_point))
#define WIDEN widen
#include "kern/block_integer.h"

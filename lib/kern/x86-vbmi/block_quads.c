/*
 * block_quads.c - words of four pixels are one permutation of their bytes, and masks read what the picture has and put
 * zero points where it has nothing: windows of 3 x 3 are read in place.
 */
#include "kern/x86-vnni/words.h"

/* Four pixels of sixteen channels, channel by channel. */
static inline __m512i quads_of(__m512i pixels)
{
    static const uint8_t order[64] = {
        0,  16, 32, 48, 1,  17, 33, 49, 2,  18, 34, 50, 3,  19, 35, 51, 4,  20, 36, 52, 5,  21,
        37, 53, 6,  22, 38, 54, 7,  23, 39, 55, 8,  24, 40, 56, 9,  25, 41, 57, 10, 26, 42, 58,
        11, 27, 43, 59, 12, 28, 44, 60, 13, 29, 45, 61, 14, 30, 46, 62, 15, 31, 47, 63,
    };

    return _mm512_permutexvar_epi8(_mm512_loadu_si512(order), pixels);
}

static inline __m512i quads_at(const char *x)
{
    return quads_of(_mm512_loadu_si512(x));
}

#define QUADS_AT quads_at
#include "kern/block_quads.h"

enum { QUAD = 4, ROWS = 3 };

/* What all strips of a call have in common. */
struct square {
    const struct kern_square_u8 *d;
    const int32_t *w, *bias;
    const float *scale;
    size_t first, last;
    const char *x;
};

/* Where a strip's pixels lie in a row, in bytes, and what its first and its last word have. */
struct place {
    ptrdiff_t column;
    __mmask64 left, right;
};

typedef void square_strip(const struct square *q, const struct place *place, uint8_t *y);

static inline __m512i quads_with(const char *x, __m512i zeros, __mmask64 has)
{
    return quads_of(_mm512_mask_loadu_epi8(zeros, has, x));
}

/* clang-format off */
/* The i-th word of a strip of so many; at an edge of the picture, or inside. */
#define ZEROS _mm512_set1_epi8((char)d.zero_in)
#define EDGE_WORD(I, COUNT)                                                                                     \
    ((COUNT) == 1         ? quads_with(from, ZEROS, in.left & in.right)                                         \
     : (I) == 0           ? quads_with(from, ZEROS, in.left)                                                    \
     : (I) == (COUNT) - 1 ? quads_with(from + (I) * 2 * LANES, ZEROS, in.right)                                 \
                          : quads_at(from + (I) * 2 * LANES))
#define INSIDE_WORD(I, COUNT) quads_at(from + (I) * 2 * LANES)
#define NEAR_STEP(P, WORD_OF)                                                                                   \
    const WORDS even = LOAD(w), odd = LOAD(w + LANES);                                                          \
    w += 2 * LANES;                                                                                             \
    _Pragma("GCC unroll 16") for (int p = 0; p < (P); p += 2) {                                                 \
        const WORDS four = WORD_OF(p / 2, ((P) + 1) / 2);                                                       \
        acc[p][0] = DOT(acc[p][0], four, even);                                                                 \
        if (p + 1 < (P))                                                                                        \
            acc[(p + 1) % (P)][0] = DOT(acc[(p + 1) % (P)][0], four, odd);                                      \
    }
#define FAR_STEP(P, WORD_OF)                                                                                    \
    const WORDS taps = LOAD(w);                                                                                 \
    w += LANES;                                                                                                 \
    EACH_PIXEL(P)                                                                                               \
        acc[p][0] = DOT(acc[p][0], WORD_OF(p, P), taps);

#define SCALE_HELD(b) held
/* What they are told is copied: else each store of bytes might have changed it. */
#define SQUARE_STRIP(NAME, P, STEP, WORD_OF)                                                                    \
    static void NAME##_##P##x1(const struct square *q, const struct place *place, uint8_t *y)                   \
    {                                                                                                           \
        const struct kern_square_u8 d = *q->d;                                                                  \
        const struct kern_block_bytes copy = *d.how, *c = &copy;                                                \
        const int32_t *start = q->w, *bias = q->bias;                                                           \
        const FLOATS held = LOAD_FLOATS(q->scale);                                                              \
        const struct place in = *place;                                                                         \
        const char *picture = q->x + in.column, *border = (const char *)d.border + in.column;                   \
        const size_t last = q->last, row = d.in[1] * LANES;                                                     \
        for (size_t i = q->first; i < last; i++, y += d.out * LANES) {                                          \
            const int32_t *w = start;                                                                           \
            const size_t top = i * d.stride[0] - d.begin[0];                                                    \
            STRIP_START(P, 1)                                                                                   \
            _Pragma("GCC unroll 3") for (size_t s = 0; s < ROWS; s++) {                                         \
                const char *from = top + s < d.in[0] ? picture + (top + s) * row : border;                      \
                STEP(P, WORD_OF)                                                                                \
            }                                                                                                   \
            STRIP_BYTES(P, 1, SCALE_HELD)                                                                       \
        }                                                                                                       \
    }
#define NEAR_EDGE(P, B) SQUARE_STRIP(near_edge_strip, P, NEAR_STEP, EDGE_WORD)
#define NEAR_INSIDE(P, B) SQUARE_STRIP(near_strip, P, NEAR_STEP, INSIDE_WORD)
#define FAR_EDGE(P, B) SQUARE_STRIP(far_edge_strip, P, FAR_STEP, EDGE_WORD)
#define FAR_INSIDE(P, B) SQUARE_STRIP(far_strip, P, FAR_STEP, INSIDE_WORD)
STRIPS_1(NEAR_EDGE)
STRIPS_1(NEAR_INSIDE)
STRIPS_1(FAR_EDGE)
STRIPS_1(FAR_INSIDE)
#define NEAR_EDGE_NAME(P, B) [P] = near_edge_strip_##P##x1,
#define NEAR_INSIDE_NAME(P, B) [P] = near_strip_##P##x1,
#define FAR_EDGE_NAME(P, B) [P] = far_edge_strip_##P##x1,
#define FAR_INSIDE_NAME(P, B) [P] = far_strip_##P##x1,
/* By stride less one, and whether a strip is inside. */
static square_strip *const square_strips[2][2][QUAD_MOST + 1] = {
    { { STRIPS_1(NEAR_EDGE_NAME) }, { STRIPS_1(NEAR_INSIDE_NAME) } },
    { { STRIPS_1(FAR_EDGE_NAME) }, { STRIPS_1(FAR_INSIDE_NAME) } },
};
/* clang-format on */

/* Of the four pixels from `at` on, those that a row of so many has. */
static __mmask64 has_pixels(ptrdiff_t at, ptrdiff_t in)
{
    __mmask64 has = ~UINT64_C(0);

    if (at < 0)
        has &= has << (-at * LANES);
    if (at + QUAD > in)
        has &= ~UINT64_C(0) >> ((at + QUAD - in) * LANES);
    return has;
}

static void block_square_u8(const struct kern_square_u8 *d, size_t first, size_t last, const uint8_t *x,
                            const int32_t *w, const int32_t *bias, const float *scale, uint8_t *y)
{
    const __mmask64 all = ~UINT64_C(0);
    const struct square q = { d, w, bias, scale, first, last, (const char *)x };

    for (size_t j = 0, end; j < d->out; j = end) {
        end = quad_end(d->out, j);
        const size_t words = d->stride[1] == 1 ? (end - j + 1) / 2 : end - j;
        const ptrdiff_t at = (ptrdiff_t)(j * d->stride[1]) - (ptrdiff_t)d->begin[1], in = (ptrdiff_t)d->in[1];
        const struct place place = { at * LANES, has_pixels(at, in), has_pixels(at + 2 * (ptrdiff_t)words - 2, in) };
        const bool inside = place.left == all && place.right == all;
        square_strips[d->stride[1] - 1][inside][end - j](&q, &place, y + j * LANES);
    }
}

void kern_use_vbmi_block_quads(struct kern *kern)
{
    kern->block_quads_u8 = block_quads_u8;
    kern->block_square_u8 = block_square_u8;
}

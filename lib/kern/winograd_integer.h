/*
 * winograd_integer.h - the transforms of Winograd's convolution of bytes, exact,
 * with whole numbers in the place of G's fractions. On the points 0, 1, -1, 2, -2
 * and infinity, with s = 4, 6, 6, 24, 24, 1 for a point,
 *
 *   24 y = A' diag(24 / s) [ diag(s) G w  *  B' d ]
 *
 * holds in either direction, so 576 times the result is known modulo 2^32: times
 * the inverse of 9 that is 64 times the result, exact below 2^25. On the points 0,
 * 1, -1 and infinity 2 G does, and 4 times the result is exact below 2^29. On their
 * way in numbers have 16 bits: B' makes at most 10 * 10 * 255 of a difference of
 * bytes.
 *
 * Included by block_integer.h, whose vectors it uses.
 *
 * Source: Lavin, Gray, "Fast Algorithms for Convolutional Neural Networks",
 * CVPR 2016, for the transforms.
 */
#include <string.h>

#define INVERSE_OF_9 954437177U

typedef uint16_t tile_shorts __attribute__((vector_size(4 * LANES)));
typedef uint32_t tile_words __attribute__((vector_size(4 * LANES)));
typedef int32_t tile_signed __attribute__((vector_size(4 * LANES)));

/* Six numbers to six, and four to four: one direction of the way in. */
static inline void tile_in_six(tile_shorts to[6], const tile_shorts d[6])
{
    tile_shorts less = d[4] - d[2], twice = (d[3] - d[1]) << 1;
    tile_shorts even = d[4] - (d[2] << 2), odd = d[3] - (d[1] << 2);

    to[0] = ((d[0] - d[2]) << 2) + less;
    to[1] = even + odd;
    to[2] = even - odd;
    to[3] = less + twice;
    to[4] = less - twice;
    to[5] = d[5] - d[3] - (twice << 1);
}

static inline void tile_in_four(tile_shorts to[4], const tile_shorts d[4])
{
    to[0] = d[0] - d[2];
    to[1] = d[1] + d[2];
    to[2] = d[2] - d[1];
    to[3] = d[1] - d[3];
}

/* Six numbers to four: 24, 12, 6 and 6 times what they are to be, an odd 3 and powers of two. Four to two: twice. */
static inline void tile_out_six(tile_words to[4], const tile_words m[6])
{
    tile_words sum_low = m[1] + m[2], less_low = m[1] - m[2], sum_high = m[3] + m[4], less_high = m[3] - m[4];

    to[0] = ((m[0] + sum_low) << 2) + (m[0] << 1) + sum_high;
    to[1] = (less_low << 1) + less_high;
    to[2] = sum_low + sum_high;
    to[3] = ((less_high + m[5]) << 1) + (m[5] << 2) + less_low;
}

static inline void tile_out_four(tile_words to[2], const tile_words m[4])
{
    to[0] = m[0] + m[1] + m[2];
    to[1] = m[1] - m[2] - m[3];
}

/* clang-format off */
/* Two tiles side by side, or one: then the second half is nobody's. */
#define TILES_IN(N, HOW)                                                                                        \
    static void tiles_in_##N(const struct kern_winograd_u8 *g, size_t tiles, const uint8_t *x, int16_t *v)      \
    {                                                                                                           \
        const tile_shorts zero = (tile_shorts){ 0 } + (uint16_t)g->zero_point;                                  \
        size_t apart = tiles == 2 ? ((N) - 2) * LANES : 0, bytes = tiles * LANES * sizeof *v;                   \
        tile_shorts half[N][N];                                                                                 \
        for (size_t i = 0; i < (N); i++) {                                                                      \
            tile_shorts d[N];                                                                                   \
            for (size_t j = 0; j < (N); j++) {                                                                  \
                const uint8_t *from = x + i * g->row + j * LANES;                                               \
                d[j] = (tile_shorts)WIDEN(from, from + apart) - zero;                                           \
            }                                                                                                   \
            HOW(half[i], d);                                                                                    \
        }                                                                                                       \
        for (size_t j = 0; j < (N); j++) {                                                                      \
            tile_shorts d[N], t[N];                                                                             \
            for (size_t i = 0; i < (N); i++)                                                                    \
                d[i] = half[i][j];                                                                              \
            HOW(t, d);                                                                                          \
            for (size_t i = 0; i < (N); i++)                                                                    \
                if (tiles == 2)                                                                                 \
                    memcpy(v + (i * (N) + j) * g->number, &t[i], sizeof t[i]);                                  \
                else                                                                                            \
                    memcpy(v + (i * (N) + j) * g->number, &t[i], bytes);                                        \
        }                                                                                                       \
    }

/* M x M sums of a tile, multiples of what they are to be. */
#define TILE_OUT(N, M, HOW)                                                                                     \
    static inline void tile_out_##M(const struct kern_winograd_u8 *g, const int32_t *m,                         \
                                    tile_words sum[M][M])                                                       \
    {                                                                                                           \
        tile_words half[M][N];                                                                                  \
        for (size_t j = 0; j < (N); j++) {                                                                      \
            tile_words d[N], t[M];                                                                              \
            for (size_t i = 0; i < (N); i++)                                                                    \
                memcpy(&d[i], m + (i * (N) + j) * g->number, sizeof d[i]);                                      \
            HOW(t, d);                                                                                          \
            for (size_t i = 0; i < (M); i++)                                                                    \
                half[i][j] = t[i];                                                                              \
        }                                                                                                       \
        for (size_t i = 0; i < (M); i++)                                                                        \
            HOW(sum[i], half[i]);                                                                               \
    }

TILES_IN(6, tile_in_six) TILES_IN(4, tile_in_four) TILE_OUT(6, 4, tile_out_six) TILE_OUT(4, 2, tile_out_four)
    /* clang-format on */

    static void winograd_in_u8(const struct kern_winograd_u8 *g, size_t tiles, const uint8_t *x, int16_t *v)
{
    for (size_t some; tiles > 0; tiles -= some, x += some * g->m * LANES, v += some * LANES) {
        some = tiles >= 2 ? 2 : 1;
        if (g->m == 4)
            tiles_in_6(g, some, x, v);
        else
            tiles_in_4(g, some, x, v);
    }
}

/* clang-format off */
#define TILE_BYTES(SUM, SHIFT)                                                                                  \
    REQUANTIZE((WORDS)((tile_words)((tile_signed)(SUM) >> (SHIFT)) + (tile_words)bias), scale, least, most)
#define ROW_OF_4(I, SHIFT)                                                                                      \
    PUT_FOUR(y + (I) * g->row, TILE_BYTES(four[I][0] * INVERSE_OF_9, (SHIFT) + 3),                              \
             TILE_BYTES(four[I][1] * INVERSE_OF_9, (SHIFT) + 2), TILE_BYTES(four[I][2] * INVERSE_OF_9, (SHIFT) + 1), \
             TILE_BYTES(four[I][3] * INVERSE_OF_9, (SHIFT) + 1), g->zero_point)
#define ROW_OF_2(I) PUT_TWO(y + (I) * g->row, TILE_BYTES(two[I][0], 2), TILE_BYTES(two[I][1], 2), g->zero_point)
/* clang-format on */

static void winograd_out_u8(const struct kern_winograd_u8 *g, size_t tiles, const int32_t *m, const int32_t *first,
                            const float *factor, uint8_t *y)
{
    const FLOATS least = SPLAT_FLOAT((float)(g->low - g->zero_point));
    const FLOATS most = SPLAT_FLOAT((float)(g->high - g->zero_point));
    const FLOATS scale = LOAD_FLOATS(factor);
    const WORDS bias = LOAD(first);

    for (size_t tile = 0; tile < tiles; tile++, m += LANES, y += g->m * LANES) {
        tile_words four[4][4], two[2][2];
        if (g->m == 4) {
            tile_out_4(g, m, four);
            ROW_OF_4(0, 3);
            ROW_OF_4(1, 2);
            ROW_OF_4(2, 1);
            ROW_OF_4(3, 1);
        } else {
            tile_out_2(g, m, two);
            ROW_OF_2(0);
            ROW_OF_2(1);
        }
    }
}

static void use_winograd_integer(struct kern *kern)
{
    kern->winograd_in_u8 = winograd_in_u8;
    kern->winograd_out_u8 = winograd_out_u8;
}

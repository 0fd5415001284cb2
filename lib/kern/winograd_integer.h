/*
 * winograd_integer.h - the transforms of Winograd's convolution of bytes, exact:
 * F(4 x 4, 3 x 3) on the points 0, 1, -1, 2, -2 and infinity with whole numbers in
 * the place of G's fractions. With s = 4, 6, 6, 24, 24, 1 for a point
 *
 *   24 y = A' diag(24 / s) [ diag(s) G w  *  B' d ]
 *
 * holds in either direction, so 576 times the result is known modulo 2^32: times
 * the inverse of 9 that is 64 times the result, exact below 2^25. On their way in
 * numbers have 16 bits: B' makes at most 10 * 10 * 255 of a difference of bytes.
 *
 * Included by block_integer.h, whose vectors it uses.
 *
 * Source: Lavin, Gray, "Fast Algorithms for Convolutional Neural Networks",
 * CVPR 2016, for the transform.
 */
#include <string.h>

enum { TILE_SIDE = 6, TILE_PIXELS = 4 };
#define INVERSE_OF_9 954437177U

typedef uint16_t tile_shorts __attribute__((vector_size(4 * LANES)));
typedef uint32_t tile_words __attribute__((vector_size(4 * LANES)));
typedef int32_t tile_signed __attribute__((vector_size(4 * LANES)));

/* Six numbers to six: one direction of the way in. */
static inline void tile_in(tile_shorts to[6], const tile_shorts d[6])
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

/* Six numbers to four: 24, 12, 6 and 6 times what they are to be, an odd 3 and powers of two. */
static inline void tile_out(tile_words to[4], const tile_words m[6])
{
    tile_words sum_low = m[1] + m[2], less_low = m[1] - m[2], sum_high = m[3] + m[4], less_high = m[3] - m[4];

    to[0] = ((m[0] + sum_low) << 2) + (m[0] << 1) + sum_high;
    to[1] = (less_low << 1) + less_high;
    to[2] = sum_low + sum_high;
    to[3] = ((less_high + m[5]) << 1) + (m[5] << 2) + less_low;
}

/* Two tiles, or one: then the second half is nobody's. */
static void tiles_in(const struct kern_winograd_u8 *g, size_t tiles, const uint8_t *x, int16_t *v)
{
    const tile_shorts zero = (tile_shorts){ 0 } + (uint16_t)g->zero_point;
    size_t apart = tiles == 2 ? TILE_PIXELS * LANES : 0, bytes = tiles * LANES * sizeof *v;
    tile_shorts half[TILE_SIDE][TILE_SIDE];

    for (size_t i = 0; i < TILE_SIDE; i++) {
        tile_shorts d[TILE_SIDE];
        for (size_t j = 0; j < TILE_SIDE; j++)
            d[j] = (tile_shorts)WIDEN(x + i * g->row + j * LANES, x + i * g->row + j * LANES + apart) - zero;
        tile_in(half[i], d);
    }
    for (size_t j = 0; j < TILE_SIDE; j++) {
        tile_shorts d[TILE_SIDE], t[TILE_SIDE];
        for (size_t i = 0; i < TILE_SIDE; i++)
            d[i] = half[i][j];
        tile_in(t, d);
        for (size_t i = 0; i < TILE_SIDE; i++) {
            int16_t *to = v + (i * TILE_SIDE + j) * g->number;
            if (tiles == 2)
                memcpy(to, &t[i], sizeof t[i]);
            else
                memcpy(to, &t[i], bytes);
        }
    }
}

static void winograd_in_u8(const struct kern_winograd_u8 *g, size_t tiles, const uint8_t *x, int16_t *v)
{
    for (; tiles >= 2; tiles -= 2, x += 2 * TILE_PIXELS * LANES, v += 2 * LANES)
        tiles_in(g, 2, x, v);
    if (tiles > 0)
        tiles_in(g, 1, x, v);
}

/* A row of pixels, whose sums are 3 * 3 * 2^shift times themselves, shift that of the row and of each pixel. */
#define TILE_SUM(J, SHIFT)                                                                                             \
    (WORDS)((tile_words)((tile_signed)(t[J] * INVERSE_OF_9) >> (shift + (SHIFT))) + (tile_words)bias)
#define TILE_PUT(J, SHIFT) REQUANTIZE(TILE_SUM(J, SHIFT), scale, least, most)

static void winograd_out_u8(const struct kern_winograd_u8 *g, size_t tiles, const int32_t *m, const int32_t *first,
                            const float *factor, uint8_t *y)
{
    const FLOATS least = SPLAT_FLOAT((float)(g->low - g->zero_point));
    const FLOATS most = SPLAT_FLOAT((float)(g->high - g->zero_point));
    const FLOATS scale = LOAD_FLOATS(factor);
    const WORDS bias = LOAD(first);

    for (size_t tile = 0; tile < tiles; tile++, m += LANES, y += TILE_PIXELS * LANES) {
        tile_words half[TILE_PIXELS][TILE_SIDE];
        for (size_t j = 0; j < TILE_SIDE; j++) {
            tile_words d[TILE_SIDE], t[TILE_PIXELS];
            for (size_t i = 0; i < TILE_SIDE; i++)
                memcpy(&d[i], m + (i * TILE_SIDE + j) * g->number, sizeof d[i]);
            tile_out(t, d);
            for (size_t i = 0; i < TILE_PIXELS; i++)
                half[i][j] = t[i];
        }
        for (size_t i = 0; i < TILE_PIXELS; i++) {
            const int shift = i == 0 ? 3 : i == 1 ? 2 : 1;
            tile_words t[TILE_PIXELS];
            tile_out(t, half[i]);
            PUT_FOUR(y + i * g->row, TILE_PUT(0, 3), TILE_PUT(1, 2), TILE_PUT(2, 1), TILE_PUT(3, 1), g->zero_point);
        }
    }
}

static void use_winograd_integer(struct kern *kern)
{
    kern->winograd_in_u8 = winograd_in_u8;
    kern->winograd_out_u8 = winograd_out_u8;
}

/*
 * winograd.h - the transforms of Winograd's convolution, a block's channels at a
 * time: F(4 x 4, 3 x 3) on the points 0, 1/sqrt 2, -1/sqrt 2, sqrt 2, -sqrt 2
 * and infinity, which lose a fourth of what 1, -1, 2 and -2 lose, and
 * F(2 x 2, 3 x 3) on 0, 1, -1 and infinity.
 *
 * Before including: what block.h wants.
 *
 * Source: Lavin, Gray, "Fast Algorithms for Convolutional Neural Networks",
 * CVPR 2016; Barabasz et al., "Error Analysis and Improving the Accuracy of
 * Winograd Convolution for Deep Neural Networks", 2020, for the points.
 */
#include "kern/vector.h"

#define ROOT_HALF 0.70710678118654752F
#define ROOT_TWO 1.41421356237309505F
#define CUBE_HALF 0.35355339059327376F
#define CUBE_TWO 2.82842712474619010F

/* Six numbers `from` apart into six `to` apart: one direction of the way in. */
static inline void in_six(vector *to, size_t to_step, const vector d[6])
{
    vector even_low = d[4] - 2 * d[2], odd_low = ROOT_HALF * d[3] - ROOT_TWO * d[1];
    vector even_high = d[4] - 0.5F * d[2], odd_high = ROOT_TWO * d[3] - ROOT_HALF * d[1];

    to[0] = d[0] - 2.5F * d[2] + d[4];
    to[to_step] = even_low + odd_low;
    to[2 * to_step] = even_low - odd_low;
    to[3 * to_step] = even_high + odd_high;
    to[4 * to_step] = even_high - odd_high;
    to[5 * to_step] = d[1] - 2.5F * d[3] + d[5];
}

static inline void in_four(vector *to, size_t to_step, const vector d[4])
{
    to[0] = d[2] - d[0];
    to[to_step] = d[1] + d[2];
    to[2 * to_step] = d[2] - d[1];
    to[3 * to_step] = d[3] - d[1];
}

/* Six numbers to four, and four to two: one direction of the way out. */
static inline void out_six(vector *to, size_t to_step, const vector m[6])
{
    vector sum_low = m[1] + m[2], less_low = m[1] - m[2], sum_high = m[3] + m[4], less_high = m[3] - m[4];

    to[0] = m[0] + sum_low + sum_high;
    to[to_step] = ROOT_HALF * less_low + ROOT_TWO * less_high;
    to[2 * to_step] = 0.5F * sum_low + 2 * sum_high;
    to[3 * to_step] = CUBE_HALF * less_low + CUBE_TWO * less_high + m[5];
}

static inline void out_four(vector *to, size_t to_step, const vector m[4])
{
    to[0] = m[0] + m[1] + m[2];
    to[to_step] = m[1] - m[2] + m[3];
}

/* clang-format off */
#define TILE_IN(N, HOW)                                                                                         \
    static inline void tile_in_##N(const struct kern_winograd *g, const float *x, float *v)                     \
    {                                                                                                           \
        vector half[N][N];                                                                                      \
        for (size_t i = 0; i < (N); i++) {                                                                      \
            vector d[N];                                                                                        \
            for (size_t j = 0; j < (N); j++)                                                                    \
                d[j] = load(x + i * g->row + j * LANES);                                                        \
            HOW(half[i], 1, d);                                                                                 \
        }                                                                                                       \
        for (size_t j = 0; j < (N); j++) {                                                                      \
            vector d[N], t[N];                                                                                  \
            for (size_t i = 0; i < (N); i++)                                                                    \
                d[i] = half[i][j];                                                                              \
            HOW(t, 1, d);                                                                                       \
            for (size_t i = 0; i < (N); i++)                                                                    \
                store(v + (i * (N) + j) * g->number, t[i]);                                                     \
        }                                                                                                       \
    }

#define TILE_OUT(N, M, HOW)                                                                                     \
    static inline void tile_out_##N(const struct kern_winograd *g, const float *v, vector bias,                 \
                                    const float *add, float *y)                                                 \
    {                                                                                                           \
        vector low = (vector){ 0 } + g->low, high = (vector){ 0 } + g->high;                                    \
        vector half[M][N];                                                                                      \
        for (size_t j = 0; j < (N); j++) {                                                                      \
            vector m[N], t[M];                                                                                  \
            for (size_t i = 0; i < (N); i++)                                                                    \
                m[i] = load(v + (i * (N) + j) * g->number);                                                     \
            HOW(t, 1, m);                                                                                       \
            for (size_t i = 0; i < (M); i++)                                                                    \
                half[i][j] = t[i];                                                                              \
        }                                                                                                       \
        for (size_t i = 0; i < (M); i++) {                                                                      \
            vector t[M];                                                                                        \
            HOW(t, 1, half[i]);                                                                                 \
            for (size_t j = 0; j < (M); j++) {                                                                  \
                vector sum = t[j] + bias;                                                                       \
                if (add)                                                                                        \
                    sum += load(add + i * g->row + j * LANES);                                                  \
                store(y + i * g->row + j * LANES, VECTOR_MIN(high, VECTOR_MAX(low, sum)));                      \
            }                                                                                                   \
        }                                                                                                       \
    }

TILE_IN(6, in_six) TILE_IN(4, in_four) TILE_OUT(6, 4, out_six) TILE_OUT(4, 2, out_four)
    /* clang-format on */

    static void winograd_in_f32(const struct kern_winograd *g, size_t tiles, const float *x, float *v)
{
    for (size_t t = 0; t < tiles; t++, x += g->m * LANES, v += g->tile) {
        if (g->m == 4)
            tile_in_6(g, x, v);
        else
            tile_in_4(g, x, v);
    }
}

static void winograd_out_f32(const struct kern_winograd *g, size_t tiles, const float *v, const float *bias,
                             const float *add, float *y)
{
    vector first = bias ? load(bias) : (vector){ 0 };

    for (size_t t = 0; t < tiles; t++, v += g->tile, y += g->m * LANES, add = add ? add + g->m * LANES : NULL) {
        if (g->m == 4)
            tile_out_6(g, v, first, add, y);
        else
            tile_out_4(g, v, first, add, y);
    }
}

static void use_winograd(struct kern *kern)
{
    kern->winograd_in_f32 = winograd_in_f32;
    kern->winograd_out_f32 = winograd_out_f32;
}

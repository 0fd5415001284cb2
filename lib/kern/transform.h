/*
 * transform.h - convolution in fewer multiplications: tiles of 6 by 6 pixels
 * around the points 0, 1, -1, 2, -2 and infinity. One source, compiled by each
 * instruction set's folder; vectors run along channels, so any picture will do.
 *
 * Source: Lavin & Gray, "Fast algorithms for convolutional neural networks", CVPR 2016, with F(4, 3) and F(2, 5).
 *
 * Before including: VECTOR_BYTES; TRANSFORM_ROWS of a tile of the product, at most 12, each of KERN_SLACK floats.
 */
#include "kern/vector.h"

enum { SIX = 6, WIDE = KERN_SLACK / LANES };

#define INLINE static inline __attribute__((always_inline))

/* ---- along one axis ---- */

/* The polynomial with these coefficients at the six points; `scaled`: as filters are. */
INLINE void spread(const vector *x, int n, bool scaled, vector *y)
{
    vector zero = { 0 }, x2 = n > 2 ? x[2] : zero, x3 = n > 3 ? x[3] : zero, x4 = n > 4 ? x[4] : zero;
    vector even = x[0] + x2 + x4, odd = x[1] + x3;
    vector even2 = x[0] + 4 * x2 + 16 * x4, odd2 = 2 * x[1] + 8 * x3;
    const float one = scaled ? -1.0F / 6 : 1, two = scaled ? 1.0F / 24 : 1;

    y[0] = scaled ? x[0] * 0.25F : x[0];
    y[1] = (even + odd) * one;
    y[2] = (even - odd) * one;
    y[3] = (even2 + odd2) * two;
    y[4] = (even2 - odd2) * two;
    y[5] = x[n - 1];
}

/* The transpose of spread. */
INLINE void gather(const vector *x, int n, bool scaled, vector *y)
{
    const float one = scaled ? -1.0F / 6 : 1, two = scaled ? 1.0F / 24 : 1;
    vector sum = (x[1] + x[2]) * one, difference = (x[1] - x[2]) * one;
    vector sum2 = (x[3] + x[4]) * two, difference2 = (x[3] - x[4]) * two;

    y[0] = (scaled ? x[0] * 0.25F : x[0]) + sum + sum2;
    y[1] = difference + 2 * difference2;
    if (n > 2)
        y[2] = sum + 4 * sum2;
    if (n > 3)
        y[3] = difference + 8 * difference2;
    if (n > 4)
        y[4] = sum + 16 * sum2;
    y[n - 1] += x[5];
}

INLINE void data(const vector *x, vector *y)
{
    vector near = x[4] - 4 * x[2], odd = x[3] - 4 * x[1], far = x[4] - x[2], twice = 2 * (x[3] - x[1]);

    y[0] = 4 * x[0] - 5 * x[2] + x[4];
    y[1] = near + odd;
    y[2] = near - odd;
    y[3] = far + twice;
    y[4] = far - twice;
    y[5] = 4 * x[1] - 5 * x[3] + x[5];
}

/* ---- along both ---- */

/* clang-format off */
#define UNROLLED(i, n) _Pragma("GCC unroll 6") for (int i = 0; i < (n); i++)
/* clang-format on */

static void transform_data_f32(float *v, size_t step, const float *const *pixel, size_t n)
{
    for (size_t c = 0; c < n; c += LANES) {
        vector half[SIX][SIX], x[SIX], y[SIX];

        UNROLLED(j, SIX)
        {
            UNROLLED(i, SIX)
            x[i] = load(pixel[i * SIX + j] + c);
            data(x, y);
            UNROLLED(i, SIX)
            half[i][j] = y[i];
        }
        UNROLLED(i, SIX)
        {
            data(half[i], y);
            UNROLLED(j, SIX)
            store(v + (size_t)(i * SIX + j) * step + c, y[j]);
        }
    }
}

INLINE void spread_sides(float *v, size_t step, const float *const *pixel, int side, bool scaled, size_t n)
{
    for (size_t c = 0; c < n; c += LANES) {
        vector half[SIX][SIX], x[SIX], y[SIX];

        UNROLLED(j, side)
        {
            UNROLLED(i, side)
            x[i] = load(pixel[i * side + j] + c);
            spread(x, side, scaled, y);
            UNROLLED(i, SIX)
            half[i][j] = y[i];
        }
        UNROLLED(i, SIX)
        {
            spread(half[i], side, scaled, y);
            UNROLLED(j, SIX)
            store(v + (size_t)(i * SIX + j) * step + c, y[j]);
        }
    }
}

INLINE void gather_sides(float *const *pixel, const float *v, size_t step, int side, bool scaled, size_t n)
{
    for (size_t c = 0; c < n; c += LANES) {
        vector half[SIX][SIX], x[SIX], y[SIX];

        UNROLLED(j, SIX)
        {
            UNROLLED(i, SIX)
            x[i] = load(v + (size_t)(i * SIX + j) * step + c);
            gather(x, side, scaled, y);
            UNROLLED(i, side)
            half[i][j] = y[i];
        }
        UNROLLED(i, side)
        {
            gather(half[i], side, scaled, y);
            UNROLLED(j, side)
            store(pixel[i * side + j] + c, y[j]);
        }
    }
}

static void transform_spread_f32(float *v, size_t step, const float *const *pixel, enum kern_transform what, size_t n)
{
    switch (what) {
    case KERN_TRANSFORM_PIXELS_2: spread_sides(v, step, pixel, 2, false, n); break;
    case KERN_TRANSFORM_PIXELS_4: spread_sides(v, step, pixel, 4, false, n); break;
    case KERN_TRANSFORM_FILTER_3: spread_sides(v, step, pixel, 3, true, n); break;
    case KERN_TRANSFORM_FILTER_5: spread_sides(v, step, pixel, 5, true, n); break;
    }
}

static void transform_gather_f32(float *const *pixel, const float *v, size_t step, enum kern_transform what, size_t n)
{
    switch (what) {
    case KERN_TRANSFORM_PIXELS_2: gather_sides(pixel, v, step, 2, false, n); break;
    case KERN_TRANSFORM_PIXELS_4: gather_sides(pixel, v, step, 4, false, n); break;
    case KERN_TRANSFORM_FILTER_3: gather_sides(pixel, v, step, 3, true, n); break;
    case KERN_TRANSFORM_FILTER_5: gather_sides(pixel, v, step, 5, true, n); break;
    }
}

/* ---- the product between them ---- */

typedef void panel_tile(const struct kern_panels *p, const float *a, const float *b, float *c);

/* clang-format off */
#define EACH(i, n) _Pragma("GCC unroll 12") for (int i = 0; i < (n); i++)

/* A literal size of the accumulators, or gcc keeps them in memory. */
#define PANEL(R)                                                                                  \
    static void panel_##R(const struct kern_panels *p, const float *a, const float *b, float *c)  \
    {                                                                                             \
        const size_t row = p->row, column = p->column, ldb = p->ldb;                              \
        vector acc[R][WIDE], x[WIDE];                                                             \
        EACH(r, R)                                                                                \
            EACH(v, WIDE)                                                                         \
                acc[r][v] = p->add ? load(c + (size_t)r * p->ldc + v * LANES) : (vector){ 0 };    \
        for (size_t l = 0; l < p->depth; l++, a += column, b += ldb) {                            \
            EACH(v, WIDE)                                                                         \
                x[v] = load(b + v * LANES);                                                       \
            EACH(r, R)                                                                            \
                EACH(v, WIDE)                                                                     \
                    acc[r][v] += x[v] * a[(size_t)r * row];                                       \
        }                                                                                         \
        EACH(r, R)                                                                                \
            EACH(v, WIDE)                                                                         \
                store(c + (size_t)r * p->ldc + v * LANES, acc[r][v]);                             \
    }

PANEL(1) PANEL(2)
#if TRANSFORM_ROWS > 2
PANEL(3) PANEL(4) PANEL(5) PANEL(6)
#endif
#if TRANSFORM_ROWS > 6
PANEL(7) PANEL(8) PANEL(9) PANEL(10) PANEL(11) PANEL(12)
#endif

static panel_tile *const panels[TRANSFORM_ROWS] = {
    panel_1, panel_2,
#if TRANSFORM_ROWS > 2
    panel_3, panel_4, panel_5, panel_6,
#endif
#if TRANSFORM_ROWS > 6
    panel_7, panel_8, panel_9, panel_10, panel_11, panel_12,
#endif
};
/* clang-format on */

static void panels_f32(const struct kern_panels *p)
{
    const size_t blocks = (p->m + TRANSFORM_ROWS - 1) / TRANSFORM_ROWS;

    for (size_t k = 0; k < p->panels; k++) {
        const float *b = p->b + k * p->step_b;

        for (size_t block = 0, start = 0, end; block < blocks; block++, start = end) {
            end = p->m * (block + 1) / blocks;
            panels[end - start - 1](p, p->a + start * p->row, b, p->c + start * p->ldc + k * KERN_SLACK);
        }
    }
}

static void use_transform(struct kern *kern)
{
    kern->transform_data_f32 = transform_data_f32;
    kern->transform_spread_f32 = transform_spread_f32;
    kern->transform_gather_f32 = transform_gather_f32;
    kern->panels_f32 = panels_f32;
}

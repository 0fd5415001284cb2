/*
 * tile.h - matrix products and convolutions for machines with vector
 * registers: one source, compiled by each instruction set's folder.
 *
 * A tile of c stays in registers while the whole depth runs through it, or a
 * block of it for gemm. Every element is one chain of multiply-adds in the
 * order of the depth, so neither the tile it lies in nor the size of the
 * matrix changes its bits.
 *
 * Before including: VECTOR_BYTES; TILE_ROWS (most rows of a tile two vectors
 * wide: 2 * TILE_ROWS + 2 registers at least); DOT_ROWS and DOT_COLUMNS (of a
 * tile of dot products: rows * columns + columns + 1 registers).
 */
#include <string.h>

#include "kern/internal.h"

enum {
    LANES = VECTOR_BYTES / 4,
    DEEP = 256,   /* gemm: depth of a packed block */
    HIGH = 128,   /* gemm: rows of a packed block of a */
    STRETCH = 512 /* dot products: elements summed in lanes before the lanes are added */
};

typedef float vector __attribute__((vector_size(VECTOR_BYTES)));
typedef float loose __attribute__((vector_size(VECTOR_BYTES), aligned(4), may_alias));

static inline vector load(const float *x)
{
    return *(const loose *)x;
}

static inline void store(float *y, vector x)
{
    *(loose *)y = x;
}

/* What all tiles of one convolution have in common. */
struct sweep {
    size_t channels, taps, plane;
    const int32_t *tap;
    bool add;
};

typedef void tile_f32(const struct sweep *s, const float *a, const float *b, const float *bias, float *c, size_t ldc);

/* A literal size of the accumulators, or gcc keeps them in memory. */
#define TILE(R, V)                                                                                                     \
    static void tile_##R##x##V(const struct sweep *s, const float *a, const float *b, const float *bias, float *c,     \
                               size_t ldc)                                                                             \
    {                                                                                                                  \
        vector acc[R][V];                                                                                              \
        _Pragma("GCC unroll 16") for (int r = 0; r < R; r++)                                                           \
        {                                                                                                              \
            float first = bias ? bias[r] : 0;                                                                          \
            _Pragma("GCC unroll 8") for (int v = 0; v < V; v++)                                                        \
                acc[r][v] = s->add ? load(c + (size_t)r * ldc + v * LANES) : (vector){ 0 } + first;                    \
        }                                                                                                              \
        for (size_t ch = 0; ch < s->channels; ch++, b += s->plane) {                                                   \
            for (size_t t = 0; t < s->taps; t++, a += R) {                                                             \
                const float *from = b + s->tap[t];                                                                     \
                vector x[V];                                                                                           \
                _Pragma("GCC unroll 8") for (int v = 0; v < V; v++) x[v] = load(from + v * LANES);                     \
                _Pragma("GCC unroll 16") for (int r = 0; r < R; r++)                                                   \
                    _Pragma("GCC unroll 8") for (int v = 0; v < V; v++) acc[r][v] += x[v] * a[r];                      \
            }                                                                                                          \
        }                                                                                                              \
        _Pragma("GCC unroll 16") for (int r = 0; r < R; r++) _Pragma("GCC unroll 8") for (int v = 0; v < V; v++)       \
            store(c + (size_t)r * ldc + v * LANES, acc[r][v]);                                                         \
    }

TILE(1, 1)
TILE(2, 1)
TILE(3, 1)
TILE(4, 1)
TILE(5, 1) TILE(6, 1) TILE(1, 2) TILE(2, 2) TILE(3, 2) TILE(4, 2) TILE(5, 2) TILE(6, 2) TILE(1, 4)
#if TILE_ROWS > 6
    TILE(7, 1) TILE(8, 1) TILE(9, 1) TILE(10, 1) TILE(11, 1) TILE(12, 1) TILE(13, 1) TILE(14, 1) TILE(7, 2) TILE(8, 2)
        TILE(9, 2) TILE(10, 2) TILE(11, 2) TILE(12, 2) TILE(13, 2) TILE(14, 2)
#endif

            static tile_f32 *const tiles[TILE_ROWS + 1][2] = {
                { NULL, NULL },           { tile_1x1, tile_1x2 },   { tile_2x1, tile_2x2 },   { tile_3x1, tile_3x2 },
                { tile_4x1, tile_4x2 },   { tile_5x1, tile_5x2 },   { tile_6x1, tile_6x2 },
#if TILE_ROWS > 6
                { tile_7x1, tile_7x2 },   { tile_8x1, tile_8x2 },   { tile_9x1, tile_9x2 },   { tile_10x1, tile_10x2 },
                { tile_11x1, tile_11x2 }, { tile_12x1, tile_12x2 }, { tile_13x1, tile_13x2 }, { tile_14x1, tile_14x2 },
#endif
            };

/* m rows in blocks that differ by one row at most: 16 are 8 and 8, not 14 and 2. */
static size_t block_end(size_t m, size_t start)
{
    size_t blocks = (m + TILE_ROWS - 1) / TILE_ROWS, block = (start * blocks + m - 1) / m;

    return m * (block + 1) / blocks;
}

/* The last columns: fewer than the tile is wide, so by way of a tile aside. */
static void narrow_tile(const struct sweep *s, size_t rows, size_t n, const float *a, const float *b, const float *bias,
                        float *c, size_t ldc)
{
    float aside[TILE_ROWS * 2 * LANES];
    size_t wide = n > LANES ? 2 : 1, ld = wide * LANES;

    for (size_t r = 0; s->add && r < rows; r++) {
        memset(aside + r * ld, 0, ld * sizeof *aside);
        memcpy(aside + r * ld, c + r * ldc, n * sizeof *c);
    }
    tiles[rows][wide - 1](s, a, b, bias, aside, ld);
    for (size_t r = 0; r < rows; r++)
        memcpy(c + r * ldc, aside + r * ld, n * sizeof *c);
}

static void sweep_rows(const struct sweep *s, size_t rows, size_t n, const float *a, const float *b, const float *bias,
                       float *c, size_t ldc)
{
    size_t j = 0;

    if (rows == 1) {
        for (; j + 4 * LANES <= n; j += 4 * LANES)
            tile_1x4(s, a, b + j, bias, c + j, ldc);
    }
    for (; j + 2 * LANES <= n; j += 2 * LANES)
        tiles[rows][1](s, a, b + j, bias, c + j, ldc);
    if (j < n)
        narrow_tile(s, rows, n - j, a, b + j, bias, c + j, ldc);
}

static void conv_pack_f32(float *packed, size_t m, size_t channels, size_t taps, const float *w, size_t row,
                          size_t channel, const int32_t *tap)
{
    for (size_t start = 0, end; start < m; start = end) {
        end = block_end(m, start);
        for (size_t c = 0; c < channels; c++)
            for (size_t t = 0; t < taps; t++)
                for (size_t i = start; i < end; i++)
                    *packed++ = w[i * row + c * channel + (tap ? (size_t)tap[t] : t)];
    }
}

static void conv_f32(size_t m, size_t n, size_t channels, size_t taps, const int32_t *tap, size_t plane,
                     const float *packed, const float *b, const float *bias, float *c, size_t ldc)
{
    const struct sweep s = { channels, taps, plane, tap, false };

    for (size_t start = 0, end; start < m; start = end) {
        end = block_end(m, start);
        sweep_rows(&s, end - start, n, packed + start * channels * taps, b, bias ? bias + start : NULL, c + start * ldc,
                   ldc);
    }
}

/* ---- dot products: both sides run along the same direction ---- */

static inline float lanes_sum(vector x)
{
    float lane[LANES];

    memcpy(lane, &x, sizeof lane);
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            lane[i] += lane[i + half];
    return lane[0];
}

/* What is left when the lanes do not fill any more. */
static inline float rest(const float *a, const float *b, size_t n)
{
    float sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

typedef void dot_f32(size_t n, const float *a, size_t lda, const float *const *b, float *c, size_t ldc);

#define DOT(R, V)                                                                                                      \
    static void dot_##R##x##V(size_t n, const float *a, size_t lda, const float *const *b, float *c, size_t ldc)       \
    {                                                                                                                  \
        vector acc[R][V];                                                                                              \
        size_t j = 0;                                                                                                  \
        _Pragma("GCC unroll 8") for (int r = 0; r < R; r++) _Pragma("GCC unroll 8") for (int v = 0; v < V; v++)        \
            acc[r][v] = (vector){ 0 };                                                                                 \
        const float *column[V];                                                                                        \
        _Pragma("GCC unroll 8") for (int v = 0; v < V; v++) column[v] = b[v];                                          \
        for (; j + LANES <= n; j += LANES) {                                                                           \
            vector x[V];                                                                                               \
            _Pragma("GCC unroll 8") for (int v = 0; v < V; v++) x[v] = load(column[v] + j);                            \
            _Pragma("GCC unroll 8") for (int r = 0; r < R; r++)                                                        \
            {                                                                                                          \
                vector y = load(a + (size_t)r * lda + j);                                                              \
                _Pragma("GCC unroll 8") for (int v = 0; v < V; v++) acc[r][v] += y * x[v];                             \
            }                                                                                                          \
        }                                                                                                              \
        _Pragma("GCC unroll 8") for (int r = 0; r < R; r++) _Pragma("GCC unroll 8") for (int v = 0; v < V; v++)        \
            c[(size_t)r * ldc + (size_t)v] += lanes_sum(acc[r][v]) +                                                   \
                                              rest(a + (size_t)r * lda + j, column[v] + j, n - j);                     \
    }

DOT(1, 1)
DOT(1, 2)
DOT(1, 3)
DOT(2, 1)
DOT(2, 2) DOT(2, 3) DOT(3, 1) DOT(3, 2) DOT(3, 3) DOT(4, 1) DOT(4, 2) DOT(4, 3)
#if DOT_ROWS > 4
    DOT(1, 4) DOT(2, 4) DOT(3, 4) DOT(4, 4) DOT(5, 1) DOT(5, 2) DOT(5, 3) DOT(5, 4) DOT(6, 1) DOT(6, 2) DOT(6, 3)
        DOT(6, 4)
#endif

            static dot_f32 *const dots[DOT_ROWS + 1][DOT_COLUMNS + 1] = {
#if DOT_ROWS > 4
                { NULL },
                { NULL, dot_1x1, dot_1x2, dot_1x3, dot_1x4 },
                { NULL, dot_2x1, dot_2x2, dot_2x3, dot_2x4 },
                { NULL, dot_3x1, dot_3x2, dot_3x3, dot_3x4 },
                { NULL, dot_4x1, dot_4x2, dot_4x3, dot_4x4 },
                { NULL, dot_5x1, dot_5x2, dot_5x3, dot_5x4 },
                { NULL, dot_6x1, dot_6x2, dot_6x3, dot_6x4 },
#else
        { NULL },
        { NULL, dot_1x1, dot_1x2, dot_1x3 },
        { NULL, dot_2x1, dot_2x2, dot_2x3 },
        { NULL, dot_3x1, dot_3x2, dot_3x3 },
        { NULL, dot_4x1, dot_4x2, dot_4x3 },
#endif
            };

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void conv_grad_f32(size_t m, size_t n, size_t channels, size_t taps, const int32_t *tap, size_t plane,
                          const float *a, size_t lda, const float *b, float *c, size_t ldc)
{
    const size_t columns = channels * taps;

    for (size_t start = 0; start < n; start += STRETCH) {
        size_t length = smaller(STRETCH, n - start);
        for (size_t j = 0; j < columns; j += DOT_COLUMNS) {
            const float *column[DOT_COLUMNS];
            size_t wide = smaller(DOT_COLUMNS, columns - j);
            for (size_t v = 0; v < wide; v++)
                column[v] = b + (j + v) / taps * plane + tap[(j + v) % taps] + start;
            for (size_t i = 0; i < m; i += DOT_ROWS) {
                size_t rows = smaller(DOT_ROWS, m - i);
                dots[rows][wide](length, a + i * lda + start, lda, column, c + i * ldc + j, ldc);
            }
        }
    }
}

/* ---- gemm by the same tiles ---- */

/* A panel of b, [depth, wide] with zeros to the right. */
static void pack_panel(float *panel, size_t wide, bool tb, size_t depth, size_t n, const float *b, size_t ldb)
{
    for (size_t l = 0; l < depth; l++, panel += wide) {
        if (!tb)
            memcpy(panel, b + l * ldb, n * sizeof *b);
        for (size_t j = 0; tb && j < n; j++)
            panel[j] = b[j * ldb + l];
        for (size_t j = n; j < wide; j++)
            panel[j] = 0;
    }
}

static void scale(size_t m, size_t n, float beta, float *c, size_t ldc)
{
    for (size_t i = 0; beta != 1 && i < m; i++)
        for (size_t j = 0; j < n; j++)
            c[i * ldc + j] = beta == 0 ? 0 : c[i * ldc + j] * beta;
}

static void gemm_block(bool tb, size_t m, size_t n, size_t depth, const float *packed, const float *b, size_t ldb,
                       float *c, size_t ldc)
{
    enum { WIDE = 2 * LANES };
    static const int32_t origin[1] = { 0 };
    const struct sweep s = { depth, 1, WIDE, origin, true };
    float panel[DEEP * WIDE];

    for (size_t j = 0; j < n; j += WIDE) {
        size_t columns = smaller(WIDE, n - j);
        pack_panel(panel, WIDE, tb, depth, columns, b + (tb ? j * ldb : j), ldb);
        for (size_t start = 0, end; start < m; start = end) {
            end = block_end(m, start);
            sweep_rows(&s, end - start, columns, packed + start * depth, panel, NULL, c + start * ldc + j, ldc);
        }
    }
}

static void gemm_f32(bool ta, bool tb, size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b,
                     size_t ldb, float beta, float *c, size_t ldc)
{
    static const int32_t origin[1] = { 0 };
    float packed[HIGH * DEEP];

    scale(m, n, beta, c, ldc);
    if (!ta && tb) {
        conv_grad_f32(m, k, n, 1, origin, ldb, a, lda, b, c, ldc);
        return;
    }
    for (size_t l = 0; l < k; l += DEEP) {
        size_t depth = smaller(DEEP, k - l);
        for (size_t i = 0; i < m; i += HIGH) {
            size_t rows = smaller(HIGH, m - i);
            conv_pack_f32(packed, rows, depth, 1, a + (ta ? l * lda + i : i * lda + l), ta ? 1 : lda, ta ? lda : 1,
                          origin);
            gemm_block(tb, rows, n, depth, packed, b + (tb ? l : l * ldb), ldb, c + i * ldc, ldc);
        }
    }
}

static void use_tiles(struct kern *kern)
{
    kern->gemm_f32 = gemm_f32;
    kern->gemm_stable = true;
    kern->conv_pack_f32 = conv_pack_f32;
    kern->conv_f32 = conv_f32;
    kern->conv_grad_f32 = conv_grad_f32;
}

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
 * wide: 2 * TILE_ROWS + 2 registers at least); what dot.h wants.
 */
#include "kern/dot.h"
#include "kern/vector.h"

enum {
    DEEP = 256, /* gemm: depth of a packed block */
    FLAT = 64,  /* the same where b is read in place: as many rows as a CPU has pages at hand */
    HIGH = 128  /* gemm: rows of a packed block of a */
};

/* What all tiles of one convolution have in common. */
struct sweep {
    size_t channels, taps, plane;
    const int32_t *tap;
    bool add;
};

typedef void tile_f32(const struct sweep *s, const float *a, const float *b, const float *bias, float *c, size_t ldc);

/* clang-format off */
#define EACH_ROW(R) _Pragma("GCC unroll 16") for (int r = 0; r < (R); r++)
#define EACH_VECTOR(V) _Pragma("GCC unroll 8") for (int v = 0; v < (V); v++)

/* A literal size of the accumulators, or gcc keeps them in memory. */
#define TILE(R, V)                                                                                              \
    static void tile_##R##x##V(const struct sweep *s, const float *a, const float *b, const float *bias,       \
                               float *c, size_t ldc)                                                            \
    {                                                                                                           \
        vector acc[R][V], x[V];                                                                                 \
        EACH_ROW(R) {                                                                                           \
            float first = bias ? bias[r] : 0;                                                                   \
            EACH_VECTOR(V)                                                                                      \
                acc[r][v] = s->add ? load(c + (size_t)r * ldc + v * LANES) : (vector){ 0 } + first;             \
        }                                                                                                       \
        for (size_t ch = 0; ch < s->channels; ch++, b += s->plane) {                                            \
            for (size_t t = 0; t < s->taps; t++, a += R) {                                                      \
                const float *from = b + s->tap[t];                                                              \
                EACH_VECTOR(V)                                                                                  \
                    x[v] = load(from + v * LANES);                                                              \
                EACH_ROW(R)                                                                                     \
                    EACH_VECTOR(V)                                                                              \
                        acc[r][v] += x[v] * a[r];                                                               \
            }                                                                                                   \
        }                                                                                                       \
        EACH_ROW(R)                                                                                             \
            EACH_VECTOR(V)                                                                                      \
                store(c + (size_t)r * ldc + v * LANES, acc[r][v]);                                              \
    }

#define BOTH(R) TILE(R, 1) TILE(R, 2)
#define ROW(R) { tile_##R##x1, tile_##R##x2 }

BOTH(1) BOTH(2) BOTH(3) BOTH(4) BOTH(5) BOTH(6) TILE(1, 4)
#if TILE_ROWS > 6
BOTH(7) BOTH(8) BOTH(9) BOTH(10)
#endif
#if TILE_ROWS > 10
BOTH(11) BOTH(12) BOTH(13) BOTH(14)
#endif

static tile_f32 *const tiles[TILE_ROWS][2] = {
    ROW(1), ROW(2), ROW(3), ROW(4), ROW(5), ROW(6),
#if TILE_ROWS > 6
    ROW(7), ROW(8), ROW(9), ROW(10),
#endif
#if TILE_ROWS > 10
    ROW(11), ROW(12), ROW(13), ROW(14),
#endif
};

/* clang-format on */

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
    tiles[rows - 1][wide - 1](s, a, b, bias, aside, ld);
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
        tiles[rows - 1][1](s, a, b + j, bias, c + j, ldc);
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

/* What all blocks of one product have in common. */
struct gemm {
    size_t n, k, ldb, ldc;
    bool tb;
};

/* Few rows of c, or few of b: reading b where it lies costs less than packing it. */
static bool is_direct(const struct gemm *g, size_t m)
{
    return !g->tb && (m <= 2 * TILE_ROWS || g->k <= FLAT);
}

/* Columns that are done in place. */
static size_t gemm_direct(const struct gemm *g, const struct sweep *s, size_t m, const float *packed, const float *b,
                          float *c)
{
    const struct sweep direct = { s->channels, 1, g->ldb, s->tap, s->add };
    size_t whole = g->n / (2 * LANES) * (2 * LANES);

    if (!is_direct(g, m))
        return 0;
    for (size_t start = 0, end; start < m; start = end) {
        end = block_end(m, start);
        sweep_rows(&direct, end - start, whole, packed + start * s->channels, b, NULL, c + start * g->ldc, g->ldc);
    }
    return whole;
}

static void gemm_block(const struct gemm *g, bool add, size_t m, size_t depth, const float *packed, const float *b,
                       float *c)
{
    enum { WIDE = 2 * LANES };
    static const int32_t origin[1] = { 0 };
    const struct sweep s = { depth, 1, WIDE, origin, add };
    float panel[DEEP * WIDE];

    for (size_t j = gemm_direct(g, &s, m, packed, b, c); j < g->n; j += WIDE) {
        size_t columns = smaller(WIDE, g->n - j);
        pack_panel(panel, WIDE, g->tb, depth, columns, b + (g->tb ? j * g->ldb : j), g->ldb);
        for (size_t start = 0, end; start < m; start = end) {
            end = block_end(m, start);
            sweep_rows(&s, end - start, columns, packed + start * depth, panel, NULL, c + start * g->ldc + j, g->ldc);
        }
    }
}

static void gemm_f32(bool ta, bool tb, size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b,
                     size_t ldb, float beta, float *c, size_t ldc)
{
    static const int32_t origin[1] = { 0 };
    const struct gemm g = { n, k, ldb, ldc, tb };
    float packed[HIGH * DEEP];

    if (beta != 0 || (!ta && tb) || k == 0)
        scale(m, n, beta, c, ldc);
    if (!ta && tb) {
        const struct kern_grad grad = { m, k, 1, n, 1, ldb, origin, a, lda, 0, b, 0, c, ldc };
        conv_grad_f32(&grad);
        return;
    }
    for (size_t l = 0, depth; l < k; l += depth) {
        depth = smaller(is_direct(&g, m) ? FLAT : DEEP, k - l);
        for (size_t i = 0; i < m; i += HIGH) {
            size_t rows = smaller(HIGH, m - i);
            conv_pack_f32(packed, rows, depth, 1, a + (ta ? l * lda + i : i * lda + l), ta ? 1 : lda, ta ? lda : 1,
                          origin);
            gemm_block(&g, l > 0 || beta != 0, rows, depth, packed, b + (tb ? l : l * ldb), c + i * ldc);
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

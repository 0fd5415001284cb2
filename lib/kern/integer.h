/*
 * integer.h - exact products of bytes: activations as 16-bit numbers with
 * their zero point taken off, weights of 8 bits, sums of 32. Sums wrap like
 * unsigned numbers, in any order to the same bits. Included once per
 * instruction set, after
 *   INTEGER      the function that fills the slots of a kern table
 *   WORDS        a vector type of 32-bit lanes, as the instruction set has it
 *   TILE_ROWS    most rows of a tile two vectors wide
 *   PAIR(a, b)   lane by lane a.low * b.low + a.high * b.high of two 16-bit halves
 *   SUM(a, b), BROADCAST(word), LOAD(address), STORE(address, vector)
 */
#include <string.h>

#include "kern/internal.h"

enum { LANES = sizeof(WORDS) / 4 };

struct sweep {
    size_t pairs, taps, plane;
    const int32_t *tap;
};

typedef void tile_i8(const struct sweep *s, const int32_t *a, const int32_t *b, const int32_t *bias, int32_t *c,
                     size_t ldc);

/* A literal size of the accumulators, or gcc keeps them in memory. */
#define TILE(R, V)                                                                                                     \
    static void tile_##R##x##V(const struct sweep *s, const int32_t *a, const int32_t *b, const int32_t *bias,         \
                               int32_t *c, size_t ldc)                                                                 \
    {                                                                                                                  \
        WORDS acc[R][V];                                                                                               \
        _Pragma("GCC unroll 16") for (int r = 0; r < R; r++)                                                           \
        {                                                                                                              \
            _Pragma("GCC unroll 8") for (int v = 0; v < V; v++) acc[r][v] = BROADCAST(bias ? bias[r] : 0);             \
        }                                                                                                              \
        for (size_t p = 0; p < s->pairs; p++, b += s->plane) {                                                         \
            for (size_t t = 0; t < s->taps; t++, a += R) {                                                             \
                const int32_t *from = b + s->tap[t];                                                                   \
                WORDS x[V];                                                                                            \
                _Pragma("GCC unroll 8") for (int v = 0; v < V; v++) x[v] = LOAD(from + v * LANES);                     \
                _Pragma("GCC unroll 16") for (int r = 0; r < R; r++)                                                   \
                {                                                                                                      \
                    WORDS w = BROADCAST(a[r]);                                                                         \
                    _Pragma("GCC unroll 8") for (int v = 0; v < V; v++) acc[r][v] = SUM(acc[r][v], PAIR(x[v], w));     \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
        _Pragma("GCC unroll 16") for (int r = 0; r < R; r++)                                                           \
        {                                                                                                              \
            _Pragma("GCC unroll 8") for (int v = 0; v < V; v++) STORE(c + (size_t)r * ldc + v * LANES, acc[r][v]);     \
        }                                                                                                              \
    }

#define BOTH(R) TILE(R, 1) TILE(R, 2)

/* clang-format off */
BOTH(1) BOTH(2) BOTH(3) BOTH(4) BOTH(5)
#if TILE_ROWS > 5
BOTH(6) BOTH(7) BOTH(8)
#endif
#if TILE_ROWS > 8
BOTH(9) BOTH(10) BOTH(11) BOTH(12)
#endif

#define ROW(R) { tile_##R##x1, tile_##R##x2 }

static tile_i8 *const tiles[TILE_ROWS + 1][2] = {
    { NULL, NULL }, ROW(1), ROW(2), ROW(3), ROW(4), ROW(5),
#if TILE_ROWS > 5
    ROW(6), ROW(7), ROW(8),
#endif
#if TILE_ROWS > 8
    ROW(9), ROW(10), ROW(11), ROW(12),
#endif
};
/* clang-format on */

/* m rows in blocks that differ by one row at most. */
static size_t block_end(size_t m, size_t start)
{
    size_t blocks = (m + TILE_ROWS - 1) / TILE_ROWS, block = (start * blocks + m - 1) / m;

    return m * (block + 1) / blocks;
}

static void conv_pack_i8(int32_t *packed, size_t m, size_t channels, size_t taps, const int8_t *w)
{
    for (size_t start = 0, end; start < m; start = end) {
        end = block_end(m, start);
        for (size_t c = 0; c < channels; c += 2)
            for (size_t t = 0; t < taps; t++)
                for (size_t i = start; i < end; i++)
                    *packed++ = kern_pair_i8(w + i * channels * taps + c * taps + t, c + 1 < channels ? taps : 0);
    }
}

static void sweep_rows(const struct sweep *s, size_t rows, size_t n, const int32_t *a, const int32_t *b,
                       const int32_t *bias, int32_t *c, size_t ldc)
{
    int32_t aside[TILE_ROWS * 2 * LANES];
    size_t j = 0;

    for (; j + 2 * LANES <= n; j += 2 * LANES)
        tiles[rows][1](s, a, b + j, bias, c + j, ldc);
    if (j == n)
        return;
    size_t left = n - j, wide = left > LANES ? 2 : 1, ld = wide * LANES;
    tiles[rows][wide - 1](s, a, b + j, bias, aside, ld);
    for (size_t r = 0; r < rows; r++)
        memcpy(c + r * ldc + j, aside + r * ld, left * sizeof *c);
}

static void conv_i8(size_t m, size_t n, size_t pairs, size_t taps, const int32_t *tap, size_t plane,
                    const int32_t *packed, const int32_t *b, const int32_t *bias, int32_t *c, size_t ldc)
{
    const struct sweep s = { pairs, taps, plane, tap };

    for (size_t start = 0, end; start < m; start = end) {
        end = block_end(m, start);
        sweep_rows(&s, end - start, n, packed + start * pairs * taps, b, bias ? bias + start : NULL, c + start * ldc,
                   ldc);
    }
}

void INTEGER(struct kern *kern)
{
    kern->conv_pack_i8 = conv_pack_i8;
    kern->conv_i8 = conv_i8;
}

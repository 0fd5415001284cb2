/*
 * dot.h - dot products of rows with rows, where both sides run along the same
 * direction: gradients of filters, and x * transposed w. A tile of sums stays
 * in registers; the lanes are added at the end, always in the same order.
 *
 * Before including: VECTOR_BYTES; DOT_ROWS and DOT_COLUMNS of a tile, rows *
 * columns + columns + 1 registers, DOT_COLUMNS at most 4.
 */
#include "kern/vector.h"

enum { STRETCH = 1024 }; /* elements summed in lanes before the lanes are added */

/* clang-format off */
#if VECTOR_BYTES == 64
#define ONES_LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define ONES_HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#define TWOS_LOW 0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23
#define TWOS_HIGH 8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14, 15, 30, 31
#define BY_EIGHT 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7
#define BY_FOUR 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11
#elif VECTOR_BYTES == 32
#define ONES_LOW 0, 8, 1, 9, 2, 10, 3, 11
#define ONES_HIGH 4, 12, 5, 13, 6, 14, 7, 15
#define TWOS_LOW 0, 1, 8, 9, 2, 3, 10, 11
#define TWOS_HIGH 4, 5, 12, 13, 6, 7, 14, 15
#define BY_FOUR 4, 5, 6, 7, 0, 1, 2, 3
#else
#define ONES_LOW 0, 4, 1, 5
#define ONES_HIGH 2, 6, 3, 7
#define TWOS_LOW 0, 1, 4, 5
#define TWOS_HIGH 2, 3, 6, 7
#endif
/* clang-format on */

/* Low halves of both interleaved, plus high halves of both: half as many lanes of each. */
#define ZIP(a, b, kind) (__builtin_shufflevector(a, b, kind##_LOW) + __builtin_shufflevector(a, b, kind##_HIGH))

/* The sums of four vectors' lanes in the first four lanes; the same order for each of them. */
static inline vector sums_of_four(vector a, vector b, vector c, vector d)
{
    vector ab = ZIP(a, b, ONES), cd = ZIP(c, d, ONES);
    vector all = ZIP(ab, cd, TWOS);

#if VECTOR_BYTES == 64
    all += __builtin_shufflevector(all, all, BY_EIGHT);
#endif
#if VECTOR_BYTES > 16
    all += __builtin_shufflevector(all, all, BY_FOUR);
#endif
    return all;
}

/* What all tiles have in common: segments of n elements, steps apart. */
struct stretch {
    size_t segments, n, step_a, step_b, lda, ldc;
};

typedef void dot_tile(const struct stretch *s, const float *a, const float *const *b, float *c);

/* clang-format off */
#define EACH(i, n) _Pragma("GCC unroll 8") for (int i = 0; i < (n); i++)

/* A literal size of the accumulators, or gcc keeps them in memory. */
#define DOT(R, V)                                                                          \
    static void dot_##R##x##V(const struct stretch *s, const float *a, const float *const *b, float *c) \
    {                                                                                      \
        const float *column[V];                                                            \
        vector acc[R][4], x[V];                                                            \
        EACH(r, R)                                                                         \
            EACH(v, 4)                                                                     \
                acc[r][v] = (vector){ 0 };                                                 \
        EACH(v, V)                                                                         \
            column[v] = b[v];                                                              \
        for (size_t g = 0; g < s->segments; g++, a += s->step_a) {                         \
            size_t j = 0;                                                                  \
            for (; j + LANES <= s->n; j += LANES) {                                        \
                EACH(v, V)                                                                 \
                    x[v] = load(column[v] + j);                                            \
                EACH(r, R) {                                                               \
                    vector y = load(a + (size_t)r * s->lda + j);                           \
                    EACH(v, V)                                                             \
                        acc[r][v] += y * x[v];                                             \
                }                                                                          \
            }                                                                              \
            if (j < s->n) {                                                                \
                EACH(v, V)                                                                 \
                    x[v] = load_first(column[v] + j, s->n - j);                            \
                EACH(r, R) {                                                               \
                    vector y = load_first(a + (size_t)r * s->lda + j, s->n - j);           \
                    EACH(v, V)                                                             \
                        acc[r][v] += y * x[v];                                             \
                }                                                                          \
            }                                                                              \
            EACH(v, V)                                                                     \
                column[v] += s->step_b;                                                    \
        }                                                                                  \
        EACH(r, R) {                                                                       \
            vector sums = sums_of_four(acc[r][0], acc[r][1], acc[r][2], acc[r][3]);        \
            EACH(v, V)                                                                     \
                c[(size_t)r * s->ldc + (size_t)v] += sums[v];                              \
        }                                                                                  \
    }

#define COLUMNS_3(R) DOT(R, 1) DOT(R, 2) DOT(R, 3)
#define COLUMNS_4(R) COLUMNS_3(R) DOT(R, 4)

#if DOT_COLUMNS == 4
COLUMNS_4(1) COLUMNS_4(2) COLUMNS_4(3) COLUMNS_4(4) COLUMNS_4(5) COLUMNS_4(6)
#define ROW(R) { dot_##R##x1, dot_##R##x2, dot_##R##x3, dot_##R##x4 }
#else
COLUMNS_3(1) COLUMNS_3(2) COLUMNS_3(3) COLUMNS_3(4)
#define ROW(R) { dot_##R##x1, dot_##R##x2, dot_##R##x3 }
#endif

static dot_tile *const dots[DOT_ROWS][DOT_COLUMNS] = {
    ROW(1), ROW(2), ROW(3), ROW(4),
#if DOT_ROWS > 4
    ROW(5), ROW(6),
#endif
};

#undef ROW
/* clang-format on */

/* Columns j.. of c, as many as a tile has: their sums over elements `start` to `end`, stretch by stretch. */
static void dot_columns(const struct kern_grad *g, size_t j, size_t start, size_t end)
{
    const size_t wide = smaller(DOT_COLUMNS, g->channels * g->taps - j);

    for (; start < end; start += STRETCH) {
        const struct stretch s = { g->segments, smaller(STRETCH, end - start), g->step_a, g->step_b, g->lda, g->ldc };
        const float *column[DOT_COLUMNS];
        for (size_t v = 0; v < wide; v++)
            column[v] = g->b + (j + v) / g->taps * g->plane + g->tap[(j + v) % g->taps] + start;
        for (size_t i = 0; i < g->m; i += DOT_ROWS) {
            size_t rows = smaller(DOT_ROWS, g->m - i);
            dots[rows - 1][wide - 1](&s, g->a + i * g->lda + start, column, g->c + i * g->ldc + j);
        }
    }
}

/* Many rows: all columns meet one stretch of them while a cache has it. Few: columns are read from end to end. */
static void conv_grad_f32(const struct kern_grad *g)
{
    const size_t columns = g->channels * g->taps, length = g->m > DOT_ROWS ? STRETCH : g->n;

    for (size_t start = 0; start < g->n; start += length)
        for (size_t j = 0; j < columns; j += DOT_COLUMNS)
            dot_columns(g, j, start, smaller(start + length, g->n));
}

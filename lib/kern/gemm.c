#include "kern/internal.h"

static float at(const float *x, size_t ld, bool transposed, size_t row, size_t column)
{
    return transposed ? x[column * ld + row] : x[row * ld + column];
}

static void scale(float *c, size_t n, float beta)
{
    for (size_t j = 0; j < n; j++)
        c[j] = beta == 0 ? 0 : c[j] * beta;
}

/* b stored [k, n]: whole rows of c grow by multiples of rows of b. */
static void rows_by_rows(bool ta, size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb,
                         float *c, size_t ldc)
{
    for (size_t i = 0; i < m; i++) {
        float *restrict row = c + i * ldc;
        for (size_t l = 0; l < k; l++) {
            const float weight = at(a, lda, ta, i, l), *restrict from = b + l * ldb;
            for (size_t j = 0; j < n; j++)
                row[j] += weight * from[j];
        }
    }
}

float kern_dot_f32(const float *a, const float *b, size_t n)
{
    enum { LANES = 8 };
    float lane[LANES] = { 0 }, sum = 0;
    size_t i = 0;

    for (; i + LANES <= n; i += LANES)
        for (size_t j = 0; j < LANES; j++)
            lane[j] += a[i + j] * b[i + j];
    for (size_t j = 0; j < LANES; j++)
        sum += lane[j];
    for (; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* b stored [n, k]: each element is a sum along a row of b. */
static float row_sum(bool ta, size_t k, const float *a, size_t lda, size_t i, const float *b)
{
    float sum = 0;

    if (!ta)
        return kern_dot_f32(a + i * lda, b, k);
    for (size_t l = 0; l < k; l++)
        sum += a[l * lda + i] * b[l];
    return sum;
}

static void gemm_f32(bool ta, bool tb, size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b,
                     size_t ldb, float beta, float *c, size_t ldc)
{
    for (size_t i = 0; i < m; i++)
        scale(c + i * ldc, n, beta);
    if (!tb) {
        rows_by_rows(ta, m, n, k, a, lda, b, ldb, c, ldc);
        return;
    }
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++)
            c[i * ldc + j] += row_sum(ta, k, a, lda, i, b + j * ldb);
}

void kern_use_gemm(struct kern *kern)
{
    kern->gemm_f32 = gemm_f32;
    kern->gemm_stable = true;
}

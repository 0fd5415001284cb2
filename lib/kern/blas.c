#include "kern/internal.h"

#ifdef COEDGE_OPENBLAS

#include <cblas.h>

static void gemm_f32(bool ta, bool tb, size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b,
                     size_t ldb, float beta, float *c, size_t ldc)
{
    /* BLAS wants leading dimensions of at least 1 even where there is nothing to do. */
    if (m == 0 || n == 0)
        return;
    cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, (blasint)m, (blasint)n,
                (blasint)k, 1, a, (blasint)(lda ? lda : 1), b, (blasint)(ldb ? ldb : 1), beta, c, (blasint)ldc);
}

void kern_use_blas(struct kern *kern)
{
    kern->gemm_f32 = gemm_f32;
    kern->gemm_stable = false;
}

#else

void kern_use_blas(struct kern *kern)
{
    (void)kern; /* built without OpenBLAS: plain C does it */
}

#endif

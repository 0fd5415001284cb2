#include "kern/internal.h"

#ifdef COEDGE_OPENBLAS

#include <cblas.h>
#include <pthread.h>

/*
 * One product at a time: a serial OpenBLAS that was built without USE_LOCKING, as Debian's, hands the same buffer to
 * two threads that begin at the same moment, and both products are wrong. This lock is the library's, not ours.
 */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

static void gemm_f32(bool ta, bool tb, size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b,
                     size_t ldb, float beta, float *c, size_t ldc)
{
    /* BLAS wants leading dimensions of at least 1 even where there is nothing to do. */
    if (m == 0 || n == 0)
        return;
    pthread_mutex_lock(&turn);
    cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, (blasint)m, (blasint)n,
                (blasint)k, 1, a, (blasint)(lda ? lda : 1), b, (blasint)(ldb ? ldb : 1), beta, c, (blasint)ldc);
    pthread_mutex_unlock(&turn);
}

bool kern_has_blas(void)
{
    return true;
}

void kern_use_blas(struct kern *kern)
{
    kern->gemm_f32 = gemm_f32;
    kern->gemm_stable = false;
}

#else

bool kern_has_blas(void)
{
    return false;
}

void kern_use_blas(struct kern *kern)
{
    (void)kern;
}

#endif

#include "kern/internal.h"

#ifdef COEDGE_OPENBLAS

#include <cblas.h>

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

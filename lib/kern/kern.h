/*
 * kern.h - arithmetic on pointers and counts. Kernels do not allocate and
 * cannot fail. Portable C first (kern/NAME.c, the definition); a folder per
 * instruction set overlays what it improves. Rows are added here as operators need them.
 */
#ifndef KERN_KERN_H
#define KERN_KERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct kern {
    const char *cpu; /* "portable", "x86-avx2", "x86-avx512": the last overlay applied */

    /* ---- products (gemm.c) ---- */
    /* c [m, n] = a [m, k] * b [k, n] + beta * c; ta: a is stored [k, m]; tb: b is stored [n, k]. Row-major, ld* in elements.
     * With beta 0, c is not read. */
    void (*gemm_f32)(bool ta, bool tb, size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b,
                     size_t ldb, float beta, float *c, size_t ldc);
    bool gemm_stable; /* an element of c depends on its row of a and its column of b alone, not on m and n */
};

/*
 * kern_init - the table for this CPU. `cpu` NULL or "auto": the best that can
 * run here; else a name as above. "portable" is the definition itself, plain C
 * without OpenBLAS. ERROR_USAGE for an unknown name or one that this CPU lacks.
 */
MUST_CHECK int kern_init(struct kern *kern, const char *cpu, struct error *err);

#endif

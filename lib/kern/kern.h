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

enum { KERN_SLACK = 16 };

struct kern {
    const char *cpu; /* "portable", "x86-avx2", "x86-avx512": the last overlay applied */

    /* ---- products (gemm.c) ---- */
    /* c [m, n] = a [m, k] * b [k, n] + beta * c; ta: a is stored [k, m]; tb: b is stored [n, k]. Row-major, ld* in elements.
     * With beta 0, c is not read. */
    void (*gemm_f32)(bool ta, bool tb, size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b,
                     size_t ldb, float beta, float *c, size_t ldc);
    bool gemm_stable; /* an element of c depends on its row of a and its column of b alone, not on m and n */

    /*
     * ---- convolution (conv.c) ----
     * The input lies in planes, one a channel, with its borders; an output pixel j of n reads plane[tap[t] + j] for each
     * tap. So a convolution is a product whose second matrix is never built:
     *   c [m, n] = bias [m] + sum over channel, tap of w [m, channel, tap] * b[channel * plane + tap[t] + j]
     * b must be readable to the next multiple of KERN_SLACK pixels; bias may be NULL. Stable as gemm_stable says, always.
     */
    void (*conv_f32)(size_t m, size_t n, size_t channels, size_t taps, const int32_t *tap, size_t plane,
                     const float *packed, const float *b, const float *bias, float *c, size_t ldc);
    /* packed: m * channels * taps floats in conv_f32's order, out of w[i * row + c * channel + tap[t]]. */
    void (*conv_pack_f32)(float *packed, size_t m, size_t channels, size_t taps, const float *w, size_t row,
                          size_t channel, const int32_t *tap);
    /* The gradient of w: c [m, channel, tap] += sum over j < n of a [m, j] * b[channel * plane + tap[t] + j]. */
    void (*conv_grad_f32)(size_t m, size_t n, size_t channels, size_t taps, const int32_t *tap, size_t plane,
                          const float *a, size_t lda, const float *b, float *c, size_t ldc);
};

/*
 * kern_init - the table for this CPU. `cpu` NULL or "auto": the best that can
 * run here; else a name as above. "portable" is the definition itself, plain C
 * without OpenBLAS. ERROR_USAGE for an unknown name or one that this CPU lacks.
 */
MUST_CHECK int kern_init(struct kern *kern, const char *cpu, struct error *err);

#endif

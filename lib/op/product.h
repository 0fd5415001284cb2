/*
 * product.h - a matrix product on all threads, cut into blocks by its size
 * alone: the same bits for any number of threads. For lib/op alone.
 */
#ifndef OP_PRODUCT_H
#define OP_PRODUCT_H

#include "op/internal.h"

enum { PRODUCT_ROWS = 128 }; /* of a block */

/* c [m, n] = a [m, k] * b [k, n] + beta * c, as kern's gemm_f32. */
struct product {
    bool ta, tb;
    int64_t m, n, k;
    const float *a;
    int64_t lda;
    const float *b;
    int64_t ldb;
    float beta;
    float *c;
    int64_t ldc;
    bool by_rows; /* a row of c must not depend on how many others there are: samples of a batch at inference */
};

void product_run(const struct product *product, const struct op_run *run);

#endif

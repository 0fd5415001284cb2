/*
 * product_any.h - matrix products of any type, plain: reals summed in double
 * and rounded once, integers in 64 bits, wrapped. For lib/op alone.
 */
#ifndef OP_PRODUCT_ANY_H
#define OP_PRODUCT_ANY_H

#include "op/internal.h"

/* Element [i, j] of a matrix in a tensor is number first + i * row + j * column. */
struct matrix {
    const struct tensor *tensor; /* NULL: zeros */
    int64_t first, row, column;
};

/* y [m, n] = alpha * a [m, k] * b [k, n] + beta * c. */
struct product_any {
    int64_t m, n, k;
    struct matrix a, b, c, y;
    double alpha, beta; /* 1 and 1 for exact integers */
};

/* Input 0 is of another type than F32, and no quantized one. */
bool product_is_other(const struct op_io *io);
/* All inputs are of one type that a product takes; sets out[0]'s. Forward only. */
MUST_CHECK int product_any_check(struct op_io *io, struct error *err);
void product_any_run(const struct product_any *product, const struct op_run *run);

#endif

/*
 * typed.h - arithmetic on elements of any type, one at a time: reals through
 * double and rounded once, integers in 64 bits and wrapped to their width. A
 * row says what is done; the loops are here. For lib/op alone.
 */
#ifndef OP_TYPED_H
#define OP_TYPED_H

#include "op/internal.h"
#include "op/odometer.h"
#include "tensor/element.h"

/* x[i] of a tensor of any type; short where it is F32. */
static inline double typed_real(const struct tensor *x, int64_t i)
{
    return x->dtype == DTYPE_F32 ? (double)((const float *)x->data)[i] : element_real(x->dtype, x->data, i);
}

/* y = f(a, b). A NULL function: that kind of type is refused. */
struct typed {
    double (*real)(double a, double b);
    int64_t (*whole)(int64_t a, int64_t b);
    uint64_t (*natural)(uint64_t a, uint64_t b); /* U64; NULL: whole on its bits */
    bool truth;                                  /* also on BOOL, by whole */
};

/* y[i] = f(a[...], b[...]) for elements begin..end-1 of y; types a and b are the same, y's is its own. */
void typed_apply(const struct typed *typed, const struct tensor *y, const struct tensor *a, const struct tensor *b,
                 struct odometer *o, int64_t begin, int64_t end);
/* ERROR_INPUT naming input 0's type where the row has nothing for it. */
MUST_CHECK int typed_check(const struct typed *typed, enum dtype dtype, struct error *err);
/* a / b towards zero, 0 for b = 0; nothing overflows. */
int64_t typed_divide(int64_t a, int64_t b);

#endif

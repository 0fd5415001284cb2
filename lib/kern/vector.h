/* vector.h - vectors of floats for tile.h and dot.h; VECTOR_BYTES before including. */
#ifndef KERN_VECTOR_H
#define KERN_VECTOR_H

#include <string.h>

#include "kern/internal.h"

enum { LANES = VECTOR_BYTES / 4 };

typedef float vector __attribute__((vector_size(VECTOR_BYTES)));
typedef float loose __attribute__((vector_size(VECTOR_BYTES), aligned(4), may_alias));

static inline vector load(const float *x)
{
    return *(const loose *)x;
}

static inline void store(float *y, vector x)
{
    *(loose *)y = x;
}

/* The first n lanes, zeros in the others; nothing beyond is read. */
static inline vector load_first(const float *x, size_t n)
{
    float lane[LANES] = { 0 };

    memcpy(lane, x, n * sizeof *x);
    return load(lane);
}

static inline size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

#endif

/*
 * vector_plain.h - what block.h and winograd.h want of a machine, in plain C:
 * VECTOR_MAX, VECTOR_MIN and VECTOR_PERMUTE. VECTOR_BYTES before including. No
 * vector is handed to another file, so how one would be does not matter.
 */
#ifndef KERN_VECTOR_PLAIN_H
#define KERN_VECTOR_PLAIN_H

#pragma GCC diagnostic ignored "-Wpsabi"
#include "kern/vector.h"

#define VECTOR_MAX(a, b) vector_choose((a) > (b), (a), (b))
#define VECTOR_MIN(a, b) vector_choose((a) < (b), (a), (b))
#define VECTOR_PERMUTE(v, lane) vector_permute(v, lane)

typedef int32_t mask __attribute__((vector_size(VECTOR_BYTES)));

static inline vector vector_choose(mask which, vector a, vector b)
{
    return (vector)((which & (mask)a) | (~which & (mask)b));
}

static inline vector vector_permute(vector v, mask lane)
{
    vector to;

    for (int i = 0; i < LANES; i++)
        to[i] = v[lane[i] & (LANES - 1)];
    return to;
}

#endif

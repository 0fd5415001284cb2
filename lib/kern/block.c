/* Vectors of 4 floats in C, which every compiler finds registers for. None is handed to another file. */
#pragma GCC diagnostic ignored "-Wpsabi"
#define VECTOR_BYTES 16
#define BLOCK_REGISTERS 16
#define VECTOR_MAX(a, b) vector_choose((a) > (b), (a), (b))
#define VECTOR_MIN(a, b) vector_choose((a) < (b), (a), (b))
#define VECTOR_PERMUTE(v, lane) vector_permute(v, lane)
#include "kern/vector.h"

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

#include "kern/block.h"
#include "kern/winograd.h"

void kern_use_block(struct kern *kern)
{
    use_block(kern);
    use_winograd(kern);
}

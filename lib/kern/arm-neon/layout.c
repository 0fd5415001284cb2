#define VECTOR_BYTES 16
#define MASKED_LOAD(address, from, to) load_lanes((const float *)(address), from, to)

#include "kern/vector.h"

static inline vector load_lanes(const float *x, size_t from, size_t to)
{
    vector v = { 0 };

    for (size_t i = from; i < to; i++)
        v[i] = x[i];
    return v;
}

#include "kern/layout.h"

void kern_use_neon_layout(struct kern *kern)
{
    use_layout(kern);
}

#include <immintrin.h>

#define VECTOR_BYTES 64
#define MASKED_LOAD(address, from, to)                                                                                 \
    ((vector)_mm512_maskz_loadu_ps((__mmask16)((1U << (to)) - (1U << (from))), (const void *)(address)))
#include "kern/layout.h"

void kern_use_avx512_layout(struct kern *kern)
{
    use_layout(kern);
}

#include <immintrin.h>

#define VECTOR_BYTES 32
#define MASKED_LOAD(address, from, to) ((vector)_mm256_maskload_ps((const void *)(address), lanes(from, to)))

/* All bits of lanes from..to - 1. */
static inline __m256i lanes(size_t from, size_t to)
{
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);

    return _mm256_and_si256(_mm256_cmpgt_epi32(lane, _mm256_set1_epi32((int)from - 1)),
                            _mm256_cmpgt_epi32(_mm256_set1_epi32((int)to), lane));
}

#include "kern/layout.h"

void kern_use_avx2_layout(struct kern *kern)
{
    use_layout(kern);
}

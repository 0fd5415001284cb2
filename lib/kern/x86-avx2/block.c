#include <immintrin.h>

/* 16 registers of 8 floats. */
#define VECTOR_BYTES 32
#define BLOCK_REGISTERS 16
#define VECTOR_MAX _mm256_max_ps
#define VECTOR_MIN _mm256_min_ps
#define VECTOR_PERMUTE(v, lane) _mm256_permutevar8x32_ps(v, (__m256i)(lane))
#include "kern/block.h"
#include "kern/winograd.h"

void kern_use_avx2_block(struct kern *kern)
{
    use_block(kern);
    use_winograd(kern);
}

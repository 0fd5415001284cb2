#include <immintrin.h>

/* 32 registers of 16 floats. */
#define VECTOR_BYTES 64
#define BLOCK_REGISTERS 32
#define VECTOR_MAX _mm512_max_ps
#define VECTOR_MIN _mm512_min_ps
#define VECTOR_PERMUTE(v, lane) _mm512_permutexvar_ps((__m512i)(lane), v)
#include "kern/block.h"
#include "kern/winograd.h"

void kern_use_avx512_block(struct kern *kern)
{
    use_block(kern);
    use_winograd(kern);
}

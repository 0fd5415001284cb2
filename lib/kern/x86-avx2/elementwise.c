/* elementwise.c - floats element by element, the same source compiled for AVX2 with FMA. */
#include <immintrin.h>

#define VECTOR_BYTES 32
#define VECTOR_MAX _mm256_max_ps
#define VECTOR_MIN _mm256_min_ps
#define ELEMENTWISE kern_use_avx2_elementwise
#include "kern/elementwise.h"

/* elementwise.c - floats element by element, the same source compiled for AVX-512. */
#include <immintrin.h>

#define VECTOR_BYTES 64
#define VECTOR_MAX _mm512_max_ps
#define VECTOR_MIN _mm512_min_ps
#define ELEMENTWISE kern_use_avx512_elementwise
#include "kern/elementwise.h"

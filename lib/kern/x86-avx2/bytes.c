/* bytes.c - u8 element by element, the same source compiled for AVX2 with FMA. */
#include "kern/internal.h"

#define PAIR_DOT(sum, a, b) _mm256_add_epi32(sum, _mm256_madd_epi16(a, b))
#include "kern/x86-avx2/sums.h"

#define BYTES kern_use_avx2_bytes
#include "kern/bytes.h"

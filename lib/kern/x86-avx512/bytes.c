/* bytes.c - u8 element by element, the same source compiled for AVX-512. */
#include "kern/internal.h"

#define PAIR_DOT(sum, a, b) _mm512_add_epi32(sum, _mm512_madd_epi16(a, b))
#include "kern/x86-avx512/sums.h"

#define BYTES kern_use_avx512_bytes
#include "kern/bytes.h"

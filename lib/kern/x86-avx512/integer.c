/* 32 registers: 12 rows of 2 accumulators, 2 vectors of pixels, a weight and products. */
#include <immintrin.h>

#define INTEGER kern_use_avx512_integer
#define WORDS __m512i
#define TILE_ROWS 12
#define PAIR(a, b) _mm512_madd_epi16(a, b)
#define SUM(a, b) _mm512_add_epi32(a, b)
#define BROADCAST(word) _mm512_set1_epi32(word)
#define LOAD(address) _mm512_loadu_si512(address)
#define STORE(address, vector) _mm512_storeu_si512(address, vector)
#include "kern/integer.h"

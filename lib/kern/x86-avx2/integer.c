/* 16 registers: 5 rows of 2 accumulators, 2 vectors of pixels, a weight and a product. */
#include <immintrin.h>

#define INTEGER kern_use_avx2_integer
#define WORDS __m256i
#define TILE_ROWS 5
#define PAIR(a, b) _mm256_madd_epi16(a, b)
#define SUM(a, b) _mm256_add_epi32(a, b)
#define BROADCAST(word) _mm256_set1_epi32(word)
#define LOAD(address) _mm256_loadu_si256((const void *)(address))
#define STORE(address, vector) _mm256_storeu_si256((void *)(address), vector)
#include "kern/integer.h"

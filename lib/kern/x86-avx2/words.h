/* words.h - block_integer.h's vectors of AVX2. Before including: WORD_DEPTH, DOT, BLOCK_INTEGER. */
#include <immintrin.h>

#include "kern/kern.h"

static inline __m256i requantize(__m256i sum, __m256 scale, __m256 least, __m256 most)
{
    __m256 v = _mm256_mul_ps(_mm256_cvtepi32_ps(sum), scale);

    return _mm256_cvtps_epi32(_mm256_min_ps(_mm256_max_ps(v, least), most));
}

static inline __m256i round_words(__m256i sum, __m256 scale)
{
    return _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_cvtepi32_ps(sum), scale));
}

/* The bytes of a, then those of b. What is beyond 16 bits is beyond a byte as well. */
static inline __m128i two_pixels(__m256i a, __m256i b, int32_t zero_point)
{
    __m256i both = _mm256_adds_epi16(_mm256_packs_epi32(a, b), _mm256_set1_epi16((int16_t)zero_point));

    both = _mm256_packus_epi16(both, both);
    return _mm_unpacklo_epi32(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1));
}

static inline void put_four(uint8_t *to, __m256i a, __m256i b, __m256i c, __m256i d, int32_t zero_point)
{
    __m256i zero = _mm256_set1_epi16((int16_t)zero_point), first = _mm256_adds_epi16(_mm256_packs_epi32(a, b), zero);
    __m256i all = _mm256_packus_epi16(first, _mm256_adds_epi16(_mm256_packs_epi32(c, d), zero));

    all = _mm256_permutevar8x32_epi32(all, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    _mm256_storeu_si256((void *)to, all);
}

/* Not the intrinsics: gcc 12 sums the products of several steps as trees, and spills them. */
static inline __m256i dot_words(__m256i sum, __m256i a, __m256i b)
{
    __m256i product;

    __asm__("vpmaddwd %3, %2, %1\n\tvpaddd %1, %0, %0" : "+x"(sum), "=&x"(product) : "x"(a), "x"(b));
    return sum;
}

static inline __m256i widen(const uint8_t *a, const uint8_t *b)
{
    return _mm256_cvtepu8_epi16(_mm_unpacklo_epi64(_mm_loadl_epi64((const void *)a), _mm_loadl_epi64((const void *)b)));
}

#define WORDS __m256i
#define FLOATS __m256
#define LANES 8
#define BLOCK_REGISTERS 16
#define LOAD(from) _mm256_loadu_si256((const void *)(from))
#define STORE(to, v) _mm256_storeu_si256((void *)(to), v)
#define LOAD_FLOATS _mm256_loadu_ps
#define SPLAT _mm256_set1_epi32
#define SPLAT_FLOAT _mm256_set1_ps
#define PAIR_DOT dot_words
#define REQUANTIZE requantize
#define ROUND round_words
#define PUT(to, a, zero_point) _mm_storel_epi64((void *)(to), two_pixels(a, a, zero_point))
#define PUT_TWO(to, a, b, zero_point) _mm_storeu_si128((void *)(to), two_pixels(a, b, zero_point))
#define PUT_FOUR put_four
#define WIDEN widen
#include "kern/block_integer.h"

/* words.h - block_integer.h's vectors of AVX-512, with and without VNNI. For block_integer.h, which is included next. */
#include <immintrin.h>

#include "kern/kern.h"

static inline __m512i requantize(__m512i sum, __m512 scale, __m512 least, __m512 most)
{
    __m512 v = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), scale);

    return _mm512_cvtps_epi32(_mm512_min_ps(_mm512_max_ps(v, least), most));
}

static inline __m512i round_words(__m512i sum, __m512 scale)
{
    return _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_cvtepi32_ps(sum), scale));
}

static inline void put(uint8_t *to, __m512i words, int32_t zero_point)
{
    const __m512i v = _mm512_add_epi32(words, _mm512_set1_epi32(zero_point));

    _mm_storeu_si128((void *)to, _mm512_cvtusepi32_epi8(_mm512_max_epi32(v, _mm512_setzero_si512())));
}

/* Words of two pixels to 16 bits, where the zero point comes to them; what is beyond is beyond a byte as well. */
static inline __m512i halve(__m512i a, __m512i b, __m512i zero_point)
{
    return _mm512_adds_epi16(_mm512_packs_epi32(a, b), zero_point);
}

/* The bytes of four pixels, or of two: packing leaves each pixel's in four parts, which come together here. */
static inline void put_four(uint8_t *to, __m512i a, __m512i b, __m512i c, __m512i d, int32_t zero_point)
{
    const __m512i together = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __m512i zero = _mm512_set1_epi16((int16_t)zero_point);
    const __m512i bytes = _mm512_packus_epi16(halve(a, b, zero), halve(c, d, zero));

    _mm512_storeu_si512((void *)to, _mm512_permutexvar_epi32(together, bytes));
}

static inline void put_two(uint8_t *to, __m512i a, __m512i b, int32_t zero_point)
{
    const __m512i together = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 0, 4, 8, 12, 1, 5, 9, 13);
    const __m512i words = halve(a, b, _mm512_set1_epi16((int16_t)zero_point));
    const __m512i bytes = _mm512_permutexvar_epi32(together, _mm512_packus_epi16(words, words));

    _mm256_storeu_si256((void *)to, _mm512_castsi512_si256(bytes));
}

static inline __m512i widen(const uint8_t *a, const uint8_t *b)
{
    __m256i first = _mm256_castsi128_si256(_mm_loadu_si128((const void *)a));

    return _mm512_cvtepu8_epi16(_mm256_inserti128_si256(first, _mm_loadu_si128((const void *)b), 1));
}

#define WORDS __m512i
#define FLOATS __m512
#define LANES 16
#define BLOCK_REGISTERS 32
#define LOAD(from) _mm512_loadu_si512(from)
#define STORE(to, v) _mm512_storeu_si512(to, v)
#define LOAD_FLOATS _mm512_loadu_ps
#define SPLAT _mm512_set1_epi32
#define SPLAT_FLOAT _mm512_set1_ps
#define PAIR_DOT(sum, a, b) _mm512_add_epi32(sum, _mm512_madd_epi16(a, b))
#define REQUANTIZE requantize
#define ROUND round_words
#define PUT put
#define PUT_TWO put_two
#define PUT_FOUR put_four
#define WIDEN widen

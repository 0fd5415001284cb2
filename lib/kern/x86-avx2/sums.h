/*
 * sums.h - bytes.h's sum of two rows in vectors: a word is a byte of each, 16 bits wide, and the factors' products are
 * one instruction's. A factor of 20 bits goes in two parts, h and l, and nothing is lost between them:
 * floor((2^10 h + l) / 2^s) = floor((h + floor(l / 2^10)) / 2^(s - 10)).
 *
 * Before including: PAIR_DOT(sum, a, b). For another width than AVX2's: VECTOR; OF(name), its intrinsic; LOAD and STORE
 * at any address.
 */
#include <immintrin.h>

#include "kern/kern.h"

#ifndef VECTOR
#define VECTOR __m256i
#define OF(name) _mm256_##name
#define LOAD(from) _mm256_loadu_si256((const void *)(from))
#define STORE(to, v) _mm256_storeu_si256((void *)(to), v)
#endif

enum { LOW_BITS = 10 };

struct sum_parts {
    VECTOR high, low, offset;
    __m128i shift;
};

static inline VECTOR sum_words(VECTOR pairs, const struct sum_parts *by)
{
    const VECTOR low = OF(srai_epi32)(PAIR_DOT(by->offset, pairs, by->low), LOW_BITS);

    return OF(sra_epi32)(PAIR_DOT(low, pairs, by->high), by->shift);
}

/* Bytes of a and b side by side; 16 bits saturate as bytes do. */
static inline VECTOR sum_half(VECTOR both, const struct sum_parts *by, VECTOR zero_point)
{
    const VECTOR zero = OF(set1_epi32)(0);
    const VECTOR first = sum_words(OF(unpacklo_epi8)(both, zero), by);
    const VECTOR second = sum_words(OF(unpackhi_epi8)(both, zero), by);

    return OF(adds_epi16)(OF(packs_epi32)(first, second), zero_point);
}

static inline VECTOR pair_of(int32_t a, int32_t b)
{
    return OF(set1_epi32)((int32_t)((uint32_t)b << 16 | ((uint32_t)a & 0xffff)));
}

/* As many as whole vectors hold; how many that are. */
static size_t sum_vectors(uint8_t *y, const uint8_t *a, const uint8_t *b, const struct kern_add_u8 *how, size_t n)
{
    const int32_t mask = (1 << LOW_BITS) - 1;
    const VECTOR zero_point = OF(set1_epi16)((int16_t)how->zero_point);
    const struct sum_parts by = { pair_of(how->factor_a >> LOW_BITS, how->factor_b >> LOW_BITS),
                                  pair_of(how->factor_a & mask, how->factor_b & mask), OF(set1_epi32)(how->offset),
                                  _mm_cvtsi32_si128(how->shift - LOW_BITS) };
    size_t i = 0;

    if (how->shift < LOW_BITS)
        return 0;
    for (; i + sizeof(VECTOR) <= n; i += sizeof(VECTOR)) {
        const VECTOR left = LOAD(a + i), right = LOAD(b + i);
        const VECTOR first = sum_half(OF(unpacklo_epi8)(left, right), &by, zero_point);
        const VECTOR second = sum_half(OF(unpackhi_epi8)(left, right), &by, zero_point);

        STORE(y + i, OF(packus_epi16)(first, second));
    }
    return i;
}

#define SUM_VECTORS sum_vectors

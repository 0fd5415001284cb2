/* 16 registers of 8 words of four bytes: vpdpbusd multiplies unsigned bytes by signed ones, exactly. */
#include <immintrin.h>

/* Not the intrinsic, and where it stands: else gcc 12 copies and spills the sums. */
static inline __m256i dot_bytes(__m256i sum, __m256i x, __m256i w)
{
    __asm__ volatile("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(x), "x"(w));
    return sum;
}

/* Four pixels of eight channels: those of four channels each go to one half of a register, then channel by channel. */
static inline __m256i quads_at(const char *x)
{
    const __m256i parts = _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7);
    const __m128i bytes = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);

    return _mm256_shuffle_epi8(_mm256_permutevar8x32_epi32(_mm256_loadu_si256((const void *)x), parts),
                               _mm256_broadcastsi128_si256(bytes));
}

#define QUADS_AT quads_at
#define WORD_DEPTH 4
#define DOT dot_bytes
#define BLOCK_INTEGER kern_use_avxvnni_block_integer
#include "kern/x86-avx2/words.h"

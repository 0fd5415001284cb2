/* 16 registers of 8 words of four bytes: vpdpbusd multiplies unsigned bytes by signed ones, exactly. */
#include <immintrin.h>

/* Not the intrinsic, and where it stands: else gcc 12 copies and spills the sums. */
static inline __m256i dot_bytes(__m256i sum, __m256i x, __m256i w)
{
    __asm__ volatile("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(x), "x"(w));
    return sum;
}

#define WORD_DEPTH 4
#define DOT dot_bytes
#define BLOCK_INTEGER kern_use_avxvnni_block_integer
#include "kern/x86-avx2/words.h"

/* words.h - words of four bytes: vpdpbusd multiplies unsigned bytes by signed ones, exactly. For block_integer.h. */
#include <immintrin.h>

/* Not the intrinsic: with it gcc 12 copies and spills the sums. */
static inline __m512i dot_bytes(__m512i sum, __m512i x, __m512i w)
{
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(x), "v"(w));
    return sum;
}

#define WORD_DEPTH 4
#define DOT dot_bytes
#include "kern/x86-avx512/words.h"

/* 32 registers of 16 words of two 16-bit numbers. */
#include <immintrin.h>

/* Not the intrinsics: gcc 12 sums the products of several steps as trees, and spills them. */
static inline __m512i dot_words(__m512i sum, __m512i a, __m512i b)
{
    __m512i product;

    __asm__("vpmaddwd %3, %2, %1\n\tvpaddd %1, %0, %0" : "+v"(sum), "=&v"(product) : "v"(a), "v"(b));
    return sum;
}

#define WORD_DEPTH 2
#define DOT dot_words
#define BLOCK_INTEGER kern_use_avx512_block_integer
#include "kern/x86-avx512/words.h"

#include "kern/block_integer.h"

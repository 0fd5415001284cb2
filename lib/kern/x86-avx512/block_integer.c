/* 32 registers of 16 words of two 16-bit numbers. */
#define WORD_DEPTH 2
#define DOT PAIR_DOT
#define BLOCK_INTEGER kern_use_avx512_block_integer
#include "kern/x86-avx512/words.h"

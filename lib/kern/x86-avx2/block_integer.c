/*
 * 16 registers of 8 words of two 16-bit numbers: vpmaddwd of a byte less its zero point and a signed byte is exact
 * for all of them, which vpmaddubsw of the bytes themselves is not.
 */
#define WORD_DEPTH 2
#define DOT dot_words
#define BLOCK_INTEGER kern_use_avx2_block_integer
#include "kern/x86-avx2/words.h"

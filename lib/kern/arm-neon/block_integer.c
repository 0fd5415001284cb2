/* Words of two 16-bit numbers, as many as block.c has lanes, in plain C. */
#define WORD_DEPTH 2
#define BLOCK_INTEGER kern_use_neon_block_integer
#include "kern/words.h"

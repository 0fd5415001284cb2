/* Words of two 16-bit numbers in plain C. */
#define WORD_DEPTH 2
#define BLOCK_INTEGER kern_use_block_integer
#include "kern/words.h"

/* chains.c - what the processor can do at most, for any CPU. */
#define VECTOR_BYTES 16
#define CHAINS kern_use_chains
#include "kern/chains.h"

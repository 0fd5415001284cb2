/* chains.c - the same source compiled with fused multiply-add. */
#define VECTOR_BYTES 16
#define CHAINS kern_use_neon_chains
#include "kern/chains.h"

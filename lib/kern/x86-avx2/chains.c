/* chains.c - the same source compiled for AVX2. */
#define VECTOR_BYTES 32
#define CHAINS kern_use_avx2_chains
#include "kern/chains.h"

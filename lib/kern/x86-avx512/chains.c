/* chains.c - the same source compiled for AVX-512. */
#define VECTOR_BYTES 64
#define CHAINS kern_use_avx512_chains
#include "kern/chains.h"

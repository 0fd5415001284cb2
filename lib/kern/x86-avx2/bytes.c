/* bytes.c - u8 element by element, the same source compiled for AVX2 with FMA. */
#include "kern/internal.h"

#define BYTES kern_use_avx2_bytes
#include "kern/bytes.h"

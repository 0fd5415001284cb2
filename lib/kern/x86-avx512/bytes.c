/* bytes.c - u8 element by element, the same source compiled for AVX-512. */
#include "kern/internal.h"

#define BYTES kern_use_avx512_bytes
#include "kern/bytes.h"

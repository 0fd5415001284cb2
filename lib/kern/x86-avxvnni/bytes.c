/* bytes.c - u8 element by element: sums by VNNI's products of 16 bits. */
#include "kern/internal.h"

#define PAIR_DOT _mm256_dpwssd_avx_epi32
#include "kern/x86-avx2/sums.h"

#define BYTES kern_use_avxvnni_bytes
#include "kern/bytes.h"

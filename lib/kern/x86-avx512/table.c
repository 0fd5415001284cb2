#include "kern/internal.h"

/* What AVX-512 (F, BW, VL, DQ) improves beyond AVX2. */
void kern_use_avx512(struct kern *kern)
{
    kern_use_avx512_tiles(kern);
    kern_use_avx512_transform(kern);
    kern_use_avx512_depthwise(kern);
    kern_use_avx512_layout(kern);
    kern_use_avx512_block(kern);
    kern_use_avx512_block_integer(kern);
    kern_use_avx512_integer(kern);
    kern_use_avx512_requantize(kern);
    kern_use_avx512_rows(kern);
    kern_use_avx512_chains(kern);
    kern_use_avx512_elementwise(kern);
    kern_use_avx512_bytes(kern);
}

#include "kern/internal.h"

/* What AVX2 with FMA improves. */
void kern_use_avx2(struct kern *kern)
{
    kern_use_avx2_tiles(kern);
    kern_use_avx2_transform(kern);
    kern_use_avx2_depthwise(kern);
    kern_use_avx2_layout(kern);
    kern_use_avx2_block(kern);
    kern_use_avx2_block_integer(kern);
    kern_use_avx2_integer(kern);
    kern_use_avx2_requantize(kern);
    kern_use_avx2_rows(kern);
    kern_use_avx2_elementwise(kern);
    kern_use_avx2_bytes(kern);
    kern_use_avx2_chains(kern);
    kern_use_avx2_pixels(kern);
}

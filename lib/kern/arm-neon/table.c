#include "kern/internal.h"

/*
 * What every 64-bit ARM improves. Its plain build has vectors already: most loops over bytes and over whole numbers are
 * as good in portable C.
 */
void kern_use_neon(struct kern *kern)
{
    kern_use_neon_tiles(kern);
    kern_use_neon_layout(kern);
    kern_use_neon_block(kern);
    kern_use_neon_block_integer(kern);
    kern_use_neon_integer(kern);
    kern_use_neon_rows(kern);
    kern_use_neon_elementwise(kern);
    kern_use_neon_chains(kern);
    kern_use_neon_pixels(kern);
}

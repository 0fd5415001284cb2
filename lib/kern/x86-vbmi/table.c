#include "kern/internal.h"

/* What permutations of bytes improve beyond AVX-512 with VNNI. */
void kern_use_vbmi(struct kern *kern)
{
    kern_use_vbmi_bytes(kern);
    kern_use_vbmi_block_quads(kern);
}

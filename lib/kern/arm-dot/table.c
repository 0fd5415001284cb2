#include "kern/internal.h"

/* What dot products of bytes (FEAT_DotProd) improve beyond NEON. */
void kern_use_dot(struct kern *kern)
{
    kern_use_dot_block_integer(kern);
}

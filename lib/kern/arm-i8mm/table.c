#include "kern/internal.h"

/* What products of signed and unsigned bytes (FEAT_I8MM) improve beyond dot products. */
void kern_use_i8mm(struct kern *kern)
{
    kern_use_i8mm_block_integer(kern);
}

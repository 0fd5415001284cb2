/* Vectors of 4 floats in C, which every compiler finds registers for. */
#define VECTOR_BYTES 16
#define BLOCK_REGISTERS 16
#include "kern/vector_plain.h"

#include "kern/block.h"
#include "kern/winograd.h"

void kern_use_block(struct kern *kern)
{
    use_block(kern);
    use_winograd(kern);
}

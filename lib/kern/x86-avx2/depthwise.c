/* depthwise.c - one filter a channel, by vectors of 32 bytes. */
#define VECTOR_BYTES 32
#include "kern/depthwise.h"

void kern_use_avx2_depthwise(struct kern *kern)
{
    use_depthwise(kern);
}

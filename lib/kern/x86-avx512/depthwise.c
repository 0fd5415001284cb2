/* depthwise.c - one filter a channel, by vectors of 64 bytes. */
#define VECTOR_BYTES 64
#include "kern/depthwise.h"

void kern_use_avx512_depthwise(struct kern *kern)
{
    use_depthwise(kern);
}

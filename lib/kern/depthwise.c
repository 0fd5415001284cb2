/* depthwise.c - one filter a channel, by vectors of 16 bytes. */
#define VECTOR_BYTES 16
#include "kern/depthwise.h"

void kern_use_depthwise(struct kern *kern)
{
    use_depthwise(kern);
}

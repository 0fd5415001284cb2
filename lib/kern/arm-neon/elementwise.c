/* elementwise.c - floats element by element, the same source compiled with fused multiply-add. */
#include "kern/internal.h"

#define ELEMENTWISE kern_use_neon_elementwise
#include "kern/elementwise.h"

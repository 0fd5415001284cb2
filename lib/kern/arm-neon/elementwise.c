/* elementwise.c - floats element by element, the same source compiled with fused multiply-add. */
#include <arm_neon.h>

#define VECTOR_BYTES 16
#define VECTOR_MAX(a, b) vbslq_f32((a) > (b), a, b)
#define VECTOR_MIN(a, b) vbslq_f32((a) < (b), a, b)
#define ELEMENTWISE kern_use_neon_elementwise
#include "kern/elementwise.h"

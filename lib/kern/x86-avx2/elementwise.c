/* elementwise.c - floats element by element, the same source compiled for AVX2 with FMA. */
#include "kern/internal.h"

#define ELEMENTWISE kern_use_avx2_elementwise
#include "kern/elementwise.h"

/* elementwise.c - floats element by element, for any CPU. */
#define VECTOR_BYTES 16
#include "kern/vector_plain.h"

#define ELEMENTWISE kern_use_elementwise
#include "kern/elementwise.h"

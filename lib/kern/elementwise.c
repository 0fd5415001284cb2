/* elementwise.c - floats element by element, for any CPU. */
#include "kern/internal.h"

#define ELEMENTWISE kern_use_elementwise
#include "kern/elementwise.h"

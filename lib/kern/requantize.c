/* requantize.c - between bytes and sums of their products, for any CPU. */
#define REQUANTIZE kern_use_requantize
#include "kern/requantize.h"

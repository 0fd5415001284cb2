/* requantize.c - the same source compiled for this instruction set. */
#define REQUANTIZE kern_use_avx2_requantize
#include "kern/requantize.h"

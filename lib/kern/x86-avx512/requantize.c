/* requantize.c - the same source compiled for this instruction set. */
#define REQUANTIZE kern_use_avx512_requantize
#include "kern/requantize.h"

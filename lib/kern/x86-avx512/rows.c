/* rows.c - the same source compiled for AVX-512. */
#define ROWS kern_use_avx512_rows
#include "kern/rows.h"

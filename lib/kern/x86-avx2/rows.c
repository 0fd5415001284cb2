/* rows.c - the same source compiled for AVX2 with FMA. */
#define ROWS kern_use_avx2_rows
#include "kern/rows.h"

/* rows.c - the same source compiled with fused multiply-add. */
#define ROWS kern_use_neon_rows
#include "kern/rows.h"

/* rows.c - rows of pools and of batch normalization, for any CPU. */
#define ROWS kern_use_rows
#include "kern/rows.h"

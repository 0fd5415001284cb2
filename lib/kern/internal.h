/*
 * internal.h - who fills the table: each portable file its own rows, then each
 * instruction set what it improves. Slots not named there keep what they had.
 */
#ifndef KERN_INTERNAL_H
#define KERN_INTERNAL_H

#include "kern/kern.h"

void kern_use_gemm(struct kern *kern);
void kern_use_blas(struct kern *kern); /* OpenBLAS, where built in */

#endif

/*
 * internal.h - who fills the table: each portable file its own rows, then each
 * instruction set what it improves. Slots not named there keep what they had.
 */
#ifndef KERN_INTERNAL_H
#define KERN_INTERNAL_H

#include "kern/kern.h"

void kern_use_gemm(struct kern *kern);
void kern_use_elementwise(struct kern *kern);
void kern_use_bytes(struct kern *kern);
void kern_use_blas(struct kern *kern); /* OpenBLAS, where built in */

/* ---- x86-avx2: AVX2 with FMA ---- */
void kern_use_avx2(struct kern *kern);
void kern_use_avx2_elementwise(struct kern *kern);
void kern_use_avx2_bytes(struct kern *kern);

#endif

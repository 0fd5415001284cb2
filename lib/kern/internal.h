/*
 * internal.h - who fills the table: each portable file its own rows, then each
 * instruction set what it improves. Slots not named there keep what they had.
 */
#ifndef KERN_INTERNAL_H
#define KERN_INTERNAL_H

#include "kern/kern.h"

void kern_use_gemm(struct kern *kern);
void kern_use_conv(struct kern *kern);
void kern_use_rows(struct kern *kern);
void kern_use_elementwise(struct kern *kern);
void kern_use_bytes(struct kern *kern);
void kern_use_blas(struct kern *kern); /* OpenBLAS, where built in */

/* ---- x86-avx2: AVX2 with FMA ---- */
void kern_use_avx2(struct kern *kern);
void kern_use_avx2_tiles(struct kern *kern);
void kern_use_avx2_rows(struct kern *kern);
void kern_use_avx2_elementwise(struct kern *kern);
void kern_use_avx2_bytes(struct kern *kern);

/* ---- x86-avx512: F, BW, VL, DQ ---- */
void kern_use_avx512(struct kern *kern);
void kern_use_avx512_tiles(struct kern *kern);
void kern_use_avx512_rows(struct kern *kern);

/* Sum of a[i] * b[i] in eight lanes that are added in order. */
float kern_dot_f32(const float *a, const float *b, size_t n);

#endif

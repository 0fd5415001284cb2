/*
 * internal.h - who fills the table: each portable file its own rows, then each
 * instruction set what it improves. Slots not named there keep what they had.
 */
#ifndef KERN_INTERNAL_H
#define KERN_INTERNAL_H

#include "kern/kern.h"

void kern_use_gemm(struct kern *kern);
void kern_use_conv(struct kern *kern);
void kern_use_transform(struct kern *kern);
void kern_use_depthwise(struct kern *kern);
void kern_use_layout(struct kern *kern);
void kern_use_block(struct kern *kern);
void kern_use_block_integer(struct kern *kern);
void kern_use_rows(struct kern *kern);
void kern_use_integer(struct kern *kern);
void kern_use_requantize(struct kern *kern);
void kern_use_elementwise(struct kern *kern);
void kern_use_bytes(struct kern *kern);
void kern_use_chains(struct kern *kern);
void kern_use_pixels(struct kern *kern);
bool kern_has_blas(void); /* built in */
void kern_use_blas(struct kern *kern);

/* ---- x86-avx2: AVX2 with FMA ---- */
void kern_use_avx2(struct kern *kern);
void kern_use_avx2_tiles(struct kern *kern);
void kern_use_avx2_transform(struct kern *kern);
void kern_use_avx2_depthwise(struct kern *kern);
void kern_use_avx2_layout(struct kern *kern);
void kern_use_avx2_block(struct kern *kern);
void kern_use_avx2_block_integer(struct kern *kern);
void kern_use_avx2_integer(struct kern *kern);
void kern_use_avx2_requantize(struct kern *kern);
void kern_use_avx2_rows(struct kern *kern);
void kern_use_avx2_elementwise(struct kern *kern);
void kern_use_avx2_bytes(struct kern *kern);
void kern_use_avx2_chains(struct kern *kern);
void kern_use_avx2_pixels(struct kern *kern);

/* ---- x86-avxvnni: AVX2 with VNNI ---- */
void kern_use_avxvnni(struct kern *kern);
void kern_use_avxvnni_block_integer(struct kern *kern);
void kern_use_avxvnni_bytes(struct kern *kern);

/* ---- x86-avx512: F, BW, VL, DQ ---- */
void kern_use_avx512(struct kern *kern);
void kern_use_avx512_tiles(struct kern *kern);
void kern_use_avx512_transform(struct kern *kern);
void kern_use_avx512_depthwise(struct kern *kern);
void kern_use_avx512_layout(struct kern *kern);
void kern_use_avx512_block(struct kern *kern);
void kern_use_avx512_block_integer(struct kern *kern);
void kern_use_avx512_integer(struct kern *kern);
void kern_use_avx512_requantize(struct kern *kern);
void kern_use_avx512_rows(struct kern *kern);
void kern_use_avx512_chains(struct kern *kern);
void kern_use_avx512_elementwise(struct kern *kern);
void kern_use_avx512_bytes(struct kern *kern);

/* ---- arm-neon: any 64-bit ARM ---- */
void kern_use_neon(struct kern *kern);
void kern_use_neon_tiles(struct kern *kern);
void kern_use_neon_layout(struct kern *kern);
void kern_use_neon_block(struct kern *kern);
void kern_use_neon_block_integer(struct kern *kern);
void kern_use_neon_integer(struct kern *kern);
void kern_use_neon_rows(struct kern *kern);
void kern_use_neon_elementwise(struct kern *kern);
void kern_use_neon_chains(struct kern *kern);
void kern_use_neon_pixels(struct kern *kern);

/* ---- arm-dot: with dot products of signed bytes; arm-i8mm: of signed and unsigned ones ---- */
void kern_use_dot(struct kern *kern);
void kern_use_dot_block_integer(struct kern *kern);
void kern_use_i8mm(struct kern *kern);
void kern_use_i8mm_block_integer(struct kern *kern);

/* ---- x86-vnni: AVX-512 with VNNI ---- */
void kern_use_vnni(struct kern *kern);
void kern_use_vnni_block_integer(struct kern *kern);
void kern_use_vnni_bytes(struct kern *kern);

/* ---- x86-vbmi: the same with permutations of bytes ---- */
void kern_use_vbmi(struct kern *kern);
void kern_use_vbmi_block_quads(struct kern *kern);
void kern_use_vbmi_bytes(struct kern *kern);

/* Sum of a[i] * b[i] in eight lanes that are added in order. */
float kern_dot_f32(const float *a, const float *b, size_t n);
/* The definitions, for what an instruction set's own leave over. */
void kern_resize_along_u8(uint8_t *y, size_t y_step, const uint8_t *x, size_t x_step, size_t rows,
                          const struct kern_taps *taps);
void kern_resize_down_u8(uint8_t *y, const uint8_t *x, size_t x_step, size_t length, const int16_t *weight, size_t n);
/* w[0] and w[step] as the halves of a word; step 0: one number and 0. */
int32_t kern_pair_i8(const int8_t *w, size_t step);

#endif

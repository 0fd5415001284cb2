#include <arm_neon.h>

/*
 * 32 registers of 4 floats, of which strips for 16 make best use: gcc 12 fetches numbers of many pixels ahead, and
 * keeps the sums of wider strips in memory.
 */
#define VECTOR_BYTES 16
#define BLOCK_REGISTERS 16
#define VECTOR_MAX(a, b) vbslq_f32((a) > (b), a, b)
#define VECTOR_MIN(a, b) vbslq_f32((a) < (b), a, b)
#define VECTOR_PERMUTE(v, lane) permute(v, lane)
#include "kern/vector.h"

/* Bytes are looked up: the four of lane i lie from 4i on. */
static inline vector permute(vector v, int32x4_t lane)
{
    uint32x4_t first = vandq_u32(vreinterpretq_u32_s32(lane), vdupq_n_u32(LANES - 1));
    uint32x4_t bytes = vaddq_u32(vmulq_n_u32(first, 0x04040404), vdupq_n_u32(0x03020100));

    return vreinterpretq_f32_u8(vqtbl1q_u8(vreinterpretq_u8_f32(v), vreinterpretq_u8_u32(bytes)));
}

#include "kern/block.h"
#include "kern/winograd.h"

void kern_use_neon_block(struct kern *kern)
{
    use_block(kern);
    use_winograd(kern);
}

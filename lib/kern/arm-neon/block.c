#include <arm_neon.h>

/*
 * 32 registers of 4 floats, of which strips for 16 make best use: gcc 12 fetches numbers of many pixels ahead, and
 * keeps the sums of wider strips in memory. Not those of depthwise ones, which multiply vectors by vectors.
 */
#define VECTOR_BYTES 16
#define BLOCK_REGISTERS 16
#define DEPTH_REGISTERS 32
#define VECTOR_MAX(a, b) vbslq_f32((a) > (b), a, b)
#define VECTOR_MIN(a, b) vbslq_f32((a) < (b), a, b)
#define VECTOR_PERMUTE(v, lane) permute(v, lane)
#include "kern/arm-neon/in_turn.h"
#include "kern/vector.h"

/* Bytes are looked up: the four of lane i lie from 4i on. */
static inline vector permute(vector v, int32x4_t lane)
{
    uint32x4_t first = vandq_u32(vreinterpretq_u32_s32(lane), vdupq_n_u32(LANES - 1));
    uint32x4_t bytes = vaddq_u32(vmulq_n_u32(first, 0x04040404), vdupq_n_u32(0x03020100));

    return vreinterpretq_f32_u8(vqtbl1q_u8(vreinterpretq_u8_f32(v), vreinterpretq_u8_u32(bytes)));
}

/* clang-format off */
/* To a compiler that knows them to be the same, lanes for many blocks are worth registers of their own. */
#define LANE_OF_FOUR(P, I)                                                                                      \
    if ((I) == 0 && b > 0)                                                                                      \
        four[q / 4] = here(four[q / 4]);                                                                        \
    if (q + (I) < (P))                                                                                          \
        acc[(q + (I)) % (P)][b] = vfmaq_laneq_f32(acc[(q + (I)) % (P)][b], vreinterpretq_f32_s32(v[b]),         \
                                                  vreinterpretq_f32_s32(four[q / 4]), I);
#define PLACE_OF(OFFSET) ((ptrdiff_t)(OFFSET) * (ptrdiff_t)sizeof(float))
#define PLANE_SEGMENTS(P, B)                                                                                    \
    if (c->segments > 0) {                                                                                      \
        SEGMENTS_OF_FOUR(P, B, c->segments)                                                                     \
    }
/* Four pixels of a plane are a vector: sums may take more registers. */
#define PLANE_PIXELS(blocks) ((blocks) == 1 ? 12 : 24 / (blocks))
#define PLANE_STRIPS(S) STRIPS(S) S(7, 2) S(8, 2) S(9, 2) S(10, 2) S(11, 2) S(12, 2) S(5, 3) S(6, 3) S(7, 3) S(8, 3)
/* clang-format on */

#include "kern/block.h"
#include "kern/winograd.h"

void kern_use_neon_block(struct kern *kern)
{
    use_block(kern);
    use_winograd(kern);
}

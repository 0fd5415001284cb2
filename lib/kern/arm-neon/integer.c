/* 32 registers: 8 rows of 2 accumulators, 2 vectors of pixels, a weight and products. */
#include <arm_neon.h>

#define INTEGER kern_use_neon_integer
#define WORDS int32x4_t
#define TILE_ROWS 8
#define PAIR(a, b) pair(a, b)
#define SUM(a, b) vaddq_s32(a, b)
#define BROADCAST(word) vdupq_n_s32(word)
#define LOAD(address) vld1q_s32(address)
#define STORE(address, vector) vst1q_s32(address, vector)

static inline int32x4_t pair(int32x4_t a, int32x4_t b)
{
    int16x8_t x = vreinterpretq_s16_s32(a), y = vreinterpretq_s16_s32(b);

    return vpaddq_s32(vmull_s16(vget_low_s16(x), vget_low_s16(y)), vmull_high_s16(x, y));
}

#include "kern/integer.h"

/* sudot multiplies signed bytes by unsigned ones. */
#include <arm_neon.h>

#define BYTES uint8x16_t
#define BYTES_OF(x) vreinterpretq_u8_s32(x)
#define LANE_DOT(sum, w, x, lane) vsudotq_laneq_s32(sum, vreinterpretq_s8_s32(w), x, lane)
#define EACH_DOT(sum, w, x) vusdotq_s32(sum, x, vreinterpretq_s8_s32(w))
#define BLOCK_INTEGER kern_use_i8mm_block_integer
#include "kern/arm-dot/words.h"

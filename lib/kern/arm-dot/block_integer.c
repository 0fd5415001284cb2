/* sdot multiplies signed bytes by signed ones, so 128 has been taken off those of the picture. */
#include <arm_neon.h>

#define BYTE_ZERO 128
#define BYTES int8x16_t
#define BYTES_OF(x) vreinterpretq_s8_s32(x)
#define LANE_DOT(sum, w, x, lane) vdotq_laneq_s32(sum, vreinterpretq_s8_s32(w), x, lane)
#define EACH_DOT(sum, w, x) vdotq_s32(sum, vreinterpretq_s8_s32(w), x)
#define BLOCK_INTEGER kern_use_dot_block_integer
#include "kern/arm-dot/words.h"

/* sdot multiplies signed bytes by signed ones, so 128 is taken off those of the picture: their highest bit turns. */
#include <arm_neon.h>

#define BYTE_ZERO 128
#define TURNED int8x16_t
#define TURN(x) vreinterpretq_s8_u8(veorq_u8(vreinterpretq_u8_s32(x), vdupq_n_u8(BYTE_ZERO)))
#define LANE_DOT(sum, w, x, lane) vdotq_laneq_s32(sum, vreinterpretq_s8_s32(w), x, lane)
#define EACH_DOT(sum, w, x) vdotq_s32(sum, vreinterpretq_s8_s32(w), x)
#define BLOCK_INTEGER kern_use_dot_block_integer
#include "kern/arm-dot/words.h"

/* Words of two 16-bit numbers: smlal of four filters' weights by one number of the picture. */
#include <arm_neon.h>

static inline int32x4_t dot_words(int32x4_t sum, int32x4_t x, int16x4x2_t w)
{
    int16x4_t pair = vget_low_s16(vreinterpretq_s16_s32(x));

    return vmlal_lane_s16(vmlal_lane_s16(sum, w.val[0], pair, 0), w.val[1], pair, 1);
}

#define WORD_DEPTH 2
#define WEIGHTS int16x4x2_t /* the even channels', the odd ones' */
#define LOAD_WEIGHTS(from) vld2_s16((const int16_t *)(from))
#define DOT dot_words
#define BLOCK_INTEGER kern_use_neon_block_integer
#include "kern/arm-neon/words.h"

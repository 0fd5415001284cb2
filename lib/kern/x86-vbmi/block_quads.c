/* block_quads.c - words of four pixels are one permutation of their bytes. */
#include "kern/x86-vnni/words.h"

/* Four pixels of sixteen channels, channel by channel. */
static inline __m512i quads_at(const char *x)
{
    static const uint8_t order[64] = {
        0,  16, 32, 48, 1,  17, 33, 49, 2,  18, 34, 50, 3,  19, 35, 51, 4,  20, 36, 52, 5,  21,
        37, 53, 6,  22, 38, 54, 7,  23, 39, 55, 8,  24, 40, 56, 9,  25, 41, 57, 10, 26, 42, 58,
        11, 27, 43, 59, 12, 28, 44, 60, 13, 29, 45, 61, 14, 30, 46, 62, 15, 31, 47, 63,
    };

    return _mm512_permutexvar_epi8(_mm512_loadu_si512(order), _mm512_loadu_si512(x));
}

#define QUADS_AT quads_at
#include "kern/block_quads.h"

void kern_use_vbmi_block_quads(struct kern *kern)
{
    kern->block_quads_u8 = block_quads_u8;
}

/* 32 registers of 16 words of four bytes. */
#include "kern/x86-vnni/words.h"

/* Four pixels of sixteen channels: those of four channels each go to one part of a register, then channel by channel. */
static inline __m512i quads_at(const char *x)
{
    const __m512i parts = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __m128i bytes = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);

    return _mm512_shuffle_epi8(_mm512_permutexvar_epi32(parts, _mm512_loadu_si512(x)), _mm512_broadcast_i32x4(bytes));
}

#define QUADS_AT quads_at
#define SHORT_RUNS
#define BLOCK_INTEGER kern_use_vnni_block_integer

#include "kern/block_integer.h"

/* bytes.c - u8 element by element: a table of 256 bytes lies in four registers. */
#include <immintrin.h>

#include "kern/internal.h"

struct halves {
    __m512i low[2], high[2];
};

static inline __m512i look_up(const struct halves *table, __m512i x)
{
    const __m512i low = _mm512_permutex2var_epi8(table->low[0], x, table->low[1]);
    const __m512i high = _mm512_permutex2var_epi8(table->high[0], x, table->high[1]);

    return _mm512_mask_mov_epi8(low, _mm512_movepi8_mask(x), high);
}

static void map_u8(uint8_t *y, const uint8_t *x, const uint8_t table[256], size_t n)
{
    const struct halves halves = { { _mm512_loadu_si512(table), _mm512_loadu_si512(table + 64) },
                                   { _mm512_loadu_si512(table + 128), _mm512_loadu_si512(table + 192) } };
    size_t i = 0;

    for (; i + 64 <= n; i += 64)
        _mm512_storeu_si512(y + i, look_up(&halves, _mm512_loadu_si512(x + i)));
    if (i < n) {
        const __mmask64 rest = ~UINT64_C(0) >> (64 - (n - i));
        _mm512_mask_storeu_epi8(y + i, rest, look_up(&halves, _mm512_maskz_loadu_epi8(rest, x + i)));
    }
}

void kern_use_vbmi_bytes(struct kern *kern)
{
    kern->map_u8 = map_u8;
}

/*
 * pixels.c - pictures at another size. Two 16-bit weights at once, each in two halves, so that the sums are those of
 * the definition to the last bit.
 */
#include <immintrin.h>
#include <string.h>

#include "kern/internal.h"

enum { GROUP = KERN_TAPS_GROUP, ROWS = 4 };

/* Four pixels of three bytes to words: in the lower half red, green and blue of the first two, side by side; in the
 * upper half those of the other two. */
static __m256i widen_rgb(const uint8_t *x)
{
    const __m256i order = _mm256_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1, /* */
                                           6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1);

    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)x)), order);
}

/* Both halves of the weights in one sum, without the half that rounds. */
static __m256i join(__m256i high, __m256i low)
{
    return _mm256_add_epi32(_mm256_slli_epi32(high, KERN_TAPS_LOW), low);
}

static __m256i to_level(__m256i sum)
{
    return _mm256_srai_epi32(_mm256_add_epi32(sum, _mm256_set1_epi32(1 << (KERN_TAPS_BITS - 1))), KERN_TAPS_BITS);
}

/* The sums of two rows, each a register's two halves added. */
static __m256i fold(__m256i a, __m256i b)
{
    return _mm256_add_epi32(_mm256_permute2x128_si256(a, b, 0x20), _mm256_permute2x128_si256(a, b, 0x31));
}

/* The sums of one output pixel of a row. */
struct sums {
    __m256i high, low;
};

static inline struct sums add_group(struct sums sums, const uint8_t *x, __m256i highs, __m256i lows)
{
    const __m256i words = widen_rgb(x);

    sums.high = _mm256_add_epi32(sums.high, _mm256_madd_epi16(words, highs));
    sums.low = _mm256_add_epi32(sums.low, _mm256_madd_epi16(words, lows));
    return sums;
}

/* One output pixel of four rows, as four words whose three low bytes are a pixel: rows 0, 2, 1, 3. Sums stay in
 * registers only as variables of their own. */
static inline __m128i resize_pixel(const uint8_t *x, size_t step, const int16_t *weight, size_t groups)
{
    const __m256i first = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1), second = _mm256_setr_epi32(2, 2, 2, 2, 3, 3, 3, 3);
    struct sums a = { _mm256_setzero_si256(), _mm256_setzero_si256() }, b = a, c = a, d = a;
    __m256i levels;

    for (size_t g = 0; g < groups; g++, weight += 2 * GROUP, x += 3 * GROUP) {
        const __m256i both = _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)weight));
        const __m256i highs = _mm256_permutevar8x32_epi32(both, first),
                      lows = _mm256_permutevar8x32_epi32(both, second);

        a = add_group(a, x, highs, lows);
        b = add_group(b, x + step, highs, lows);
        c = add_group(c, x + 2 * step, highs, lows);
        d = add_group(d, x + 3 * step, highs, lows);
    }
    levels = _mm256_packs_epi32(to_level(fold(join(a.high, a.low), join(b.high, b.low))),
                                to_level(fold(join(c.high, c.low), join(d.high, d.low))));
    levels = _mm256_packus_epi16(levels, levels);
    return _mm_unpacklo_epi64(_mm256_castsi256_si128(levels), _mm256_extracti128_si256(levels, 1));
}

static void store_pixel(uint8_t *y, uint32_t pixel, size_t bytes)
{
    memcpy(y, &pixel, bytes);
}

/* Four rows. Each pixel but the last is stored with a byte more, which the next one overwrites. */
static inline void resize_rows(uint8_t *y, size_t y_step, const uint8_t *x, size_t x_step, const struct kern_taps *taps,
                               size_t groups)
{
    const size_t last = taps->count - 1;
    const int32_t *first = taps->first;
    const int16_t *weight = taps->weight;
    uint32_t pixel[ROWS];

    for (size_t i = 0; i <= last; i++, y += 3, weight += groups * 2 * GROUP) {
        _mm_storeu_si128((void *)pixel, resize_pixel(x + 3 * (size_t)first[i], x_step, weight, groups));
        store_pixel(y, pixel[0], i < last ? 4 : 3);
        store_pixel(y + y_step, pixel[2], i < last ? 4 : 3);
        store_pixel(y + 2 * y_step, pixel[1], i < last ? 4 : 3);
        store_pixel(y + 3 * y_step, pixel[3], i < last ? 4 : 3);
    }
}

/* Four taps of four rows of gray, a row after the other, as words. */
static inline __m256i widen_gray(const uint8_t *x, size_t step)
{
    int32_t row[ROWS];

    for (int i = 0; i < ROWS; i++)
        memcpy(&row[i], x + (size_t)i * step, sizeof(row[i]));
    return _mm256_cvtepu8_epi16(_mm_setr_epi32(row[0], row[1], row[2], row[3]));
}

static inline __m256i four_words(const int16_t *weight)
{
    int64_t words;

    memcpy(&words, weight, sizeof(words));
    return _mm256_set1_epi64x(words);
}

/* The same of gray: one output pixel of four rows, in the lowest four bytes. */
static inline uint32_t resize_gray(const uint8_t *x, size_t step, const int16_t *weight, size_t groups)
{
    struct sums sums = { _mm256_setzero_si256(), _mm256_setzero_si256() };
    __m256i pairs, levels;

    for (size_t g = 0; g < groups; g++, weight += 2 * GROUP, x += GROUP) {
        const __m256i words = widen_gray(x, step);

        sums.high = _mm256_add_epi32(sums.high, _mm256_madd_epi16(words, four_words(weight)));
        sums.low = _mm256_add_epi32(sums.low, _mm256_madd_epi16(words, four_words(weight + GROUP)));
    }
    pairs = join(sums.high, sums.low);
    levels = to_level(_mm256_add_epi32(pairs, _mm256_srli_epi64(pairs, 32))); /* a row's in the even words */
    levels = _mm256_permutevar8x32_epi32(levels, _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6));
    levels = _mm256_packs_epi32(levels, levels);
    return (uint32_t)_mm256_cvtsi256_si32(_mm256_packus_epi16(levels, levels));
}

static inline void resize_gray_rows(uint8_t *y, size_t y_step, const uint8_t *x, size_t x_step,
                                    const struct kern_taps *taps, size_t groups)
{
    const int16_t *weight = taps->weight;

    for (size_t i = 0; i < taps->count; i++, weight += groups * 2 * GROUP) {
        const uint32_t four = resize_gray(x + taps->first[i], x_step, weight, groups);

        for (size_t row = 0; row < ROWS; row++)
            y[row * y_step + i] = (uint8_t)(four >> 8 * row);
    }
}

static void resize_along_u8(uint8_t *y, size_t y_step, const uint8_t *x, size_t x_step, size_t rows,
                            const struct kern_taps *taps)
{
    size_t row = 0;

    for (; row + ROWS <= rows; row += ROWS, y += ROWS * y_step, x += ROWS * x_step) {
        if (taps->channels == 1)
            resize_gray_rows(y, y_step, x, x_step, taps, taps->groups);
        else if (taps->groups == 1)
            resize_rows(y, y_step, x, x_step, taps, 1);
        else if (taps->groups == 2)
            resize_rows(y, y_step, x, x_step, taps, 2);
        else
            resize_rows(y, y_step, x, x_step, taps, taps->groups);
    }
    if (row < rows)
        kern_resize_along_u8(y, y_step, x, x_step, rows - row, taps);
}

/* Sixteen columns of two rows, side by side: the lower eight of each 16-byte half, then the upper eight. */
static void add_rows(__m256i high[2], __m256i low[2], const uint8_t *a, const uint8_t *b, const int16_t *weight)
{
    const __m256i first = _mm256_cvtepu8_epi16(_mm_loadu_si128((const void *)a));
    const __m256i second = _mm256_cvtepu8_epi16(_mm_loadu_si128((const void *)b));
    const __m256i pair[2] = { _mm256_unpacklo_epi16(first, second), _mm256_unpackhi_epi16(first, second) };
    int32_t words[2];

    memcpy(&words[0], weight, sizeof(words[0]));
    memcpy(&words[1], weight + GROUP, sizeof(words[1]));
    for (int i = 0; i < 2; i++) {
        high[i] = _mm256_add_epi32(high[i], _mm256_madd_epi16(pair[i], _mm256_set1_epi32(words[0])));
        low[i] = _mm256_add_epi32(low[i], _mm256_madd_epi16(pair[i], _mm256_set1_epi32(words[1])));
    }
}

static void resize_columns(uint8_t *y, const uint8_t *x, size_t x_step, size_t length, const int16_t *weight)
{
    __m256i high[2] = { _mm256_setzero_si256(), _mm256_setzero_si256() }, low[2] = { high[0], high[0] }, levels;

    for (size_t tap = 0; tap < length; tap += 2) {
        const uint8_t *at = x + tap * x_step; /* an odd last row beside itself: its weight there is 0 */

        add_rows(high, low, at, tap + 1 < length ? at + x_step : at, weight + tap / GROUP * 2 * GROUP + tap % GROUP);
    }
    levels = _mm256_packs_epi32(to_level(join(high[0], low[0])), to_level(join(high[1], low[1])));
    levels = _mm256_packus_epi16(levels, levels);
    _mm_storeu_si128((void *)y, _mm256_castsi256_si128(_mm256_permute4x64_epi64(levels, 0xd8)));
}

static void resize_down_u8(uint8_t *y, const uint8_t *x, size_t x_step, size_t length, const int16_t *weight, size_t n)
{
    size_t i = 0;

    for (; i + 16 <= n; i += 16)
        resize_columns(y + i, x + i, x_step, length, weight);
    if (i < n && n >= 16) /* the last sixteen, some of them once more */
        resize_columns(y + n - 16, x + n - 16, x_step, length, weight);
    else if (i < n)
        kern_resize_down_u8(y, x, x_step, length, weight, n);
}

void kern_use_avx2_pixels(struct kern *kern)
{
    kern->resize_along_u8 = resize_along_u8;
    kern->resize_down_u8 = resize_down_u8;
}

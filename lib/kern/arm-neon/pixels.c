/*
 * pixels.c - pictures at another size. Bytes are looked up into words of 32 bits, and multiplied by whole weights: the
 * sums are those of the definition to the last bit.
 */
#include <arm_neon.h>
#include <string.h>

#include "kern/internal.h"

enum { GROUP = KERN_TAPS_GROUP, ROWS = 4, COLUMNS = 16 };

/* Beyond a table's end: a zero comes out. */
#define NONE 255
#define BYTE_OF_WORD(a) a, NONE, NONE, NONE

/* clang-format off */
/* Four bytes side by side, each the lowest of a word: the four from 0, 4, 8, 12 on. */
static const uint8_t gray_bytes[4][16] = {
    { BYTE_OF_WORD(0), BYTE_OF_WORD(1), BYTE_OF_WORD(2), BYTE_OF_WORD(3) },
    { BYTE_OF_WORD(4), BYTE_OF_WORD(5), BYTE_OF_WORD(6), BYTE_OF_WORD(7) },
    { BYTE_OF_WORD(8), BYTE_OF_WORD(9), BYTE_OF_WORD(10), BYTE_OF_WORD(11) },
    { BYTE_OF_WORD(12), BYTE_OF_WORD(13), BYTE_OF_WORD(14), BYTE_OF_WORD(15) },
};

/* Red, green and blue of a group's four pixels. */
static const uint8_t rgb_bytes[GROUP][16] = {
    { BYTE_OF_WORD(0), BYTE_OF_WORD(1), BYTE_OF_WORD(2), BYTE_OF_WORD(NONE) },
    { BYTE_OF_WORD(3), BYTE_OF_WORD(4), BYTE_OF_WORD(5), BYTE_OF_WORD(NONE) },
    { BYTE_OF_WORD(6), BYTE_OF_WORD(7), BYTE_OF_WORD(8), BYTE_OF_WORD(NONE) },
    { BYTE_OF_WORD(9), BYTE_OF_WORD(10), BYTE_OF_WORD(11), BYTE_OF_WORD(NONE) },
};
/* clang-format on */

static inline uint32x4_t widen(uint8x16_t x, uint8x16_t bytes)
{
    return vreinterpretq_u32_u8(vqtbl1q_u8(x, bytes));
}

/* A group's weights, both halves together. */
static inline uint32x4_t whole(const int16_t *weight)
{
    const int16x8_t halves = vld1q_s16(weight);

    return vreinterpretq_u32_s32(vaddw_high_s16(vshll_n_s16(vget_low_s16(halves), KERN_TAPS_LOW), halves));
}

static inline uint32x4_t half(void)
{
    return vdupq_n_u32(1U << (KERN_TAPS_BITS - 1));
}

/* Four words each: sixteen levels. */
static inline uint8x16_t to_levels(uint32x4_t a, uint32x4_t b, uint32x4_t c, uint32x4_t d)
{
    const uint16x8_t first = vcombine_u16(vqmovn_u32(vshrq_n_u32(a, KERN_TAPS_BITS)), /* */
                                          vqmovn_u32(vshrq_n_u32(b, KERN_TAPS_BITS)));
    const uint16x8_t second = vcombine_u16(vqmovn_u32(vshrq_n_u32(c, KERN_TAPS_BITS)),
                                           vqmovn_u32(vshrq_n_u32(d, KERN_TAPS_BITS)));

    return vcombine_u8(vqmovn_u16(first), vqmovn_u16(second));
}

/* One output pixel of four rows, as four words whose three low bytes are a pixel. */
static inline uint8x16_t resize_pixel(const uint8_t *x, size_t step, const int16_t *weight, size_t groups)
{
    const uint8x16_t bytes[GROUP] = { vld1q_u8(rgb_bytes[0]), vld1q_u8(rgb_bytes[1]), vld1q_u8(rgb_bytes[2]),
                                      vld1q_u8(rgb_bytes[3]) };
    uint32x4_t sum[ROWS] = { half(), half(), half(), half() };

    for (size_t g = 0; g < groups; g++, weight += 2 * GROUP, x += 3 * GROUP) {
        const uint32x4_t by = whole(weight);
        uint8x16_t row[ROWS];

        for (int i = 0; i < ROWS; i++)
            row[i] = vld1q_u8(x + (size_t)i * step);
        for (int i = 0; i < ROWS; i++)
            sum[i] = vmlaq_laneq_u32(sum[i], widen(row[i], bytes[0]), by, 0);
        for (int i = 0; i < ROWS; i++)
            sum[i] = vmlaq_laneq_u32(sum[i], widen(row[i], bytes[1]), by, 1);
        for (int i = 0; i < ROWS; i++)
            sum[i] = vmlaq_laneq_u32(sum[i], widen(row[i], bytes[2]), by, 2);
        for (int i = 0; i < ROWS; i++)
            sum[i] = vmlaq_laneq_u32(sum[i], widen(row[i], bytes[3]), by, 3);
    }
    return to_levels(sum[0], sum[1], sum[2], sum[3]);
}

static void store_pixel(uint8_t *y, uint32_t pixel, size_t bytes)
{
    memcpy(y, &pixel, bytes);
}

/* Four rows. Each pixel but the last is stored with a byte more, which the next one overwrites. */
static inline void resize_rows(uint8_t *y, size_t y_step, const uint8_t *x, size_t x_step, const struct kern_taps *taps)
{
    const size_t last = taps->count - 1, groups = taps->groups;
    const int16_t *weight = taps->weight;

    for (size_t i = 0; i <= last; i++, y += 3, weight += groups * 2 * GROUP) {
        const uint32x4_t pixels = vreinterpretq_u32_u8(
            resize_pixel(x + 3 * (size_t)taps->first[i], x_step, weight, groups));
        const size_t bytes = i < last ? 4 : 3;

        store_pixel(y, vgetq_lane_u32(pixels, 0), bytes);
        store_pixel(y + y_step, vgetq_lane_u32(pixels, 1), bytes);
        store_pixel(y + 2 * y_step, vgetq_lane_u32(pixels, 2), bytes);
        store_pixel(y + 3 * y_step, vgetq_lane_u32(pixels, 3), bytes);
    }
}

/* The same of gray: one output pixel of four rows, in the lowest four bytes. A lane has every fourth tap. */
static inline uint32_t resize_gray(const uint8_t *x, size_t step, const int16_t *weight, size_t groups)
{
    const uint8x16_t bytes = vld1q_u8(gray_bytes[0]);
    uint32x4_t sum[ROWS] = { vdupq_n_u32(0), vdupq_n_u32(0), vdupq_n_u32(0), vdupq_n_u32(0) };
    uint32x4_t all;

    for (size_t g = 0; g < groups; g++, weight += 2 * GROUP, x += GROUP) {
        const uint32x4_t by = whole(weight);

        for (int i = 0; i < ROWS; i++) {
            uint32_t four;
            memcpy(&four, x + (size_t)i * step, sizeof(four));
            sum[i] = vmlaq_u32(sum[i], widen(vreinterpretq_u8_u32(vdupq_n_u32(four)), bytes), by);
        }
    }
    all = vaddq_u32(vpaddq_u32(vpaddq_u32(sum[0], sum[1]), vpaddq_u32(sum[2], sum[3])), half());
    return vgetq_lane_u32(vreinterpretq_u32_u8(to_levels(all, all, all, all)), 0);
}

static inline void resize_gray_rows(uint8_t *y, size_t y_step, const uint8_t *x, size_t x_step,
                                    const struct kern_taps *taps)
{
    const size_t groups = taps->groups;
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
            resize_gray_rows(y, y_step, x, x_step, taps);
        else
            resize_rows(y, y_step, x, x_step, taps);
    }
    if (row < rows)
        kern_resize_along_u8(y, y_step, x, x_step, rows - row, taps);
}

static inline uint32_t weight_of(const int16_t *weight, size_t tap)
{
    const int16_t *group = weight + tap / GROUP * 2 * GROUP + tap % GROUP;

    return (uint32_t)(group[0] * (1 << KERN_TAPS_LOW) + group[GROUP]);
}

/* A row's share of sixteen columns. */
#define ADD_ROW(sum, from, add, ...)                                                                                   \
    do {                                                                                                               \
        const uint8x16_t row = vld1q_u8(from);                                                                         \
                                                                                                                       \
        for (int i = 0; i < COLUMNS / 4; i++)                                                                          \
            (sum)[i] = add((sum)[i], widen(row, bytes[i]), __VA_ARGS__);                                               \
    } while (0)

static void resize_columns(uint8_t *y, const uint8_t *x, size_t x_step, size_t length, const int16_t *weight)
{
    const uint8x16_t bytes[COLUMNS / 4] = { vld1q_u8(gray_bytes[0]), vld1q_u8(gray_bytes[1]), vld1q_u8(gray_bytes[2]),
                                            vld1q_u8(gray_bytes[3]) };
    uint32x4_t sum[COLUMNS / 4] = { half(), half(), half(), half() };
    size_t tap = 0;

    for (; tap + GROUP <= length; tap += GROUP, x += GROUP * x_step) {
        const uint32x4_t by = whole(weight + tap * 2);

        ADD_ROW(sum, x, vmlaq_laneq_u32, by, 0);
        ADD_ROW(sum, x + x_step, vmlaq_laneq_u32, by, 1);
        ADD_ROW(sum, x + 2 * x_step, vmlaq_laneq_u32, by, 2);
        ADD_ROW(sum, x + 3 * x_step, vmlaq_laneq_u32, by, 3);
    }
    for (; tap < length; tap++, x += x_step)
        ADD_ROW(sum, x, vmlaq_n_u32, weight_of(weight, tap));
    vst1q_u8(y, to_levels(sum[0], sum[1], sum[2], sum[3]));
}

static void resize_down_u8(uint8_t *y, const uint8_t *x, size_t x_step, size_t length, const int16_t *weight, size_t n)
{
    size_t i = 0;

    for (; i + COLUMNS <= n; i += COLUMNS)
        resize_columns(y + i, x + i, x_step, length, weight);
    if (i < n && n >= COLUMNS) /* the last sixteen, some of them once more */
        resize_columns(y + n - COLUMNS, x + n - COLUMNS, x_step, length, weight);
    else if (i < n)
        kern_resize_down_u8(y, x, x_step, length, weight, n);
}

void kern_use_neon_pixels(struct kern *kern)
{
    kern->resize_along_u8 = resize_along_u8;
    kern->resize_down_u8 = resize_down_u8;
}

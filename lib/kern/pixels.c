/* pixels.c - pictures at another size, for any CPU: the definition. */
#include "kern/internal.h"

enum { GROUP = KERN_TAPS_GROUP, SHIFT = KERN_TAPS_BITS, HALF = 1 << (SHIFT - 1) };

/* Weights are not negative and sum to 1 within rounding, so the sum stays inside int32; 255.5 may come out. */
static uint8_t to_pixel(int32_t sum)
{
    int32_t level = sum >> SHIFT;

    return (uint8_t)(level > 255 ? 255 : level);
}

static int32_t weight_of(const int16_t *weight, size_t tap)
{
    const int16_t *group = weight + tap / GROUP * 2 * GROUP + tap % GROUP;

    return group[0] * (1 << KERN_TAPS_LOW) + group[GROUP];
}

void kern_resize_along_u8(uint8_t *y, size_t y_step, const uint8_t *x, size_t x_step, size_t rows,
                          const struct kern_taps *taps)
{
    const size_t channels = taps->channels;

    for (size_t i = 0; i < taps->count; i++) {
        const int16_t *weight = taps->weight + i * taps->groups * 2 * GROUP;
        const uint8_t *from = x + taps->first[i] * channels;

        for (size_t row = 0; row < rows; row++) {
            int32_t sum[3] = { HALF, HALF, HALF };

            for (size_t tap = 0; tap < taps->groups * GROUP; tap++)
                for (size_t c = 0; c < channels && c < COUNT(sum); c++)
                    sum[c] += from[row * x_step + tap * channels + c] * weight_of(weight, tap);
            for (size_t c = 0; c < channels && c < COUNT(sum); c++)
                y[row * y_step + i * channels + c] = to_pixel(sum[c]);
        }
    }
}

void kern_resize_down_u8(uint8_t *y, const uint8_t *x, size_t x_step, size_t length, const int16_t *weight, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int32_t sum = HALF;

        for (size_t tap = 0; tap < length; tap++)
            sum += x[tap * x_step + i] * weight_of(weight, tap);
        y[i] = to_pixel(sum);
    }
}

void kern_use_pixels(struct kern *kern)
{
    kern->resize_along_u8 = kern_resize_along_u8;
    kern->resize_down_u8 = kern_resize_down_u8;
}

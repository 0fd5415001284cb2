/* Pictures at another size: every path gives the bytes of a sum in 64 bits. */
#include "kern/each_path.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/rng.h"

enum { GROUP = KERN_TAPS_GROUP, IN = 90, OUT = 41, ROWS = 11, SLACK = 64, MOST_GROUPS = 5 };

static struct kern kernels(void **state)
{
    struct kern kern;

    assert_int_equal(kern_init(&kern, *state, NULL), 0);
    return kern;
}

static void put(int16_t *weight, int tap, int32_t value)
{
    int16_t *group = weight + tap / GROUP * 2 * GROUP + tap % GROUP;

    group[0] = (int16_t)(value >> KERN_TAPS_LOW);
    group[GROUP] = (int16_t)(value & ((1 << KERN_TAPS_LOW) - 1));
}

/* `length` weights that add up to 1, or to a little more, one of them all of it now and then. */
static void draw_weights(struct rng *rng, int16_t *weight, int32_t *plain, int length)
{
    int32_t left = (1 << KERN_TAPS_BITS) + (int32_t)rng_below(rng, 4);

    for (int tap = 0; tap < length; tap++) {
        plain[tap] = tap + 1 == length || rng_below(rng, 8) == 0 ? left : (int32_t)rng_below(rng, (uint32_t)left + 1);
        left -= plain[tap];
        put(weight, tap, plain[tap]);
    }
}

static uint8_t level_of(int64_t sum)
{
    const int64_t level = (sum + (1 << (KERN_TAPS_BITS - 1))) >> KERN_TAPS_BITS;

    return (uint8_t)(level > 255 ? 255 : level);
}

static void fill(struct rng *rng, uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        bytes[i] = rng_below(rng, 4) == 0 ? 255 : (uint8_t)rng_below(rng, 256);
}

static void along(void **state, struct rng *rng, int channels, int groups, int rows)
{
    const struct kern kern = kernels(state);
    const int taps = groups * GROUP, x_step = IN * channels, y_step = OUT * channels;
    uint8_t x[ROWS * IN * 3 + SLACK], y[ROWS * OUT * 3 + 1];
    static int16_t weight[OUT * MOST_GROUPS * 2 * GROUP];
    static int32_t plain[OUT][MOST_GROUPS * GROUP];
    int32_t first[OUT];
    const struct kern_taps how = { OUT, (size_t)groups, (size_t)channels, first, weight };

    fill(rng, x, sizeof(x));
    for (int i = 0; i < OUT; i++) {
        first[i] = (int32_t)rng_below(rng, (uint32_t)(IN - taps + 1));
        draw_weights(rng, weight + i * taps * 2, plain[i], taps);
    }
    y[rows * y_step] = 77;
    kern.resize_along_u8(y, (size_t)y_step, x, (size_t)x_step, (size_t)rows, &how);
    assert_int_equal(y[rows * y_step], 77); /* nothing beyond */
    for (int at = 0; at < rows * y_step; at++) {
        const int row = at / y_step, i = at % y_step / channels, c = at % channels;
        int64_t sum = 0;

        for (int tap = 0; tap < taps; tap++)
            sum += (int64_t)x[row * x_step + (first[i] + tap) * channels + c] * plain[i][tap];
        assert_int_equal(y[at], level_of(sum));
    }
}

static void rows_become_longer_or_shorter_to_the_bit(void **state)
{
    struct rng rng = rng_make(3, 1);

    for (int channels = 1; channels <= 3; channels += 2)
        for (int groups = 1; groups <= MOST_GROUPS; groups++)
            for (int rows = 0; rows <= ROWS; rows++)
                along(state, &rng, channels, groups, rows);
}

static void columns_are_summed_to_the_bit(void **state)
{
    const struct kern kern = kernels(state);
    struct rng rng = rng_make(3, 2);

    for (int length = 1; length <= 2 * GROUP + 1; length++)
        for (int n = 1; n < 70; n += n < 20 ? 1 : 7) {
            uint8_t x[(2 * GROUP + 1) * 70], y[71];
            int16_t weight[3 * 2 * GROUP] = { 0 };
            int32_t plain[3 * GROUP];

            fill(&rng, x, sizeof(x));
            draw_weights(&rng, weight, plain, length);
            y[n] = 77;
            kern.resize_down_u8(y, x, (size_t)n, (size_t)length, weight, (size_t)n);
            assert_int_equal(y[n], 77);
            for (int i = 0; i < n; i++) {
                int64_t sum = 0;

                for (int tap = 0; tap < length; tap++)
                    sum += (int64_t)x[tap * n + i] * plain[tap];
                assert_int_equal(y[i], level_of(sum));
            }
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_become_longer_or_shorter_to_the_bit),
        cmocka_unit_test(columns_are_summed_to_the_bit),
    };

    return EACH_PATH_RUN(tests, NULL);
}

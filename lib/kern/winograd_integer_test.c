/*
 * The whole numbers of Winograd's convolution of bytes: on the way in they are
 * B' d B, and what comes out of the 36 products is the plain convolution of the
 * tile, to the largest results that are exact. Buffers end at pages that must not
 * be touched.
 */
#include "kern/each_path.h"

#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "kern/guard.h"

enum { MOST_SIDE = 6, MOST = 5, MOST_LANES = 16 };

/* Lavin & Gray; G's rows times 4, 6, 6, 24, 24 and 1, and for small tiles times 2. */
static const int large_in[MOST_SIDE][MOST_SIDE] = { { 4, 0, -5, 0, 1, 0 },  { 0, -4, -4, 1, 1, 0 },
                                                    { 0, 4, -4, -1, 1, 0 }, { 0, -2, -1, 2, 1, 0 },
                                                    { 0, 2, -1, -2, 1, 0 }, { 0, 4, 0, -5, 0, 1 } };
static const int large_filter[MOST_SIDE][3] = { { 1, 0, 0 }, { -1, -1, -1 }, { -1, 1, -1 },
                                                { 1, 2, 4 }, { 1, -2, 4 },   { 0, 0, 1 } };

static const int small_in[4][MOST_SIDE] = { { 1, 0, -1, 0 }, { 0, 1, 1, 0 }, { 0, -1, 1, 0 }, { 0, 1, 0, -1 } };
static const int small_filter[4][3] = { { 2, 0, 0 }, { 1, 1, 1 }, { 1, -1, 1 }, { 0, 0, 2 } };

static struct kern kern;

struct draw {
    struct rng rng;
    struct kern_winograd_u8 g;
    size_t tiles, side; /* m + 2 */
    const int (*way_in)[MOST_SIDE], (*filter_in)[3];
};

static struct draw draw_of(uint64_t seed)
{
    static const int zeros[] = { 0, 255, 128, 3 };
    struct draw d = { .rng = rng_make(seed, kern.lanes), .tiles = 1 + seed % MOST, .g.m = seed % 2 ? 4 : 2 };

    d.side = d.g.m + 2;
    d.way_in = d.g.m == 4 ? large_in : small_in;
    d.filter_in = d.g.m == 4 ? large_filter : small_filter;
    d.g.row = (d.tiles * d.g.m + 2 + rng_below(&d.rng, 3)) * kern.lanes;
    d.g.number = (d.tiles + rng_below(&d.rng, 3)) * kern.lanes;
    d.g.zero_point = zeros[seed / MOST % 4];
    d.g.low = (int32_t)rng_below(&d.rng, 100);
    d.g.high = 155 + (int32_t)rng_below(&d.rng, 101);
    return d;
}

static uint8_t *bytes_of(struct draw *d, struct guard *guard, size_t count)
{
    uint8_t *x = guard_new(guard, count);

    for (size_t i = 0; i < count; i++)
        x[i] = (uint8_t)(rng_below(&d->rng, 3) ? rng_below(&d->rng, 256) : rng_below(&d->rng, 2) * 255);
    return x;
}

static int pixel_of(const struct draw *d, const uint8_t *x, size_t tile, size_t i, size_t j, size_t lane)
{
    return x[i * d->g.row + (tile * d->g.m + j) * kern.lanes + lane] - d->g.zero_point;
}

static int number_in(const struct draw *d, const uint8_t *x, size_t tile, size_t point, size_t lane)
{
    int sum = 0;

    for (size_t i = 0; i < d->side; i++)
        for (size_t j = 0; j < d->side; j++)
            sum += d->way_in[point / d->side][i] * d->way_in[point % d->side][j] * pixel_of(d, x, tile, i, j, lane);
    return sum;
}

static size_t picture_bytes(const struct draw *d, size_t side)
{
    return (side - 1) * d->g.row + ((d->tiles - 1) * d->g.m + side) * kern.lanes;
}

static void tiles_in_are_their_matrices(void **state)
{
    assert_int_equal(kern_init(&kern, *state, NULL), 0);
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct draw d = draw_of(seed);
        struct guard guard[2];
        size_t count = (d.side * d.side - 1) * d.g.number + d.tiles * kern.lanes;
        uint8_t *x = bytes_of(&d, &guard[0], picture_bytes(&d, d.side));
        int16_t *v = (int16_t *)(void *)guard_new(&guard[1], count * sizeof *v);
        kern.winograd_in_u8(&d.g, d.tiles, x, v);
        for (size_t point = 0; point < d.side * d.side; point++)
            for (size_t i = 0; i < d.tiles * kern.lanes; i++)
                assert_int_equal(v[point * d.g.number + i], number_in(&d, x, i / kern.lanes, point, i % kern.lanes));
        guard_free(&guard[0]);
        guard_free(&guard[1]);
    }
}

/* One weight for all channels that add to a lane: w[3][3] times `scale`, so that sums become as large as wanted. */
struct filter {
    int w[3][3];
    int scale;
};

static uint32_t product(const struct draw *d, const struct filter *f, const uint8_t *x, size_t tile, size_t point,
                        size_t lane)
{
    int weight = 0;

    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < 3; j++)
            weight += d->filter_in[point / d->side][i] * d->filter_in[point % d->side][j] * f->w[i][j];
    return (uint32_t)weight * (uint32_t)f->scale * (uint32_t)number_in(d, x, tile, point, lane);
}

static long result(const struct draw *d, const struct filter *f, const uint8_t *x, size_t tile, size_t pixel,
                   size_t lane)
{
    long sum = 0;

    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < 3; j++)
            sum += (long)f->w[i][j] * f->scale * pixel_of(d, x, tile, pixel / d->g.m + i, pixel % d->g.m + j, lane);
    return sum;
}

static uint8_t stored(const struct draw *d, long sum, int32_t bias, float scale)
{
    float v = (float)(int32_t)(sum + bias) * scale;
    long q = lrintf(fminf(fmaxf(v, (float)(d->g.low - d->g.zero_point)), (float)(d->g.high - d->g.zero_point)));

    return (uint8_t)(q + d->g.zero_point);
}

/* Filters of all signs, the largest result just below 2^25, or 2^29. */
static struct filter filter_of(struct draw *d)
{
    struct filter f = { .scale = 1 };
    int magnitude = 1;

    for (size_t i = 0; i < 9; i++) {
        f.w[i / 3][i % 3] = (int)rng_below(&d->rng, 256) - 128;
        magnitude += abs(f.w[i / 3][i % 3]);
    }
    f.scale = ((d->g.m == 4 ? 1 << 25 : 1 << 29) - 1) / (magnitude * 255);
    return f;
}

static void results_are_exact_below_their_bound(void **state)
{
    assert_int_equal(kern_init(&kern, *state, NULL), 0);
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct draw d = draw_of(seed);
        struct guard guard[3];
        struct filter f = filter_of(&d);
        size_t count = (d.side * d.side - 1) * d.g.number + d.tiles * kern.lanes, bytes = picture_bytes(&d, d.g.m);
        uint8_t *x = bytes_of(&d, &guard[0], picture_bytes(&d, d.side)), *y = guard_new(&guard[1], bytes);
        int32_t *m = (int32_t *)(void *)guard_new(&guard[2], count * sizeof *m), bias[MOST_LANES];
        float scale[MOST_LANES];
        for (size_t l = 0; l < kern.lanes; l++) {
            bias[l] = (int32_t)rng_below(&d.rng, 20000) - 10000;
            scale[l] = (seed % 4 < 2 ? 1e-5F : 4e-6F) * (d.g.m == 4 ? 1 : 0.0625F) * (1 + rng_uniform(&d.rng));
        }
        for (size_t point = 0; point < d.side * d.side; point++)
            for (size_t i = 0; i < d.tiles * kern.lanes; i++)
                m[point * d.g.number + i] = (int32_t)product(&d, &f, x, i / kern.lanes, point, i % kern.lanes);
        kern.winograd_out_u8(&d.g, d.tiles, m, bias, scale, y);
        for (size_t p = 0; p < d.g.m * d.g.m; p++)
            for (size_t i = 0; i < d.tiles * kern.lanes; i++) {
                size_t tile = i / kern.lanes, lane = i % kern.lanes;
                uint8_t *got = &y[p / d.g.m * d.g.row + (tile * d.g.m + p % d.g.m) * kern.lanes + lane];
                assert_int_equal(*got, stored(&d, result(&d, &f, x, tile, p, lane), bias[lane], scale[lane]));
                *got = GUARD_FILL;
            }
        for (size_t i = 0; i < bytes; i++)
            assert_int_equal(y[i], GUARD_FILL);
        for (size_t i = 0; i < COUNT(guard); i++)
            guard_free(&guard[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiles_in_are_their_matrices),
        cmocka_unit_test(results_are_exact_below_their_bound),
    };

    return EACH_PATH_RUN(tests, NULL);
}

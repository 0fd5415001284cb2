/* Products and convolutions of every instruction set against their portable definition; none writes past the end. */
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "kern/each_path.h"

enum { MOST = 70, GUARD = 16, CHANNELS = 3, TAPS = 4, PLANE = 160 };

/* Any order of a sum of some hundred terms below 1 stays within this of another. */
static const double tolerance = 2e-5;

static float noise(size_t i)
{
    return (float)((i * 2654435761U >> 7) % 2001) / 1000 - 1;
}

static float *floats(size_t count)
{
    float *x = malloc((count + GUARD) * sizeof *x);

    assert_non_null(x);
    for (size_t i = 0; i < count + GUARD; i++)
        x[i] = noise(i + count);
    return x;
}

static void assert_close(const float *got, const float *want, size_t count, const char *cpu, size_t m, size_t n)
{
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)got[i] - (double)want[i]) <= tolerance * (1 + fabs((double)want[i]))))
            fail_msg("%s, %d by %d: element %d is %.9g, the definition says %.9g", cpu, (int)m, (int)n, (int)i,
                     (double)got[i], (double)want[i]);
}

/* The path under test, and the definition. */
static struct kern fast, plain;

static int start(void **state)
{
    return kern_init(&plain, "portable", NULL) < 0 ? -1 : kern_init(&fast, *state, NULL);
}

/* One shape, all four orders, with and without what was there before; ld larger than the matrix is wide. */
static void check_gemm(size_t m, size_t n, size_t k)
{
    size_t most = (m > n ? m : n) + 3, wide = k + 3 > most ? k + 3 : most, ldc = n + 2;
    float *a = floats(wide * wide), *b = floats(wide * wide), *got = floats(m * ldc), *want = floats(m * ldc);

    for (int order = 0; order < 8; order++) {
        bool ta = order & 1, tb = order & 2;
        float beta = order & 4 ? 0.5F : 0;
        fast.gemm_f32(ta, tb, m, n, k, a, wide, b, wide, beta, got, ldc);
        plain.gemm_f32(ta, tb, m, n, k, a, wide, b, wide, beta, want, ldc);
        assert_close(got, want, m * ldc + GUARD, fast.cpu, m, n);
    }
    free(a);
    free(b);
    free(got);
    free(want);
}

static void gemm_agrees_with_its_definition(void **state)
{
    (void)state;
    for (size_t n = 1; n <= MOST; n++) {
        check_gemm(1 + n * 7 % 30, n, 1 + n * 5 % 40);
        check_gemm(n, 1 + n * 7 % 37, 1 + n * 3 % 19);
    }
    check_gemm(130, 33, 300);
    check_gemm(5, 9, 0);
}

/* Beta 0 means that c is not read: it may hold anything. */
static void gemm_overwrites_nan(void **state)
{
    float a[6] = { 1, 2, 3, 4, 5, 6 }, y[4] = { NAN, NAN, NAN, NAN };

    (void)state;
    fast.gemm_f32(false, true, 2, 2, 3, a, 3, a, 3, 0, y, 2);
    assert_true(y[0] == 14 && y[1] == 32 && y[2] == 32 && y[3] == 77);
    y[0] = NAN;
    fast.gemm_f32(true, false, 2, 2, 3, a, 2, a, 2, 0, y, 2);
    assert_true(y[0] == 35 && y[3] == 56);
}

static const int32_t taps[TAPS] = { 0, 1, 9, 17 };

static void check_conv(size_t m, size_t n)
{
    size_t depth = CHANNELS * TAPS;
    float *w = floats(m * depth), *x = floats(CHANNELS * PLANE), *bias = floats(m);
    float *packed = floats(m * depth), *got = floats(m * n), *want = floats(m * n);
    float *dgot = floats(m * depth), *dwant = floats(m * depth);

    for (int with = 0; with < 2; with++) {
        fast.conv_pack_f32(packed, m, CHANNELS, TAPS, w, depth, TAPS, NULL);
        fast.conv_f32(m, n, CHANNELS, TAPS, taps, PLANE, packed, x, with ? bias : NULL, got, n);
        plain.conv_pack_f32(packed, m, CHANNELS, TAPS, w, depth, TAPS, NULL);
        plain.conv_f32(m, n, CHANNELS, TAPS, taps, PLANE, packed, x, with ? bias : NULL, want, n);
        assert_close(got, want, m * n + GUARD, fast.cpu, m, n);
    }
    struct kern_grad grad = { m, n / 2, 2, CHANNELS, TAPS, PLANE, taps, got, n, n / 2, x, 5, dgot, depth };
    fast.conv_grad_f32(&grad);
    grad.c = dwant;
    plain.conv_grad_f32(&grad);
    for (size_t i = 0; i < m * depth + GUARD; i++)
        assert_true(fabsf(dgot[i] - dwant[i]) < 1e-3F);
    free(w);
    free(x);
    free(bias);
    free(packed);
    free(got);
    free(want);
    free(dgot);
    free(dwant);
}

static void convolutions_agree_with_their_definition(void **state)
{
    (void)state;
    for (size_t n = 1; n <= MOST; n++) {
        check_conv(1 + n % 33, n);
        check_conv(1, n);
    }
}

/* A column's bits do not depend on how many stand beside it; OpenBLAS does not promise that. */
static void products_do_not_depend_on_their_neighbours(void **state)
{
    float *a = floats(40 * 300), *b = floats(300 * 80), *whole = floats(40 * 80), one[1];

    (void)state;
    for (int order = 0; order < 4 && fast.gemm_stable; order++) {
        bool ta = order & 1, tb = order & 2;
        fast.gemm_f32(ta, tb, 40, 80, 300, a, ta ? 40 : 300, b, tb ? 300 : 80, 0, whole, 80);
        for (size_t i = 0; i < 40; i += 3) {
            for (size_t j = 0; j < 80; j += 7) {
                fast.gemm_f32(ta, tb, 1, 1, 300, a + (ta ? i : i * 300), ta ? 40 : 300, b + (tb ? j * 300 : j),
                              tb ? 300 : 80, 0, one, 1);
                assert_true(one[0] == whole[i * 80 + j]);
            }
        }
    }
    free(a);
    free(b);
    free(whole);
}

/* Two threads that begin each product at the same moment: often where the library has buffers that they could share. */
struct pair {
    const float *a, *b, *whole;
    int rounds;
    atomic_int arrived, wrong;
};

enum { SIDE = 64, DEEP = 300 };

static void *multiply_often(void *context)
{
    struct pair *pair = context;
    float *c = floats(SIDE * SIDE);

    for (int round = 1; round <= pair->rounds; round++) {
        atomic_fetch_add(&pair->arrived, 1);
        for (int waited = 0; atomic_load(&pair->arrived) < 2 * round; waited++)
            if (waited > 2000) /* sooner would part the two again */
                sched_yield();
        fast.gemm_f32(false, false, SIDE, SIDE, DEEP, pair->a, DEEP, pair->b, SIDE, 0, c, SIDE);
        if (memcmp(c, pair->whole, SIDE * SIDE * sizeof *c) != 0)
            atomic_fetch_add(&pair->wrong, 1);
    }
    free(c);
    return NULL;
}

static void products_at_the_same_time_do_not_disturb_each_other(void **state)
{
    float *a = floats(SIDE * DEEP), *b = floats(DEEP * SIDE), *whole = floats(SIDE * SIDE);
    struct pair pair = { a, b, whole, fast.gemm_stable ? 20 : 8000, 0, 0 };
    pthread_t other;

    (void)state;
    fast.gemm_f32(false, false, SIDE, SIDE, DEEP, a, DEEP, b, SIDE, 0, whole, SIDE);
    assert_int_equal(pthread_create(&other, NULL, multiply_often, &pair), 0);
    multiply_often(&pair);
    pthread_join(other, NULL);
    assert_int_equal(pair.wrong, 0);
    free(a);
    free(b);
    free(whole);
}

static void check_integers(size_t m, size_t n)
{
    static int8_t w[MOST * CHANNELS * TAPS], row[MOST];
    static uint8_t x[CHANNELS * PLANE];
    static int16_t pairs[2][4 * PLANE], wide[MOST];
    int32_t bias[MOST], packed[MOST * 2 * TAPS], got[MOST * MOST + GUARD] = { 0 }, want[MOST * MOST + GUARD] = { 0 };
    uint8_t q[2][MOST + GUARD] = { { 0 } };
    float y[2][MOST + GUARD] = { { 0 } };

    for (size_t i = 0; i < sizeof w; i++)
        w[i] = (int8_t)(i * 97 % 256);
    for (size_t i = 0; i < sizeof x; i++)
        x[i] = (uint8_t)(i * 151 % 256);
    for (int32_t i = 0; i < MOST; i++)
        bias[i] = i * 1001 - 35000;
    for (int side = 0; side < 2; side++) {
        const struct kern *k = side ? &plain : &fast;
        int32_t *sums = side ? want : got;
        k->widen_pair_u8(pairs[side], x, x + PLANE, 1, 131, PLANE);
        k->widen_pair_u8(pairs[side] + 2 * PLANE, x + 2 * PLANE, NULL, 1, 131, PLANE);
        k->conv_pack_i8(packed, m, CHANNELS, TAPS, w);
        k->conv_i8(m, n, 2, TAPS, taps, PLANE, packed, (const int32_t *)(const void *)pairs[side], bias, sums, n);
        k->requantize_u8(q[side], sums, 0.0013F, 7, 3, 250, n);
        k->rescale_f32(y[side], sums, 0.3F, n);
        k->widen_u8(wide, x, 9, n);
        for (size_t i = 0; i < n; i++)
            row[i] = w[i];
        sums[m * n] = k->dot_i8(wide, row, n);
    }
    assert_memory_equal(pairs[0], pairs[1], sizeof pairs[0]);
    assert_memory_equal(got, want, sizeof got);
    assert_memory_equal(q[0], q[1], sizeof q[0]);
    assert_memory_equal(y[0], y[1], sizeof y[0]);
}

static void integers_are_the_same_numbers_everywhere(void **state)
{
    (void)state;
    for (size_t n = 1; n < MOST; n++)
        check_integers(1 + n % 31, n);
}

/* q = clamp(lrintf((float)acc * scale) + zero_point, low, high), also where the product is far out of range. */
static void requantization_is_its_definition(void **state)
{
    static const int32_t sums[] = { 0, 1, -1, 2, 3, 5, -5, 999, -999, INT32_MAX, INT32_MIN, 16777217, 1 << 30 };
    static const float scales[] = { 0, 0.5F, 0.25F, 1e-9F, 3, 1e9F };

    (void)state;
    for (size_t s = 0; s < COUNT(scales); s++) {
        uint8_t q[COUNT(sums)];
        fast.requantize_u8(q, sums, scales[s], 100, 10, 200, COUNT(sums));
        for (size_t i = 0; i < COUNT(sums); i++) {
            double want = rint((double)((float)sums[i] * scales[s])) + 100;
            assert_int_equal(q[i], want < 10 ? 10 : want > 200 ? 200 : (int)want);
        }
    }
}

/* With a clamp: the row without one, then the curve's own kernels. Some lie at its bounds. */
enum { LOW, HIGH };

static const float bounds[] = { -0.25F, 0.5F };

static void check_clamped_row(const struct kern *k, size_t n)
{
    const float scale = 1.5F, shift = -0.25F;
    const struct kern_clamp clamp = { &scale, &shift, bounds[LOW], bounds[HIGH] };
    float *x = floats(n), *dy = floats(2 * n), *near = floats(n), *got = floats(n), *want = floats(n);
    double sums[4] = { 0 };

    x[n / 2] = 0;
    x[n / 3] = 0.5F;
    k->affine_f32(near, x, scale, shift, NULL, n);
    k->clip_f32(want, near, bounds[LOW], bounds[HIGH], n);
    k->affine_f32(got, x, scale, shift, &clamp, n);
    assert_memory_equal(got, want, (n + GUARD) * sizeof *got);
    k->clip_grad_f32(near, dy, want, bounds[LOW], bounds[HIGH], n);
    k->centred_sums_f32(near, x, 0.25F, NULL, n, &sums[0], &sums[1]);
    k->centred_sums_f32(dy, x, 0.25F, &clamp, n, &sums[2], &sums[3]);
    assert_true(sums[0] == sums[2] && sums[1] == sums[3]);
    for (int add = 0; add < 2; add++) {
        k->centred_grad_f32(want, near, x, 0.5F, 2, -1, 0.125F, NULL, add, n);
        k->centred_grad_f32(got, dy, x, 0.5F, 2, -1, 0.125F, &clamp, add, n);
        assert_close(got, want, n + GUARD, k->cpu, 1, n);
    }
    free(x);
    free(dy);
    free(near);
    free(got);
    free(want);
}

static void check_clamped_each(const struct kern *k, size_t n)
{
    float *x = floats(n), *dy = floats(2 * n), *near = floats(n), *got = floats(n), *want = floats(n);
    float *scale = floats(3 * n), *shift = floats(4 * n), *more[] = { floats(n), floats(n) };
    const struct kern_clamp clamp = { scale, shift, bounds[LOW], bounds[HIGH] };

    x[n / 2] = 0;
    shift[n / 2] = bounds[LOW];
    x[n / 3] = 0;
    shift[n / 3] = bounds[HIGH];
    k->each_affine_f32(near, x, scale, shift, NULL, n);
    k->clip_f32(want, near, bounds[LOW], bounds[HIGH], n);
    k->each_affine_f32(got, x, scale, shift, &clamp, n);
    assert_memory_equal(got, want, (n + GUARD) * sizeof *got);
    k->clip_grad_f32(near, dy, want, bounds[LOW], bounds[HIGH], n);
    k->each_centred_sums_f32(want, more[0], near, x, scale, NULL, n);
    k->each_centred_sums_f32(got, more[1], dy, x, scale, &clamp, n);
    assert_memory_equal(got, want, (n + GUARD) * sizeof *got);
    assert_close(more[1], more[0], n + GUARD, k->cpu, 1, n);
    for (int add = 0; add < 2; add++) {
        k->each_centred_grad_f32(want, near, x, scale, shift, scale, shift, NULL, add, n);
        k->each_centred_grad_f32(got, dy, x, scale, shift, scale, shift, &clamp, add, n);
        assert_close(got, want, n + GUARD, k->cpu, 1, n);
    }
    for (int i = 0; i < 2; i++)
        free(more[i]);
    free(x);
    free(dy);
    free(near);
    free(got);
    free(want);
    free(scale);
    free(shift);
}

static void check_rows(size_t n, size_t step)
{
    float *x = floats(n * step), *dy = floats(n), *y[2] = { floats(n), floats(n) };
    int32_t tap[2][MOST + GUARD];
    uint8_t bytes[2][MOST + GUARD], pixels[2 * MOST];
    double sums[2][4] = { { 0 } };
    float pixels_f32[4 * MOST], spread[2][4 * MOST + 2 * GUARD] = { { 0 } };

    for (size_t i = 0; i < COUNT(pixels_f32); i++)
        pixels_f32[i] = noise(i * 7 % 100); /* some are equal: the first of them wins */

    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * 89);
    x[n * step / 2] = NAN;
    for (int side = 0; side < 2; side++) {
        const struct kern *k = side ? &plain : &fast;
        memset(tap[side], 0, sizeof tap[side]);
        memset(bytes[side], 100, sizeof bytes[side]);
        k->max_tap_f32(y[side], tap[side], x, step, 5, n);
        k->max_f32(y[side], dy, 1, n);
        k->max_u8(bytes[side], pixels, step, n);
        k->max_2x2_u8(bytes[side] + n / 2, pixels, pixels + 1, n / 2);
    }
    assert_memory_equal(y[0], y[1], (n + GUARD) * sizeof(float));
    assert_memory_equal(tap[0], tap[1], sizeof tap[0]);
    assert_memory_equal(bytes[0], bytes[1], sizeof bytes[0]);
    x[n * step / 2] = 0;
    uint16_t marks[2][MOST + GUARD] = { { 0 } };
    for (int side = 0; side < 2; side++) {
        const struct kern *k = side ? &plain : &fast;
        k->max_2x2_f32(y[side], marks[side], pixels_f32, pixels_f32 + 2 * MOST, n);
        for (uint16_t row = 0; row < 2; row++)
            k->max_2x2_grad_f32(spread[side] + row * (2 * MOST + GUARD), dy, marks[side], 2 * row, n % 3 == 0, n);
    }
    assert_memory_equal(y[0], y[1], (n + GUARD) * sizeof(float));
    assert_memory_equal(marks[0], marks[1], sizeof marks[0]);
    assert_memory_equal(spread[0], spread[1], sizeof spread[0]);
    for (int side = 0; side < 2; side++) {
        const struct kern *k = side ? &plain : &fast;
        k->moments_f32(x, 0.25F, n, &sums[side][0], &sums[side][1]);
        k->centred_sums_f32(dy, x, 0.25F, NULL, n, &sums[side][2], &sums[side][3]);
        k->affine_f32(y[side], x, 1.5F, -2, NULL, n);
        k->centred_grad_f32(y[side], dy, x, 0.5F, 2, -1, 0.125F, NULL, n % 2, n);
    }
    for (int i = 0; i < 4; i++)
        assert_true(fabs(sums[0][i] - sums[1][i]) < 1e-4);
    assert_close(y[0], y[1], n + GUARD, fast.cpu, 1, n);
    for (int side = 0; side < 2; side++) {
        const struct kern *k = side ? &plain : &fast;
        k->each_moments_f32(y[side], spread[side], dy, pixels_f32, n);
        k->each_centred_sums_f32(y[side], spread[side], dy, pixels_f32, dy, NULL, n);
        k->each_affine_f32(y[side], y[side], dy, pixels_f32, NULL, n);
        k->each_centred_grad_f32(spread[side], dy, pixels_f32, dy, dy, dy, dy, NULL, n % 2, n);
    }
    assert_close(y[0], y[1], n + GUARD, fast.cpu, 1, n);
    assert_close(spread[0], spread[1], n, fast.cpu, 1, n);
    free(x);
    free(dy);
    free(y[0]);
    free(y[1]);
}

/* A picture of 11 pixels a row, laid out with borders and picked out again. */
static void check_layout(size_t wide, size_t first, size_t last)
{
    enum { ROWS = 5, ROOM = ROWS * MOST };
    float picture[ROWS * 3 * MOST], plane[2][ROOM + GUARD], apart[2][ROOM + GUARD], back[2][ROOM + GUARD] = { { 0 } };

    for (size_t i = 0; i < COUNT(picture); i++)
        picture[i] = noise(i);
    for (int side = 0; side < 2; side++) {
        const struct kern *k = side ? &plain : &fast;
        for (size_t i = 0; i < ROOM + GUARD; i++)
            plane[side][i] = apart[side][i] = 7;
        k->lay_rows_f32(plane[side], ROWS, wide, picture, MOST, first, last);
        k->lay_apart_f32(apart[side], ROWS, wide, picture, 2 * MOST, first, last, 1 + wide % 3);
        k->pick_rows_f32(back[side], ROWS, last - first, plane[side] + first, wide);
    }
    assert_memory_equal(plane[0], plane[1], ROWS * wide * sizeof(float));
    assert_true(plane[0][ROWS * wide + KERN_SLACK - 1] == 7);
    assert_memory_equal(apart[0], apart[1], sizeof apart[0]);
    assert_memory_equal(back[0], back[1], sizeof back[0]);
    for (size_t i = 0; i < ROWS * (last - first); i++)
        assert_true(back[0][i] == picture[i / (last - first) * MOST + i % (last - first)]);
}

static void layout_agrees_with_its_definition(void **state)
{
    (void)state;
    for (size_t wide = 1; wide <= MOST; wide++)
        for (size_t first = 0; first < 3 && first < wide; first++)
            check_layout(wide, first, wide - wide % 3 * (first < wide - wide % 3));
}

static void rows_agree_with_their_definition(void **state)
{
    (void)state;
    for (size_t n = 1; n <= MOST; n++)
        check_rows(n, 1 + n % 2);
}

static void a_clamp_is_the_curve_behind_the_row(void **state)
{
    (void)state;
    for (size_t n = 1; n <= MOST; n++) {
        check_clamped_row(&fast, n);
        check_clamped_each(&fast, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gemm_agrees_with_its_definition),
        cmocka_unit_test(gemm_overwrites_nan),
        cmocka_unit_test(convolutions_agree_with_their_definition),
        cmocka_unit_test(products_do_not_depend_on_their_neighbours),
        cmocka_unit_test(products_at_the_same_time_do_not_disturb_each_other),
        cmocka_unit_test(integers_are_the_same_numbers_everywhere),
        cmocka_unit_test(requantization_is_its_definition),
        cmocka_unit_test(layout_agrees_with_its_definition),
        cmocka_unit_test(rows_agree_with_their_definition),
        cmocka_unit_test(a_clamp_is_the_curve_behind_the_row),
    };

    return EACH_PATH_RUN(tests, start);
}

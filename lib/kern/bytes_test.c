#include <math.h>
#include <stddef.h>
#include <string.h>

#include "kern/each_path.h"
#include "kern/guard.h"

static struct kern k; /* of the path under test */

static const struct kern_add_u8 sum = {
    .factor_a = 300000, .factor_b = -170000, .offset = 1 << 18, .zero_point = 90, .shift = 19
};
static const struct kern_mul_u8 product = {
    .zero_a = 10, .zero_b = 128, .zero_point = 60, .high = 8777, .low = 12345, .shift = 21
};

static int start(void **state)
{
    return kern_init(&k, *state, NULL);
}

static uint8_t saturate(double v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static void every_pair_of_bytes_is_summed_and_multiplied_exactly(void **state)
{
    uint8_t a[256], y[256], z[256], one[256];

    (void)state;
    for (int i = 0; i < 256; i++)
        a[i] = (uint8_t)i;
    for (int j = 0; j < 256; j++) {
        uint8_t b[256];

        memset(b, j, sizeof(b));
        k.add_u8(y, a, 1, b, 1, &sum, 256);
        k.mul_u8(z, a, 1, b, 1, &product, 256);
        for (int i = 0; i < 256; i++) {
            double s = floor((300000.0 * i - 170000.0 * j + (1 << 18)) / (1 << 19)) + 90;
            double p = (i - 10) * (j - 128);
            assert_int_equal(y[i], saturate(s));
            p = floor((p * 8777 + floor(p * 12345 / (1 << 14)) + (1 << 20)) / (1 << 21)) + 60;
            assert_int_equal(z[i], saturate(p));
        }
        k.add_u8(one, a, 1, b, 0, &sum, 256);
        assert_memory_equal(one, y, 256);
        k.mul_u8(one, a, 1, b, 0, &product, 256);
        assert_memory_equal(one, z, 256);
        k.add_u8(one, b, 0, a, 1, &sum, 256);
        for (int i = 0; i < 256; i++)
            assert_int_equal(one[i], saturate(floor((300000.0 * j - 170000.0 * i + (1 << 18)) / (1 << 19)) + 90));
    }
}

/* Shifts on either side of what whole vectors take, factors at their ends, results that saturate; any length, in place. */
static void sums_are_their_definition_whatever_the_factors(void **state)
{
    static const struct kern_add_u8 cases[] = {
        { .factor_a = 1 << 20, .factor_b = 1 << 20, .offset = 1 << 19, .zero_point = 0, .shift = 20 },
        { .factor_a = 1 << 20, .factor_b = -(1 << 20), .offset = 1 << 9, .zero_point = 128, .shift = 10 },
        { .factor_a = 1023, .factor_b = -1025, .offset = 1 << 9, .zero_point = 255, .shift = 10 },
        { .factor_a = 917, .factor_b = 1024, .offset = 1 << 8, .zero_point = 3, .shift = 9 },
        { .factor_a = 3, .factor_b = -1, .offset = 1, .zero_point = 7, .shift = 1 },
        { .factor_a = 1 << 20, .factor_b = 0, .offset = (1 << 29) - 1, .zero_point = 200, .shift = 30 },
        { .factor_a = 654321,
          .factor_b = 543210,
          .offset = (1 << 17) - 128 * (654321 + 543210),
          .zero_point = 128,
          .shift = 18 },
    };
    static const size_t lengths[] = { 1, 15, 31, 32, 63, 64, 65, 191, 256 };

    (void)state;
    for (size_t c = 0; c < COUNT(cases); c++)
        for (int j = 0; j < 256; j++) {
            const size_t n = lengths[(size_t)j % COUNT(lengths)];
            uint8_t a[257], b[257];

            for (size_t i = 0; i < COUNT(a); i++) {
                a[i] = (uint8_t)i;
                b[i] = (uint8_t)(i + (size_t)j);
            }
            a[n] = 77;
            k.add_u8(a, a, 1, b, 1, &cases[c], n);
            for (size_t i = 0; i < n; i++) {
                double s = cases[c].factor_a * (double)i + cases[c].factor_b * (double)b[i] + cases[c].offset;
                assert_int_equal(a[i], saturate(floor(ldexp(s, -cases[c].shift)) + cases[c].zero_point));
            }
            assert_int_equal(a[n], 77);
        }
}

static void three_rows_become_pixels(void **state)
{
    static const size_t lengths[] = { 0, 1, 15, 16, 31, 33, 64, 127, 224 };
    uint8_t rows[3][224], y[3 * 224 + 1];

    (void)state;
    for (size_t i = 0; i < sizeof(rows); i++)
        rows[i / 224][i % 224] = (uint8_t)(i * 41);
    for (size_t c = 0; c < COUNT(lengths); c++) {
        memset(y, 77, sizeof(y));
        k.interleave_u8(y, rows[0], rows[1], rows[2], lengths[c]);
        for (size_t i = 0; i < 3 * lengths[c]; i++)
            assert_int_equal(y[i], rows[i % 3][i / 3]);
        assert_int_equal(y[3 * lengths[c]], 77);
    }
}

static void quantizing_rounds_half_to_even_and_saturates(void **state)
{
    static const struct {
        float x;
        uint8_t y;
    } cases[] = {
        { 0, 10 },      { 0.25F, 10 }, { 0.75F, 12 }, { -0.25F, 10 },    { -0.75F, 8 },    { 1.2F, 12 },
        { 1e30F, 255 }, { -1e30F, 0 }, { NAN, 0 },    { INFINITY, 255 }, { -INFINITY, 0 }, { 122.5F, 255 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        float x[17];
        uint8_t y[17];

        for (size_t j = 0; j < COUNT(x); j++)
            x[j] = cases[i].x;
        k.quantize_u8_f32(y, x, 0.5F, 10, COUNT(x));
        for (size_t j = 0; j < COUNT(y); j++)
            assert_int_equal(y[j], cases[i].y);
    }
}

static void every_byte_survives_a_round_trip(void **state)
{
    (void)state;
    for (int zero = 0; zero < 256; zero += 51) {
        uint8_t x[256], y[256];
        float real[256];

        for (int i = 0; i < 256; i++)
            x[i] = (uint8_t)i;
        k.dequantize_f32_u8(real, x, 0.037F, zero, 256);
        assert_true(real[zero] == 0);
        k.quantize_u8_f32(y, real, 0.037F, zero, 256);
        assert_memory_equal(x, y, 256);
    }
}

static void tables_and_clamps_map_each_byte(void **state)
{
    uint8_t x[256], table[256], y[256], z[256];

    (void)state;
    for (int i = 0; i < 256; i++) {
        x[i] = (uint8_t)(i * 7);
        table[i] = (uint8_t)(i < 20 ? 20 : i > 201 ? 201 : i);
    }
    k.map_u8(y, x, table, 256);
    k.clamp_u8(z, x, 20, 201, 256);
    assert_memory_equal(y, z, 256);
    for (int i = 0; i < 256; i++)
        assert_int_equal(y[i], table[x[i]]);
}

static void tables_map_rows_of_any_length_and_nothing_beyond(void **state)
{
    uint8_t table[256];

    (void)state;
    for (size_t i = 0; i < 256; i++)
        table[i] = (uint8_t)(i * 167 + 13);
    for (size_t n = 1; n <= 200; n++) {
        struct guard from, to;
        uint8_t *x = guard_new(&from, n), *y = guard_new(&to, n);

        for (size_t i = 0; i < n; i++)
            x[i] = (uint8_t)(i * 91 + n);
        k.map_u8(y, x, table, n);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(y[i], table[x[i]]);
        k.map_u8(x, x, table, n);
        assert_memory_equal(x, y, n);
        guard_free(&from);
        guard_free(&to);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_of_bytes_is_summed_and_multiplied_exactly),
        cmocka_unit_test(sums_are_their_definition_whatever_the_factors),
        cmocka_unit_test(three_rows_become_pixels),
        cmocka_unit_test(quantizing_rounds_half_to_even_and_saturates),
        cmocka_unit_test(every_byte_survives_a_round_trip),
        cmocka_unit_test(tables_and_clamps_map_each_byte),
        cmocka_unit_test(tables_map_rows_of_any_length_and_nothing_beyond),
    };

    return EACH_PATH_RUN(tests, start);
}

/* real_test.c - the expected texts are what Python's repr() gives, in this notation. */
#include "base/real.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"

static void a_real_is_written_shortest(void **state)
{
    static const struct {
        double value;
        const char *text;
    } rows[] = {
        { 0, "0.0" },
        { -0.0, "-0.0" },
        { 1, "1.0" },
        { -1.5, "-1.5" },
        { 0.1, "0.1" },
        { 0.1f, "0.10000000149011612" },
        { 1.0 / 3, "0.3333333333333333" },
        { 2.0 / 3, "0.6666666666666666" },
        { 100, "100.0" },
        { 123456789012345680.0, "1.2345678901234568e+17" },
        { 9007199254740993.0, "9007199254740992.0" },
        { 1e15, "1000000000000000.0" },
        { 1e16, "1.0e+16" },
        { 0.00001, "0.00001" },
        { 0.000001, "1.0e-6" },
        { 1e23, "1.0e+23" },
        { 5.684341886080802e-14, "5.684341886080802e-14" }, /* 2^-44: the nearest 16 digits read back lower */
        { DBL_MAX, "1.7976931348623157e+308" },
        { DBL_MIN, "2.2250738585072014e-308" },
        { 5e-324, "5.0e-324" },
        { 1.5e-320, "1.5e-320" },
        { 9.5, "9.5" },
        { 0.30000000000000004, "0.30000000000000004" },
        { NAN, "null" },
        { INFINITY, "null" },
        { -INFINITY, "null" },
    };
    (void)state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct text out = { 0 };

        text_add_real(&out, rows[i].value);
        assert_string_equal(out.chars, rows[i].text);
        text_free(&out);
    }
}

static void any_real_reads_back_as_itself(void **state)
{
    struct rng rng = rng_make(7, 0);
    (void)state;

    for (int i = 0; i < 100000; i++) {
        uint64_t bits = (uint64_t)rng_u32(&rng) << 32 | rng_u32(&rng);
        struct text out = { 0 };
        double value, back;

        if (i % 4 == 0)
            bits &= 0x800fffffffffffffu; /* below the normal numbers */
        memcpy(&value, &bits, sizeof(value));
        if (!isfinite(value))
            continue;
        text_add_real(&out, value);
        assert_int_equal(text_to_real(out.chars, &back), 0);
        assert_memory_equal(&value, &back, sizeof(value));
        text_free(&out);
    }
}

static void powers_of_two_read_back_as_themselves(void **state)
{
    (void)state;

    for (int exponent = -1074; exponent < 1024; exponent++) {
        struct text out = { 0 };
        double back;

        text_add_real(&out, ldexp(1, exponent));
        assert_int_equal(text_to_real(out.chars, &back), 0);
        assert_true(back == ldexp(1, exponent));
        text_free(&out);
    }
}

static void a_float_becomes_the_decimal_it_was_written_as(void **state)
{
    static const double decimals[] = {
        0,    -0.5,    0.1, 0.00001, 0.9, 0.485, 1.0 / 4, 1e-12, -3, 16777216, 1e10, 255.5, 0.20000000298023224,
        1e30, 123456.7
    };

    (void)state;
    for (size_t i = 0; i < sizeof(decimals) / sizeof(*decimals); i++) {
        const double found = real_of_float((float)decimals[i]);

        assert_true((float)found == (float)decimals[i]);
        if (i < 9)
            assert_true(found == decimals[i]);
    }
    assert_true(real_of_float(INFINITY) == (double)INFINITY);
    assert_true(isnan(real_of_float(NAN)));
    assert_true(real_of_float(FLT_MIN / 8) == (double)(FLT_MIN / 8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_real_is_written_shortest),
        cmocka_unit_test(any_real_reads_back_as_itself),
        cmocka_unit_test(powers_of_two_read_back_as_themselves),
        cmocka_unit_test(a_float_becomes_the_decimal_it_was_written_as),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* element_test.c - conversions between element types, against numbers that NumPy gives (numpy.float16) and bfloat16's definition. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/attr.h"
#include "tensor/element.h"

static void halves_are_rounded_to_the_nearest(void **state)
{
    static const struct {
        float real;
        uint16_t half;
    } row[] = {
        { 0, 0 },
        { -0.0F, 0x8000 },
        { 1, 0x3c00 },
        { 65504, 0x7bff },
        { 65519, 0x7bff },
        { 65520, 0x7c00 },
        { -INFINITY, 0xfc00 },
        { 1.00048828125F, 0x3c00 }, /* halfway: to the even one below */
        { 1.00146484375F, 0x3c02 }, /* halfway: to the even one above */
        { 0x1p-24F, 0x0001 },
        { 0x1p-25F, 0x0000 },
        { 0x1.8p-24F, 0x0002 },
        { 0x1.ffcp-15F, 0x0400 },
        { 0x1p-14F, 0x0400 },
        { 3.14159274F, 0x4248 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++)
        assert_int_equal(half_of_float(row[i].real), row[i].half);
    assert_true(isnan(half_to_float(half_of_float(NAN))));
}

static void every_half_comes_back(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 0x10000; h++)
        if ((h & 0x7c00) != 0x7c00 || (h & 0x3ff) == 0)
            assert_int_equal(half_of_float(half_to_float((uint16_t)h)), h);
    assert_true(half_to_float(0x3555) == 0.333251953125F);
    assert_true(half_to_float(0x8001) == -0x1p-24F);
}

static void bfloats_are_the_upper_half_of_a_float(void **state)
{
    (void)state;
    assert_int_equal(bfloat_of_float(1), 0x3f80);
    assert_int_equal(bfloat_of_float(1.00390625F), 0x3f80); /* halfway: even */
    assert_int_equal(bfloat_of_float(1.01171875F), 0x3f82);
    assert_int_equal(bfloat_of_float(3.4e38F), 0x7f80);
    assert_true(isnan(bfloat_to_float(bfloat_of_float(NAN))));
    assert_true(bfloat_to_float(0x4049) == 3.140625F);
}

static void doubles_are_rounded_once(void **state)
{
    uint16_t half = 0;

    (void)state;
    element_set_real(DTYPE_F16, &half, 0, 1 + 0x1p-11 + 0x1p-40); /* by way of float: 1; at once: the next */
    assert_int_equal(half, 0x3c01);
    element_set_real(DTYPE_F16, &half, 0, 1 + 0x1p-11);
    assert_int_equal(half, 0x3c00);
}

static void integers_wrap_and_are_cut(void **state)
{
    int8_t small[2] = { 0 };
    uint64_t large = 0;
    uint8_t truth = 0;
    float real = -2.9F;

    (void)state;
    element_set_real(DTYPE_I8, small, 1, -2.9);
    assert_int_equal(small[1], -2);
    element_set_int(DTYPE_I8, small, 0, 200);
    assert_int_equal(small[0], -56);
    element_set_real(DTYPE_U64, &large, 0, 0x1.8p63);
    assert_true(large == (uint64_t)3 << 62);
    assert_true(element_real(DTYPE_U64, &large, 0) == 0x1.8p63);
    element_set_real(DTYPE_BOOL, &truth, 0, 0.25);
    assert_int_equal(truth, 1);
    assert_int_equal(element_int(DTYPE_F32, &real, 0), -2);
    real = NAN;
    assert_int_equal(element_int(DTYPE_F32, &real, 0), 0);
}

/* 2^60 + 2^36 is halfway between two floats; by way of a double, which drops the 1, it would look like it. */
static void integers_become_reals_rounded_once(void **state)
{
    const int64_t above = ((int64_t)1 << 60) + ((int64_t)1 << 36) + 1, below = -above;
    const uint64_t large = ((uint64_t)1 << 63) + ((uint64_t)1 << 39) + 1;
    float real = 0;

    (void)state;
    element_set_int(DTYPE_F32, &real, 0, above);
    assert_true(real == 0x1.000002p60F);
    element_set_int(DTYPE_F32, &real, 0, below);
    assert_true(real == -0x1.000002p60F);
    element_convert(DTYPE_F32, &real, 0, DTYPE_I64, &above, 0);
    assert_true(real == 0x1.000002p60F);
    element_convert(DTYPE_F32, &real, 0, DTYPE_U64, &large, 0);
    assert_true(real == 0x1.000002p63F);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(halves_are_rounded_to_the_nearest),
        cmocka_unit_test(every_half_comes_back),
        cmocka_unit_test(bfloats_are_the_upper_half_of_a_float),
        cmocka_unit_test(doubles_are_rounded_once),
        cmocka_unit_test(integers_wrap_and_are_cut),
        cmocka_unit_test(integers_become_reals_rounded_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

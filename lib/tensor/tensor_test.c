#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tensor/tensor.h"

static void types_have_safetensors_names(void **state)
{
    enum dtype found;
    struct error err = { 0 };

    (void)state;
    for (int i = 0; i < DTYPE_COUNT; i++) {
        assert_int_equal(dtype_parse(&found, dtype_name((enum dtype)i), &err), 0);
        assert_int_equal(found, i);
    }
    assert_int_equal(dtype_bytes(DTYPE_F64), 8);
    assert_int_equal(dtype_bytes(DTYPE_BF16), 2);
    assert_int_equal(dtype_bytes(DTYPE_BOOL), 1);
    assert_int_equal(dtype_parse(&found, "f32", &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_string_equal(err.message, "unknown element type 'f32'");
}

static void shapes_count_and_span(void **state)
{
    struct shape shape = shape_of(4, (int64_t)2, (int64_t)3, (int64_t)4, (int64_t)5), scalar = shape_of(0);

    (void)state;
    assert_int_equal(shape_count(&shape), 120);
    assert_int_equal(shape_count(&scalar), 1);
    assert_int_equal(shape_span(&shape, 1, 3), 12);
    assert_int_equal(shape_span(&shape, 2, 2), 1);
    shape.dim[2] = 0;
    assert_int_equal(shape_count(&shape), 0);
}

static void shapes_are_written_as_lists(void **state)
{
    struct shape shape = shape_of(3, (int64_t)-1, (int64_t)3, (int64_t)64), scalar = shape_of(0), longest;
    char text[160];

    (void)state;
    assert_string_equal(shape_text(&shape, text), "[-1, 3, 64]");
    assert_string_equal(shape_text(&scalar, text), "[]");
    longest.rank = SHAPE_MAX_RANK;
    for (int i = 0; i < SHAPE_MAX_RANK; i++)
        longest.dim[i] = INT64_MAX;
    shape_text(&longest, text);
    assert_true(strlen(text) < 160);
}

static void shapes_beyond_bounds_are_refused(void **state)
{
    struct shape fits = shape_of(2, (int64_t)1000, (int64_t)1000);
    struct shape wraps = shape_of(3, (int64_t)1 << 32, (int64_t)1 << 32, (int64_t)2);
    struct shape hides = shape_of(3, (int64_t)0, INT64_MAX, INT64_MAX), negative = shape_of(1, (int64_t)-1);
    struct shape deep = { .rank = SHAPE_MAX_RANK + 1 };
    struct error err = { 0 };

    (void)state;
    assert_int_equal(shape_check(&fits, 1000000, &err), 0);
    assert_int_equal(shape_check(&fits, 999999, &err), -1);
    assert_string_equal(err.message, "shape [1000, 1000] has more than 999999 elements");
    assert_int_equal(shape_check(&wraps, INT64_MAX, &err), -1);
    assert_int_equal(shape_check(&hides, INT64_MAX, &err), -1);
    assert_int_equal(shape_check(&negative, INT64_MAX, &err), -1);
    assert_int_equal(shape_check(&deep, INT64_MAX, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
}

static void shapes_broadcast_like_numpy(void **state)
{
    struct shape a = shape_of(3, (int64_t)2, (int64_t)1, (int64_t)4), b = shape_of(2, (int64_t)3, (int64_t)1);
    struct shape c = shape_of(2, (int64_t)3, (int64_t)5), empty = shape_of(1, (int64_t)0), out;
    struct shape want = shape_of(3, (int64_t)2, (int64_t)3, (int64_t)4);
    struct error err = { 0 };

    (void)state;
    assert_int_equal(shape_broadcast(&out, &a, &b, &err), 0);
    assert_true(shape_equal(&out, &want));
    assert_int_equal(shape_broadcast(&out, &a, &c, &err), -1);
    assert_string_equal(err.message, "shapes [2, 1, 4] and [3, 5] do not broadcast");
    assert_true(shape_equal(&out, &want)); /* untouched */
    assert_int_equal(shape_broadcast(&out, &b, &empty, &err), 0);
    assert_int_equal(out.dim[1], 0);
}

static struct tensor tensor_on(enum dtype dtype, int64_t count, void *data)
{
    return (struct tensor){ .dtype = dtype, .shape = shape_of(1, count), .data = data };
}

static void comparison_finds_the_worst(void **state)
{
    float x[5] = { 1, 2, NAN, -4, 0 }, y[5] = { 1, 2.5F, NAN, -4, 1e-3F };
    struct tensor a = tensor_on(DTYPE_F32, 5, x), b = tensor_on(DTYPE_F32, 5, y);
    struct tensor_difference d;
    struct error err = { 0 };

    (void)state;
    assert_int_equal(tensor_compare(&d, &a, &b, &err), 0);
    assert_int_equal(d.differing, 2);
    assert_int_equal(d.worst, 1);
    assert_true(d.max_abs == 0.5 && d.max_rel == 1);
    y[3] = NAN;
    assert_int_equal(tensor_compare(&d, &a, &b, &err), 0);
    assert_true(isinf(d.max_abs) && d.worst == 3 && isinf(d.max_rel));
    b.shape.dim[0] = 4;
    assert_int_equal(tensor_compare(&d, &a, &b, &err), -1);
    assert_string_equal(err.message, "cannot compare F32 [5] with F32 [4]");
}

/* Bit patterns of 1, -2, the smallest subnormal and infinity in the short formats. */
static void comparison_knows_every_type(void **state)
{
    uint16_t half[4] = { 0x3c00, 0xc000, 0x0001, 0x7c00 }, other[4] = { 0x3c00, 0x4000, 0x0000, 0x7c00 };
    uint16_t brain[1] = { 0x3f80 }, zero[1] = { 0 };
    int8_t i8[2] = { -128, 5 }, j8[2] = { 127, 5 };
    struct tensor a = tensor_on(DTYPE_F16, 4, half), b = tensor_on(DTYPE_F16, 4, other);
    struct tensor_difference d;

    (void)state;
    assert_int_equal(tensor_compare(&d, &a, &b, NULL), 0);
    assert_true(d.differing == 2 && d.max_abs == 4 && d.worst == 1);
    a = tensor_on(DTYPE_BF16, 1, brain);
    b = tensor_on(DTYPE_BF16, 1, zero);
    assert_int_equal(tensor_compare(&d, &a, &b, NULL), 0);
    assert_true(d.max_abs == 1);
    a = tensor_on(DTYPE_I8, 2, i8);
    b = tensor_on(DTYPE_I8, 2, j8);
    assert_int_equal(tensor_compare(&d, &a, &b, NULL), 0);
    assert_true(d.differing == 1 && d.max_abs == 255);
}

static void finite_means_no_infinity_and_no_nan(void **state)
{
    float x[70];
    uint16_t half[2] = { 0x7bff, 0x3c00 };
    double d[2] = { 1, -INFINITY };
    struct tensor t = tensor_on(DTYPE_F32, 70, x), h = tensor_on(DTYPE_F16, 2, half), e = tensor_on(DTYPE_F64, 2, d);

    (void)state;
    memset(x, 0, sizeof x);
    assert_true(tensor_finite(&t));
    assert_int_equal(tensor_bytes(&t), 280);
    for (int i = 0; i < 70; i++) {
        x[i] = i % 2 ? NAN : INFINITY;
        assert_false(tensor_finite(&t));
        x[i] = -3e38F;
    }
    assert_true(tensor_finite(&t));
    assert_true(tensor_finite(&h));
    half[1] = 0x7c01;
    assert_false(tensor_finite(&h));
    assert_false(tensor_finite(&e));
    e.dtype = DTYPE_I64;
    assert_true(tensor_finite(&e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_have_safetensors_names), cmocka_unit_test(shapes_count_and_span),
        cmocka_unit_test(shapes_are_written_as_lists),  cmocka_unit_test(shapes_beyond_bounds_are_refused),
        cmocka_unit_test(shapes_broadcast_like_numpy),  cmocka_unit_test(comparison_finds_the_worst),
        cmocka_unit_test(comparison_knows_every_type),  cmocka_unit_test(finite_means_no_infinity_and_no_nan),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

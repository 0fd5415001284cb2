#include "quant/tiny.h"

/* What NumPy finds in the same numbers: printed by scripts/make-quant-vectors. */
enum { SIDE = 64, BEST_SHARE = 85 };
static const double numpy_low = -62.5, numpy_high = 862.689087;
static const double numpy_percentile[2] = { -60.1863708, 758.504944 };

/* One convolution by 1: all values are those of the samples. */
static struct range observe(float *values, int64_t samples, enum quant_observer observer)
{
    const struct quant_options options = { .observer = observer };
    struct range range[4] = { 0 };
    float w = 1;
    struct tiny t;

    tiny_begin(&t, 1, SIDE);
    tiny_conv(&t, "conv", shape_of(4, 1L, 1L, 1L, 1L), &w, NULL, 1);
    tiny_output(&t);
    tiny_samples(&t, values, samples);
    tiny_must(&t, graph_infer_shapes(&t.model.graph, 1, &t.err));
    assert_in_range(t.model.graph.value_count, 1, 4);
    tiny_must(&t, calibrate(&t.model, &t.set, &options, NULL, range, &t.err));
    assert_true(range[0].seen);
    tiny_end(&t);
    return range[0];
}

/* Long tails; the same as heavy() of scripts/make-quant-vectors. */
static float *heavy(int64_t count)
{
    float *data = malloc((size_t)count * sizeof(float));

    assert_non_null(data);
    for (int64_t i = 0; i < count; i++) {
        double u = (double)((uint32_t)i * 2654435761U) / 4294967296.0 * 2 - 1;
        double x = u / (1.001 - fabs(u));

        data[i] = (float)(u < 0 ? x * 0.0625 : x);
    }
    return data;
}

static void minmax_keeps_the_whole_range(void **state)
{
    float *values = heavy(4 * SIDE * SIDE);
    struct range range = observe(values, 4, OBSERVE_MINMAX);

    (void)state;
    assert_float_equal(range.low, numpy_low, 1e-4);
    assert_float_equal(range.high, numpy_high, 1e-4);
    free(values);
}

static void percentile_is_numpys_to_the_width_of_a_bin(void **state)
{
    const double bin = (numpy_high - numpy_low) / 2048;
    float *values = heavy(4 * SIDE * SIDE);
    struct range range = observe(values, 4, OBSERVE_PERCENTILE);

    (void)state;
    assert_float_equal(range.low, numpy_percentile[0], bin);
    assert_float_equal(range.high, numpy_percentile[1], bin);
    assert_true(range.low > numpy_low + 2);
    assert_true(range.high < numpy_high - 20);
    free(values);
}

static void a_range_without_zero_is_widened_to_it(void **state)
{
    static const enum quant_observer observers[] = { OBSERVE_MINMAX, OBSERVE_PERCENTILE, OBSERVE_MSE };
    float *values = heavy(SIDE * SIDE);

    (void)state;
    for (int i = 0; i < SIDE * SIDE; i++)
        values[i] = 5 + fabsf(values[i]);
    for (size_t i = 0; i < COUNT(observers); i++) {
        struct range range = observe(values, 1, observers[i]);

        assert_true(range.low == 0);
        assert_true(range.high > 5);
    }
    free(values);
}

/* Uniform in -1..1 but for -2 and 2: worth clipping, not all the way. */
static void mse_is_the_share_that_numpy_finds_best(void **state)
{
    float *values;
    struct range range;
    struct tiny t;

    (void)state;
    tiny_begin(&t, 1, 1);
    values = tiny_numbers(&t, 16L * SIDE * SIDE, 6, 1);
    values[0] = -2;
    values[1] = 2;
    range = observe(values, 16, OBSERVE_MSE);
    assert_float_equal(range.high / 2, BEST_SHARE / 100.0, 0.0301);
    assert_float_equal(range.low, -range.high, 1e-6);
    tiny_end(&t);
}

static void mse_keeps_the_whole_range_of_evenly_spread_values(void **state)
{
    struct range range;
    struct tiny t;

    (void)state;
    tiny_begin(&t, 1, 1);
    range = observe(tiny_numbers(&t, 4L * SIDE * SIDE, 6, 1), 4, OBSERVE_MSE);
    assert_float_equal(range.high, 1000.0 / 1024, 0.025);
    tiny_end(&t);
}

/* A range that is wider than the largest float. */
static void ranges_up_to_the_largest_numbers_are_found(void **state)
{
    static const enum quant_observer observers[] = { OBSERVE_MSE, OBSERVE_PERCENTILE, OBSERVE_MINMAX };
    float *values = heavy(SIDE * SIDE);

    (void)state;
    for (int i = 0; i < SIDE * SIDE; i++)
        values[i] = i % 2 ? 3e38F : -3e38F;
    for (size_t i = 0; i < COUNT(observers); i++) {
        struct range range = observe(values, 1, observers[i]);
        int32_t zero;
        float scale;

        range_to_quant(&range, &scale, &zero);
        assert_true(range.low >= -3.4e38F && range.low < -2.9e38F);
        assert_true(range.high <= 3.4e38F && range.high > 2.9e38F);
        assert_float_equal(scale / 2.353e36F, 1, 0.01);
        assert_in_range(zero, 127, 128);
    }
    free(values);
}

static const struct {
    float low, high, scale;
    int32_t zero;
} ranges[] = {
    { 0, 255, 1, 0 },          { -255, 0, 1, 255 }, { -128, 127, 1, 128 },
    { -1, 3, 4.0F / 255, 64 }, { 0, 0, 1, 0 }, /* nothing but zeros */
    { 0, 1e-40F, 1, 0 },                       /* smaller than any scale may be */
};

static void scale_and_zero_point_are_the_formulas(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ranges); i++) {
        const struct range range = { ranges[i].low, ranges[i].high, true };
        int32_t zero;
        float scale;

        range_to_quant(&range, &scale, &zero);
        assert_true(scale == ranges[i].scale);
        assert_int_equal(zero, ranges[i].zero);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(minmax_keeps_the_whole_range),
        cmocka_unit_test(percentile_is_numpys_to_the_width_of_a_bin),
        cmocka_unit_test(a_range_without_zero_is_widened_to_it),
        cmocka_unit_test(mse_is_the_share_that_numpy_finds_best),
        cmocka_unit_test(mse_keeps_the_whole_range_of_evenly_spread_values),
        cmocka_unit_test(ranges_up_to_the_largest_numbers_are_found),
        cmocka_unit_test(scale_and_zero_point_are_the_formulas),
    };

    return cmocka_run_group_tests_name("observer", tests, NULL, NULL);
}

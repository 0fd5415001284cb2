#include "op/pointwise.h"

#include "op/convolve_test.h"

static const struct layer layers[] = {
    { 3, 1, 12, 12, 4, 4, 1, 1, 0, 0 },    /* one vector a picture */
    { 5, 1, 17, 50, 8, 10, 1, 1, 0, 0 },   /* fewer channels than filters, which do not fill vectors */
    { 2, 1, 150, 24, 12, 12, 1, 1, 0, 0 }, /* more channels than filters */
    { 2, 1, 13, 14, 48, 40, 1, 1, 0, 0 },  /* a picture cut, the last part shorter */
    { 6, 1, 16, 96, 20, 20, 1, 1, 0, 0 },  /* more images than parts */
};
static const struct way way = { pointwise_fits, pointwise_bytes, pointwise_forward, pointwise_input, pointwise_weight };

static void results_are_those_of_the_definition(void **state)
{
    check_results(&way, layers, COUNT(layers), *state);
}

static void bits_depend_on_no_thread(void **state)
{
    check_threads(&way, layers, COUNT(layers), *state);
}

static void what_does_not_fill_vectors_or_fit_a_cache_is_left_to_others(void **state)
{
    struct run r;

    set_up(&r, &way, &layers[0], *state, 1);
    struct convolve few = r.c, grouped = r.c, odd = r.c, wide = r.c;
    few.channels = 3;
    grouped.groups = 2;
    odd.win[0].out = 5;
    wide.channels = wide.filters = 1024;
    assert_false(pointwise_fits(&few));
    assert_false(pointwise_fits(&grouped));
    assert_false(pointwise_fits(&odd));
    assert_false(pointwise_fits(&wide));
    tear_down(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_are_those_of_the_definition),
        cmocka_unit_test(bits_depend_on_no_thread),
        cmocka_unit_test(what_does_not_fill_vectors_or_fit_a_cache_is_left_to_others),
    };

    return EACH_PATH_RUN(tests, NULL);
}

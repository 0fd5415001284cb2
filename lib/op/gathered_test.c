#include "op/gathered.h"

#include "op/convolve_test.h"

static const struct layer layers[] = {
    { 3, 1, 12, 12, 6, 6, 1, 1, 0, 0 },    /* planes as they are, images together */
    { 2, 1, 17, 140, 20, 19, 1, 1, 0, 0 }, /* a picture cut, more than a strip of filters */
    { 5, 1, 150, 24, 3, 3, 1, 1, 0, 0 },   /* more than a slice of channels */
    { 3, 1, 16, 20, 8, 10, 1, 2, 0, 0 },   /* pixels that no tap meets */
    { 2, 1, 20, 33, 9, 12, 3, 2, 1, 1 },   /* a stride and borders */
    { 7, 1, 13, 12, 5, 4, 3, 1, 0, 1 },    /* borders on one side */
};
static const struct way way = { gathered_fits, gathered_bytes, gathered_forward, gathered_input, gathered_weight };

static void results_are_those_of_the_definition(void **state)
{
    check_results(&way, layers, COUNT(layers), *state);
}

static void bits_depend_on_no_thread(void **state)
{
    check_threads(&way, layers, COUNT(layers), *state);
}

static void groups_and_few_channels_are_left_to_others(void **state)
{
    struct run r;

    set_up(&r, &way, &layers[0], *state, 1);
    struct convolve few = r.c, grouped = r.c;
    few.channels = 3;
    grouped.groups = 2;
    assert_false(gathered_fits(&few));
    assert_false(gathered_fits(&grouped));
    tear_down(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_are_those_of_the_definition),
        cmocka_unit_test(bits_depend_on_no_thread),
        cmocka_unit_test(groups_and_few_channels_are_left_to_others),
    };

    return EACH_PATH_RUN(tests, NULL);
}

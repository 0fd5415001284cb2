#include "op/winograd.h"

#include "op/convolve_test.h"

static const struct layer layers[] = {
    { 2, 1, 12, 12, 16, 16, 3, 1, 1, 1 }, /* whole images, the fewest channels */
    { 3, 1, 17, 33, 9, 14, 3, 1, 1, 1 },  /* nothing a multiple of anything */
    { 1, 1, 20, 16, 40, 44, 3, 1, 0, 2 }, /* rows of tiles of one image, borders on one side */
    { 17, 1, 65, 70, 4, 4, 3, 1, 1, 1 },  /* one tile an image, more than a slice of channels */
    { 2, 1, 130, 12, 8, 8, 3, 1, 2, 2 },  /* a border wider than the way back has */
    { 5, 1, 20, 50, 12, 12, 5, 1, 0, 0 }, /* five taps, no border */
    { 2, 1, 13, 14, 15, 14, 5, 1, 2, 2 },
};

static const struct way way = { winograd_fits, winograd_bytes, winograd_forward, winograd_input, winograd_weight };

static void results_are_those_of_the_definition(void **state)
{
    check_results(&way, layers, COUNT(layers), *state);
}

static void bits_depend_on_no_thread(void **state)
{
    check_threads(&way, layers, COUNT(layers), *state);
}

static void only_layers_that_gain_take_it(void **state)
{
    struct run r;

    set_up(&r, &way, &layers[0], *state, 1);
    struct convolve few = r.c, grouped = r.c, strided = r.c, tiny = r.c;
    few.channels = 3;
    grouped.groups = 2;
    strided.win[1].stride = 2;
    tiny.win[0].out = tiny.win[1].out = 1;
    assert_false(winograd_fits(&few));
    assert_false(winograd_fits(&grouped));
    assert_false(winograd_fits(&strided));
    assert_false(winograd_fits(&tiny));
    tear_down(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_are_those_of_the_definition),
        cmocka_unit_test(bits_depend_on_no_thread),
        cmocka_unit_test(only_layers_that_gain_take_it),
    };

    return EACH_PATH_RUN(tests, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "image/image.h"

enum { SIDE = 16, BYTES = SIDE * SIDE * 3 };

static void fill(uint8_t *pixels)
{
    for (int i = 0; i < BYTES; i++)
        pixels[i] = (uint8_t)(i * 89 % 251);
}

static void apply(uint8_t *pixels, const char *list, uint64_t sample)
{
    struct augment augment;
    struct error err = { 0 };
    struct rng rng = rng_make(7, rng_stream("augment", 0, sample));
    uint8_t scratch[BYTES];

    fill(pixels);
    assert_int_equal(augment_parse(&augment, list, &err), 0);
    augment_apply(&augment, &rng, pixels, scratch, SIDE, SIDE, 3);
}

static void a_list_sets_its_fields(void **state)
{
    struct augment a;
    struct error err = { 0 };

    (void)state;
    assert_int_equal(augment_parse(&a, "flip,shift:4,brightness:0.2,contrast:0.1,noise:3.5,cutout:8", &err), 0);
    assert_true(a.flip && a.flip_vertical && !a.rotate90);
    assert_int_equal(a.shift, 4);
    assert_float_equal(a.brightness, 0.2, 1e-6);
    assert_float_equal(a.contrast, 0.1, 1e-6);
    assert_float_equal(a.noise, 3.5, 1e-6);
    assert_int_equal(a.cutout, 8);
    assert_int_equal(augment_parse(&a, "hflip", &err), 0);
    assert_true(a.flip && !a.flip_vertical && a.shift == 0);
    assert_int_equal(augment_parse(&a, "vflip,rotate90", &err), 0);
    assert_true(!a.flip && a.flip_vertical && a.rotate90);
    assert_int_equal(augment_parse(&a, "", &err), 0);
    assert_true(!a.flip && a.noise == 0);
}

static void a_wrong_list_is_a_usage_error(void **state)
{
    static const char *const lists[] = { "flop",    "flip:2",       "shift",       "shift:0",   "shift:1.5",
                                         "shift:x", "brightness:2", "noise:-1",    "noise:nan", "flip,",
                                         ",flip",   "flip,,hflip",  "cutout:99999" };

    (void)state;
    for (size_t i = 0; i < COUNT(lists); i++) {
        struct augment a;
        struct error err = { 0 };

        assert_int_equal(augment_parse(&a, lists[i], &err), -1);
        assert_int_equal(err.kind, ERROR_USAGE);
    }
}

static void mirrors_and_turns_only_move_pixels(void **state)
{
    uint8_t before[BYTES], after[BYTES];
    long sum = 0;
    int moved = 0;

    (void)state;
    fill(before);
    for (int i = 0; i < BYTES; i++)
        sum += before[i] * (i % 3 + 1);
    for (uint64_t sample = 0; sample < 32; sample++) {
        long now = 0;

        apply(after, "flip,rotate90", sample);
        for (int i = 0; i < BYTES; i++)
            now += after[i] * (i % 3 + 1);
        assert_int_equal(now, sum);
        moved += memcmp(before, after, BYTES) != 0;
    }
    assert_in_range(moved, 20, 31); /* of 16 equally likely ways, two leave it as it was */
}

/* The eight symmetries of a square, and no other picture. */
static void flips_and_quarters_make_eight_pictures(void **state)
{
    static uint8_t seen[16][BYTES];
    int kinds = 0;

    (void)state;
    for (uint64_t sample = 0; sample < 200; sample++) {
        uint8_t pixels[BYTES];
        int k = 0;

        apply(pixels, "flip,rotate90", sample);
        while (k < kinds && memcmp(seen[k], pixels, BYTES) != 0)
            k++;
        if (k == kinds) {
            assert_true(kinds < 8);
            memcpy(seen[kinds++], pixels, BYTES);
        }
    }
    assert_int_equal(kinds, 8);
}

static void a_quarter_turn_is_clockwise(void **state)
{
    uint8_t before[BYTES], after[BYTES];
    bool found = false;

    (void)state;
    fill(before);
    for (uint64_t sample = 0; sample < 32 && !found; sample++) {
        apply(after, "rotate90", sample);
        found = memcmp(after + 3 * (SIDE - 1), before, 3) == 0; /* upper left is now upper right */
        if (found)
            assert_memory_equal(after, before + 3 * SIDE * (SIDE - 1), 3);
    }
    assert_true(found);
}

static void shifting_repeats_the_edge(void **state)
{
    uint8_t before[BYTES], after[BYTES];

    (void)state;
    fill(before);
    for (uint64_t sample = 0; sample < 32; sample++) {
        int hits = 0;

        apply(after, "shift:2", sample);
        for (int down = -2; down <= 2; down++) {
            for (int right = -2; right <= 2; right++) {
                bool same = true;

                for (int i = 0; i < BYTES && same; i++) {
                    int y = i / 3 / SIDE - down, x = i / 3 % SIDE - right;

                    y = y < 0 ? 0 : y >= SIDE ? SIDE - 1 : y;
                    x = x < 0 ? 0 : x >= SIDE ? SIDE - 1 : x;
                    same = after[i] == before[3 * (y * SIDE + x) + i % 3];
                }
                hits += same;
            }
        }
        assert_int_equal(hits, 1);
    }
}

static void brightness_contrast_and_noise_stay_near(void **state)
{
    static const char *const lists[] = { "brightness:0.2", "contrast:0.2", "noise:4" };
    uint8_t before[BYTES], after[BYTES];

    (void)state;
    fill(before);
    for (size_t i = 0; i < COUNT(lists); i++) {
        bool changed = false;

        for (uint64_t sample = 0; sample < 8; sample++) {
            apply(after, lists[i], sample);
            for (int j = 0; j < BYTES; j++)
                assert_in_range(after[j] + 60, before[j], before[j] + 120);
            changed = changed || memcmp(before, after, BYTES) != 0;
        }
        assert_true(changed);
    }
}

static void a_cutout_is_a_square_of_one_colour(void **state)
{
    uint8_t before[BYTES], after[BYTES];

    (void)state;
    fill(before);
    for (uint64_t sample = 0; sample < 16; sample++) {
        int cut = 0;

        apply(after, "cutout:4", sample);
        for (int i = 0; i < SIDE * SIDE; i++)
            cut += memcmp(after + 3 * i, before + 3 * i, 3) != 0;
        assert_in_range(cut, 3, 16); /* fewer where it hangs over the edge */
    }
}

static void the_same_sample_gives_the_same_picture(void **state)
{
    static const char *const list = "flip,rotate90,shift:3,brightness:0.3,contrast:0.3,noise:5,cutout:5";
    uint8_t one[BYTES], two[BYTES], other[BYTES];

    (void)state;
    apply(one, list, 11);
    apply(two, list, 11);
    apply(other, list, 12);
    assert_memory_equal(one, two, BYTES);
    assert_memory_not_equal(one, other, BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_sets_its_fields),
        cmocka_unit_test(a_wrong_list_is_a_usage_error),
        cmocka_unit_test(mirrors_and_turns_only_move_pixels),
        cmocka_unit_test(flips_and_quarters_make_eight_pictures),
        cmocka_unit_test(a_quarter_turn_is_clockwise),
        cmocka_unit_test(shifting_repeats_the_edge),
        cmocka_unit_test(brightness_contrast_and_noise_stay_near),
        cmocka_unit_test(a_cutout_is_a_square_of_one_colour),
        cmocka_unit_test(the_same_sample_gives_the_same_picture),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

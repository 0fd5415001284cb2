/* Resizing against Pillow (scripts/make-image-vectors), and what the other methods promise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/rng.h"
#include "image/image.h"

static struct input load(const char *name)
{
    struct input in;
    struct error err = { 0 };
    char path[256];

    snprintf(path, sizeof(path), "testdata/image/%s", name);
    if (input_open(&in, path, 0, &err) < 0)
        fail_msg("%s", err.message);
    return in;
}

/* The contract says within one level; it is bit for bit, and stays so. */
static void antialiased_resizing_equals_pillow(void **state)
{
    static const int sizes[][3] = { { 64, 64, 3 }, { 16, 32, 3 }, { 5, 3, 3 }, { 80, 120, 3 }, { 61, 97, 3 },
                                    { 61, 40, 3 }, { 30, 97, 3 }, { 1, 1, 3 }, { 28, 28, 1 } };
    struct input file = load("photo.jpg");

    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct preprocess preprocess;
        struct error err = { 0 };
        struct input want;
        char name[64];
        uint8_t *got = malloc((size_t)sizes[i][0] * (size_t)sizes[i][1] * (size_t)sizes[i][2]);

        preprocess_init(&preprocess, sizes[i][2], sizes[i][0], sizes[i][1]);
        assert_int_equal(image_load(got, file.bytes, file.count, &preprocess, &err), 0);
        snprintf(name, sizeof(name), "photo.%dx%dx%d.raw", sizes[i][0], sizes[i][1], sizes[i][2]);
        want = load(name);
        assert_memory_equal(got, want.bytes, want.count);
        input_close(&want);
        free(got);
    }
    input_close(&file);
}

/* Gray files are resized as gray; what comes out is what their RGB would have given. */
static void gray_becomes_rgb_the_same_before_and_after(void **state)
{
    enum { HEIGHT = 37, WIDTH = 53, TO = 16 };
    uint8_t pixels[HEIGHT * WIDTH], got[TO * TO * 3], want[TO * TO * 3], *file;
    const struct image gray = { HEIGHT, WIDTH, 1, pixels };
    struct rng rng = rng_make(5, 7);
    struct image rgb, to = { TO, TO, 3, want };
    struct error err = { 0 };
    size_t count;

    (void)state;
    for (size_t i = 0; i < COUNT(pixels); i++)
        pixels[i] = (uint8_t)rng_below(&rng, 256);
    assert_int_equal(image_encode_jpeg(&gray, 90, &file, &count, &err), 0);
    assert_int_equal(image_decode(&rgb, file, count, 3, &err), 0);
    for (int fit = FIT_STRETCH; fit <= FIT_CROP; fit++) {
        struct preprocess preprocess;

        preprocess_init(&preprocess, 3, TO, TO);
        preprocess.fit = (enum resize_fit)fit;
        assert_int_equal(image_fit(&to, &rgb, &preprocess, &err), 0);
        assert_int_equal(image_load(got, file, count, &preprocess, &err), 0);
        assert_memory_equal(got, want, sizeof(want));
    }
    image_free(&rgb);
    free(file);
}

static void fit(uint8_t *out, const struct image *from, enum resize_method resize, enum resize_fit how, int height,
                int width)
{
    struct preprocess preprocess;
    struct error err = { 0 };
    struct image to = { height, width, from->channels, out };

    preprocess_init(&preprocess, from->channels, height, width);
    preprocess.resize = resize;
    preprocess.fit = how;
    assert_int_equal(image_fit(&to, from, &preprocess, &err), 0);
}

static void two_taps_lie_on_the_straight_line(void **state)
{
    uint8_t ramp[] = { 0, 40, 80, 120 }, wide[8], narrow[2];
    static const uint8_t want_wide[] = { 0, 10, 30, 50, 70, 90, 110, 120 }, want_narrow[] = { 20, 100 };
    struct image row = { 1, 4, 1, ramp };

    (void)state;
    fit(wide, &row, RESIZE_BILINEAR, FIT_STRETCH, 1, 8);
    assert_memory_equal(wide, want_wide, sizeof(wide));
    fit(narrow, &row, RESIZE_BILINEAR, FIT_STRETCH, 1, 2);
    assert_memory_equal(narrow, want_narrow, sizeof(narrow));
}

/* 12 columns to 2: between the two beside the centre, blind to the rest. */
static void two_taps_do_not_average(void **state)
{
    uint8_t spikes[12] = { 255, 255, 0, 0, 255, 255, 255, 255, 0, 200, 255, 255 }, got[2];
    struct image row = { 1, 12, 1, spikes };

    (void)state;
    fit(got, &row, RESIZE_BILINEAR, FIT_STRETCH, 1, 2);
    assert_int_equal(got[0], 0);
    assert_int_equal(got[1], 100);
    fit(got, &row, RESIZE_ANTIALIAS, FIT_STRETCH, 1, 2);
    assert_true(got[0] > 100);
}

static void nearest_takes_the_pixel_under_the_centre(void **state)
{
    uint8_t pixels[] = { 1, 2, 3, 4, 5, 6, 7 }, got[3];
    struct image row = { 1, 7, 1, pixels };
    static const uint8_t want[] = { 2, 4, 6 }; /* centres 1.17, 3.5, 5.83 */

    (void)state;
    fit(got, &row, RESIZE_NEAREST, FIT_STRETCH, 1, 3);
    assert_memory_equal(got, want, sizeof(want));
}

/* 4x8 cropped to 2x2: first 2x4, of which columns 1 and 2 are left. */
static void cropping_keeps_the_middle(void **state)
{
    uint8_t pixels[4 * 8], whole[2 * 4], part[2 * 2];
    struct image image = { 4, 8, 1, pixels };

    (void)state;
    for (int i = 0; i < 32; i++)
        pixels[i] = (uint8_t)(i * 53 % 256);
    for (enum resize_method method = RESIZE_ANTIALIAS; method <= RESIZE_NEAREST; method++) {
        fit(whole, &image, method, FIT_STRETCH, 2, 4);
        fit(part, &image, method, FIT_CROP, 2, 2);
        assert_memory_equal(part, whole + 1, 2);
        assert_memory_equal(part + 2, whole + 5, 2);
    }
    fit(part, &image, RESIZE_ANTIALIAS, FIT_CROP, 4, 1);
    assert_int_equal(part[0], pixels[4]); /* 7 spare columns: 3.5 goes to the even 4 */
}

static void every_size_stays_inside_its_memory(void **state)
{
    uint8_t pixels[7 * 5 * 3];
    struct image image = { 7, 5, 3, pixels };

    (void)state;
    memset(pixels, 255, sizeof(pixels));
    for (int method = RESIZE_ANTIALIAS; method <= RESIZE_NEAREST; method++) {
        for (int side = 1; side < 40; side++) {
            size_t count = (size_t)side * (size_t)(41 - side) * 3;
            uint8_t *out = malloc(count);

            fit(out, &image, (enum resize_method)method, side % 2 ? FIT_CROP : FIT_STRETCH, side, 41 - side);
            for (size_t i = 0; i < count; i++)
                assert_int_equal(out[i], 255); /* white stays white: weights sum to one */
            free(out);
        }
    }
}

static void a_wrong_number_of_channels_is_refused(void **state)
{
    uint8_t pixels[3] = { 0 };
    struct image rgb = { 1, 1, 3, pixels }, to = { 0 };
    struct preprocess preprocess;
    struct error err = { 0 };

    (void)state;
    preprocess_init(&preprocess, 1, 4, 4);
    assert_int_equal(image_fit(&to, &rgb, &preprocess, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_null(to.pixels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(antialiased_resizing_equals_pillow),
        cmocka_unit_test(gray_becomes_rgb_the_same_before_and_after),
        cmocka_unit_test(two_taps_lie_on_the_straight_line),
        cmocka_unit_test(two_taps_do_not_average),
        cmocka_unit_test(nearest_takes_the_pixel_under_the_centre),
        cmocka_unit_test(cropping_keeps_the_middle),
        cmocka_unit_test(every_size_stays_inside_its_memory),
        cmocka_unit_test(a_wrong_number_of_channels_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

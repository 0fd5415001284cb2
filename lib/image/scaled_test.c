/* `decode: scaled`: when a JPEG is halved on its way, how often, and that the rest stays as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "image/internal.h"

enum { HEIGHT = 96, WIDTH = 130 };

/* Noise, so that no two ways of making it smaller agree; smooth: a slope. */
static uint8_t *encode(size_t *count, bool smooth)
{
    static uint8_t pixels[HEIGHT * WIDTH * 3];
    struct image image = { HEIGHT, WIDTH, 3, pixels };
    struct rng rng = rng_make(7, 1);
    struct error err = { 0 };
    uint8_t *bytes;

    for (int i = 0; i < HEIGHT * WIDTH * 3; i++)
        pixels[i] = (uint8_t)(smooth ? i / 3 % WIDTH + i / 3 / WIDTH : (int)rng_below(&rng, 256));
    assert_int_equal(image_encode_jpeg(&image, 95, &bytes, count, &err), 0);
    return bytes;
}

static uint8_t *load(const uint8_t *bytes, size_t count, int height, int width, enum decode_how decode,
                     enum resize_fit fit)
{
    struct preprocess preprocess;
    struct error err = { 0 };
    uint8_t *out = malloc((size_t)height * (size_t)width * 3);

    preprocess_init(&preprocess, 3, height, width);
    preprocess.decode = decode;
    preprocess.fit = fit;
    if (image_load(out, bytes, count, &preprocess, &err) < 0)
        fail_msg("%s", err.message);
    return out;
}

static void a_side_is_halved_while_both_stay_large_enough(void **state)
{
    static const struct {
        int height, width;         /* of the input */
        int got_height, got_width; /* 96x130 by 1, 2, 4 and 8, rounded up */
    } cases[] = {
        { 96, 130, 96, 130 }, { 48, 65, 48, 65 }, { 49, 65, 96, 130 }, { 48, 66, 96, 130 }, { 24, 33, 24, 33 },
        { 24, 34, 48, 65 },   { 12, 17, 12, 17 }, { 1, 1, 12, 17 },    { 200, 1, 96, 130 },
    };
    size_t count;
    uint8_t *bytes = encode(&count, false);

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct preprocess wanted;
        struct error err = { 0 };
        const struct jpeg_use use = { .wanted = &wanted };
        struct image image;
        int orientation;

        preprocess_init(&wanted, 3, cases[i].height, cases[i].width);
        assert_int_equal(jpeg_decode(&image, &orientation, bytes, count, &use, &err), 0);
        assert_int_equal(image.height, cases[i].got_height);
        assert_int_equal(image.width, cases[i].got_width);
        image_free(&image);
    }
    free(bytes);
}

static void only_what_asks_for_it_gets_other_pixels(void **state)
{
    size_t count;
    uint8_t *bytes = encode(&count, false);
    static const struct {
        int height, width;
        enum resize_fit fit;
        bool same;
    } cases[] = {
        { 24, 24, FIT_STRETCH, false }, { 24, 24, FIT_CROP, false },    { 48, 65, FIT_STRETCH, false },
        { 49, 49, FIT_STRETCH, true },  { 96, 130, FIT_STRETCH, true }, { 120, 140, FIT_STRETCH, true },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const size_t most = (size_t)cases[i].height * (size_t)cases[i].width * 3;
        uint8_t *exact = load(bytes, count, cases[i].height, cases[i].width, DECODE_EXACT, cases[i].fit);
        uint8_t *scaled = load(bytes, count, cases[i].height, cases[i].width, DECODE_SCALED, cases[i].fit);

        assert_int_equal(memcmp(exact, scaled, most) == 0, cases[i].same);
        free(exact);
        free(scaled);
    }
    free(bytes);
}

/* Of a slope both ways make nearly the same: the whole picture is there, and where it was. */
static void a_slope_stays_a_slope(void **state)
{
    size_t count;
    uint8_t *bytes = encode(&count, true);

    (void)state;
    for (int side = 11; side < 70; side += 9) {
        uint8_t *exact = load(bytes, count, side, side, DECODE_EXACT, FIT_CROP);
        uint8_t *scaled = load(bytes, count, side, side, DECODE_SCALED, FIT_CROP);

        for (int i = 0; i < side * side * 3; i++)
            if (abs(exact[i] - scaled[i]) > 6)
                fail_msg("side %d: %d and %d", side, exact[i], scaled[i]);
        free(exact);
        free(scaled);
    }
    free(bytes);
}

/* exif-6 lies on its side: what counts is how it will stand. */
static void a_turned_picture_is_measured_as_it_will_stand(void **state)
{
    struct input in;
    struct error err = { 0 };
    struct image whole, half;
    struct preprocess wanted;
    const struct jpeg_use use = { .wanted = &wanted };
    int orientation;

    (void)state;
    assert_int_equal(input_open(&in, "testdata/image/exif-6.jpg", 0, &err), 0);
    assert_int_equal(jpeg_decode(&whole, &orientation, in.bytes, in.count, &(struct jpeg_use){ 0 }, &err), 0);
    assert_true(orientation >= ORIENTATION_TURNED && whole.height != whole.width);
    preprocess_init(&wanted, 3, (whole.width + 1) / 2, (whole.height + 1) / 2);
    assert_int_equal(jpeg_decode(&half, &orientation, in.bytes, in.count, &use, &err), 0);
    assert_int_equal(half.height, (whole.height + 1) / 2);
    image_free(&half);
    preprocess_init(&wanted, 3, (whole.height + 1) / 2, (whole.width + 1) / 2);
    assert_int_equal(jpeg_decode(&half, &orientation, in.bytes, in.count, &use, &err), 0);
    assert_int_equal(half.height, whole.height);
    image_free(&half);
    image_free(&whole);
    input_close(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_side_is_halved_while_both_stay_large_enough),
        cmocka_unit_test(only_what_asks_for_it_gets_other_pixels),
        cmocka_unit_test(a_slope_stays_a_slope),
        cmocka_unit_test(a_turned_picture_is_measured_as_it_will_stand),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "image/image.h"

static void normalising_makes_planes_of_reals(void **state)
{
    static const uint8_t pixels[] = { 0, 51, 255, 102, 204, 153 }; /* two pixels */
    struct preprocess preprocess;
    float got[6];
    static const float want[] = { -1, -0.2F, 0.2F - 0.5F, 0.8F - 0.5F, (1 - 0.25F) / 0.125F, (0.6F - 0.25F) / 0.125F };

    (void)state;
    preprocess_init(&preprocess, 3, 1, 2);
    preprocess.std[1] = 1;
    preprocess.mean[2] = 0.25F;
    preprocess.std[2] = 0.125F;
    image_normalize(got, pixels, &preprocess);
    for (int i = 0; i < 6; i++)
        assert_float_equal(got[i], want[i], 1e-6);
}

/* Integers straight from pixels are those that QuantizeLinear makes of the reals. */
static void quantising_agrees_with_normalising(void **state)
{
    float scale = 0.01F, real[3 * 256];
    int32_t zero_point = 117;
    struct quant quant = { .axis = -1, .count = 1, .scale = &scale, .zero_point = &zero_point };
    struct preprocess preprocess;
    uint8_t pixels[256 * 3], got[3 * 256];

    (void)state;
    for (int i = 0; i < 256 * 3; i++)
        pixels[i] = (uint8_t)(i * 7 % 256);
    preprocess_init(&preprocess, 3, 16, 16);
    preprocess.mean[1] = 0.1F;
    preprocess.std[2] = 0.2F;
    image_normalize(real, pixels, &preprocess);
    image_quantize(got, pixels, &preprocess, &quant);
    for (int i = 0; i < 3 * 256; i++) {
        float want = nearbyintf(real[i] / scale) + 117;

        assert_int_equal(got[i], want < 0 ? 0 : want > 255 ? 255 : (int)want);
    }
}

static void a_package_keeps_all_of_it(void **state)
{
    struct arena arena = { 0 };
    struct error err = { 0 };
    struct preprocess preprocess, again;
    struct tree *map;

    (void)state;
    preprocess_init(&preprocess, 3, 48, 64);
    preprocess.decode = DECODE_SCALED;
    preprocess.resize = RESIZE_NEAREST;
    preprocess.fit = FIT_CROP;
    preprocess.mean[0] = 0.485F;
    preprocess.std[2] = 0.225F;
    map = preprocess_to_tree(&arena, &preprocess);
    assert_non_null(map);
    assert_true(tree_get(map, "mean")->first->real == 0.485);
    memset(&again, 0, sizeof(again));
    assert_int_equal(preprocess_from_tree(&again, map, &err), 0);
    assert_memory_equal(&again, &preprocess, sizeof(again));
    arena_free(&arena);
}

static void what_makes_no_sense_is_refused(void **state)
{
    static const struct {
        const char *key, *text, *says;
        double real;
    } cases[] = {
        { "resize", "cubic", "'cubic', expected antialias, bilinear or nearest", 0 },
        { "decode", "fast", "'fast', expected exact, scaled", 0 },
        { "fit", "pad", "'pad', expected stretch, crop", 0 },
        { "channels", NULL, "channels", 2 },
        { "channels", NULL, "channels", 4 },
        { "width", NULL, "width", 0 },
        { "height", NULL, "height", 65536 },
        { "extra", NULL, "extra", 1 },
        { "mean", NULL, "mean", 1 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena arena = { 0 };
        struct error err = { 0 };
        struct preprocess preprocess;
        struct tree *map = tree_map(&arena);
        static const char *const sides[] = { "channels", "height", "width" };

        for (size_t j = 0; j < COUNT(sides); j++)
            if (strcmp(cases[i].key, sides[j]) != 0)
                tree_add_int(&arena, map, sides[j], 3);
        if (cases[i].text != NULL)
            tree_add_text(&arena, map, cases[i].key, cases[i].text);
        else
            tree_add_int(&arena, map, cases[i].key, (int64_t)cases[i].real);
        assert_int_equal(preprocess_from_tree(&preprocess, map, &err), -1);
        assert_int_equal(err.kind, ERROR_INPUT);
        assert_non_null(strstr(err.message, cases[i].says));
        arena_free(&arena);
    }
}

static void deviations_are_positive_and_finite(void **state)
{
    static const double bad[] = { 0, -1, INFINITY, NAN };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct arena arena = { 0 };
        struct error err = { 0 };
        struct preprocess preprocess;
        struct tree *map;

        preprocess_init(&preprocess, 1, 8, 8);
        map = preprocess_to_tree(&arena, &preprocess);
        tree_get(map, "std")->first->real = bad[i];
        assert_int_equal(preprocess_from_tree(&preprocess, map, &err), -1);
        assert_int_equal(err.kind, ERROR_INPUT);
        arena_free(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(normalising_makes_planes_of_reals),  cmocka_unit_test(quantising_agrees_with_normalising),
        cmocka_unit_test(a_package_keeps_all_of_it),          cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(deviations_are_positive_and_finite),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

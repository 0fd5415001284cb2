/* Decoding against Pillow (scripts/make-image-vectors), cut files, and encoding back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
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

static void expect_pixels(const struct image *image, const char *stem)
{
    char name[128];
    struct input want;

    snprintf(name, sizeof(name), "%s.%dx%dx%d.raw", stem, image->height, image->width, image->channels);
    want = load(name);
    assert_int_equal(want.count, image->height * image->width * image->channels);
    assert_memory_equal(image->pixels, want.bytes, want.count);
    input_close(&want);
}

static void decode(struct image *image, const char *name, int channels)
{
    struct error err = { 0 };
    struct input in = load(name);

    if (image_decode(image, in.bytes, in.count, channels, &err) < 0)
        fail_msg("%s: %s", name, err.message);
    input_close(&in);
}

static void every_kind_of_file_decodes_as_pillow_does(void **state)
{
    static const struct {
        const char *stem, *ext;
        int channels;
    } files[] = {
        { "photo", "jpg", 0 },         { "photo", "jpg", 1 },      { "progressive", "jpg", 0 },
        { "full-chroma", "jpg", 0 },   { "luma", "jpg", 0 },       { "rgb", "png", 0 },
        { "gray", "png", 0 },          { "gray-alpha", "png", 0 }, { "palette", "png", 0 },
        { "palette-clear", "png", 0 }, { "one-bit", "png", 0 },    { "rgb-alpha", "png", 0 },
        { "interlaced", "png", 0 },    { "deep", "png", 0 },       { "exif-1", "jpg", 0 },
        { "exif-2", "jpg", 0 },        { "exif-3", "jpg", 0 },     { "exif-4", "jpg", 0 },
        { "exif-5", "jpg", 0 },        { "exif-6", "jpg", 0 },     { "exif-7", "jpg", 0 },
        { "exif-8", "jpg", 0 },        { "exif-6-png", "png", 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(files); i++) {
        char name[128];
        struct image image;

        snprintf(name, sizeof(name), "%s.%s", files[i].stem, files[i].ext);
        decode(&image, name, files[i].channels);
        expect_pixels(&image, files[i].stem);
        image_free(&image);
    }
}

static void gray_becomes_rgb_by_copying(void **state)
{
    struct image gray, rgb;

    (void)state;
    decode(&gray, "gray.png", 0);
    decode(&rgb, "gray.png", 3);
    assert_int_equal(gray.channels, 1);
    assert_int_equal(rgb.channels, 3);
    for (int i = 0; i < 3 * gray.height * gray.width; i++)
        assert_int_equal(rgb.pixels[i], gray.pixels[i / 3]);
    image_free(&gray);
    image_free(&rgb);
}

/* Copied to a block of exactly the cut size, so that a sanitizer sees a read past it. */
static void a_file_cut_anywhere_is_an_error(void **state)
{
    static const char *const names[] = { "progressive.jpg", "luma.jpg",    "exif-6.jpg", "rgb.png",
                                         "interlaced.png",  "palette.png", "one-bit.png" };

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        struct input in = load(names[i]);

        for (size_t count = 0; count < in.count; count++) {
            struct error err = { 0 };
            struct image image;
            unsigned char *part = malloc(count + 1);

            memcpy(part, in.bytes, count);
            /* JPEG's end mark is its last two bytes: without it all pixels are there, and still it was cut */
            if (image_decode(&image, part, count, 0, &err) == 0)
                fail_msg("%s cut to %zu bytes decodes", names[i], count);
            assert_int_equal(err.kind, ERROR_INPUT);
            assert_true(err.message[0] != '\0');
            free(part);
        }
        input_close(&in);
    }
}

static void flipped_bits_never_crash(void **state)
{
    static const char *const names[] = { "progressive.jpg", "exif-6.jpg", "interlaced.png", "palette-clear.png" };

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        struct input in = load(names[i]);

        for (size_t bit = 0; bit < 8 * in.count; bit += 3) {
            struct error err = { 0 };
            struct image image;

            in.bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
            if (image_decode(&image, in.bytes, in.count, 0, &err) == 0)
                image_free(&image);
            else
                assert_true(err.kind == ERROR_INPUT || err.kind == ERROR_LIMIT);
            in.bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
        }
        input_close(&in);
    }
}

static void pixels_survive_png_and_nearly_survive_jpeg(void **state)
{
    (void)state;
    for (int channels = 1; channels <= 3; channels += 2) {
        struct error err = { 0 };
        struct image image, again;
        uint8_t *bytes;
        size_t count;
        long off = 0;

        decode(&image, "photo.jpg", channels);
        assert_int_equal(image_encode_png(&image, &bytes, &count, &err), 0);
        assert_int_equal(image_decode(&again, bytes, count, 0, &err), 0);
        assert_int_equal(again.channels, channels);
        assert_memory_equal(again.pixels, image.pixels, image.height * image.width * channels);
        image_free(&again);
        free(bytes);
        assert_int_equal(image_encode_jpeg(&image, 95, &bytes, &count, &err), 0);
        assert_int_equal(image_decode(&again, bytes, count, 0, &err), 0);
        for (int i = 0; i < image.height * image.width * channels; i++)
            off += labs((long)again.pixels[i] - image.pixels[i]);
        assert_true(off < 8L * image.height * image.width * channels);
        image_free(&again);
        free(bytes);
        image_free(&image);
    }
}

static void what_is_no_image_says_so(void **state)
{
    static const char *const texts[] = { "", "hello", "GIF89a", "\x89PN" };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct error err = { 0 };
        struct image image;

        assert_false(image_is_known(texts[i], strlen(texts[i])));
        assert_int_equal(image_decode(&image, texts[i], strlen(texts[i]), 0, &err), -1);
        assert_int_equal(err.kind, ERROR_INPUT);
    }
}

static void pixels_beyond_the_limit_are_refused(void **state)
{
    struct error err = { 0 };
    struct image image;
    struct input in = load("rgb.png"); /* 13 x 20 */

    (void)state;
    setenv("COEDGE_LIMIT_IMAGE_PIXELS", "260", 1);
    assert_int_equal(image_decode(&image, in.bytes, in.count, 0, &err), 0);
    image_free(&image);
    setenv("COEDGE_LIMIT_IMAGE_PIXELS", "259", 1);
    assert_int_equal(image_decode(&image, in.bytes, in.count, 0, &err), -1);
    assert_int_equal(err.kind, ERROR_LIMIT);
    assert_non_null(strstr(err.message, "20x13"));
    unsetenv("COEDGE_LIMIT_IMAGE_PIXELS");
    input_close(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_file_decodes_as_pillow_does),
        cmocka_unit_test(gray_becomes_rgb_by_copying),
        cmocka_unit_test(a_file_cut_anywhere_is_an_error),
        cmocka_unit_test(flipped_bits_never_crash),
        cmocka_unit_test(pixels_survive_png_and_nearly_survive_jpeg),
        cmocka_unit_test(what_is_no_image_says_so),
        cmocka_unit_test(pixels_beyond_the_limit_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

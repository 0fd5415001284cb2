/* video_test.c - frames out of streams that come in pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "data/video_internal.h"

enum { FRAMES = 3 };

/* A pipe that brings `step` bytes at a time. */
struct pouring {
    const struct text *bytes;
    size_t step;
    int fd;
    pthread_t thread;
};

static void *pour(void *context)
{
    struct pouring *p = context;

    for (size_t at = 0; at < p->bytes->length; at += p->step) {
        const size_t left = p->bytes->length - at;

        if (write(p->fd, p->bytes->chars + at, left < p->step ? left : p->step) < 0)
            break;
    }
    close(p->fd);
    return NULL;
}

static struct video *open_pouring(struct pouring *p, const struct text *bytes, size_t step, struct error *err)
{
    unsigned char first[12];
    size_t count = 0;
    int fd[2];

    assert_int_equal(pipe(fd), 0);
    *p = (struct pouring){ bytes, step, fd[1], 0 };
    assert_int_equal(pthread_create(&p->thread, NULL, pour, p), 0);
    while (count < sizeof(first)) {
        const ssize_t got = read(fd[0], first + count, sizeof(first) - count);

        if (got <= 0)
            break;
        count += (size_t)got;
    }
    return video_open(fd[0], first, count, err);
}

static void add_jpeg(struct text *to, uint8_t gray)
{
    uint8_t pixels[16 * 16 * 3], *bytes;
    struct image image = { 16, 16, 3, pixels };
    size_t count;

    memset(pixels, gray, sizeof(pixels));
    assert_int_equal(image_encode_jpeg(&image, 90, &bytes, &count, NULL), 0);
    text_add_bytes(to, bytes, count);
    free(bytes);
}

/* Frames of gray 50, 100, 150, each a whole JPEG. */
static void expect_frames(const struct text *stream, size_t step)
{
    struct pouring p;
    struct error err = { 0 };
    struct video *video;
    struct item item;
    struct image image;

    /* what they begin with is what opens them */
    assert_true(video_is_known(stream->chars, stream->length));
    video = open_pouring(&p, stream, step, &err);
    assert_non_null(video);
    for (int i = 0; i < FRAMES; i++) {
        assert_int_equal(video_next(video, &item, &err), 1);
        assert_string_equal(item.ext, "jpg");
        assert_int_equal(image_decode(&image, item.bytes, item.count, 3, &err), 0);
        assert_true(abs(image.pixels[100] - 50 * (i + 1)) <= 2);
        image_free(&image);
    }
    assert_int_equal(video_next(video, &item, &err), 0);
    video_close(video);
    pthread_join(p.thread, NULL);
}

static void pictures_one_behind_another(void **state)
{
    static const size_t steps[] = { 1, 7, 100000 };
    struct text stream = { 0 };

    (void)state;
    for (int i = 0; i < FRAMES; i++)
        add_jpeg(&stream, (uint8_t)(50 * (i + 1)));
    for (size_t i = 0; i < 3; i++)
        expect_frames(&stream, steps[i]);
    text_free(&stream);
}

/* As mjpg-streamer and ffmpeg's mpjpeg write it: with and without a length, a line's end before the boundary. */
static void parts_of_a_body(void **state)
{
    struct text stream = { 0 };

    (void)state;
    for (int i = 0; i < FRAMES; i++) {
        text_printf(&stream, "%s--frame\r\nContent-Type: image/jpeg\r\n%s\r\n", i == 1 ? "\r\n" : "",
                    i == 2 ? "Content-length: 12\r\nX-Timestamp: 0.0\r\n" : "");
        add_jpeg(&stream, (uint8_t)(50 * (i + 1)));
        text_add(&stream, "\r\n");
    }
    expect_frames(&stream, 3);
    text_add(&stream, "--frame--\r\nwhat follows is nothing");
    expect_frames(&stream, 3);
    text_free(&stream);
}

/* A picture within a picture's segment (a thumbnail) and bytes like markers in scan data do not end it. */
static void a_thumbnail_is_no_picture(void **state)
{
    static const char app[] = "\xff\xe1\x00\x08\xff\xd8\xff\xd9\xff\xd9";
    struct text inner = { 0 }, stream = { 0 };

    (void)state;
    for (int i = 0; i < FRAMES; i++) {
        inner.length = 0;
        add_jpeg(&inner, (uint8_t)(50 * (i + 1)));
        text_add_bytes(&stream, inner.chars, 2);
        text_add_bytes(&stream, app, sizeof(app) - 1);
        text_add_bytes(&stream, inner.chars + 2, inner.length - 2);
    }
    expect_frames(&stream, 5);
    text_free(&inner);
    text_free(&stream);
}

static void expect_error(const char *bytes, size_t count, int before, enum error_kind kind, const char *what)
{
    struct text stream = { 0 };
    struct pouring p;
    struct error err = { 0 };
    struct video *video;
    struct item item;
    int rc = 1;

    text_add_bytes(&stream, bytes, count);
    video = open_pouring(&p, &stream, 100, &err);
    assert_true(video != NULL || before < 0);
    for (int i = 0; video != NULL && i <= before; i++)
        rc = video_next(video, &item, &err);
    assert_true(video == NULL || rc == -1);
    assert_int_equal(err.kind, kind);
    if (strstr(err.message, what) == NULL)
        fail_msg("'%s' does not say '%s'", err.message, what);
    video_close(video);
    pthread_join(p.thread, NULL);
    text_free(&stream);
}

static void damage_says_which_frame(void **state)
{
    struct text stream = { 0 };
    size_t whole;

    (void)state;
    add_jpeg(&stream, 50);
    whole = stream.length;
    text_add(&stream, "junk");
    expect_error(stream.chars, stream.length, 1, ERROR_INPUT, "frame 1: expected a JPEG picture, found bytes 6a 75");
    expect_error(stream.chars, whole - 1, 0, ERROR_INPUT, "frame 0: cut");
    expect_error(stream.chars, whole / 2, 0, ERROR_INPUT, "frame 0: ");
    expect_error("\xff\xd8\xff\xd8\xff\xd9", 6, 0, ERROR_INPUT, "within another");
    expect_error("\xff\xd8\xff\xe0\x00\x00zz", 8, 0, ERROR_INPUT, "no marker");
    expect_error("--x\r\nContent-Type: text/html\r\n\r\n<html>", 39, 0, ERROR_INPUT, "behind its part's head");
    text_free(&stream);
}

/* ---- Y4M ---- */

static void expect_rgb(const char *header, const char *planes, size_t count, const uint8_t (*rgb)[3], int channels)
{
    struct text stream = { 0 };
    struct pouring p;
    struct error err = { 0 };
    struct video *video;
    struct item item;

    text_printf(&stream, "YUV4MPEG2 %s\n", header);
    for (int i = 0; i < 2; i++) {
        text_add(&stream, i == 0 ? "FRAME\n" : "FRAME Ip\n");
        text_add_bytes(&stream, planes, count);
    }
    assert_true(video_is_known(stream.chars, stream.length));
    video = open_pouring(&p, &stream, 5, &err);
    assert_non_null(video);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(video_next(video, &item, &err), 1);
        assert_string_equal(item.ext, "raw");
        assert_int_equal(item.channels, channels);
        for (size_t j = 0; j < item.count; j++)
            if (item.bytes[j] != rgb[j / (size_t)channels][j % (size_t)channels])
                fail_msg("value %zu is %d", j, item.bytes[j]);
    }
    assert_int_equal(video_next(video, &item, &err), 0);
    video_close(video);
    pthread_join(p.thread, NULL);
    text_free(&stream);
}

/* Levels of ITU-R BT.601: black, white, and the colour bars' red (81, 90, 240) and blue (41, 240, 110) at 100 %. */
static void colours_of_601(void **state)
{
    static const uint8_t two[][3] = { { 0, 0, 0 }, { 255, 255, 255 } };
    static const uint8_t bars[][3] = { { 254, 0, 0 }, { 0, 0, 255 } };
    static const uint8_t gray[][3] = { { 0 }, { 255 } };

    (void)state;
    expect_rgb("W2 H1 C444", "\x10\xeb\x80\x80\x80\x80", 6, two, 3);
    expect_rgb("W2 H1 F30:1 Ip A1:1 C444", "\x51\x29\x5a\xf0\xf0\x6e", 6, bars, 3);
    expect_rgb("W2 H1 C444 XCOLORRANGE=FULL", "\x00\xff\x80\x80\x80\x80", 6, two, 3);
    expect_rgb("W2 H1 Cmono", "\x10\xeb", 2, gray, 1);
    /* 3 x 2 with chroma of 2 x 1: a column of its own for the third pixel; 76, 85, 255 is JFIF's red */
    expect_rgb(
        "W3 H2 C420jpeg XCOLORRANGE=FULL", "\x4c\x4c\x00\x4c\x4c\x00\x55\x80\xff\x80", 10,
        (const uint8_t[][3]){ { 254, 0, 0 }, { 254, 0, 0 }, { 0, 0, 0 }, { 254, 0, 0 }, { 254, 0, 0 }, { 0, 0, 0 } },
        3);
}

static void odd_headers_are_refused(void **state)
{
    static const struct {
        const char *stream, *what;
        int before;
    } bad[] = {
        { "YUV4MPEG2 H2\n", "width", -1 },
        { "YUV4MPEG2 W2 H0\n", "'0' pixels", -1 },
        { "YUV4MPEG2 W65536 H2\n", "pixels", -1 },
        { "YUV4MPEG2 W2 H2 C420p10\n", "420p10", -1 },
        { "YUV4MPEG2 W2 H2", "first line", -1 },
        { "YUV4MPEG2 W2 H2 Cmono\nFRAME\n123", "frame 0: cut: 3 of 4", 0 },
        { "YUV4MPEG2 W2 H2 Cmono\nFRAME\n1234FRANE\n1234", "frame 1: expected", 1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct error err = { 0 };
        struct item item;
        int fd[2], rc = 1;
        struct video *video;
        assert_int_equal(pipe(fd), 0);
        assert_true(write(fd[1], bad[i].stream + 10, strlen(bad[i].stream) - 10) > 0);
        close(fd[1]);
        video = video_open(fd[0], bad[i].stream, 10, &err);
        assert_true((video == NULL) == (bad[i].before < 0));
        for (int n = 0; video != NULL && n <= bad[i].before; n++)
            rc = video_next(video, &item, &err);
        assert_true(video == NULL || rc == -1);
        assert_int_equal(err.kind, ERROR_INPUT);
        if (strstr(err.message, bad[i].what) == NULL)
            fail_msg("'%s' does not say '%s'", err.message, bad[i].what);
        video_close(video);
    }
}

static void what_is_no_video_is_not_known(void **state)
{
    (void)state;
    assert_false(video_is_known("0001.jpg\0\0\0\0", 12));
    assert_false(video_is_known("\x1f\x8b\x08", 3));
    assert_false(video_is_known("\x89PNG\r\n", 6));
    assert_false(video_is_known("--", 2));
    assert_false(video_is_known("", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_one_behind_another),
        cmocka_unit_test(parts_of_a_body),
        cmocka_unit_test(a_thumbnail_is_no_picture),
        cmocka_unit_test(damage_says_which_frame),
        cmocka_unit_test(colours_of_601),
        cmocka_unit_test(odd_headers_are_refused),
        cmocka_unit_test(what_is_no_video_is_not_known),
    };

    signal(SIGPIPE, SIG_IGN); /* who pours may not be done when the reader is */
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* camera_test.c - when a camera is asked again: a server on loopback that sends a picture and then something else. */
#include "infer/camera.h"

#include "base/clock.h"
#include "image/image.h"
#include "infer/tiny.h"
#include "wire/http.h"

struct street {
    struct arena arena;
    struct listener listener;
    struct http_server *server;
    const char *address;
    struct camera *camera;
    struct error err;
    uint8_t *jpeg;
    size_t jpeg_bytes;
    const char *later; /* what the second connection brings, and those after it; NULL: the same */
    int retry_after_s;
    _Atomic int asked;
};

static void say(void *context, struct http_exchange *exchange)
{
    struct street *street = context;
    struct http_reply reply = {
        .status = 200, .type = "image/jpeg", .header_length = -1, .retry_after_s = street->retry_after_s
    };

    if (street->asked++ > 0 && street->later != NULL) {
        text_add(&reply.body, street->later);
    } else {
        text_add_bytes(&reply.body, (const char *)street->jpeg, street->jpeg_bytes);
        for (int i = 0; i < 100; i++)
            text_add(&reply.body, "rubbish");
    }
    http_answer(exchange, &reply);
}

/* What the server is to say stands in *street already. */
static void begin(struct street *street, const struct camera_options *options)
{
    const struct http_limits limits = { 1 << 16, 1 << 20, 1 << 22, 8, 5 };
    const struct http_handler handler = { say, street };
    uint8_t pixels[8 * 8 * 3] = { 0 };
    const struct image black = { 8, 8, 3, pixels };

    assert_int_equal(image_encode_jpeg(&black, 90, &street->jpeg, &street->jpeg_bytes, &street->err), 0);
    if (listener_open(&street->listener, "127.0.0.1:0", &street->arena, &street->err) < 0)
        fail_msg("%s", street->err.message);
    street->server = http_start(&street->listener, 1, &limits, &handler, &street->err);
    assert_non_null(street->server);
    street->address = arena_printf(&street->arena, "%s/x", street->listener.name);
    street->camera = camera_open(street->address, options, &street->err);
    if (street->camera == NULL)
        fail_msg("%s", street->err.message);
}

static void end(struct street *street)
{
    camera_close(street->camera);
    http_stop(street->server, 1);
    listener_close(&street->listener);
    arena_free(&street->arena);
    free(street->jpeg);
}

static int look(struct street *street)
{
    struct feed *feed = camera_feed(street->camera);
    struct item item;

    return feed->next(feed, &item, &street->err);
}

static void a_late_picture_is_progress(void **state)
{
    struct street street = { 0 };

    (void)state;
    begin(&street, &(struct camera_options){ .retries = 1, .stall_seconds = 10, .progress_seconds = 1e-9 });
    for (int i = 0; i < 4; i++)
        assert_int_equal(look(&street), 1);
    end(&street);
    street = (struct street){ 0 };
    begin(&street, &(struct camera_options){ .retries = 1, .stall_seconds = 10 });
    assert_int_equal(look(&street), 1);
    assert_int_equal(look(&street), 1);
    assert_int_equal(look(&street), -1);
    assert_string_equal(street.err.hint,
                        "2 tries in a row brought fewer than 10 pictures; --retries N asks more often");
    end(&street);
}

static void an_error_keeps_its_own_hint(void **state)
{
    struct street street = { .later = "YUV4MPEG2 W8 H8 F1:1 C444alpha\nFRAME\n" };

    (void)state;
    begin(&street, &(struct camera_options){ .retries = 1, .stall_seconds = 10 });
    assert_int_equal(look(&street), 1);
    assert_int_equal(look(&street), -1);
    assert_int_equal(street.asked, 2);
    assert_string_equal(street.err.hint, "ffmpeg -pix_fmt yuv420p writes one");
    end(&street);
}

/* When to come back is for who was refused. */
static void who_answers_does_not_say_when_to_ask_again(void **state)
{
    const double begun = clock_seconds();
    struct street street = { .retry_after_s = 4 };

    (void)state;
    begin(&street, &(struct camera_options){ .retries = 1, .stall_seconds = 10 });
    assert_int_equal(look(&street), 1);
    assert_int_equal(look(&street), 1);
    assert_true(clock_seconds() - begun < 3);
    end(&street);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_late_picture_is_progress),
        cmocka_unit_test(an_error_keeps_its_own_hint),
        cmocka_unit_test(who_answers_does_not_say_when_to_ask_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

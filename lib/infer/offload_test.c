/* offload_test.c - whom a run asks, and when again: a server on loopback that says what it is told to. */
#include <time.h>

#include "infer/offload.h"
#include "infer/tiny.h"
#include "wire/http.h"

static const double alone_seconds = 0.5;

struct cloud {
    struct tiny tiny;
    struct arena arena;
    struct listener listener;
    struct http_server *server;
    struct offload_remote remote;
    struct offload_options options;
    struct offload *offload;
    _Atomic int status, retry_after_s, asked; /* what is said to questions; their count */
    _Atomic int hello_status, met;            /* to who asks what it has */
    _Atomic bool babbles;
};

static void say(void *context, struct http_exchange *exchange)
{
    static const char metadata[] = "{\"inputs\":[{\"name\":\"x\"}],\"outputs\":[{\"name\":\"y\"}]}";
    static const char classes[] = "{\"model_name\":\"m\",\"outputs\":[{\"name\":\"y\",\"datatype\":\"BYTES\","
                                  "\"shape\":[1,1],\"data\":[\"1:1:bridge\"]}]}";
    struct cloud *cloud = context;
    const bool question = strcmp(http_request(exchange)->method, "POST") == 0;
    struct http_reply reply = { .status = question ? cloud->status : cloud->hello_status, .header_length = -1 };

    cloud->asked += question;
    cloud->met += !question;
    if (reply.status != 200)
        reply.retry_after_s = cloud->retry_after_s;
    text_add(&reply.body, cloud->babbles && question ? "{}" : question ? classes : metadata);
    http_answer(exchange, &reply);
}

static void begin_with(struct cloud *cloud, int hello_status, int retry_after_s)
{
    const struct http_limits limits = { 1 << 16, 1 << 20, 1 << 22, 8, 5 };
    const struct http_handler handler = { say, cloud };

    *cloud = (struct cloud){ .status = 200, .hello_status = hello_status, .retry_after_s = retry_after_s };
    tiny_begin(&cloud->tiny);
    tiny_must(&cloud->tiny, listener_open(&cloud->listener, "127.0.0.1:0", &cloud->arena, &cloud->tiny.err));
    cloud->server = http_start(&cloud->listener, 1, &limits, &handler, &cloud->tiny.err);
    if (cloud->server == NULL)
        fail_msg("%s", cloud->tiny.err.message);
    cloud->remote.url = arena_printf(&cloud->arena, "%s/v2/models/m", cloud->listener.name);
    cloud->options = (struct offload_options){ .remote = &cloud->remote,
                                               .remote_count = 1,
                                               .deadline_ms = 5000,
                                               .most_share = 1,
                                               .alone_seconds = alone_seconds };
    cloud->offload = offload_new(&cloud->options, &cloud->tiny.model, NULL, &cloud->tiny.err);
    assert_non_null(cloud->offload);
    assert_true(offload_clear(cloud->offload, PRIVACY_PUBLIC));
}

static void begin(struct cloud *cloud)
{
    begin_with(cloud, 200, 0);
}

static void end(struct cloud *cloud)
{
    offload_free(cloud->offload);
    http_stop(cloud->server, 1);
    listener_close(&cloud->listener);
    tiny_end(&cloud->tiny);
    arena_free(&cloud->arena);
}

/* One more hard sample: whether it was answered elsewhere. */
static bool sample(struct cloud *cloud)
{
    const struct item item = tiny_item("picture", 7, "png");
    struct offload_answer answer;

    if (!offload_may(cloud->offload, true) || !offload_ask(cloud->offload, &item, &answer, NULL))
        return false;
    assert_string_equal(answer.top[0].label, "bridge");
    return true;
}

static void samples_fail(struct cloud *cloud, int count)
{
    for (int i = 0; i < count; i++)
        assert_false(sample(cloud));
}

static void wait_seconds(double seconds)
{
    const struct timespec time = { (time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9) };

    nanosleep(&time, NULL);
}

/* Five failures and nobody is asked; after the pause one sample is, whose failure begins the next pause. */
static void who_fails_is_left_alone_then_asked_once(void **state)
{
    struct cloud cloud;

    (void)state;
    begin(&cloud);
    cloud.status = 503;
    samples_fail(&cloud, OFFLOAD_FAILURES + 3);
    assert_int_equal(cloud.asked, OFFLOAD_FAILURES);
    for (int probe = 1; probe <= 2; probe++) {
        wait_seconds(1.2 * alone_seconds);
        samples_fail(&cloud, 3);
        assert_int_equal(cloud.asked, OFFLOAD_FAILURES + probe);
    }
    assert_int_equal(offload_counts(cloud.offload).alone, 3 + 2 + 2);
    end(&cloud);
}

/* Whose answer to that one sample is good is asked as before, and may fail as often as before. */
static void who_is_back_is_asked_as_before(void **state)
{
    struct cloud cloud;

    (void)state;
    begin(&cloud);
    cloud.status = 503;
    samples_fail(&cloud, OFFLOAD_FAILURES);
    cloud.status = 200;
    assert_false(sample(&cloud)); /* too early */
    wait_seconds(1.2 * alone_seconds);
    for (int i = 0; i < 3; i++)
        assert_true(sample(&cloud));
    cloud.status = 503;
    samples_fail(&cloud, OFFLOAD_FAILURES - 1);
    cloud.status = 200;
    assert_true(sample(&cloud));
    assert_int_equal(cloud.asked, 2 * OFFLOAD_FAILURES + 3);
    end(&cloud);
}

/* The first refusal is enough where the server says for how long, also beyond our own pause. */
static void who_says_when_to_ask_again_is_left_alone_until_then(void **state)
{
    struct cloud cloud;

    (void)state;
    begin(&cloud);
    cloud.status = 503;
    cloud.retry_after_s = 1;
    samples_fail(&cloud, 2);
    wait_seconds(1.2 * alone_seconds);
    samples_fail(&cloud, 2);
    assert_int_equal(cloud.asked, 1);
    cloud.status = 200;
    wait_seconds(1);
    assert_true(sample(&cloud));
    end(&cloud);
}

/* What it said once was for that once: afterwards it may fail otherwise, as often as anyone. */
static void what_was_said_is_not_said_again(void **state)
{
    struct cloud cloud;

    (void)state;
    begin(&cloud);
    cloud.status = 503;
    cloud.retry_after_s = 1;
    samples_fail(&cloud, 1);
    cloud.status = 200;
    cloud.babbles = true;
    wait_seconds(1.1);
    samples_fail(&cloud, 3);
    assert_int_equal(cloud.asked, 4);
    end(&cloud);
}

static void who_refuses_to_say_what_it_has_is_left_alone_until_then(void **state)
{
    struct cloud cloud;

    (void)state;
    begin_with(&cloud, 503, 1);
    samples_fail(&cloud, 3);
    assert_int_equal(cloud.met, 1);
    assert_int_equal(offload_counts(cloud.offload).alone, 3);
    cloud.hello_status = 200;
    wait_seconds(1.1);
    assert_true(sample(&cloud));
    assert_int_equal(cloud.met, 2);
    end(&cloud);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_fails_is_left_alone_then_asked_once),
        cmocka_unit_test(who_is_back_is_asked_as_before),
        cmocka_unit_test(who_says_when_to_ask_again_is_left_alone_until_then),
        cmocka_unit_test(what_was_said_is_not_said_again),
        cmocka_unit_test(who_refuses_to_say_what_it_has_is_left_alone_until_then),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* latest_test.c - a stream that does not wait for its reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>

#include "data/data.h"

/* Gives an item whenever `go` is raised, up to `last`; raises `asked` when it is asked for one. */
struct steps {
    struct feed feed;
    sem_t go, asked;
    int at, last;
    bool fails;
    char key[8], bytes[8];
};

static int step(struct feed *feed, struct item *item, struct error *err)
{
    struct steps *steps = (struct steps *)feed;

    sem_post(&steps->asked);
    sem_wait(&steps->go);
    if (atomic_load(&feed->over))
        return 0;
    if (steps->at == steps->last)
        return steps->fails ? error_set(err, ERROR_NETWORK, "cut") : 0;
    snprintf(steps->key, sizeof(steps->key), "k%d", steps->at);
    snprintf(steps->bytes, sizeof(steps->bytes), "b%d", steps->at++);
    *item = (struct item){ .key = steps->key, .bytes = (unsigned char *)steps->bytes, .count = 3, .ext = "jpg" };
    return 1;
}

static struct source *begin(struct steps *steps, int last, bool fails)
{
    struct error err = { 0 };
    struct source *source;

    *steps = (struct steps){ .feed = { .next = step }, .last = last, .fails = fails };
    sem_init(&steps->go, 0, 0);
    sem_init(&steps->asked, 0, 0);
    source = source_open_latest(&steps->feed, &err);
    assert_non_null(source);
    sem_wait(&steps->asked);
    return source;
}

/* So many more items are there, and all of them were taken in. */
static void pass(struct steps *steps, int count)
{
    for (int i = 0; i < count; i++) {
        sem_post(&steps->go);
        sem_wait(&steps->asked);
    }
}

static void expect(struct source *source, const char *key, const char *bytes, int dropped)
{
    struct error err = { 0 };
    struct item item;

    assert_int_equal(source_next(source, &item, &err), 1);
    assert_string_equal(item.key, key);
    assert_string_equal((const char *)item.bytes, bytes);
    assert_int_equal(item.dropped, dropped);
}

static void the_latest_is_given_and_the_others_are_counted(void **state)
{
    struct error err = { 0 };
    struct steps steps;
    struct source *source = begin(&steps, 9, false);
    struct item kept;

    (void)state;
    pass(&steps, 1);
    expect(source, "k0", "b0", 0);
    pass(&steps, 3);
    assert_int_equal(source_next(source, &kept, &err), 1);
    pass(&steps, 5); /* while it is at work */
    assert_string_equal(kept.key, "k3");
    assert_string_equal((const char *)kept.bytes, "b3");
    assert_int_equal(kept.dropped, 2);
    sem_post(&steps.go); /* the end: the last is given all the same */
    expect(source, "k8", "b8", 4);
    assert_int_equal(source_next(source, &kept, &err), 0);
    assert_int_equal(source_privacy(source), PRIVACY_EDGE);
    source_close(source);
}

static void an_error_comes_behind_the_last(void **state)
{
    struct error err = { 0 };
    struct steps steps;
    struct source *source = begin(&steps, 2, true);
    struct item item;

    (void)state;
    pass(&steps, 2);
    sem_post(&steps.go);
    expect(source, "k1", "b1", 1);
    assert_int_equal(source_next(source, &item, &err), -1);
    assert_int_equal(err.kind, ERROR_NETWORK);
    assert_string_equal(err.message, "cut");
    source_close(source);
}

static void who_closes_it_does_not_wait_for_the_end(void **state)
{
    struct steps steps;
    struct source *source = begin(&steps, 100, false);

    (void)state;
    pass(&steps, 2);
    atomic_store(&steps.feed.over, true); /* as source_close() does before it waits for the thread */
    sem_post(&steps.go);
    source_close(source);
    assert_int_equal(steps.at, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_latest_is_given_and_the_others_are_counted),
        cmocka_unit_test(an_error_comes_behind_the_last),
        cmocka_unit_test(who_closes_it_does_not_wait_for_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

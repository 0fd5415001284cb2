/* seen_test.c - which pictures have the answers of others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/rng.h"
#include "infer/seen.h"

enum { SIDE = 64, BYTES = SIDE * SIDE * 3 };

struct table {
    struct seen *seen;
    uint8_t pixels[BYTES];
    enum seen_how how;
};

static void begin(struct table *t, const char *filter, const char *cache)
{
    struct seen_options options = { 0 };

    *t = (struct table){ 0 };
    if (filter != NULL)
        assert_int_equal(seen_parse_filter(&options, filter, NULL), 0);
    if (cache != NULL)
        assert_int_equal(seen_parse_cache(&options, cache, NULL), 0);
    t->seen = seen_new(&options, 2, NULL);
    assert_non_null(t->seen);
}

/* A plain picture, its answer when it is known, and -1 when it had to be run, which gives `level`. */
static float ask(struct table *t, int level)
{
    const float answer[2] = { (float)level, 1 }, *known;

    memset(t->pixels, level, BYTES);
    known = seen_find(t->seen, t->pixels, SIDE, SIDE, 3, &t->how);
    if (known != NULL)
        return known[0];
    seen_add(t->seen, answer);
    return -1;
}

/* The last that was run counts, not the last that was seen: what drifts slowly is run again. */
static void a_filter_compares_with_the_last_run(void **state)
{
    struct table t;

    (void)state;
    begin(&t, "difference:0.02", NULL); /* 5.1 levels */
    assert_float_equal(ask(&t, 100), -1, 0);
    assert_float_equal(ask(&t, 100), 100, 0);
    assert_int_equal(t.how, SEEN_LAST);
    assert_float_equal(ask(&t, 104), 100, 0);
    assert_float_equal(ask(&t, 107), -1, 0);
    assert_float_equal(ask(&t, 104), 107, 0);
    assert_float_equal(ask(&t, 100), -1, 0); /* no longer known */
    seen_free(t.seen);
}

static void a_cache_forgets_what_was_not_used(void **state)
{
    struct table t;

    (void)state;
    begin(&t, NULL, "2:0.01");
    assert_float_equal(ask(&t, 10), -1, 0);
    assert_float_equal(ask(&t, 50), -1, 0);
    assert_float_equal(ask(&t, 10), 10, 0);
    assert_int_equal(t.how, SEEN_CACHED);
    assert_float_equal(ask(&t, 90), -1, 0); /* in the place of 50 */
    assert_float_equal(ask(&t, 10), 10, 0);
    assert_float_equal(ask(&t, 50), -1, 0);
    seen_free(t.seen);
}

/* Noise of three levels on each pixel is nothing, 4 x 4 pixels that change are something. */
static void noise_is_nothing_and_a_spot_is_something(void **state)
{
    struct table t;
    struct rng rng = rng_make(1, 0);
    const float answer[2] = { 1, 0 };

    (void)state;
    begin(&t, "difference:0.03", NULL);
    memset(t.pixels, 100, BYTES);
    assert_null(seen_find(t.seen, t.pixels, SIDE, SIDE, 3, &t.how));
    seen_add(t.seen, answer);
    for (int i = 0; i < BYTES; i++)
        t.pixels[i] = (uint8_t)(97 + rng_below(&rng, 7));
    assert_non_null(seen_find(t.seen, t.pixels, SIDE, SIDE, 3, &t.how));
    memset(t.pixels, 100, BYTES);
    for (int y = 30; y < 34; y++)
        memset(t.pixels + (y * SIDE + 30) * 3, 140, 12);
    assert_null(seen_find(t.seen, t.pixels, SIDE, SIDE, 3, &t.how));
    assert_int_equal(t.how, SEEN_NEVER);
    seen_free(t.seen);
}

static void small_and_odd_pictures_fill_the_grid(void **state)
{
    static const int sides[][2] = { { 1, 1 }, { 5, 70 }, { 33, 31 } };
    struct table t;
    const float answer[2] = { 1, 0 };

    (void)state;
    for (int i = 0; i < 3; i++) {
        const int last = sides[i][0] * sides[i][1] - 1;
        begin(&t, "difference:0.1", NULL);
        assert_null(seen_find(t.seen, t.pixels, sides[i][0], sides[i][1], 1, &t.how));
        seen_add(t.seen, answer);
        t.pixels[last] = 255; /* every pixel is in a cell */
        assert_null(seen_find(t.seen, t.pixels, sides[i][0], sides[i][1], 1, &t.how));
        seen_free(t.seen);
    }
}

static void what_is_no_distance_is_refused(void **state)
{
    static const char *const filters[] = { "", "0.1", "difference", "difference:0", "difference:2", "difference:nan" };
    static const char *const caches[] = { "",       "5",         "5:",  "0:0.1",
                                          "-1:0.1", "65537:0.1", "5:0", "12345678901234567890:0.1" };
    struct seen_options options = { 0 };
    struct error err = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++)
        assert_int_equal(seen_parse_filter(&options, filters[i], &err), -1);
    for (size_t i = 0; i < sizeof(caches) / sizeof(*caches); i++)
        assert_int_equal(seen_parse_cache(&options, caches[i], &err), -1);
    assert_int_equal(err.kind, ERROR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_filter_compares_with_the_last_run),
        cmocka_unit_test(a_cache_forgets_what_was_not_used),
        cmocka_unit_test(noise_is_nothing_and_a_spot_is_something),
        cmocka_unit_test(small_and_odd_pictures_fill_the_grid),
        cmocka_unit_test(what_is_no_distance_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

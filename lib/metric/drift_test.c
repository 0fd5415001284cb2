/* drift_test.c - distances by hand, and habits through a tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "metric/drift.h"
#include "json/json.h"

static const char *const labels[] = { "good", "bridge" };

struct pair {
    struct arena arena;
    struct habit a, b;
};

static void begin(struct pair *p)
{
    *p = (struct pair){ 0 };
    assert_int_equal(habit_init(&p->a, &p->arena, 2, NULL), 0);
    assert_int_equal(habit_init(&p->b, &p->arena, 2, NULL), 0);
}

/* scipy.spatial.distance.jensenshannon([0.5, 0.5], [1, 0], 2)**2 is 0.31127812445913283 */
static void distances_by_hand(void **state)
{
    struct pair p;
    struct drift drift;

    (void)state;
    begin(&p);
    for (int i = 0; i < 4; i++)
        habit_add(&p.a, i % 2, 0.95, 0.5);
    for (int i = 0; i < 3; i++)
        habit_add(&p.b, 0, 0.55, -1);
    drift = drift_between(&p.a, &p.b);
    assert_float_equal(drift.score, 1, 1e-12); /* nothing in common */
    assert_float_equal(drift.said, 0.31127812445913283, 1e-12);
    assert_true(isnan(drift.level));
    assert_float_equal(drift.most, 1, 1e-12);
    drift = drift_between(&p.a, &p.a);
    assert_float_equal(drift.most, 0, 0);
    assert_float_equal(drift.level, 0, 0);
    arena_free(&p.arena);
}

static void ends_of_the_range_have_bins(void **state)
{
    struct spread spread = { 0 };

    (void)state;
    spread_add(&spread, 0);
    spread_add(&spread, 1);
    spread_add(&spread, 0.05);
    assert_int_equal(spread.bin[0], 1);
    assert_int_equal(spread.bin[1], 1);
    assert_int_equal(spread.bin[HABIT_BINS - 1], 1);
    assert_float_equal(spread.sum, 1.05, 1e-12);
}

static void a_habit_is_what_its_tree_says(void **state)
{
    struct pair p;
    struct error err = { 0 };

    (void)state;
    begin(&p);
    habit_add(&p.a, 1, 0.71, 0.2);
    habit_add(&p.a, 1, 0.93, 0.3);
    habit_add(&p.a, 0, 0.4, 0.3);
    assert_int_equal(habit_from_tree(&p.b, &p.arena, habit_to_tree(&p.a, &p.arena, labels), labels, 2, &err), 1);
    assert_memory_equal(p.a.score.bin, p.b.score.bin, sizeof(p.a.score.bin));
    assert_memory_equal(p.a.level.bin, p.b.level.bin, sizeof(p.a.level.bin));
    assert_float_equal(p.b.score.sum, 2.04, 1e-12);
    assert_int_equal(p.b.said[1], 2);
    assert_float_equal(drift_between(&p.a, &p.b).most, 0, 0);
    arena_free(&p.arena);
}

static int read(const char *text, struct error *err)
{
    struct arena arena = { 0 };
    const struct tree *root;
    struct habit habit;
    int rc = json_parse(&arena, text, strlen(text), &root, err);

    assert_int_equal(rc, 0);
    rc = habit_from_tree(&habit, &arena, root, labels, 2, err);
    arena_free(&arena);
    return rc;
}

#define TEN "0,0,0,0,0,0,0,0,0,0"

static void damaged_trees_are_refused(void **state)
{
    static const char *const bad[] = {
        "{\"confidence\":{\"mean\":0.5}}",
        "{\"confidence\":{\"mean\":0.5,\"histogram\":[1,2]}}",
        "{\"confidence\":{\"mean\":0.5,\"histogram\":[" TEN "," TEN "]}}",
        "{\"confidence\":{\"mean\":1.5,\"histogram\":[1,0,0,0,0,0,0,0,0,0," TEN "]}}",
        "{\"confidence\":{\"mean\":0.5,\"histogram\":[-1,2,0,0,0,0,0,0,0,0," TEN "]}}",
        "{\"confidence\":{\"mean\":0.5,\"histogram\":[9223372036854775807,1,0,0,0,0,0,0,0,0," TEN "]}}",
        "{\"confidence\":{\"mean\":0.5,\"histogram\":[1,0,0,0,0,0,0,0,0,0," TEN "]},\"said\":{\"good\":-1}}",
        "{\"confidence\":3}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct error err = { 0 };

        if (read(bad[i], &err) != -1 || err.kind != ERROR_INPUT)
            fail_msg("%s was taken", bad[i]);
    }
    assert_int_equal(read("{}", NULL), 0);
    assert_int_equal(read("{\"confidence\":{\"mean\":0.5,\"histogram\":[1,0,0,0,0,0,0,0,0,0," TEN "]}}", NULL), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distances_by_hand),
        cmocka_unit_test(ends_of_the_range_have_bins),
        cmocka_unit_test(a_habit_is_what_its_tree_says),
        cmocka_unit_test(damaged_trees_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

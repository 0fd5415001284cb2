/* partial_test.c - updates that are made of updates: stages of a federation. */
#include "merge/round_fixture.h"

#include <math.h>

/* What `name` makes of its sites' updates, as a file. */
static const char *fold(struct round *r, const char *name, const char *const *paths, int count,
                        enum merge_weight weight)
{
    const struct merge_options options = { .round = -1, .weight = weight, .partial = name };
    const char *path = arena_printf(&r->arena, "%s/%s.update", r->folder, name);
    struct error err = { 0 };
    struct model folded;

    if (combine(r, &folded, paths, count, &options, &err) < 0)
        fail_msg("%s: %s", name, err.message);
    assert_int_equal(package_write(&folded, path, &r->job, NULL, NULL), 0);
    model_free(&folded);
    return path;
}

/* The base is zero, so that nothing but the differences is compared; each stage rounds them once. */
static void the_mean_of_means_is_the_mean_of_all(void **state)
{
    static const enum merge_weight weights[] = { MERGE_BY_EXAMPLES, MERGE_BY_STEPS };
    struct round *r = *state;

    for (size_t w = 0; w < COUNT(weights); w++) {
        const struct merge_options options = { .round = -1, .weight = weights[w] };
        const char *south[] = { fold(r, "far-south", r->path, 2, weights[w]), r->path[2] };
        const char *top[] = { fold(r, "north", &r->path[4], 3, weights[w]), fold(r, "south", south, 2, weights[w]),
                              r->path[3] };
        struct model flat, staged;
        double most = 0;

        assert_int_equal(combine(r, &flat, r->path, SITES, &options, NULL), 0);
        assert_int_equal(combine(r, &staged, top, 3, &options, NULL), 0);
        for (int k = 0; k < NUMBERS; k++)
            most = fmax(most, fabs(number_of(&flat, k)));
        assert_true(most > 1);
        for (int k = 0; k < NUMBERS; k++)
            assert_float_equal(number_of(&staged, k), number_of(&flat, k), 3 * ldexp(most, -24));
        model_free(&flat);
        model_free(&staged);
    }
}

static void it_says_whose_it_is_and_counts_for_all(void **state)
{
    struct round *r = *state;
    struct update update;
    enum privacy privacy;
    struct digest base;
    struct update_reader *reader;

    reader = update_open(fold(r, "plant", r->path, 3, MERGE_EQUAL), &update, &privacy, NULL);
    assert_non_null(reader);
    assert_int_equal(model_identity(&r->base, &base, NULL), 0);
    assert_true(digest_equal(&update.base, &base));
    assert_string_equal(update.site, "plant");
    assert_int_equal(update.round, 7);
    assert_int_equal(update.examples, 100 + 7 + 893);
    assert_int_equal(update.steps, 3);
    assert_int_equal(privacy, r->base.privacy);
    update_close(reader);
}

/* As private as the most private of what is in it, and that may be more than the base. */
static void it_is_as_private_as_the_most_private_update(void **state)
{
    struct round *r = *state;
    struct update update;
    enum privacy privacy = PRIVACY_PUBLIC, before = r->base.privacy;
    struct update_reader *reader;

    r->base.privacy = PRIVACY_EDGE;
    write_numbers(r, "b", sent, 1, 7);
    r->base.privacy = before;
    assert_int_not_equal(before, PRIVACY_EDGE);
    reader = update_open(fold(r, "plant", r->path, 3, MERGE_EQUAL), &update, &privacy, NULL);
    assert_non_null(reader);
    assert_int_equal(privacy, PRIVACY_EDGE);
    update_close(reader);
}

/* It would be refused above, where nobody can do anything about it. */
static void more_examples_than_an_update_may_have_are_refused(void **state)
{
    const struct merge_options options = { .round = -1, .weight = MERGE_EQUAL, .partial = "plant" };
    struct round *r = *state;
    struct error err = { 0 };
    struct model folded;

    for (int s = 0; s < 2; s++)
        write_numbers(r, s ? "b" : "a", sent, s, (int64_t)1 << 40);
    assert_int_equal(combine(r, &folded, r->path, 2, &options, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_string_equal(err.message, "the updates together: 2199023255552 examples, expected 1 to 2^40");
    model_free(&folded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_mean_of_means_is_the_mean_of_all, round_begin, round_end),
        cmocka_unit_test_setup_teardown(it_says_whose_it_is_and_counts_for_all, round_begin, round_end),
        cmocka_unit_test_setup_teardown(it_is_as_private_as_the_most_private_update, round_begin, round_end),
        cmocka_unit_test_setup_teardown(more_examples_than_an_update_may_have_are_refused, round_begin, round_end),
    };

    return cmocka_run_group_tests_name("partial", tests, NULL, NULL);
}

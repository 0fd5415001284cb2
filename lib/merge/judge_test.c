#include "merge/round.h"
#include "merge/round_fixture.h"

struct seen {
    int count;                   /* asked so often */
    enum error_kind kind[SITES]; /* what is said of whom */
};

static int ask(void *context, const struct model *alone, struct error *err)
{
    struct seen *seen = context;
    int site = 0;

    while (site < SITES && number_of(alone, 0) != (double)(float)sent(site, 0))
        site++;
    assert_in_range(site, 0, SITES - 1);
    for (int k = 0; k < NUMBERS; k++) /* the base is zero: its difference alone */
        assert_true(number_of(alone, k) == (double)(float)sent(site, k));
    seen->count++;
    return seen->kind[site] != ERROR_NONE ? error_set(err, seen->kind[site], "it is worse") : 0;
}

static const struct merge_options plain = { .round = -1, .weight = MERGE_BY_EXAMPLES };

static void the_harmful_one_is_refused_by_name(void **state)
{
    static const enum error_kind kinds[][2] = { { ERROR_ANSWER, ERROR_INPUT },
                                                { ERROR_INPUT, ERROR_INPUT },
                                                { ERROR_LIMIT, ERROR_LIMIT } };
    struct round *r = *state;

    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct seen seen = { .kind = { [TURNS] = kinds[i][0] } };
        const struct merge_judge judge = { ask, &seen };
        struct merge_options options = plain;
        struct error err = { 0 };
        struct model into;
        const char *place = arena_printf(&r->arena, "%s: the base with it alone: it is worse", r->path[TURNS]);

        options.judge = &judge;
        assert_int_equal(combine(r, &into, r->path, SITES, &options, &err), -1);
        assert_int_equal(err.kind, kinds[i][1]);
        assert_string_equal(err.message, place);
        assert_int_equal(seen.count, TURNS + 1); /* by path, and no further */
        model_free(&into);
    }
}

static void without_it_the_round_is_as_if_it_had_not_come(void **state)
{
    static const struct merge_clip clips[] = { { 0 }, { .adaptive = true } };
    struct round *r = *state;
    const char *others[SITES - 1];

    for (int s = 0, n = 0; s < SITES; s++)
        if (s != TURNS)
            others[n++] = r->path[s];
    for (size_t i = 0; i < COUNT(clips); i++) { /* its length counts for nobody's */
        struct seen seen = { .kind = { [TURNS] = ERROR_ANSWER } };
        const struct merge_judge judge = { ask, &seen };
        struct merge_options options = plain;
        struct model with, without;
        struct error err = { 0 };

        options.clip = clips[i];
        assert_int_equal(combine(r, &without, others, SITES - 1, &options, &err), 0);
        options.judge = &judge;
        options.keep_going = true;
        assert_int_equal(combine(r, &with, r->path, SITES, &options, &err), 0);
        assert_int_equal(seen.count, SITES);
        for (int k = 0; k < NUMBERS; k++)
            assert_true(number_of(&with, k) == number_of(&without, k));
        model_free(&with);
        model_free(&without);
    }
}

/* After one was left out: each update is closed once. */
static void what_is_no_fault_of_an_update_ends_the_round(void **state)
{
    struct round *r = *state;
    struct seen seen = { .kind = { [0] = ERROR_ANSWER, [TURNS] = ERROR_LIMIT } };
    const struct merge_judge judge = { ask, &seen };
    struct merge_options options = plain;
    struct error err = { 0 };
    struct model into;

    options.judge = &judge;
    options.keep_going = true;
    assert_int_equal(combine(r, &into, r->path, SITES, &options, &err), -1);
    assert_int_equal(err.kind, ERROR_LIMIT);
    assert_int_equal(seen.count, TURNS + 1);
    model_free(&into);
}

static void nobody_is_asked_about_what_is_bad_already(void **state)
{
    struct round *r = *state;
    struct seen seen = { .kind = { [TURNS] = ERROR_ANSWER } };
    const struct merge_judge judge = { ask, &seen };
    const char *paths[] = { r->path[0], write_numbers(r, "none", sent, 1, 0), r->path[3] };
    struct merge_options options = plain;
    struct error err = { 0 };
    struct model into;

    options.judge = &judge;
    assert_int_equal(combine(r, &into, paths, 3, &options, &err), -1);
    assert_non_null(strstr(err.message, "0 examples"));
    assert_int_equal(seen.count, 0);
    model_free(&into);
}

static void too_few_names_those_that_were_left_out(void **state)
{
    struct round *r = *state;
    struct seen seen = { .kind = { [TURNS] = ERROR_ANSWER } };
    const struct merge_judge judge = { ask, &seen };
    struct merge_options options = plain;
    struct error err = { 0 };
    struct model into;
    const char *wanted = arena_printf(
        &r->arena, "6 good updates of 7, wanted at least 7; left out: %s: the base with it alone: it is worse",
        r->path[TURNS]);

    options.judge = &judge;
    options.keep_going = true;
    options.min_updates = SITES;
    assert_int_equal(combine(r, &into, r->path, SITES, &options, &err), -1);
    assert_int_equal(err.kind, ERROR_ANSWER);
    assert_string_equal(err.message, wanted);
    model_free(&into);
}

static void a_look_tells_it_beforehand(void **state)
{
    struct round *r = *state;
    struct seen seen = { .kind = { [TURNS] = ERROR_ANSWER } };
    const struct merge_judge judge = { ask, &seen };
    struct merge_options options = plain;
    struct round_status status;
    struct error err = { 0 };

    options.judge = &judge;
    options.min_updates = SITES;
    assert_int_equal(round_look(&r->base, r->path, SITES, &options, &r->job, &r->arena, &status, &err), 0);
    assert_int_equal(status.here, SITES - 1);
    assert_int_equal(status.refused, 1);
    assert_string_equal(status.row[TURNS].site, "c");
    assert_string_equal(status.row[TURNS].why, "the base with it alone: it is worse");
    assert_string_equal(status.lacking.message, "6 good updates of 7, wanted at least 7");
    seen.count = 0;
    seen.kind[TURNS] = ERROR_LIMIT;
    assert_int_equal(round_look(&r->base, r->path, SITES, &options, &r->job, &r->arena, &status, &err), -1);
    assert_int_equal(err.kind, ERROR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_harmful_one_is_refused_by_name, round_begin, round_end),
        cmocka_unit_test_setup_teardown(without_it_the_round_is_as_if_it_had_not_come, round_begin, round_end),
        cmocka_unit_test_setup_teardown(what_is_no_fault_of_an_update_ends_the_round, round_begin, round_end),
        cmocka_unit_test_setup_teardown(nobody_is_asked_about_what_is_bad_already, round_begin, round_end),
        cmocka_unit_test_setup_teardown(too_few_names_those_that_were_left_out, round_begin, round_end),
        cmocka_unit_test_setup_teardown(a_look_tells_it_beforehand, round_begin, round_end),
    };

    return cmocka_run_group_tests_name("judge", tests, NULL, NULL);
}

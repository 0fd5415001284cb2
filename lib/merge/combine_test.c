#include "merge/round_fixture.h"

#include <math.h>

#include "merge/vectors.h"

static struct merge_options options_of(const char *combine, const char *clip)
{
    struct merge_options options = { .round = -1, .weight = MERGE_BY_EXAMPLES };

    assert_int_equal(merge_parse_combine(&options.combine, combine, NULL), 0);
    assert_int_equal(merge_parse_clip(&options.clip, clip, NULL), 0);
    return options;
}

static void is_near(const struct model *model, const float *wanted, const char *what)
{
    for (int k = 0; k < NUMBERS; k++)
        if (fabs(number_of(model, k) - (double)wanted[k]) > 1e-6 * (1 + fabs((double)wanted[k])))
            fail_msg("%s: number %d is %.9g, expected %.9g", what, k, number_of(model, k), (double)wanted[k]);
}

static void every_way_gives_what_numpy_gives(void **state)
{
    static const struct {
        const char *combine, *clip;
        enum merge_weight weight;
        int sites;
        const float *wanted;
    } cases[] = {
        { "mean", NULL, MERGE_BY_EXAMPLES, 7, vector_mean },
        { "median", NULL, MERGE_BY_EXAMPLES, 7, vector_median },
        { "median", NULL, MERGE_BY_EXAMPLES, 6, vector_median_of_6 },
        { "trimmed:1", NULL, MERGE_BY_EXAMPLES, 7, vector_trimmed_1 },
        { "trimmed:2", NULL, MERGE_BY_EXAMPLES, 7, vector_trimmed_2 },
        { "krum:1", NULL, MERGE_BY_EXAMPLES, 7, vector_krum_1 },
        { "krum:2", NULL, MERGE_BY_EXAMPLES, 7, vector_krum_2 },
        { "multi-krum:2", NULL, MERGE_BY_EXAMPLES, 7, vector_multi_krum_2 },
        { "mean", "2", MERGE_EQUAL, 7, vector_clip_2 },
        { "mean", "adaptive", MERGE_EQUAL, 7, vector_clip_adaptive },
        { "median", "2", MERGE_BY_EXAMPLES, 7, vector_clip_median },
    };
    struct round *r = *state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct merge_options options = options_of(cases[i].combine, cases[i].clip);
        struct error err = { 0 };
        struct model merged;

        options.weight = cases[i].weight;
        if (combine(r, &merged, r->path, cases[i].sites, &options, &err) < 0)
            fail_msg("%s: %s", cases[i].combine, err.message);
        is_near(&merged, cases[i].wanted, cases[i].combine);
        model_free(&merged);
    }
}

/* Names of files say nothing: the same updates under others, in another order, from several threads. */
static void any_order_and_any_names_give_the_same_bytes(void **state)
{
    static const char *const ways[] = { "mean", "median", "trimmed:2", "krum:2", "multi-krum:1" };
    struct round *r = *state;
    const char *other[SITES];
    char command[256];

    for (int s = 0; s < SITES; s++) {
        other[s] = arena_printf(&r->arena, "%s/%d.update", r->folder, (s * 3 + 1) % SITES);
        snprintf(command, sizeof(command), "cp '%s' '%s'", r->path[s], other[s]);
        assert_int_equal(system(command), 0);
    }
    for (size_t i = 0; i < COUNT(ways); i++) {
        const struct merge_options options = options_of(ways[i], "adaptive");
        struct digest first, second;
        struct model one, two;

        assert_int_equal(combine(r, &one, r->path, SITES, &options, NULL), 0);
        r->job.pool = pool_new(3, NULL);
        assert_int_equal(combine(r, &two, other, SITES, &options, NULL), 0);
        pool_free(r->job.pool);
        r->job.pool = NULL;
        assert_int_equal(model_identity(&one, &first, NULL), 0);
        assert_int_equal(model_identity(&two, &second, NULL), 0);
        assert_true(digest_equal(&first, &second));
        model_free(&one);
        model_free(&two);
    }
}

/* How far along the way that honest sites go: 1 is as far as they. */
static double progress_of(struct round *r, const char *how, const char *clip)
{
    struct merge_options options = options_of(how, clip);
    double along = 0, all = 0;
    struct model merged;

    options.weight = MERGE_EQUAL;
    assert_int_equal(combine(r, &merged, r->path, SITES, &options, NULL), 0);
    for (int k = 0; k < NUMBERS; k++) {
        along += number_of(&merged, k) * numbers(99, k);
        all += numbers(99, k) * numbers(99, k);
    }
    model_free(&merged);
    return along / all;
}

/* Two of seven send what they want: the mean goes nine times as far as all others, the robust ways go with them. */
static void one_that_shouts_moves_the_mean_alone(void **state)
{
    static const char *const ways[] = { "median", "trimmed:2", "krum:2", "multi-krum:2" };
    struct round *r = *state;

    assert_true(progress_of(r, "mean", NULL) > 8);
    for (size_t i = 0; i < COUNT(ways); i++)
        assert_float_equal(progress_of(r, ways[i], NULL), 1, 0.15);
}

static double turned(int site, int k)
{
    return site == 0 ? -64 * numbers(99, k) : numbers(99, k) + numbers(site, k) / 8;
}

static void one_that_turns_the_sign_turns_the_mean_alone(void **state)
{
    static const char *const ways[] = { "median", "trimmed:1", "krum:1", "multi-krum:1" };
    static const char *const names[SITES] = { "a", "b", "c", "d", "e", "f", "g" };
    struct round *r = *state;

    for (int s = 0; s < SITES; s++)
        write_numbers(r, names[s], turned, s, 1);
    assert_true(progress_of(r, "mean", NULL) < -8);
    for (size_t i = 0; i < COUNT(ways); i++)
        assert_float_equal(progress_of(r, ways[i], NULL), 1, 0.15);
    assert_true(progress_of(r, "mean", "adaptive") > 0.5); /* one voice of seven, and no louder than the others */
}

/* No number that a float can hold stops a robust round, nor a clipped mean; it stops one that could not add it. */
static double huge(int site, int k)
{
    return site == 0 ? 3e38 * (k % 2 ? 1 : -1) : numbers(99, k);
}

static void the_largest_numbers_stop_the_plain_mean_alone(void **state)
{
    static const char *const ways[] = { "median", "trimmed:1", "krum:1", "multi-krum:1" };
    struct round *r = *state;
    const struct merge_options plain = options_of("mean", NULL);
    struct error err = { 0 };
    struct model merged;

    write_numbers(r, "a", huge, 0, 1);
    for (size_t i = 0; i < COUNT(ways); i++)
        assert_true(fabs(progress_of(r, ways[i], NULL)) < 10);
    assert_true(fabs(progress_of(r, "mean", "1")) < 1);
    assert_int_equal(combine(r, &merged, r->path, SITES, &plain, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
    model_free(&merged);
}

static void too_few_for_what_it_withstands_is_an_answer_with_the_numbers(void **state)
{
    static const struct {
        const char *combine;
        int sites;
        const char *says, *hint;
    } cases[] = {
        { "krum:3", 7, "7 good updates, krum:3 needs at least 2 F + 3 = 9", "7 updates allow for krum:2" },
        { "multi-krum:1", 4, "4 good updates, multi-krum:1 needs at least 2 F + 3 = 5", "" },
        { "trimmed:3", 6, "6 good updates, trimmed:3 needs at least 2 F + 1 = 7", "6 updates allow for trimmed:2" },
        { "krum:0", 2, "2 good updates, krum:0 needs at least 2 F + 3 = 3", "" },
    };
    struct round *r = *state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct merge_options options = options_of(cases[i].combine, NULL);
        struct error err = { 0 };
        struct model merged;

        assert_int_equal(combine(r, &merged, r->path, cases[i].sites, &options, &err), -1);
        assert_int_equal(err.kind, ERROR_ANSWER);
        assert_string_equal(err.message, cases[i].says);
        assert_string_equal(err.hint, cases[i].hint);
        model_free(&merged);
    }
}

static void what_is_no_way_to_combine_or_clip_is_refused(void **state)
{
    static const char *const ways[] = { "",         "krum",     "krum:",      "krum:-1", "krum:1.5",       "median:1",
                                        "krum:1:2", "meridian", "trimmed:1x", "Median",  "trimmed:9999999" };
    static const char *const clips[] = { "", "0", "-1", "nan", "inf", "adaptively", "1x" };
    struct merge_combiner combiner;
    struct merge_clip clip;
    struct error near = { 0 };

    (void)state;
    assert_int_equal(merge_parse_combine(&combiner, "krumm:2", &near), -1);
    assert_string_equal(near.hint, "did you mean 'krum'?");
    for (size_t i = 0; i < COUNT(ways); i++) {
        struct error err = { 0 };

        assert_int_equal(merge_parse_combine(&combiner, ways[i], &err), -1);
        assert_int_equal(err.kind, ERROR_USAGE);
    }
    for (size_t i = 0; i < COUNT(clips); i++) {
        struct error err = { 0 };

        assert_int_equal(merge_parse_clip(&clip, clips[i], &err), -1);
        assert_int_equal(err.kind, ERROR_USAGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_way_gives_what_numpy_gives, round_begin, round_end),
        cmocka_unit_test_setup_teardown(any_order_and_any_names_give_the_same_bytes, round_begin, round_end),
        cmocka_unit_test_setup_teardown(one_that_shouts_moves_the_mean_alone, round_begin, round_end),
        cmocka_unit_test_setup_teardown(one_that_turns_the_sign_turns_the_mean_alone, round_begin, round_end),
        cmocka_unit_test_setup_teardown(the_largest_numbers_stop_the_plain_mean_alone, round_begin, round_end),
        cmocka_unit_test_setup_teardown(too_few_for_what_it_withstands_is_an_answer_with_the_numbers, round_begin,
                                        round_end),
        cmocka_unit_test(what_is_no_way_to_combine_or_clip_is_refused),
    };

    return cmocka_run_group_tests_name("combine", tests, NULL, NULL);
}

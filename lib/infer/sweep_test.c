#include "infer/tiny.h"

enum { SAMPLES = 5 };

/* P(good) .9 .8 .3 of what is good, .6 .2 of what is not. */
static float probability[SAMPLES * TINY_CLASSES] = {
    .9F, .1F, 0, .8F, .1F, .1F, .6F, .3F, .1F, .3F, .5F, .2F, .2F, .3F, .5F,
};
static int32_t truth[SAMPLES] = { 0, 0, 1, 0, 2 };

static const struct {
    double most_escapes, threshold, escapes, false_calls, accuracy;
} choices[] = {
    { 0, .8, 0, 1.0 / 3, .8 },  /* the first that lets no defect pass: the good one of .3 is called a bridge */
    { .4, .8, 0, 1.0 / 3, .8 }, /* one of two defects is more than that */
    { .5, .3, .5, 0, .8 },      /* no good one is lost any more; the defect of .6 escapes */
    { 1, .3, .5, 0, .8 },       /* as few false calls, and no more escapes than needed */
};

static double real_of(const struct tree *map, const char *key)
{
    double value = NAN;

    assert_int_equal(tree_need_real(map, key, &value, NULL), 0);
    return value;
}

static void the_threshold_with_the_fewest_false_calls_is_chosen(void **state)
{
    const struct dataset set = { .count = SAMPLES, .label = truth };

    (void)state;
    for (size_t i = 0; i < COUNT(choices); i++) {
        const struct sweep_options options = { .good = 0, .most_escapes = choices[i].most_escapes, .points = 100 };
        struct arena arena = { 0 };
        struct tree *measures = tree_map(&arena);
        const struct tree *chosen;
        struct tiny t;

        tiny_begin(&t);
        tiny_must(&t, infer_sweep(&t.model, &set, probability, &options, &arena, measures, &t.err));
        chosen = tree_get(measures, "chosen");
        assert_float_equal(real_of(chosen, "threshold"), choices[i].threshold, 1e-6);
        assert_float_equal(real_of(chosen, "escapes"), choices[i].escapes, 1e-12);
        assert_float_equal(real_of(chosen, "false_calls"), choices[i].false_calls, 1e-12);
        assert_float_equal(real_of(chosen, "accuracy"), choices[i].accuracy, 1e-12);
        assert_float_equal(t.model.threshold[0], choices[i].threshold, 1e-6);
        assert_true(t.model.threshold[1] == 0 && t.model.threshold[2] == 0);
        arena_free(&arena);
        tiny_end(&t);
    }
}

/* What is in the tree is what answer_of() then does, sample by sample. */
static void the_model_answers_by_the_chosen_threshold(void **state)
{
    static const int wanted[SAMPLES] = { 0, 0, 1, 1, 2 };
    const struct dataset set = { .count = SAMPLES, .label = truth };
    const struct sweep_options options = { .good = 0, .most_escapes = 0, .points = 100 };
    struct arena arena = { 0 };
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    tiny_must(&t, infer_sweep(&t.model, &set, probability, &options, &arena, tree_map(&arena), &t.err));
    for (int i = 0; i < SAMPLES; i++)
        assert_int_equal(answer_of(&t.model, probability + (size_t)i * TINY_CLASSES).class_index, wanted[i]);
    arena_free(&arena);
    tiny_end(&t);
}

static void points_rise_in_threshold_and_are_thinned_as_asked(void **state)
{
    static const int most[] = { 2, 3, 100 };
    const struct dataset set = { .count = SAMPLES, .label = truth };

    (void)state;
    for (size_t i = 0; i < COUNT(most); i++) {
        const struct sweep_options options = { .good = 0, .points = most[i] };
        struct arena arena = { 0 };
        struct tree *measures = tree_map(&arena);
        const struct tree *points;
        struct tiny t;
        double last = -1;

        tiny_begin(&t);
        tiny_must(&t, infer_sweep(&t.model, &set, probability, &options, &arena, measures, &t.err));
        points = tree_get(tree_get(measures, "sweep"), "points");
        assert_in_range(points->count, 2, most[i] < SAMPLES + 2 ? most[i] : SAMPLES + 2);
        for (const struct tree *one = points->first; one; one = one->next) {
            assert_true(real_of(one, "threshold") > last);
            last = real_of(one, "threshold");
        }
        assert_true(real_of(tree_get(measures, "chosen"), "escapes") == 0); /* among all, not those shown */
        arena_free(&arena);
        tiny_end(&t);
    }
}

static void a_set_of_one_kind_cannot_be_swept(void **state)
{
    int32_t good[SAMPLES] = { 0 }, bad[SAMPLES] = { 1, 2, 1, 2, 1 };
    const int32_t *const kinds[] = { good, bad };
    const struct sweep_options options = { .good = 0, .points = 10 };

    (void)state;
    for (int i = 0; i < 2; i++) {
        const struct dataset set = { .count = SAMPLES, .label = (int32_t *)(uintptr_t)kinds[i] };
        struct arena arena = { 0 };
        struct tiny t;

        tiny_begin(&t);
        assert_int_equal(infer_sweep(&t.model, &set, probability, &options, &arena, tree_map(&arena), &t.err), -1);
        assert_int_equal(t.err.kind, ERROR_INPUT);
        assert_null(t.model.threshold);
        arena_free(&arena);
        tiny_end(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_threshold_with_the_fewest_false_calls_is_chosen),
        cmocka_unit_test(the_model_answers_by_the_chosen_threshold),
        cmocka_unit_test(points_rise_in_threshold_and_are_thinned_as_asked),
        cmocka_unit_test(a_set_of_one_kind_cannot_be_swept),
    };

    return cmocka_run_group_tests_name("sweep", tests, NULL, NULL);
}

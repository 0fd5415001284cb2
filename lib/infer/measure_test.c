#include "infer/tiny.h"

enum { COUNT_OF_SET = 5 };

/* Values of four pixels, what they are, and what the model says: void, good, good, bridge, void. */
static float values[COUNT_OF_SET * 4] = { 0, 0, 0, 0, 1, 1, 1, 1, 2, 0, 2, 0, 0, 2, 0, 0, -1, -1, -1, -1 };
static int32_t truth[COUNT_OF_SET] = { 2, 0, 1, 1, 2 };
static const char *keys[COUNT_OF_SET] = { "a", "b", "c", "d", "e" };

static struct dataset make_set(void)
{
    static int64_t per_class[TINY_CLASSES] = { 1, 2, 2 };

    return (struct dataset){ .count = COUNT_OF_SET,
                             .values = values,
                             .elements = 4,
                             .shape = shape_of(3, 1L, 2L, 2L),
                             .label = truth,
                             .key = keys,
                             .per_class = per_class,
                             .label_count = TINY_CLASSES };
}

static double real_of(struct tiny *t, const struct tree *map, const char *key)
{
    double value = NAN;

    tiny_must(t, tree_need_real(map, key, &value, &t->err));
    return value;
}

static void assert_keys(const struct tree *map, const char *const *wanted)
{
    const struct tree *one = map->first;

    for (; *wanted != NULL; wanted++, one = one->next) {
        assert_non_null(one);
        assert_string_equal(one->key, *wanted);
    }
    assert_null(one);
}

static void a_model_has_name_parameters_macs_and_sparsity(void **state)
{
    static const char *const wanted[] = { "name", "parameters", "macs", "size", "sparsity", NULL };
    const struct measure_options options = { .size = 1234 };
    struct arena arena = { 0 };
    struct tree *map;
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    tiny_must(&t, measure_model(&arena, &t.model, &options, NULL, &map, &t.err));
    assert_keys(map, wanted);
    assert_string_equal(tree_get(map, "name")->text, "tiny");
    assert_true(real_of(&t, map, "parameters") == 15);
    assert_true(real_of(&t, map, "macs") == 12);
    assert_true(real_of(&t, map, "size") == 1234);
    assert_float_equal(real_of(&t, map, "sparsity"), 5.0 / 12, 1e-12); /* of weights, not of biases */
    arena_free(&arena);
    tiny_end(&t);
}

static void a_set_adds_its_scores_by_hand(void **state)
{
    static const char *const wanted[] = { "name",      "parameters",        "macs", "sparsity",
                                          "accuracy",  "balanced_accuracy", "loss", "samples",
                                          "confusion", "per_class",         NULL };
    const struct dataset set = make_set();
    float probability[COUNT_OF_SET * TINY_CLASSES];
    const struct measure_options options = { .set = &set };
    const struct measure_options known = { .set = &set, .probability = probability };
    struct arena arena = { 0 };
    struct tree *map, *again;
    struct tiny t;
    double loss = 0;

    (void)state;
    tiny_begin(&t);
    tiny_must(&t, measure_model(&arena, &t.model, &options, NULL, &map, &t.err));
    assert_keys(map, wanted);
    assert_float_equal(real_of(&t, map, "accuracy"), 0.8, 1e-12);
    assert_float_equal(real_of(&t, map, "balanced_accuracy"), (1 + 0.5 + 1) / 3, 1e-12);
    assert_true(real_of(&t, map, "samples") == COUNT_OF_SET);
    tiny_must(&t, infer_probabilities(&t.model, &set, NULL, probability, &t.err));
    tiny_must(&t, measure_model(&arena, &t.model, &known, NULL, &again, &t.err));
    assert_true(real_of(&t, again, "loss") == real_of(&t, map, "loss"));
    for (int i = 0; i < COUNT_OF_SET; i++) {
        double logits[TINY_CLASSES], p[TINY_CLASSES];

        tiny_expect(values + (size_t)i * 4, logits);
        tiny_softmax(logits, p);
        for (int c = 0; c < TINY_CLASSES; c++)
            assert_float_equal(probability[i * TINY_CLASSES + c], p[c], 1e-6);
        loss -= log(p[truth[i]]) / COUNT_OF_SET;
    }
    assert_float_equal(real_of(&t, map, "loss"), loss, 1e-6);
    arena_free(&arena);
    tiny_end(&t);
}

static void times_are_ordered_and_say_their_threads(void **state)
{
    static const char *const wanted[] = { "name",   "parameters", "macs",    "sparsity", "median_ms",
                                          "p95_ms", "p99_ms",     "threads", NULL };
    const struct measure_options options = { .runs = 25 };
    struct pool *pool = pool_new(2, NULL);
    struct kern kern;
    const struct job job = { .pool = pool, .kern = &kern };
    struct arena arena = { 0 };
    struct tree *map;
    struct tiny t;

    (void)state;
    assert_non_null(pool);
    assert_int_equal(kern_init(&kern, NULL, NULL), 0);
    tiny_begin(&t);
    tiny_must(&t, measure_model(&arena, &t.model, &options, &job, &map, &t.err));
    assert_keys(map, wanted);
    assert_true(real_of(&t, map, "median_ms") > 0);
    assert_true(real_of(&t, map, "median_ms") <= real_of(&t, map, "p95_ms"));
    assert_true(real_of(&t, map, "p95_ms") <= real_of(&t, map, "p99_ms"));
    assert_true(real_of(&t, map, "threads") == 2);
    arena_free(&arena);
    tiny_end(&t);
    pool_free(pool);
}

static void every_run_has_a_time_of_its_own(void **state)
{
    double ms[7];
    struct tiny t;

    (void)state;
    for (int i = 0; i < 7; i++)
        ms[i] = -1;
    tiny_begin(&t);
    tiny_must(&t, infer_times(&t.model, 6, NULL, ms, &t.err));
    for (int i = 0; i < 6; i++)
        assert_true(ms[i] > 0 && ms[i] < 1000);
    assert_true(ms[6] == -1);
    tiny_end(&t);
}

static void assert_not_judged(struct tiny *t, const struct dataset *set, const char *part)
{
    const struct measure_options options = { .set = set };
    struct arena arena = { 0 };
    struct tree *map;

    assert_int_equal(measure_model(&arena, &t->model, &options, NULL, &map, &t->err), -1);
    assert_int_equal(t->err.kind, ERROR_INPUT);
    if (strstr(t->err.message, part) == NULL)
        fail_msg("'%s' does not say '%s'", t->err.message, part);
    arena_free(&arena);
}

static void what_cannot_be_judged_is_said(void **state)
{
    struct part part = { .index = 1, .count = 2 };
    int32_t labels[COUNT_OF_SET] = { 0, 1, 2, -1, 0 };
    struct dataset set = make_set();
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    t.model.part = &part;
    assert_not_judged(&t, &set, "this is part 2 of 2 of a split model");
    t.model.part = NULL;
    set.label = labels;
    assert_not_judged(&t, &set, "sample 'd' has no class to judge by");
    set.label = truth;
    t.model.label_count = 0;
    assert_not_judged(&t, &set, "the model has no labels to judge by");
    tiny_end(&t);
}

static void an_answer_that_is_no_number_is_not_judged(void **state)
{
    float huge[TINY_CLASSES * 4];
    struct dataset set = make_set();
    struct tiny t;

    (void)state;
    for (size_t i = 0; i < COUNT(huge); i++)
        huge[i] = 3e38F;
    tiny_begin(&t);
    t.model.graph.value[graph_find_value(&t.model.graph, "fc.w")].tensor.data = huge;
    assert_not_judged(&t, &set, "sample 'b': the model's answer is not finite");
    tiny_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_has_name_parameters_macs_and_sparsity),
        cmocka_unit_test(a_set_adds_its_scores_by_hand),
        cmocka_unit_test(times_are_ordered_and_say_their_threads),
        cmocka_unit_test(every_run_has_a_time_of_its_own),
        cmocka_unit_test(what_cannot_be_judged_is_said),
        cmocka_unit_test(an_answer_that_is_no_number_is_not_judged),
    };

    return cmocka_run_group_tests_name("measure", tests, NULL, NULL);
}

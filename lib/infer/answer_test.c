#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "infer/infer.h"

enum { CLASSES = 4 };

static int class_of(const float *probability, float *threshold)
{
    const struct model model = { .label_count = CLASSES, .threshold = threshold };
    const struct answer answer = answer_of(&model, probability);

    assert_true(answer.score == probability[answer.class_index]);
    return answer.class_index;
}

/* The rule of infer.h, one line a case. */
static void thresholds_decide_as_the_header_says(void **state)
{
    static struct {
        float probability[CLASSES], threshold[CLASSES];
        int expected;
    } cases[] = {
        { { .4F, .3F, .2F, .1F }, { 0, 0, 0, 0 }, 0 },         /* none: the largest */
        { { .4F, .3F, .2F, .1F }, { .5F, 0, 0, 0 }, 1 },       /* not reached: the largest of the others */
        { { .5F, .3F, .1F, .1F }, { .5F, 0, 0, 0 }, 0 },       /* just reached */
        { { .1F, .6F, .2F, .1F }, { .1F, 0, 0, 0 }, 0 },       /* reached, though another is larger */
        { { .2F, .6F, .1F, .1F }, { .1F, .5F, 0, 0 }, 0 },     /* twice its own beats 1.2 times */
        { { .1F, .2F, .3F, .4F }, { .5F, .5F, .5F, .5F }, 3 }, /* nothing else to say: the largest */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(class_of(cases[i].probability, cases[i].threshold), cases[i].expected);
}

static void the_first_of_equals_is_the_answer(void **state)
{
    static const float probability[CLASSES] = { .1F, .4F, .4F, .1F };

    (void)state;
    assert_int_equal(class_of(probability, NULL), 1);
}

static void the_list_falls_and_ends_at_five(void **state)
{
    static const float probability[7] = { .1F, .2F, .05F, .3F, .15F, .01F, .19F };
    static const int expected[ANSWER_TOP] = { 3, 1, 6, 4, 0 };
    const struct model model = { .label_count = 7 };
    const struct answer answer = answer_of(&model, probability);

    (void)state;
    assert_int_equal(answer.top_count, ANSWER_TOP);
    assert_memory_equal(answer.top, expected, sizeof(expected));
}

static void a_model_without_labels_has_no_answer(void **state)
{
    static const float probability[1] = { 1 };
    const struct model model = { 0 };

    (void)state;
    assert_int_equal(answer_of(&model, probability).class_index, -1);
}

/* Four samples, two labels; P(good) .9 .7 .6 .2, of which the second is a defect that looks good. */
static void a_sweep_leaves_the_threshold_that_gives_what_it_promised(void **state)
{
    static const float probability[] = { .1F, .9F, .3F, .7F, .4F, .6F, .8F, .2F };
    static const char *labels[] = { "bridge", "good" };
    static int labels_of[] = { 1, 0, 1, 0 };
    const struct dataset set = { .count = 4, .label = labels_of };
    const struct sweep_options options = { .good = 1, .most_escapes = 0, .points = 20 };
    struct model model = { .label = labels, .label_count = 2 };
    struct arena arena = { 0 };
    struct tree *measures = tree_map(&arena);
    const struct tree *chosen;

    (void)state;
    assert_int_equal(infer_sweep(&model, &set, probability, &options, &arena, measures, NULL), 0);
    assert_true(model.threshold[0] == 0 && model.threshold[1] == .9F);
    chosen = tree_get(measures, "chosen");
    assert_true(tree_get(chosen, "escapes")->real == 0);
    assert_true(tree_get(chosen, "false_calls")->real == 0.5);
    assert_true(tree_get(chosen, "accuracy")->real == 0.75);
    assert_int_equal(answer_of(&model, probability + 2).class_index, 0); /* the escape is caught */
    arena_free(&arena);
    arena_free(&model.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thresholds_decide_as_the_header_says),
        cmocka_unit_test(the_first_of_equals_is_the_answer),
        cmocka_unit_test(the_list_falls_and_ends_at_five),
        cmocka_unit_test(a_model_without_labels_has_no_answer),
        cmocka_unit_test(a_sweep_leaves_the_threshold_that_gives_what_it_promised),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

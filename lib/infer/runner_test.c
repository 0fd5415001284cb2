#include "infer/tiny.h"

static struct runner *make(struct tiny *t)
{
    struct runner *runner = runner_new(&t->model, NULL, &t->err);

    if (runner == NULL)
        fail_msg("%s", t->err.message);
    return runner;
}

static void assert_answers(struct runner *runner, const float values[4], double tolerance)
{
    double logits[TINY_CLASSES], wanted[TINY_CLASSES], sum = 0;
    const float *found;

    tiny_expect(values, logits);
    tiny_softmax(logits, wanted);
    runner_run(runner);
    found = runner_probability(runner);
    for (int c = 0; c < TINY_CLASSES; c++) {
        assert_float_equal(found[c], wanted[c], tolerance);
        sum += (double)found[c];
    }
    assert_float_equal(sum, 1, 1e-6);
}

static const float samples[][4] = { { 0, 0, 0, 0 }, { 1, -1, 0.5F, 0.25F }, { -3, 2, 0.125F, 1 }, { 30, 30, 30, 30 } };

static void arrays_are_answered_as_by_hand(void **state)
{
    struct tiny t;
    struct runner *runner;

    (void)state;
    tiny_begin(&t);
    runner = make(&t);
    for (size_t i = 0; i < COUNT(samples); i++) {
        struct text npy = tiny_npy(samples[i]);
        struct item item = tiny_item(npy.chars, npy.length, "npy");

        tiny_must(&t, runner_load(runner, &item, &t.err));
        assert_answers(runner, samples[i], 1e-6);
        text_free(&npy);
    }
    runner_free(runner);
    tiny_end(&t);
}

/* What is loaded, run and read in one go has the bits of each alone, whichever was selected last. */
static void a_batch_has_the_bits_of_its_samples(void **state)
{
    struct tiny t;
    struct runner *one, *both[2];

    (void)state;
    tiny_begin(&t);
    one = make(&t);
    both[0] = runner_new_batch(&t.model, COUNT(samples), NULL, &t.err);
    assert_non_null(both[0]);
    both[1] = runner_twin(both[0], &t.err);
    assert_non_null(both[1]);
    for (size_t k = 0; k < COUNT(both); k++) {
        for (int64_t i = COUNT(samples) - 1; i >= 0; i--) {
            runner_select(both[k], i);
            assert_int_equal(runner_output(both[k], 0)->shape.dim[0], 1);
            runner_fill(both[k], 0, DTYPE_F32, samples[i]);
        }
        runner_run(both[k]);
        for (size_t i = 0; i < COUNT(samples); i++) {
            runner_fill(one, 0, DTYPE_F32, samples[i]);
            runner_run(one);
            runner_select(both[k], (int64_t)i);
            assert_memory_equal(runner_probability(both[k]), runner_probability(one), TINY_CLASSES * sizeof(float));
        }
    }
    runner_free(both[1]);
    runner_free(both[0]);
    runner_free(one);
    tiny_end(&t);
}

/* (p / 255 - mean) / std */
static void images_are_answered_as_their_values_by_hand(void **state)
{
    static const uint8_t pixels[4] = { 0, 255, 51, 204 };
    struct tiny t;
    struct runner *runner;
    struct item item;
    float values[4];
    size_t count;
    uint8_t *png = tiny_png(pixels, &count);

    (void)state;
    tiny_begin(&t);
    t.model.preprocess.mean[0] = 0.25F;
    t.model.preprocess.std[0] = 0.5F;
    runner = make(&t);
    item = tiny_item(png, count, "png");
    tiny_must(&t, runner_load(runner, &item, &t.err));
    for (int i = 0; i < 4; i++)
        values[i] = (float)((pixels[i] / 255.0 - 0.25) / 0.5);
    assert_answers(runner, values, 1e-6);
    runner_free(runner);
    tiny_end(&t);
    free(png);
}

/* 100 and 88 more or less: exp() of neither fits a float, and the rest is nothing beside it. */
static void large_logits_still_sum_to_one(void **state)
{
    static const float values[4] = { 0, 1e4F, 0, 1e4F };
    struct tiny t;
    struct runner *runner;
    struct text npy = tiny_npy(values);
    struct item item = tiny_item(npy.chars, npy.length, "npy");
    const float *p;

    (void)state;
    tiny_begin(&t);
    runner = make(&t);
    tiny_must(&t, runner_load(runner, &item, &t.err));
    runner_run(runner);
    p = runner_probability(runner);
    assert_true(p[0] == 0 && p[1] == 1 && p[2] == 0);
    runner_free(runner);
    text_free(&npy);
    tiny_end(&t);
}

static void without_softmax_the_output_is_the_answer(void **state)
{
    double logits[TINY_CLASSES];
    struct tiny t;
    struct runner *runner;
    struct text npy = tiny_npy(samples[1]);
    struct item item = tiny_item(npy.chars, npy.length, "npy");

    (void)state;
    tiny_begin(&t);
    t.model.softmax = false;
    runner = make(&t);
    tiny_must(&t, runner_load(runner, &item, &t.err));
    runner_run(runner);
    tiny_expect(samples[1], logits);
    for (int c = 0; c < TINY_CLASSES; c++)
        assert_float_equal(runner_probability(runner)[c], logits[c], 1e-6);
    runner_free(runner);
    text_free(&npy);
    tiny_end(&t);
}

/* Steps of 1/8 about 100; both ends saturate. */
static void a_quantized_input_takes_arrays_rounded_to_its_steps(void **state)
{
    static const float scale = 0.125F, values[4] = { 0.0624F, -0.19F, 100, -100 };
    static const int32_t zero = 100;
    static const struct quant quant = { .axis = -1, .count = 1, .scale = &scale, .zero_point = &zero };
    struct tiny t;
    struct runner *runner;
    struct text npy = tiny_npy(values);
    struct item item = tiny_item(npy.chars, npy.length, "npy");
    const uint8_t *bytes;

    (void)state;
    tiny_begin(&t);
    t.model.graph.value[0].tensor.dtype = DTYPE_U8;
    t.model.graph.value[0].tensor.quant = &quant;
    runner = make(&t);
    tiny_must(&t, runner_load(runner, &item, &t.err));
    bytes = runner_input(runner, 0)->data;
    assert_int_equal(bytes[0], 100);
    assert_int_equal(bytes[1], 98);
    assert_int_equal(bytes[2], 255);
    assert_int_equal(bytes[3], 0);
    runner_free(runner);
    text_free(&npy);
    tiny_end(&t);
}

static void assert_refused(struct tiny *t, struct runner *runner, const struct item *item, const char *part)
{
    assert_int_equal(runner_load(runner, item, &t->err), -1);
    assert_int_equal(t->err.kind, ERROR_INPUT);
    if (strstr(t->err.message, part) == NULL)
        fail_msg("'%s' does not say '%s'", t->err.message, part);
}

static void what_is_no_sample_is_refused(void **state)
{
    static const float odd[4] = { 0, NAN, 0, 0 };
    static const uint8_t pixels[4] = { 1, 2, 3, 4 };
    const struct tensor long_one = { .shape = shape_of(1, 5L), .data = (float[5]){ 0 } };
    struct text npy = tiny_npy(odd), five = { 0 };
    struct item item = tiny_item(npy.chars, npy.length, "npy");
    size_t count;
    uint8_t *png = tiny_png(pixels, &count);
    struct tiny t;
    struct runner *runner;

    (void)state;
    npy_write(&five, &long_one);
    tiny_begin(&t);
    runner = make(&t);
    assert_refused(&t, runner, &item, "not finite");
    item = tiny_item(five.chars, five.length, "npy");
    assert_refused(&t, runner, &item, "[5]");
    item = tiny_item(npy.chars, 20, "npy");
    assert_refused(&t, runner, &item, "");
    item = tiny_item(png, count / 2, "png");
    assert_refused(&t, runner, &item, "");
    runner_free(runner);
    t.model.has_preprocess = false;
    runner = make(&t);
    item = tiny_item(png, count, "png");
    assert_refused(&t, runner, &item, "an image, but the model takes tensors");
    runner_free(runner);
    tiny_end(&t);
    free(png);
    text_free(&npy);
    text_free(&five);
}

static void labels_that_the_graph_does_not_answer_make_no_runner(void **state)
{
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    t.model.label_count = 2;
    assert_null(runner_new(&t.model, NULL, &t.err));
    assert_string_equal(t.err.message, "2 labels, expected 3: the output 'fc' is [1, 3]");
    tiny_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_are_answered_as_by_hand),
        cmocka_unit_test(a_batch_has_the_bits_of_its_samples),
        cmocka_unit_test(images_are_answered_as_their_values_by_hand),
        cmocka_unit_test(large_logits_still_sum_to_one),
        cmocka_unit_test(without_softmax_the_output_is_the_answer),
        cmocka_unit_test(a_quantized_input_takes_arrays_rounded_to_its_steps),
        cmocka_unit_test(what_is_no_sample_is_refused),
        cmocka_unit_test(labels_that_the_graph_does_not_answer_make_no_runner),
    };

    return cmocka_run_group_tests_name("runner", tests, NULL, NULL);
}

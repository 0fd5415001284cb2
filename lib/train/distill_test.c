#include "train/tiny.h"

static void take(struct tiny *t, const char *name, int64_t count, uint32_t seed, double scale)
{
    memcpy(tiny_data(t, name), tiny_numbers(t, count, seed, scale), (size_t)count * sizeof(float));
}

/* The teacher of scripts/make-train-vectors. */
static void teacher_begin_tiny(struct tiny *t)
{
    tiny_begin(t, false, 6);
    take(t, "first.w", 12, 12, 0.8);
    take(t, "first.b", 4, 13, 0.3);
    take(t, "second.w", 12, 14, 0.8);
    take(t, "second.b", 3, 15, 0.3);
}

/* The same before it knew the last class. */
static void teacher_begin_smaller(struct tiny *t, int classes)
{
    static const char *const labels[TINY_CLASSES] = { "a", "b", "c" };
    struct graph *graph = &t->model.graph;

    teacher_begin_tiny(t);
    graph->value[graph_find_value(graph, "second.w")].tensor.shape.dim[0] = classes;
    graph->value[graph_find_value(graph, "second.b")].tensor.shape.dim[0] = classes;
    tiny_must(t, model_set_labels(&t->model, labels, classes, &t->err));
    tiny_must(t, graph_infer_shapes(graph, 1, &t->err));
}

static int learn(struct tiny *t, const struct tiny *teacher, const struct job *job)
{
    const struct train_options options = { .optimizer = OPTIMIZER_SGD,
                                           .class_weights = CLASS_WEIGHTS_BALANCED,
                                           .teacher = teacher ? &teacher->model : NULL,
                                           .distill = 0.7,
                                           .temperature = 3,
                                           .steps = 8,
                                           .batch = 6,
                                           .lr = 0.1,
                                           .momentum = 0.9 };

    return train(&t->model, &t->set, NULL, &options, job, NULL, NULL, &t->result, &t->err);
}

/* Eight steps of PyTorch with F.kl_div on the same numbers: printed by scripts/make-train-vectors. */
static void a_taught_run_ends_where_pytorchs_does(void **state)
{
    static const struct {
        int classes; /* that the teacher knows */
        float first[12], second[3];
    } runs[] = {
        { 3,
          { 0.0303967874f, 0.329245627f, -0.301096916f, -0.039395716f, 0.658447206f, 0.00377747673f, 0.455523372f,
            -0.370754629f, 0.0753725097f, 0.550290585f, -0.259481341f, 0.171817631f },
          { 0.323312253f, -0.259266168f, 0.0598798618f } },
        { 2,
          { 0.0329066925f, 0.308865786f, -0.273166388f, -0.0465250388f, 0.628764927f, 0.0216706917f, 0.477914542f,
            -0.390820861f, 0.0886397511f, 0.52191937f, -0.258275002f, 0.164108872f },
          { 0.362407714f, -0.420664102f, 0.182182223f } },
    };

    (void)state;
    for (size_t k = 0; k < COUNT(runs); k++) {
        struct tiny t, teacher;

        teacher_begin_smaller(&teacher, runs[k].classes);
        tiny_begin(&t, false, 6);
        tiny_must(&t, learn(&t, &teacher, NULL));
        for (int i = 0; i < 12; i++)
            assert_float_equal(tiny_data(&t, "first.w")[i], runs[k].first[i], 5e-6);
        for (int i = 0; i < 3; i++)
            assert_float_equal(tiny_data(&t, "second.b")[i], runs[k].second[i], 5e-6);
        tiny_end(&t);
        tiny_end(&teacher);
    }
}

static void the_gradient_is_the_slope_of_the_loss(void **state)
{
    static const float teacher[6] = { 2, -1, 0.5F, 0, 1, -3 };
    const double h = 1e-3;

    (void)state;
    for (int taught = 1; taught <= 3; taught++) {
        float x[6] = { 0.3F, -0.2F, 1.5F, -1, 0.25F, 2 }, grad[6] = { 0 }, none[6];

        distill(x, teacher, 2, 3, taught, 2.5, 0.6, 0, grad);
        for (int i = 0; i < 6; i++) {
            const float before = x[i];
            double above, below;

            x[i] = before + (float)h;
            above = distill(x, teacher, 2, 3, taught, 2.5, 0.6, 0, none);
            x[i] = before - (float)h;
            below = distill(x, teacher, 2, 3, taught, 2.5, 0.6, 0, none);
            x[i] = before;
            assert_float_equal(grad[i], (above - below) / (2 * h), 2e-4);
        }
    }
}

/* What the teacher never knew follows the labels, at their share. */
static void classes_beyond_the_teachers_are_the_labels_own(void **state)
{
    static const float teacher[2] = { 1, -1 }, x[4] = { 0.5F, 0.25F, 90, -7 };
    float grad[4] = { 1, 1, -3, 8 };

    (void)state;
    distill(x, teacher, 1, 4, 2, 2, 0.75, 0, grad);
    assert_float_equal(grad[2], -0.75, 1e-7);
    assert_float_equal(grad[3], 2, 1e-7);
}

static void who_says_the_same_has_nothing_to_teach(void **state)
{
    static const float x[3] = { 80, -90, 3 };
    float grad[3] = { 1, 2, 3 };

    (void)state;
    assert_float_equal(distill(x, x, 1, 3, 3, 4, 0.25, 8, grad), 6, 1e-12);
    for (int i = 0; i < 3; i++)
        assert_float_equal(grad[i], 0.75 * (i + 1), 1e-6);
}

static void a_teacher_of_other_labels_is_refused(void **state)
{
    static const char *const others[TINY_CLASSES] = { "a", "c", "b" };
    struct tiny t, teacher;

    (void)state;
    teacher_begin_tiny(&teacher);
    tiny_must(&teacher, model_set_labels(&teacher.model, others, TINY_CLASSES, &teacher.err));
    tiny_begin(&t, false, 6);
    assert_int_equal(learn(&t, &teacher, NULL), -1);
    assert_int_equal(t.err.kind, ERROR_INPUT);
    assert_string_equal(t.err.message,
                        "teacher: its labels are not the model's, or the first of them, in the same order");
    tiny_end(&teacher);
    /* nor is one that was never told them, nor one that answers with more than it has labels for */
    teacher_begin_smaller(&teacher, 2);
    teacher.model.label = NULL;
    teacher.model.label_count = 0;
    assert_int_equal(learn(&t, &teacher, NULL), -1);
    assert_non_null(strstr(t.err.message, "its labels are not"));
    tiny_end(&teacher);
    teacher_begin_tiny(&teacher);
    teacher.model.label_count = 2;
    assert_int_equal(learn(&t, &teacher, NULL), -1);
    assert_non_null(strstr(t.err.message, "its input and output are not"));
    tiny_end(&teacher);
    tiny_end(&t);
}

/* Softmax at a teacher's end would be softened again, into nearly equal shares. */
static void a_teacher_that_answers_with_probabilities_is_refused(void **state)
{
    struct tiny t, teacher;

    (void)state;
    teacher_begin_tiny(&teacher);
    teacher.model.softmax = false;
    tiny_begin(&t, false, 6);
    assert_int_equal(learn(&t, &teacher, NULL), -1);
    assert_int_equal(t.err.kind, ERROR_INPUT);
    assert_string_equal(t.err.message, "teacher: it answers with probabilities: softening needs logits");
    tiny_end(&t);
    tiny_end(&teacher);
}

static void a_teacher_that_sees_other_pixels_is_refused(void **state)
{
    struct tiny t, teacher;

    (void)state;
    teacher_begin_tiny(&teacher);
    tiny_begin(&t, false, 6);
    t.model.has_preprocess = teacher.model.has_preprocess = true;
    preprocess_init(&t.model.preprocess, 3, 1, 1);
    preprocess_init(&teacher.model.preprocess, 3, 1, 1);
    teacher.model.preprocess.mean[2] = 0.4F;
    assert_int_equal(learn(&t, &teacher, NULL), -1);
    assert_non_null(strstr(t.err.message, "preprocessing"));
    teacher.model.preprocess.mean[2] = t.model.preprocess.mean[2];
    tiny_must(&t, learn(&t, &teacher, NULL));
    tiny_end(&t);
    tiny_end(&teacher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_taught_run_ends_where_pytorchs_does),
        cmocka_unit_test(the_gradient_is_the_slope_of_the_loss),
        cmocka_unit_test(classes_beyond_the_teachers_are_the_labels_own),
        cmocka_unit_test(who_says_the_same_has_nothing_to_teach),
        cmocka_unit_test(a_teacher_of_other_labels_is_refused),
        cmocka_unit_test(a_teacher_that_answers_with_probabilities_is_refused),
        cmocka_unit_test(a_teacher_that_sees_other_pixels_is_refused),
    };

    return cmocka_run_group_tests_name("distill", tests, NULL, NULL);
}

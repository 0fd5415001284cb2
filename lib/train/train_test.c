#include "train/tiny.h"

#include "graph/exec.h"

/* What PyTorch gives: printed by scripts/make-train-vectors. */
static const float logits[12] = { 1, -2, 0.5f, 0.1f, 0.2f, 0.3f, -1, 4, 2, 0, 0, -3 };
static const int32_t labels[4] = { 0, 2, 1, 1 };
static const float weights[3] = { 0.5f, 2, 1.25f };

static const struct {
    const float *weight;
    double smoothing, loss;
    float grad[12];
} losses[] = {
    { NULL,
      0,
      0.589280248,
      { -0.0990627706f, 0.00751472171f, 0.0915480554f, 0.0751523972f, 0.0830562413f, -0.158208653f, 0.00147493742f,
        -0.0310998559f, 0.0296249166f, 0.121963888f, -0.128036112f, 0.00607222551f } },
    { weights,
      0,
      0.55754596,
      { -0.0344566181f, 0.00261381641f, 0.0318428017f, 0.0653499141f, 0.0722228214f, -0.13757275f, 0.00205208687f,
        -0.043269366f, 0.041217275f, 0.169688895f, -0.178137198f, 0.00844831392f } },
    { NULL,
      0.1,
      0.704280257,
      { -0.0823961049f, -0.000818612054f, 0.0832147226f, 0.0668190643f, 0.0747229084f, -0.141541988f, -0.00685839634f,
        -0.0144331902f, 0.0212915838f, 0.113630556f, -0.111369446f, -0.00226110825f } },
    { weights,
      0.1,
      0.643902659,
      { -0.0207845271f, -0.00858831499f, 0.0293728448f, 0.0624513589f, 0.0606286116f, -0.123079985f, -0.000923417276f,
        -0.0315018445f, 0.0324252509f, 0.160427004f, -0.161312133f, 0.000885124842f } },
};

static void cross_entropy_and_its_gradient_are_pytorchs(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(losses); i++) {
        float grad[12];
        int64_t right = 0;
        double loss = softmax_cross_entropy(logits, labels, 4, 3, losses[i].weight, losses[i].smoothing, grad, &right);

        assert_float_equal(loss, losses[i].loss, 1e-6);
        assert_int_equal(right, 3); /* of equal logits the first counts, so the last sample is wrong */
        for (int k = 0; k < 12; k++)
            assert_float_equal(grad[k], losses[i].grad[k], 1e-7);
    }
}

static const struct {
    enum optimizer_kind kind;
    float after[5];
} steps[] = {
    { OPTIMIZER_SGD, { 0.899352849f, -0.307113379f, -0.0365273394f, 2.36895776f, -3.45839429f } },
    { OPTIMIZER_ADAM, { 0.706610084f, -0.207371622f, -0.0424403772f, 2.2917943f, -3.29167295f } },
    { OPTIMIZER_ADAMW, { 0.704981148f, -0.206479579f, -0.0427711345f, 2.28602791f, -3.28303099f } },
};

static void optimizers_step_as_pytorchs_do(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(steps); i++) {
        float w[5] = { 1, -0.5f, 0.25f, 2, -3 }, first[5] = { 0 }, second[5] = { 0 };
        float *memory[2] = { first, second };

        for (int step = 1; step <= 3; step++) {
            const float g[5] = { 0.1f * (float)step, -0.2f * (float)step, 0.3f * (float)step, -0.4f * (float)step,
                                 0.5f * (float)step };

            optimizers[steps[i].kind].step(w, g, memory, 5, 0.1, 0.9, 0.01, (uint64_t)step);
        }
        for (int k = 0; k < 5; k++)
            assert_float_equal(w[k], steps[i].after[k], 2e-6);
    }
}

static void schedules_begin_at_one_and_fall_as_named(void **state)
{
    (void)state;
    assert_float_equal(schedule_factor(SCHEDULE_CONSTANT, 0.9), 1, 0);
    assert_float_equal(schedule_factor(SCHEDULE_COSINE, 0), 1, 1e-12);
    assert_float_equal(schedule_factor(SCHEDULE_COSINE, 0.5), 0.5, 1e-12);
    assert_float_equal(schedule_factor(SCHEDULE_COSINE, 1), 0, 1e-12);
    assert_float_equal(schedule_factor(SCHEDULE_STEP, 0.49), 1, 0);
    assert_float_equal(schedule_factor(SCHEDULE_STEP, 0.6), 0.1, 0);
    assert_float_equal(schedule_factor(SCHEDULE_STEP, 0.8), 0.01, 0);
}

static void class_weights_have_mean_one_over_the_classes_that_occur(void **state)
{
    static const int64_t counts[4] = { 100, 25, 0, 4 };
    float weight[4];

    (void)state;
    class_weights_make(CLASS_WEIGHTS_BALANCED, counts, 4, weight);
    assert_float_equal(weight[0] + weight[1] + weight[3], 3, 1e-5);
    assert_float_equal(weight[1] / weight[0], 4, 1e-5);
    assert_float_equal(weight[2], 1, 0);
    class_weights_make(CLASS_WEIGHTS_SQRT, counts, 4, weight);
    assert_float_equal(weight[1] / weight[0], 2, 1e-5);
    class_weights_make(CLASS_WEIGHTS_NONE, counts, 4, weight);
    assert_float_equal(weight[3], 1, 0);
}

enum { SAMPLES = 6, STEPS = 3, WIDE = 300, LESS_WIDE = 260 };
static const double rate = 1e-3, momentum = 0.9;

/* x [3] -> dense 300 -> Relu -> dense 260 -> Relu -> dense 3: gradients of the wide two come in several parts. */
static void wide_begin(struct tiny *t)
{
    const struct shape shape = shape_of(2, (int64_t)-1, 3L);

    *t = (struct tiny){ 0 };
    model_init(&t->model);
    t->model.softmax = true;
    t->x = tiny_must(t, graph_add_input(&t->model.graph, "x", DTYPE_F32, &shape, &t->err));
    tiny_dense(t, "first", WIDE, 3, 2);
    tiny_unary(t, "relu", "Relu");
    tiny_dense(t, "second", LESS_WIDE, WIDE, 4);
    tiny_unary(t, "relu2", "Relu");
    tiny_dense(t, "third", TINY_CLASSES, LESS_WIDE, 6);
    tiny_must(t, graph_add_output(&t->model.graph, t->x, &t->err));
    tiny_set(t, &t->set, SAMPLES, 1);
}

/* All samples at once, and each weight by all of its gradient. */
static void learn_by_whole_gradients(struct tiny *t)
{
    struct graph *graph = &t->model.graph;
    struct exec *exec = exec_new(graph, SAMPLES, EXEC_TRAIN, NULL, &t->err);
    float *memory = tiny_numbers(t, (int64_t)graph->value_count * WIDE * LESS_WIDE, 0, 0);

    tiny_must(t, exec == NULL ? -1 : 0);
    for (int step = 1; step <= STEPS; step++) {
        struct tensor *out = exec_output(exec, 0);
        int64_t right = 0;

        memcpy(exec_input(exec, 0)->data, t->set.values, (size_t)SAMPLES * 3 * sizeof(float));
        exec_forward(exec);
        (void)softmax_cross_entropy(out->data, t->set.label, SAMPLES, TINY_CLASSES, NULL, 0, out->grad, &right);
        exec_backward(exec, NULL, NULL);
        for (int v = 0; v < graph->value_count; v++) {
            struct tensor *weight = &graph->value[v].tensor;
            float *one[2] = { memory + (size_t)v * WIDE * LESS_WIDE, NULL };

            if (graph->value[v].kind == VALUE_WEIGHT)
                optimizers[OPTIMIZER_SGD].step(weight->data, exec_gradient(exec, v), one,
                                               (size_t)shape_count(&weight->shape), rate, momentum, 0, (uint64_t)step);
        }
    }
    exec_free(exec);
}

static void weights_that_follow_in_parts_are_those_that_follow_at_once(void **state)
{
    static const char *const names[] = { "first.w", "first.b", "second.w", "second.b", "third.w", "third.b" };
    const struct train_options options = {
        .steps = STEPS, .batch = SAMPLES, .optimizer = OPTIMIZER_SGD, .lr = rate, .momentum = momentum
    };
    struct tiny parts, whole, fresh;

    (void)state;
    wide_begin(&parts);
    wide_begin(&whole);
    wide_begin(&fresh);
    tiny_must(&parts, train(&parts.model, &parts.set, NULL, &options, NULL, NULL, NULL, &parts.result, &parts.err));
    learn_by_whole_gradients(&whole);
    for (size_t i = 0; i < COUNT(names); i++) {
        const int value = graph_find_value(&parts.model.graph, names[i]);
        const int64_t count = shape_count(&parts.model.graph.value[value].tensor.shape);
        const float *a = tiny_data(&parts, names[i]), *b = tiny_data(&whole, names[i]);

        assert_true(memcmp(a, tiny_data(&fresh, names[i]), (size_t)count * sizeof(float)) != 0);
        for (int64_t k = 0; k < count; k++)
            if (!(fabsf(a[k] - b[k]) <= 1e-5f))
                fail_msg("'%s'[%d] is %g in parts, %g at once", names[i], (int)k, (double)a[k], (double)b[k]);
    }
    tiny_end(&parts);
    tiny_end(&whole);
    tiny_end(&fresh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cross_entropy_and_its_gradient_are_pytorchs),
        cmocka_unit_test(optimizers_step_as_pytorchs_do),
        cmocka_unit_test(schedules_begin_at_one_and_fall_as_named),
        cmocka_unit_test(class_weights_have_mean_one_over_the_classes_that_occur),
        cmocka_unit_test(weights_that_follow_in_parts_are_those_that_follow_at_once),
    };

    return cmocka_run_group_tests_name("train", tests, NULL, NULL);
}

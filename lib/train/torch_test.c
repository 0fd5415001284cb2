#include "train/tiny.h"

/* Eight steps of PyTorch on the same numbers: printed by scripts/make-train-vectors. */
static const struct {
    const char *what;
    struct train_options options;
    float first[12], second[3]; /* weights of the first layer, biases of the second */
} runs[] = {
    { "sgd",
      { .optimizer = OPTIMIZER_SGD },
      { 0.040030349f, 0.274486154f, -0.219943941f, -0.0549813583f, 0.593558013f, 0.0428943709f, 0.338857263f,
        -0.126861781f, 0.0564235002f, 0.728526533f, -0.618343472f, 0.295023739f },
      { 0.564680994f, -0.194078162f, -0.246677071f } },
    { "decay",
      { .optimizer = OPTIMIZER_SGD, .weight_decay = 0.1 },
      { 0.0317368582f, 0.181464642f, -0.134250343f, -0.045908846f, 0.408240676f, 0.0459189862f, 0.243400142f,
        -0.0402493104f, 0.0584583804f, 0.552321911f, -0.552608728f, 0.241997138f },
      { 0.546341479f, -0.169506565f, -0.252909094f } },
    { "cosine, warm-up",
      { .optimizer = OPTIMIZER_SGD, .schedule = SCHEDULE_COSINE, .warmup = 0.25 },
      { 0.0306796394f, 0.344429731f, -0.317358226f, -0.034320645f, 0.679576755f, -0.00895994436f, 0.325198501f,
        -0.330922186f, -0.0383645594f, 0.691670299f, -0.324352354f, 0.277866125f },
      { 0.114837684f, -0.0207920596f, 0.0298801195f } },
    { "adam, step, decay",
      { .optimizer = OPTIMIZER_ADAM, .schedule = SCHEDULE_STEP, .weight_decay = 0.1 },
      { -0.0288385879f, 0.0226830635f, -0.0200846028f, -0.093107976f, 0.353725165f, 0.206401795f, -0.0639438778f,
        -0.0852466002f, 0.199626967f, 0.471402347f, -0.532865703f, 0.233367503f },
      { 0.216969982f, -0.316016108f, -0.185654476f } },
    { "adamw, decay, warm-up",
      { .optimizer = OPTIMIZER_ADAMW, .weight_decay = 0.1, .warmup = 0.5 },
      { 0.297204643f, -0.0700230598f, 0.0368642583f, -0.465048224f, 0.262431562f, 0.397506118f, 0.659679055f,
        0.0732890442f, 0.492559284f, 1.15667772f, -0.668771982f, 0.416918606f },
      { 0.393578947f, -0.509589434f, -0.352444321f } },
    { "balanced",
      { .optimizer = OPTIMIZER_SGD, .class_weights = CLASS_WEIGHTS_BALANCED },
      { 0.0354120135f, 0.309731156f, -0.268833935f, -0.0453108884f, 0.633820057f, 0.0186234023f, 0.532644033f,
        -0.090446718f, 0.258958638f, 0.651667118f, -0.573094845f, 0.195028961f },
      { 0.188997969f, -0.156592354f, 0.0915201083f } },
    { "sqrt",
      { .optimizer = OPTIMIZER_SGD, .class_weights = CLASS_WEIGHTS_SQRT },
      { 0.0378602073f, 0.291001588f, -0.242866054f, -0.0509432815f, 0.610370219f, 0.0327595994f, 0.430186927f,
        -0.105058655f, 0.153746665f, 0.690635085f, -0.599645257f, 0.237718835f },
      { 0.381788015f, -0.171917439f, -0.0859448463f } },
    { "smoothing, sqrt",
      { .optimizer = OPTIMIZER_SGD, .class_weights = CLASS_WEIGHTS_SQRT, .smoothing = 0.2 },
      { 0.0352263376f, 0.304670751f, -0.263607681f, -0.0472073033f, 0.625924408f, 0.0233830344f, 0.427277893f,
        -0.178672493f, 0.122573234f, 0.660464406f, -0.513516247f, 0.232146263f },
      { 0.287677437f, -0.166733637f, 0.00298202503f } },
};

static void assert_close(const char *what, const float *found, const float *wanted, int count)
{
    for (int i = 0; i < count; i++)
        if (!(fabs((double)found[i] - (double)wanted[i]) <= 5e-6))
            fail_msg("%s: number %d is %.9g, PyTorch says %.9g", what, i, (double)found[i], (double)wanted[i]);
}

static void whole_runs_end_where_pytorchs_do(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(runs); i++) {
        struct train_options options = runs[i].options;
        struct tiny t;

        tiny_begin(&t, false, 6);
        options.steps = 8;
        options.batch = 6;
        options.lr = 0.1;
        options.momentum = 0.9;
        tiny_must(&t, train(&t.model, &t.set, NULL, &options, NULL, NULL, NULL, &t.result, &t.err));
        assert_int_equal(t.result.steps, 8);
        assert_int_equal(t.result.examples, 48);
        assert_close(runs[i].what, tiny_data(&t, "first.w"), runs[i].first, 12);
        assert_close(runs[i].what, tiny_data(&t, "second.b"), runs[i].second, 3);
        tiny_end(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_runs_end_where_pytorchs_do),
    };

    return cmocka_run_group_tests_name("torch", tests, NULL, NULL);
}

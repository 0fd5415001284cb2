#include "train/tiny.h"

#include "base/pool.h"

enum { SAMPLES = 12, BATCH = 4, MOST_EPOCHS = 32 };

static struct train_options usual(void)
{
    return (struct train_options){
        .epochs = 3, .batch = BATCH, .optimizer = OPTIMIZER_SGD, .lr = 0.1, .momentum = 0.9, .weight_decay = 0.01
    };
}

static void learn(struct tiny *t, const struct train_options *options)
{
    tiny_must(t, train(&t->model, &t->set, &t->val, options, NULL, NULL, NULL, &t->result, &t->err));
}

static bool is_as_made(struct tiny *t, struct tiny *fresh, const char *name)
{
    int value = graph_find_value(&t->model.graph, name);

    return memcmp(tiny_data(t, name), tiny_data(fresh, name), tensor_bytes(&t->model.graph.value[value].tensor)) == 0;
}

static const struct {
    const char *freeze[2];
    int count;
    const char *still[8], *moved[8];
} frozen[] = {
    { { NULL },
      0,
      { NULL },
      { "first.w", "first.b", "norm.scale", "norm.shift", "norm.mean", "norm.var", "second.w" } },
    { { "first*" }, 1, { "first.w", "first.b" }, { "norm.scale", "norm.mean", "norm.var", "second.w", "second.b" } },
    { { "first*", "norm*" },
      2,
      { "first.w", "first.b", "norm.scale", "norm.shift", "norm.mean", "norm.var" },
      { "second.w", "second.b" } },
    { { "norm.s*" }, 1, { "norm.scale", "norm.shift", "norm.mean", "norm.var" }, { "first.w", "second.w" } },
    { { "*.b", "norm.scale" }, 2, { "first.b", "second.b", "norm.scale" }, { "norm.shift", "norm.mean", "first.w" } },
};

static void frozen_weights_keep_their_bits_and_a_frozen_norm_its_statistics(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(frozen); i++)
        for (int kind = 0; kind < OPTIMIZER_COUNT; kind++) {
            struct train_options options = usual();
            struct tiny t, fresh;

            options.optimizer = (enum optimizer_kind)kind;
            options.freeze = frozen[i].freeze;
            options.freeze_count = frozen[i].count;
            tiny_begin(&t, true, SAMPLES);
            tiny_begin(&fresh, true, SAMPLES);
            learn(&t, &options);
            for (int k = 0; frozen[i].still[k] != NULL; k++)
                if (!is_as_made(&t, &fresh, frozen[i].still[k]))
                    fail_msg("case %d: '%s' moved", (int)i, frozen[i].still[k]);
            for (int k = 0; frozen[i].moved[k] != NULL; k++)
                if (is_as_made(&t, &fresh, frozen[i].moved[k]))
                    fail_msg("case %d: '%s' did not move", (int)i, frozen[i].moved[k]);
            tiny_end(&t);
            tiny_end(&fresh);
        }
}

/* What each epoch left behind. */
struct diary {
    struct tiny *t;
    struct train_epoch epoch[MOST_EPOCHS];
    float weights[MOST_EPOCHS][12]; /* second.w */
    int count;
};

static int write_diary(void *context, const struct train_epoch *epoch, struct error *err)
{
    struct diary *diary = context;

    (void)err;
    assert_in_range(diary->count, 0, MOST_EPOCHS - 1);
    memcpy(diary->weights[diary->count], tiny_data(diary->t, "second.w"), sizeof(diary->weights[0]));
    diary->epoch[diary->count++] = *epoch;
    return 0;
}

/* On the portable kernels: which epoch is the best hangs on the last bit at such rates. */
static void learn_with_diary(struct tiny *t, const struct train_options *options, struct diary *diary)
{
    struct kern kern;
    const struct job job = { .kern = &kern };

    assert_int_equal(kern_init(&kern, "portable", NULL), 0);
    *diary = (struct diary){ .t = t };
    tiny_begin(t, true, SAMPLES);
    tiny_must(t, train(&t->model, &t->set, &t->val, options, &job, write_diary, diary, &t->result, &t->err));
}

/* A rate at which accuracy goes up and down. */
static void the_best_epoch_is_kept_and_of_equals_the_later(void **state)
{
    static const char *const still[] = { "norm*" };
    struct train_options options = usual();
    struct diary diary;
    struct tiny t;
    int best = 0;

    (void)state;
    options.epochs = 20;
    options.lr = 2;
    options.keep_best = true;
    learn_with_diary(&t, &options, &diary);
    assert_int_equal(diary.count, 20);
    for (int i = 1; i < diary.count; i++)
        best = diary.epoch[i].val_accuracy >= diary.epoch[best].val_accuracy ? i : best;
    assert_int_not_equal(best, diary.count - 1); /* else this shows nothing */
    assert_int_equal(t.result.best_epoch, best + 1);
    assert_true(t.result.val_accuracy == diary.epoch[best].val_accuracy);
    assert_memory_equal(tiny_data(&t, "second.w"), diary.weights[best], sizeof(diary.weights[0]));
    tiny_end(&t);
    options.lr = 0; /* with nothing learnt, nor statistics, all epochs are as good */
    options.freeze = still;
    options.freeze_count = 1;
    learn_with_diary(&t, &options, &diary);
    assert_int_equal(t.result.best_epoch, 20);
    tiny_end(&t);
}

static void the_last_epoch_is_kept_when_that_is_asked_for(void **state)
{
    struct train_options options = usual();
    struct diary diary;
    struct tiny t;

    (void)state;
    options.epochs = 20;
    options.lr = 2;
    learn_with_diary(&t, &options, &diary);
    assert_memory_equal(tiny_data(&t, "second.w"), diary.weights[19], sizeof(diary.weights[0]));
    assert_true(t.result.val_accuracy == diary.epoch[19].val_accuracy);
    tiny_end(&t);
}

static void epochs_say_the_learning_rate_of_their_last_step(void **state)
{
    struct train_options options = usual();
    struct diary diary;
    struct tiny t;

    (void)state;
    options.epochs = 4;
    options.schedule = SCHEDULE_COSINE;
    learn_with_diary(&t, &options, &diary);
    assert_int_equal(diary.count, 4);
    for (int i = 0; i < 4; i++) {
        const double at = (3 * i + 2) / 12.0; /* three steps an epoch */

        assert_int_equal(diary.epoch[i].epoch, i + 1);
        assert_int_equal(diary.epoch[i].steps, 3);
        assert_float_equal(diary.epoch[i].lr, 0.1 * 0.5 * (1 + cos(3.14159265358979 * at)), 1e-9);
    }
    tiny_end(&t);
}

static void any_number_of_threads_ends_with_the_same_weights(void **state)
{
    static const int threads[] = { 2, 7 };
    struct train_options options = usual();
    struct tiny one;

    (void)state;
    options.keep_best = true;
    options.augment.noise = 0.1;
    tiny_begin(&one, true, SAMPLES);
    learn(&one, &options);
    for (size_t i = 0; i < COUNT(threads); i++) {
        struct pool *pool = pool_new(threads[i], NULL);
        struct kern kern;
        const struct job job = { .pool = pool, .kern = &kern };
        struct tiny t;

        assert_non_null(pool);
        assert_int_equal(kern_init(&kern, NULL, NULL), 0);
        tiny_begin(&t, true, SAMPLES);
        tiny_must(&t, train(&t.model, &t.set, &t.val, &options, &job, NULL, NULL, &t.result, &t.err));
        assert_same_weights(&t, &one);
        tiny_end(&t);
        pool_free(pool);
    }
    tiny_end(&one);
}

static void try(struct tiny *t, const struct train_options *options, enum error_kind kind, const char *part)
{
    int rc = train(&t->model, &t->set, NULL, options, NULL, NULL, NULL, &t->result, &t->err);

    assert_int_equal(rc, -1);
    assert_int_equal(t->err.kind, kind);
    if (strstr(t->err.message, part) == NULL)
        fail_msg("'%s' does not say '%s'", t->err.message, part);
}

static void a_run_that_diverges_says_where_and_suggests_a_lower_rate(void **state)
{
    struct train_options options = usual();
    struct tiny t;

    (void)state;
    options.epochs = 40;
    options.lr = 1e20;
    tiny_begin(&t, false, SAMPLES);
    try(&t, &options, ERROR_INPUT, "the loss is not finite at step ");
    assert_string_equal(t.err.hint, "try a tenth of --lr 1e+20");
    tiny_end(&t);
}

/* The loss of the only step is that of the weights before it. */
static void weights_that_end_as_no_numbers_are_an_error_too(void **state)
{
    struct train_options options = usual();
    struct tiny t;

    (void)state;
    options.epochs = 0;
    options.steps = 1;
    options.lr = 1e39;
    tiny_begin(&t, false, SAMPLES);
    try(&t, &options, ERROR_INPUT, "not finite at step 1");
    assert_string_equal(t.err.hint, "try a tenth of --lr 1e+39");
    tiny_end(&t);
}

static void what_cannot_be_trained_is_said_before_the_first_step(void **state)
{
    static const char *const nothing[] = { "*" }, *const unknown[] = { "conv*" };
    struct train_options options = usual();
    struct tiny t, fresh;

    (void)state;
    tiny_begin(&t, true, SAMPLES);
    tiny_begin(&fresh, true, SAMPLES);
    options.freeze = nothing;
    options.freeze_count = 1;
    try(&t, &options, ERROR_INPUT, "no weight is left to train");
    options.freeze = unknown;
    try(&t, &options, ERROR_USAGE, "--freeze 'conv*' matches no weight");
    options.freeze_count = 0;
    t.set.label[7] = -1;
    try(&t, &options, ERROR_INPUT, "sample '7' has no class");
    t.set.label[7] = 0;
    t.set.label_count = 2;
    try(&t, &options, ERROR_INPUT, "the output is [4, 3], expected [4, 2]: one logit per label");
    t.set.label_count = 3;
    t.set.elements = 4;
    t.set.shape = shape_of(1, 4L);
    try(&t, &options, ERROR_INPUT, "samples are [4], the model's input is [-1, 3]");
    assert_same_weights(&t, &fresh);
    tiny_end(&t);
    tiny_end(&fresh);
}

static void a_set_smaller_than_the_batch_is_one_batch(void **state)
{
    struct train_options options = usual();
    struct tiny t;

    (void)state;
    options.epochs = 2;
    options.batch = 100;
    tiny_begin(&t, false, 6);
    learn(&t, &options);
    assert_int_equal(t.result.steps, 2);
    assert_int_equal(t.result.examples, 12);
    tiny_end(&t);
}

/* The least is what the refusal of one byte says; one less is refused. */
static void a_limit_on_memory_changes_no_weight(void **state)
{
    struct train_options options = usual();
    struct tiny free, least;
    size_t bytes = 0;

    (void)state;
    tiny_begin(&free, true, SAMPLES);
    learn(&free, &options);
    options.memory_bytes = 1;
    tiny_begin(&least, true, SAMPLES);
    assert_int_equal(train(&least.model, &least.set, &least.val, &options, NULL, NULL, NULL, &least.result, &least.err),
                     -1);
    assert_int_equal(least.err.kind, ERROR_LIMIT);
    assert_int_equal(sscanf(least.err.message, "a step of training needs %zu bytes", &bytes), 1);
    options.memory_bytes = bytes - 1;
    assert_int_equal(train(&least.model, &least.set, &least.val, &options, NULL, NULL, NULL, &least.result, &least.err),
                     -1);
    options.memory_bytes = bytes;
    learn(&least, &options);
    assert_same_weights(&free, &least);
    assert_true(least.result.memory_bytes <= free.result.memory_bytes);
    tiny_end(&free);
    tiny_end(&least);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frozen_weights_keep_their_bits_and_a_frozen_norm_its_statistics),
        cmocka_unit_test(the_best_epoch_is_kept_and_of_equals_the_later),
        cmocka_unit_test(the_last_epoch_is_kept_when_that_is_asked_for),
        cmocka_unit_test(epochs_say_the_learning_rate_of_their_last_step),
        cmocka_unit_test(any_number_of_threads_ends_with_the_same_weights),
        cmocka_unit_test(a_run_that_diverges_says_where_and_suggests_a_lower_rate),
        cmocka_unit_test(weights_that_end_as_no_numbers_are_an_error_too),
        cmocka_unit_test(what_cannot_be_trained_is_said_before_the_first_step),
        cmocka_unit_test(a_set_smaller_than_the_batch_is_one_batch),
        cmocka_unit_test(a_limit_on_memory_changes_no_weight),
    };

    return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}

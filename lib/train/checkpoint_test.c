#include "train/tiny.h"

#include <signal.h>
#include <unistd.h>

#include "base/file.h"

enum { SAMPLES = 10, BATCH = 4, STEPS = 14 }; /* epochs end within batches: at steps 3, 5, 8, 10, 13 */
enum { END = 4 * 512 };                       /* of a tar: `.end`, what it says, two empty blocks */

/* Says stop once a step is done. */
struct stopper {
    struct progress progress;
    uint64_t at;
    volatile sig_atomic_t stop;
};

static void stop_at(struct progress *progress, const char *what, uint64_t done, uint64_t total)
{
    struct stopper *stopper = (struct stopper *)(void *)progress;

    (void)total;
    if (strcmp(what, "train") == 0 && done == stopper->at)
        stopper->stop = 1;
}

static int set_up(void **state)
{
    char *folder = strdup("/tmp/coedge-train-XXXXXX");

    *state = folder;
    return folder != NULL && mkdtemp(folder) != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[128];
    int rc;

    snprintf(command, sizeof(command), "rm -rf '%s'", (char *)*state);
    rc = system(command);
    free(*state);
    return rc;
}

static const char *file_in(void **state, char path[128])
{
    snprintf(path, 128, "%s/checkpoint", (char *)*state);
    return path;
}

static const struct train_options variants[] = {
    { .optimizer = OPTIMIZER_SGD, .schedule = SCHEDULE_COSINE, .warmup = 0.2 },
    { .optimizer = OPTIMIZER_SGD, .keep_best = true },
    { .optimizer = OPTIMIZER_ADAM, .keep_best = true, .class_weights = CLASS_WEIGHTS_SQRT },
    { .optimizer = OPTIMIZER_ADAMW, .smoothing = 0.1, .augment = { .noise = 0.1 } },
};

static struct train_options options_of(size_t variant, const char *checkpoint)
{
    struct train_options options = variants[variant];

    options.steps = STEPS;
    options.batch = BATCH;
    options.lr = options.keep_best ? 2 : 0.2; /* the best is not the last */
    options.momentum = 0.9;
    options.weight_decay = 0.01;
    options.seed = 5 + variant;
    options.checkpoint = checkpoint;
    return options;
}

/* A run from the same beginning, stopped after so many steps. */
static void run_with(struct tiny *t, const struct train_options *options, uint64_t stop_after)
{
    struct stopper stopper = { .progress = { .step = stop_at }, .at = stop_after };
    struct kern kern;
    const struct job job = { .kern = &kern, .progress = &stopper.progress, .stop = &stopper.stop };

    assert_int_equal(kern_init(&kern, NULL, NULL), 0);
    tiny_begin(t, true, SAMPLES);
    tiny_must(t, train(&t->model, &t->set, &t->val, options, &job, NULL, NULL, &t->result, &t->err));
}

static void run(struct tiny *t, size_t variant, const char *checkpoint, uint64_t stop_after)
{
    const struct train_options options = options_of(variant, checkpoint);

    run_with(t, &options, stop_after);
}

static void a_run_stopped_after_any_step_goes_on_to_the_same_bits(void **state)
{
    char path[128];

    file_in(state, path);
    for (size_t v = 0; v < COUNT(variants); v++) {
        struct tiny whole;

        run(&whole, v, NULL, 0);
        assert_int_equal(whole.result.steps, STEPS);
        for (uint64_t stop = 1; stop < STEPS; stop++) {
            struct tiny half, rest;

            run(&half, v, path, stop);
            assert_int_equal(half.result.steps, stop);
            run(&rest, v, path, 0);
            assert_int_equal(rest.result.steps, STEPS);
            assert_int_equal(rest.result.best_epoch, whole.result.best_epoch);
            assert_true(rest.result.val_accuracy == whole.result.val_accuracy);
            assert_same_weights(&rest, &whole);
            assert_int_equal(unlink(path), 0);
            tiny_end(&half);
            tiny_end(&rest);
        }
        tiny_end(&whole);
    }
}

static void a_run_that_had_ended_ends_again_at_once(void **state)
{
    char path[128];

    file_in(state, path);
    for (size_t v = 0; v < COUNT(variants); v++) {
        struct tiny first, again;

        run(&first, v, path, 0);
        run(&again, v, path, 0);
        assert_int_equal(again.result.steps, STEPS);
        assert_true(again.result.val_accuracy == first.result.val_accuracy);
        assert_true(again.result.loss == first.result.loss);
        assert_same_weights(&again, &first);
        assert_int_equal(unlink(path), 0);
        tiny_end(&first);
        tiny_end(&again);
    }
}

static void try(struct tiny *t, const struct train_options *options, enum error_kind kind, const char *part)
{
    int rc = train(&t->model, &t->set, &t->val, options, NULL, NULL, NULL, &t->result, &t->err);

    assert_int_equal(rc, -1);
    assert_int_equal(t->err.kind, kind);
    if (strstr(t->err.message, part) == NULL)
        fail_msg("'%s' does not say '%s'", t->err.message, part);
}

static void a_checkpoint_of_another_run_is_refused_and_says_why(void **state)
{
    static const char *const frozen[] = { "first*" };
    struct train_options others[8];
    static const char *const names[8] = { "its seed",      "its lr",     "its optimizer", "its total_steps",
                                          "its smoothing", "its freeze", "its batch",     "its augment" };
    char path[128];
    struct tiny t;

    run(&t, 0, file_in(state, path), 0);
    tiny_end(&t);
    for (size_t i = 0; i < COUNT(others); i++)
        others[i] = options_of(0, path);
    others[0].seed++;
    others[1].lr = 0.21;
    others[2].optimizer = OPTIMIZER_ADAM;
    others[3].steps++;
    others[4].smoothing = 0.2;
    others[5].freeze = frozen;
    others[5].freeze_count = 1;
    others[6].batch = 3;
    others[7].augment.noise = 1;
    for (size_t i = 0; i < COUNT(others); i++) {
        tiny_begin(&t, true, SAMPLES);
        try(&t, &others[i], ERROR_USAGE, names[i]);
        tiny_end(&t);
    }
    others[0] = options_of(0, path);
    tiny_begin(&t, true, SAMPLES);
    tiny_data(&t, "first.b")[0] += 1;
    try(&t, &others[0], ERROR_USAGE, "its model");
    tiny_end(&t);
    tiny_begin(&t, true, SAMPLES + 1);
    others[0].batch = BATCH;
    try(&t, &others[0], ERROR_USAGE, "its data");
    tiny_end(&t);
}

/* What a run learnt from, it has learnt from: it cannot go on as if there had been no teacher, nor another one. */
static void a_taught_run_goes_on_with_its_teacher_alone(void **state)
{
    struct tiny t, teacher, whole;
    struct train_options options = options_of(0, NULL), another;
    char path[128];

    file_in(state, path);
    tiny_begin(&teacher, true, SAMPLES);
    tiny_data(&teacher, "second.b")[0] += 2;
    options.teacher = &teacher.model;
    options.distill = 0.5;
    options.temperature = 2;
    run_with(&whole, &options, 0);
    options.checkpoint = path;
    run_with(&t, &options, 6);
    tiny_end(&t);
    another = options_of(0, path);
    tiny_begin(&t, true, SAMPLES);
    try(&t, &another, ERROR_USAGE, "its teacher");
    another = options;
    another.temperature = 3;
    try(&t, &another, ERROR_USAGE, "its temperature");
    tiny_end(&t);
    run_with(&t, &options, 0);
    assert_int_equal(t.result.steps, STEPS);
    assert_same_weights(&t, &whole);
    tiny_end(&t);
    tiny_data(&teacher, "second.b")[0] += 1;
    tiny_begin(&t, true, SAMPLES);
    try(&t, &options, ERROR_USAGE, "its teacher");
    tiny_end(&t);
    tiny_end(&whole);
    tiny_end(&teacher);
}

static void a_run_judged_by_a_set_does_not_go_on_without(void **state)
{
    struct train_options options;
    char path[128];
    struct tiny t;

    run(&t, 0, file_in(state, path), 4);
    tiny_end(&t);
    options = options_of(0, path);
    tiny_begin(&t, true, SAMPLES);
    assert_int_equal(train(&t.model, &t.set, NULL, &options, NULL, NULL, NULL, &t.result, &t.err), -1);
    assert_int_equal(t.err.kind, ERROR_USAGE);
    assert_non_null(strstr(t.err.message, "its val"));
    tiny_end(&t);
}

static void assert_not_believed(const char *path, const unsigned char *bytes, size_t count)
{
    struct train_options options = options_of(0, path);
    struct tiny t, fresh;

    assert_int_equal(file_write(path, bytes, count, NULL), 0);
    tiny_begin(&t, true, SAMPLES);
    tiny_begin(&fresh, true, SAMPLES);
    try(&t, &options, ERROR_INPUT, path);
    assert_same_weights(&t, &fresh);
    tiny_end(&t);
    tiny_end(&fresh);
}

/* Whatever is missing at the end, also when a tool has closed the tar again. */
static void a_cut_checkpoint_changes_no_weight(void **state)
{
    char path[128];
    struct tiny t;
    struct input in;
    unsigned char *bytes;
    size_t count;

    run(&t, 0, file_in(state, path), 7);
    tiny_end(&t);
    assert_int_equal(input_open(&in, path, 0, NULL), 0);
    count = in.count;
    bytes = malloc(count);
    assert_non_null(bytes);
    memcpy(bytes, in.bytes, count);
    input_close(&in);
    for (size_t cut = 0; cut + END <= count; cut += 512)
        assert_not_believed(path, bytes, cut);
    memset(bytes + count - END, 0, END);
    assert_not_believed(path, bytes, count);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_run_stopped_after_any_step_goes_on_to_the_same_bits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_run_that_had_ended_ends_again_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_checkpoint_of_another_run_is_refused_and_says_why, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_taught_run_goes_on_with_its_teacher_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_run_judged_by_a_set_does_not_go_on_without, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cut_checkpoint_changes_no_weight, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("checkpoint", tests, NULL, NULL);
}

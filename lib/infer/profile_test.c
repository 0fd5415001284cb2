#include "infer/profile.h"

#include "infer/tiny.h"

struct bench {
    struct tiny tiny;
    struct kern kern;
    struct job job;
    struct arena arena;
    struct profile profile;
};

static void begin(struct bench *b)
{
    *b = (struct bench){ 0 };
    tiny_begin(&b->tiny);
    assert_int_equal(kern_init(&b->kern, NULL, NULL), 0);
    b->job.kern = &b->kern;
}

static void end(struct bench *b)
{
    arena_free(&b->arena);
    tiny_end(&b->tiny);
}

static int profile(struct bench *b, const struct profile_options *o)
{
    return profile_model(&b->tiny.model, o, &b->job, &b->arena, &b->profile, &b->tiny.err);
}

static void as_many_runs_as_asked_for_and_their_times_in_order(void **state)
{
    struct bench b;

    (void)state;
    begin(&b);
    tiny_must(&b.tiny, profile(&b, &(struct profile_options){ .batch = 1, .runs = 70, .warmup = 1 }));
    assert_int_equal(b.profile.runs, 70);
    assert_true(b.profile.min_ms > 0 && b.profile.min_ms <= b.profile.median_ms);
    assert_true(b.profile.median_ms <= b.profile.p95_ms && b.profile.p95_ms <= b.profile.p99_ms);
    assert_true(b.profile.mean_ms >= b.profile.min_ms && b.profile.p99_ms < 1000);
    assert_int_equal(b.profile.step_count, 0);
    tiny_must(&b.tiny, profile(&b, &(struct profile_options){ .batch = 1 }));
    assert_int_equal(b.profile.runs, 10); /* at least, however short the time */
    tiny_must(&b.tiny, profile(&b, &(struct profile_options){ .batch = 1, .seconds = 0.02 }));
    assert_true(b.profile.runs > 10);
    end(&b);
}

static void a_batch_does_so_many_times_the_work(void **state)
{
    struct bench b;

    (void)state;
    begin(&b);
    tiny_must(&b.tiny, profile(&b, &(struct profile_options){ .batch = 1, .runs = 1 }));
    assert_true(b.profile.macs == 4 * TINY_CLASSES);
    tiny_must(&b.tiny, profile(&b, &(struct profile_options){ .batch = 5, .runs = 1 }));
    assert_true(b.profile.macs == 5 * 4 * TINY_CLASSES);
    end(&b);
}

static void steps_share_their_sum_and_only_reals_have_a_peak(void **state)
{
    double sum = 0;
    struct bench b;

    (void)state;
    begin(&b);
    tiny_must(&b.tiny, profile(&b, &(struct profile_options){ .batch = 3, .runs = 40, .steps = true }));
    assert_int_equal(b.profile.step_count, 2); /* Flatten is a view */
    assert_string_equal(b.profile.step[0].name, "relu");
    assert_string_equal(b.profile.step[1].name, "fc");
    for (int s = 0; s < 2; s++)
        sum += b.profile.step_ms[s];
    assert_true(fabs(sum - b.profile.steps_ms) < 1e-9 && sum > 0);
    assert_true(b.profile.peak > 0);
    assert_true(profile_peak_share(&b.profile, 0) == -1);
    b.profile.step_ms[1] = 1;
    b.profile.peak = 2 * 36 * 1e3; /* 36 multiply-adds in a millisecond are half of it */
    assert_true(fabs(profile_peak_share(&b.profile, 1) - 0.5) < 1e-12);
    end(&b);
}

static void assert_refused(struct bench *b, const char *sizes, int64_t batch, const char *message)
{
    const struct profile_options o = { .batch = batch, .runs = 1, .sizes = &sizes, .size_count = sizes != NULL };

    assert_int_equal(profile(b, &o), -1);
    assert_int_equal(b->tiny.err.kind, ERROR_USAGE);
    assert_string_equal(b->tiny.err.message, message);
}

static void open_sizes_are_given_and_known_ones_kept(void **state)
{
    static const char *const named = "x=1x2x2", *const only = "1x2x2";
    struct profile_options o = { .batch = 2, .runs = 1, .size_count = 1 };
    struct shape *shape;
    struct bench b;

    (void)state;
    begin(&b);
    shape = &b.tiny.model.graph.value[b.tiny.model.graph.input[0]].tensor.shape;
    shape->dim[2] = shape->dim[3] = -1;
    assert_refused(&b, NULL, 1, "input 'x' has shape [-1, 1, -1, -1]: a size is open");
    o.sizes = &named;
    tiny_must(&b.tiny, profile(&b, &o));
    o.sizes = &only;
    tiny_must(&b.tiny, profile(&b, &o));
    assert_true(b.profile.macs == 2 * 4 * TINY_CLASSES);
    assert_int_equal(shape->dim[2], -1); /* the model is as it was */
    assert_refused(&b, "y=1x2x2", 1, "--input: the model has no input 'y'");
    assert_refused(&b, "1x2x", 1, "--input: '1x2x', expected sizes such as 3x224x224");
    assert_refused(&b, "1x0x2", 1, "--input: '1x0x2', expected sizes such as 3x224x224");
    assert_refused(&b, "3x2x2", 1,
                   "--input: '3x2x2' does not fit input 'x' of shape [-1, 1, -1, -1], whose batch is --batch");
    assert_refused(&b, "2x2", 1,
                   "--input: '2x2' does not fit input 'x' of shape [-1, 1, -1, -1], whose batch is --batch");
    shape->dim[0] = 1;
    assert_refused(&b, "1x1x2x2", 4, "--batch 4: input 'x' has shape [1, 1, 2, 2], its batch is not open");
    end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_many_runs_as_asked_for_and_their_times_in_order),
        cmocka_unit_test(a_batch_does_so_many_times_the_work),
        cmocka_unit_test(steps_share_their_sum_and_only_reals_have_a_peak),
        cmocka_unit_test(open_sizes_are_given_and_known_ones_kept),
    };

    return cmocka_run_group_tests_name("profile", tests, NULL, NULL);
}

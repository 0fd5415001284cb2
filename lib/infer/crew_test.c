/* Many samples at once: the same lines in the same order as one after the other, and the same errors. */
#include "data/test_sets.h"
#include "infer/tiny.h"

enum { SAMPLES = 300, NAME = 16 };

struct set {
    char names[2 * SAMPLES][NAME];
    struct test_member members[2 * SAMPLES];
};

/* All lines, one after the other. */
static int take_line(void *context, const char *json, size_t length, struct error *err)
{
    struct text *lines = context;

    text_add_bytes(lines, json, length);
    text_add(lines, "\n");
    return text_check(lines, err);
}

static int refuse_line(void *context, const char *json, size_t length, struct error *err)
{
    int *left = context;

    (void)json;
    (void)length;
    return (*left)-- > 0 ? 0 : error_set(err, ERROR_IO, "full");
}

/* Samples of all levels with a class; those in `damaged` (or -1) are no images. */
static void write_set(void **state, struct set *set, int damaged)
{
    for (int i = 0; i < SAMPLES; i++) {
        snprintf(set->names[2 * i], NAME, "s%03d.png", i);
        snprintf(set->names[2 * i + 1], NAME, "s%03d.cls", i);
        set->members[2 * i] = (struct test_member){ set->names[2 * i], i == damaged ? "none" : NULL, i * 7 % 256 };
        set->members[2 * i + 1] = (struct test_member){ set->names[2 * i + 1], "void", 0 };
    }
    test_write_tar(state, "set.tar", set->members, 2 * SAMPLES, SAMPLES);
}

static int answer(struct tiny *t, const char *path, int threads, bool keep_going, const struct infer_sink *sink,
                  struct infer_counts *counts)
{
    static const char *const fields[] = { "key", "class", "score", "top", "truth", NULL };
    const struct infer_options options = { .top = 2, .keep_going = keep_going, .fields = fields };
    struct error err = { 0 };
    struct kern kern;
    struct job job = { .kern = &kern, .pool = pool_new(threads, &err) };
    int rc;

    assert_non_null(job.pool);
    assert_int_equal(kern_init(&kern, NULL, &err), 0);
    rc = infer_stream(&t->model, &path, 1, &options, sink, &job, counts, &t->err);
    pool_free(job.pool);
    return rc;
}

static void lines_and_counts_are_those_of_one_thread(void **state)
{
    static struct set set;
    struct text lines[3] = { { 0 } };
    struct infer_counts counts[3];
    struct tiny t;

    write_set(state, &set, 171);
    tiny_begin(&t);
    for (int i = 0; i < 3; i++) {
        const struct infer_sink sink = { .line = take_line, .context = &lines[i] };

        tiny_must(&t, answer(&t, test_path(state, "set.tar"), i + 1, true, &sink, &counts[i]));
        assert_string_equal(lines[i].chars, lines[0].chars);
        assert_memory_equal(&counts[i], &counts[0], sizeof(counts[0]));
    }
    assert_int_equal(counts[0].samples, SAMPLES - 1);
    assert_int_equal(counts[0].failed, 1);
    assert_int_equal(counts[0].with_truth, SAMPLES - 1);
    for (int i = 0; i < 3; i++)
        text_free(&lines[i]);
    tiny_end(&t);
}

/* The damaged one is met early, late in a group, and as the very last. */
static void what_comes_before_a_damaged_sample_is_out(void **state)
{
    static const int damaged[] = { 1, 2, 77, 150, SAMPLES - 1 };
    static struct set set;

    for (size_t i = 0; i < COUNT(damaged); i++) {
        struct text lines = { 0 };
        const struct infer_sink sink = { .line = take_line, .context = &lines };
        struct infer_counts counts;
        struct tiny t;
        char place[64];
        int newlines = 0;

        write_set(state, &set, damaged[i]);
        tiny_begin(&t);
        assert_int_equal(answer(&t, test_path(state, "set.tar"), 3, false, &sink, &counts), -1);
        assert_int_equal(t.err.kind, ERROR_INPUT);
        snprintf(place, sizeof(place), "set.tar: s%03d: ", damaged[i]);
        if (strstr(t.err.message, place) == NULL)
            fail_msg("'%s' does not say '%s'", t.err.message, place);
        for (size_t c = 0; c < lines.length; c++)
            newlines += lines.chars[c] == '\n';
        assert_int_equal(newlines, damaged[i]);
        assert_int_equal(counts.samples, damaged[i]);
        text_free(&lines);
        tiny_end(&t);
    }
}

static void a_cut_stream_is_answered_as_far_as_it_goes(void **state)
{
    static struct set set;
    struct text lines[2] = { { 0 } };
    struct infer_counts counts[2];
    struct error errors[2];
    struct input in;
    struct tiny t;

    write_set(state, &set, -1);
    tiny_begin(&t);
    assert_int_equal(input_open(&in, test_path(state, "set.tar"), 0, &t.err), 0);
    assert_int_equal(file_write(test_path(state, "cut.tar"), in.bytes, in.count / 2 + 700, &t.err), 0);
    input_close(&in);
    for (int i = 0; i < 2; i++) {
        const struct infer_sink sink = { .line = take_line, .context = &lines[i] };

        assert_int_equal(answer(&t, test_path(state, "cut.tar"), 2 * i + 1, false, &sink, &counts[i]), -1);
        errors[i] = t.err;
    }
    assert_string_equal(errors[1].message, errors[0].message);
    assert_string_equal(lines[1].chars, lines[0].chars);
    assert_true(counts[1].samples > 100 && counts[1].samples == counts[0].samples);
    for (int i = 0; i < 2; i++)
        text_free(&lines[i]);
    tiny_end(&t);
}

static void a_line_that_cannot_leave_ends_it(void **state)
{
    static struct set set;
    int left = 90;
    const struct infer_sink sink = { .line = refuse_line, .context = &left };
    struct infer_counts counts;
    struct tiny t;

    write_set(state, &set, -1);
    tiny_begin(&t);
    assert_int_equal(answer(&t, test_path(state, "set.tar"), 2, false, &sink, &counts), -1);
    assert_int_equal(t.err.kind, ERROR_IO);
    assert_int_equal(left, -1); /* and no other was tried */
    tiny_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_and_counts_are_those_of_one_thread, test_begin, test_end),
        cmocka_unit_test_setup_teardown(what_comes_before_a_damaged_sample_is_out, test_begin, test_end),
        cmocka_unit_test_setup_teardown(a_cut_stream_is_answered_as_far_as_it_goes, test_begin, test_end),
        cmocka_unit_test_setup_teardown(a_line_that_cannot_leave_ends_it, test_begin, test_end),
    };

    return cmocka_run_group_tests_name("crew", tests, NULL, NULL);
}

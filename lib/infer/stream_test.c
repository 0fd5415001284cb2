#include "data/test_sets.h"
#include "infer/tiny.h"
#include "json/json.h"

/* Lines as they came. */
struct lines {
    struct arena arena;
    const struct tree *line[16];
    int count;
};

static int take_line(void *context, const char *json, size_t length, struct error *err)
{
    struct lines *lines = context;

    assert_in_range(lines->count, 0, 15);
    return json_parse(&lines->arena, json, length, &lines->line[lines->count++], err);
}

static int stream(struct tiny *t, const char *path, struct infer_options options, struct lines *lines,
                  struct infer_counts *counts)
{
    const struct infer_sink sink = { .line = take_line, .context = lines };

    *lines = (struct lines){ .count = 0 };
    return infer_stream(&t->model, &path, 1, &options, &sink, NULL, counts, &t->err);
}

static const char *text_of(const struct tree *map, const char *key)
{
    const struct tree *one = tree_get(map, key);

    if (one == NULL || one->kind != TREE_TEXT)
        fail_msg("no text '%s'", key);
    return one != NULL ? one->text : "";
}

/* All four pixels of one level. */
static void expect(int level, double probability[TINY_CLASSES])
{
    const float v = (float)((level / 255.0 - 0.5) / 0.5), values[4] = { v, v, v, v };
    double logits[TINY_CLASSES];

    tiny_expect(values, logits);
    tiny_softmax(logits, probability);
}

static const struct test_member good[] = {
    { "a.png", NULL, 0 },   { "a.cls", "void", 0 }, { "b.png", NULL, 255 },
    { "b.cls", "void", 0 }, { "c.png", NULL, 200 },
};
static const struct test_member bad[] = {
    { "a.png", NULL, 0 },   { "a.cls", "void", 0 }, { "b.png", "no image at all", 0 },
    { "b.cls", "void", 0 }, { "c.png", NULL, 255 }, { "d.cls", "good", 0 },
};

static void every_sample_has_a_line_of_what_was_found(void **state)
{
    static const char *const keys[3] = { "a", "b", "c" };
    static const int levels[3] = { 0, 255, 200 }, classes[3] = { 2, 0, 0 };
    struct infer_counts counts;
    struct lines lines;
    struct tiny t;

    test_write_tar(state, "set.tar", good, COUNT(good), 3);
    tiny_begin(&t);
    tiny_must(&t, stream(&t, test_path(state, "set.tar"), (struct infer_options){ .top = 2 }, &lines, &counts));
    assert_int_equal(lines.count, 3);
    for (int i = 0; i < 3; i++) {
        const struct tree *line = lines.line[i], *top;
        double p[TINY_CLASSES], score;
        int64_t class_index;

        expect(levels[i], p);
        assert_string_equal(text_of(line, "key"), keys[i]);
        assert_int_equal(tree_need_int(line, "class", 0, 2, &class_index, &t.err), 0);
        assert_int_equal(class_index, classes[i]);
        assert_string_equal(text_of(line, "label"), t.model.label[classes[i]]);
        assert_int_equal(tree_need_real(line, "score", &score, &t.err), 0);
        assert_float_equal(score, p[classes[i]], 1e-6);
        assert_int_equal(tree_need(line, "top", TREE_LIST, &top, &t.err), 0);
        assert_int_equal(top->count, 2);
        assert_string_equal(text_of(top->first, "label"), t.model.label[classes[i]]);
        assert_int_equal(tree_get(line, "truth") != NULL, i < 2);
    }
    assert_int_equal(counts.samples, 3);
    assert_int_equal(counts.failed, 0);
    assert_int_equal(counts.with_truth, 2);
    assert_int_equal(counts.right, 1);
    arena_free(&lines.arena);
    tiny_end(&t);
}

static void a_damaged_sample_ends_the_stream_and_names_file_and_key(void **state)
{
    struct infer_counts counts;
    struct lines lines;
    struct tiny t;

    test_write_tar(state, "set.tar", bad, COUNT(bad), 4);
    tiny_begin(&t);
    assert_int_equal(stream(&t, test_path(state, "set.tar"), (struct infer_options){ 0 }, &lines, &counts), -1);
    assert_int_equal(t.err.kind, ERROR_INPUT);
    assert_non_null(strstr(t.err.message, "set.tar: b: "));
    assert_int_equal(lines.count, 1); /* what was answered before is out */
    assert_int_equal(counts.samples, 1);
    arena_free(&lines.arena);
    tiny_end(&t);
}

static void keep_going_says_what_is_wrong_and_answers_the_rest(void **state)
{
    struct infer_counts counts;
    struct lines lines;
    struct tiny t;

    test_write_tar(state, "set.tar", bad, COUNT(bad), 4);
    tiny_begin(&t);
    tiny_must(&t,
              stream(&t, test_path(state, "set.tar"), (struct infer_options){ .keep_going = true }, &lines, &counts));
    assert_int_equal(lines.count, 4);
    assert_string_equal(text_of(lines.line[0], "label"), "void");
    assert_string_equal(text_of(lines.line[1], "key"), "b");
    assert_non_null(strstr(text_of(lines.line[1], "error"), "b: "));
    assert_null(tree_get(lines.line[1], "label"));
    assert_string_equal(text_of(lines.line[2], "label"), "good");
    assert_string_equal(text_of(lines.line[3], "key"), "d");
    assert_non_null(tree_get(lines.line[3], "error"));
    assert_int_equal(counts.samples, 2);
    assert_int_equal(counts.failed, 2);
    assert_int_equal(counts.with_truth, 1);
    arena_free(&lines.arena);
    tiny_end(&t);
}

static void only_the_fields_that_were_asked_for_are_there(void **state)
{
    static const char *const fields[] = { "score", "key", NULL };
    const struct infer_options options = { .top = 3, .fields = fields };
    struct infer_counts counts;
    struct lines lines;
    struct tiny t;

    test_write_tar(state, "set.tar", good, COUNT(good), 3);
    tiny_begin(&t);
    tiny_must(&t, stream(&t, test_path(state, "set.tar"), options, &lines, &counts));
    for (int i = 0; i < lines.count; i++) {
        assert_int_equal(lines.line[i]->count, 2);
        assert_non_null(tree_get(lines.line[i], "key"));
        assert_non_null(tree_get(lines.line[i], "score"));
    }
    arena_free(&lines.arena);
    tiny_end(&t);
}

static void a_model_without_labels_gives_its_numbers(void **state)
{
    struct infer_counts counts;
    struct lines lines;
    struct tiny t;
    const struct tree *list;
    const float ones[4] = { 1, 1, 1, 1 };
    double logits[TINY_CLASSES];
    int i = 0;

    test_write_png(state, "white.png", 255);
    tiny_begin(&t);
    t.model.label_count = 0; /* softmax is of classes, which it has not */
    tiny_must(&t, stream(&t, test_path(state, "white.png"), (struct infer_options){ 0 }, &lines, &counts));
    assert_int_equal(lines.count, 1);
    assert_int_equal(tree_need(lines.line[0], "output", TREE_LIST, &list, &t.err), 0);
    assert_int_equal(list->count, TINY_CLASSES);
    tiny_expect(ones, logits);
    for (const struct tree *one = list->first; one; one = one->next, i++)
        assert_float_equal(one->kind == TREE_INT ? (double)one->integer : one->real, logits[i], 1e-6);
    arena_free(&lines.arena);
    tiny_end(&t);
}

/* Finite weights, finite pixels, and a sum that is neither. */
static void an_answer_that_is_no_number_is_an_error_of_its_sample(void **state)
{
    struct infer_counts counts;
    struct lines lines;
    struct tiny t;
    float huge[TINY_CLASSES * 4];

    for (size_t i = 0; i < COUNT(huge); i++)
        huge[i] = 3e38F;
    test_write_tar(state, "set.tar", good, COUNT(good), 3);
    tiny_begin(&t);
    t.model.graph.value[graph_find_value(&t.model.graph, "fc.w")].tensor.data = huge;
    assert_int_equal(stream(&t, test_path(state, "set.tar"), (struct infer_options){ 0 }, &lines, &counts), -1);
    assert_int_equal(t.err.kind, ERROR_INPUT);
    assert_non_null(strstr(t.err.message, "set.tar: b: "));
    assert_non_null(strstr(t.err.message, "not finite"));
    arena_free(&lines.arena);
    tiny_must(&t,
              stream(&t, test_path(state, "set.tar"), (struct infer_options){ .keep_going = true }, &lines, &counts));
    assert_int_equal(lines.count, 3);
    assert_non_null(tree_get(lines.line[1], "error"));
    assert_int_equal(counts.samples, 1);
    assert_int_equal(counts.failed, 2);
    arena_free(&lines.arena);
    tiny_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_sample_has_a_line_of_what_was_found, test_begin, test_end),
        cmocka_unit_test_setup_teardown(a_damaged_sample_ends_the_stream_and_names_file_and_key, test_begin, test_end),
        cmocka_unit_test_setup_teardown(keep_going_says_what_is_wrong_and_answers_the_rest, test_begin, test_end),
        cmocka_unit_test_setup_teardown(only_the_fields_that_were_asked_for_are_there, test_begin, test_end),
        cmocka_unit_test_setup_teardown(a_model_without_labels_gives_its_numbers, test_begin, test_end),
        cmocka_unit_test_setup_teardown(an_answer_that_is_no_number_is_an_error_of_its_sample, test_begin, test_end),
    };

    return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}

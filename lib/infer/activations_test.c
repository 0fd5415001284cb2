#include "data/test_sets.h"
#include "infer/activations.h"
#include "infer/tiny.h"

/* A model cut before its last layer: head 0 (relu, flat) and tail 1 (fc). */
struct cut {
    struct tiny whole, head, tail;
    struct digest identity; /* of the head */
    struct part parts[2];
};

static void make_part(struct cut *cut, struct tiny *part, int index, int first, int last)
{
    struct graph graph;

    tiny_begin(part);
    tiny_must(part, graph_cut(&graph, &part->model.arena, &part->model.graph, first, last, &part->err));
    part->model.graph = graph;
    part->model.part = &cut->parts[index];
    cut->parts[index] = (struct part){ .index = index, .count = 2 };
}

static void make(struct cut *cut)
{
    tiny_begin(&cut->whole);
    make_part(cut, &cut->head, 0, 0, 1);
    cut->head.model.label_count = 0;
    make_part(cut, &cut->tail, 1, 2, 2);
    cut->tail.model.has_preprocess = false;
    tiny_must(&cut->head, model_identity(&cut->head.model, &cut->identity, &cut->head.err));
    cut->parts[1].head = cut->identity;
}

static void drop(struct cut *cut)
{
    tiny_end(&cut->whole);
    tiny_end(&cut->head);
    tiny_end(&cut->tail);
}

/* What the head makes of a stream, in the test's folder. */
static const char *run_head(void **state, struct cut *cut, const char *set)
{
    const char *path = test_path(state, "activations.tar");
    const struct infer_options options = { 0 };
    struct output *out = output_open(path, &cut->head.err);
    const struct infer_sink sink = { .activations = out };
    struct infer_counts counts;

    assert_non_null(out);
    tiny_must(&cut->head, infer_stream(&cut->head.model, &set, 1, &options, &sink, NULL, &counts, &cut->head.err));
    assert_int_equal(counts.samples, 3);
    assert_int_equal(output_commit(out, NULL), 0);
    return path;
}

/* Lines of text, one after the other. */
static int take_line(void *context, const char *json, size_t length, struct error *err)
{
    text_add_bytes(context, json, length);
    text_add(context, "\n");
    return text_check(context, err);
}

static int answer(struct tiny *t, const char *path, struct text *lines)
{
    static const char *const fields[] = { "key", "label", "class", "score", "top", "truth", NULL };
    const struct infer_options options = { .top = 3, .fields = fields };
    const struct infer_sink sink = { .line = take_line, .context = lines };
    struct infer_counts counts;

    return infer_stream(&t->model, &path, 1, &options, &sink, NULL, &counts, &t->err);
}

static const struct test_member set[] = {
    { "a.png", NULL, 0 }, { "a.cls", "void", 0 }, { "b.png", NULL, 255 }, { "c.png", NULL, 200 }, { "c.cls", "2", 0 },
};

static void parts_one_after_the_other_answer_as_the_whole(void **state)
{
    struct text whole = { 0 }, parts = { 0 };
    struct cut cut;

    test_write_tar(state, "set.tar", set, COUNT(set), 3);
    make(&cut);
    tiny_must(&cut.whole, answer(&cut.whole, test_path(state, "set.tar"), &whole));
    tiny_must(&cut.tail, answer(&cut.tail, run_head(state, &cut, test_path(state, "set.tar")), &parts));
    assert_string_equal(whole.chars, parts.chars);
    text_free(&whole);
    text_free(&parts);
    drop(&cut);
}

static void activations_are_arrays_with_their_head_and_class(void **state)
{
    static const char *const names[] = { ".dataset.yaml", "a.t0.npy", "a.cls", "a.json", "b.t0.npy",
                                         "b.json",        "c.t0.npy", "c.cls", "c.json" };
    char hex[65], wanted[96];
    struct tar_reader *tar;
    struct tar_member member;
    struct input in;
    struct cut cut;

    test_write_tar(state, "set.tar", set, COUNT(set), 3);
    make(&cut);
    assert_int_equal(input_open(&in, run_head(state, &cut, test_path(state, "set.tar")), 0, NULL), 0);
    tar = tar_open_memory(in.bytes, in.count, "activations", NULL);
    assert_non_null(tar);
    snprintf(wanted, sizeof(wanted), "{\"head\":\"%s\"}\n", digest_hex(&cut.identity, hex));
    for (size_t i = 0; i < COUNT(names); i++) {
        assert_int_equal(tar_next(tar, &member, NULL), 1);
        assert_string_equal(member.name, names[i]);
        if (strcmp(names[i], "a.cls") == 0)
            assert_memory_equal(member.bytes, "void", 4);
        if (strcmp(names[i], "b.json") == 0)
            assert_memory_equal(member.bytes, wanted, strlen(wanted));
        if (strcmp(names[i], "b.t0.npy") == 0) {
            struct tensor found;

            assert_int_equal(npy_parse(&found, member.bytes, member.count, NULL), 0);
            assert_int_equal(found.dtype, DTYPE_F32);
            assert_int_equal(shape_count(&found.shape), 4);
            for (int k = 0; k < 4; k++)
                assert_true(((const float *)found.data)[k] == 1);
        }
    }
    assert_int_equal(tar_next(tar, &member, NULL), 0);
    tar_close(tar);
    input_close(&in);
    drop(&cut);
}

/* A stream by hand: the array as it is, or of another shape or with an odd value. */
static void write_stream(void **state, const struct digest *head, const struct tensor *tensor, bool with_json)
{
    struct output *out = output_open(test_path(state, "hand.tar"), NULL);
    struct tar_writer *tar = tar_create(out, NULL);
    struct text npy = { 0 }, json = { 0 };
    char hex[65];

    assert_non_null(tar);
    text_printf(&json, "{\"head\":\"%s\"}\n", digest_hex(head, hex));
    if (tensor != NULL) {
        npy_write(&npy, tensor);
        assert_int_equal(tar_add(tar, "k.t0.npy", npy.chars, npy.length, NULL), 0);
    } else {
        assert_int_equal(tar_add(tar, "k.t1.npy", "", 0, NULL), 0);
    }
    if (with_json)
        assert_int_equal(tar_add(tar, "k.json", json.chars, json.length, NULL), 0);
    assert_int_equal(tar_finish(tar, 1, NULL), 0);
    assert_int_equal(output_commit(out, NULL), 0);
    text_free(&npy);
    text_free(&json);
}

static void assert_refused(void **state, struct cut *cut, const char *part)
{
    struct tiny *tail = &cut->tail;
    struct text lines = { 0 };

    assert_int_equal(answer(tail, test_path(state, "hand.tar"), &lines), -1);
    assert_int_equal(tail->err.kind, ERROR_INPUT);
    if (strstr(tail->err.message, part) == NULL)
        fail_msg("'%s' does not say '%s'", tail->err.message, part);
    text_free(&lines);
}

static void activations_of_another_head_or_form_are_refused(void **state)
{
    float numbers[4] = { 1, 2, 3, 4 };
    struct tensor tensor = { .shape = shape_of(2, 1L, 4L), .data = numbers };
    struct digest other;
    struct text lines = { 0 };
    struct cut cut;

    make(&cut);
    other = cut.identity;
    write_stream(state, &cut.identity, &tensor, true);
    tiny_must(&cut.tail, answer(&cut.tail, test_path(state, "hand.tar"), &lines));
    text_free(&lines);
    write_stream(state, &cut.identity, &tensor, false);
    assert_refused(state, &cut, "no json part");
    write_stream(state, &cut.identity, NULL, true);
    assert_refused(state, &cut, "part t0.npy is missing");
    numbers[2] = INFINITY;
    write_stream(state, &cut.identity, &tensor, true);
    assert_refused(state, &cut, "t0.npy holds a value that is not finite");
    numbers[2] = 3;
    tensor.shape = shape_of(2, 4L, 1L);
    write_stream(state, &cut.identity, &tensor, true);
    assert_refused(state, &cut, "t0.npy is F32 [4, 1], expected F32 [1, 4]");
    tensor.shape = shape_of(2, 1L, 4L);
    tensor.dtype = DTYPE_I32;
    write_stream(state, &cut.identity, &tensor, true);
    assert_refused(state, &cut, "t0.npy is I32 [1, 4], expected F32 [1, 4]");
    tensor.dtype = DTYPE_F32;
    other.bytes[31] ^= 1;
    write_stream(state, &other, &tensor, true);
    assert_refused(state, &cut, "this tail belongs to");
    drop(&cut);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(parts_one_after_the_other_answer_as_the_whole, test_begin, test_end),
        cmocka_unit_test_setup_teardown(activations_are_arrays_with_their_head_and_class, test_begin, test_end),
        cmocka_unit_test_setup_teardown(activations_of_another_head_or_form_are_refused, test_begin, test_end),
    };

    return cmocka_run_group_tests_name("activations", tests, NULL, NULL);
}

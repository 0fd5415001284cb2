#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "package/sample_model.h"

#include "kern/kern.h"
#include "stream/stream.h"

struct fixture {
    struct kern kern;
    struct job job;
    unsigned char *bytes; /* the sample model as a package */
    size_t count;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct model model;
    struct error err = { 0 };

    if (f == NULL || kern_init(&f->kern, "portable", &err) < 0)
        return -1;
    f->job.kern = &f->kern;
    sample_model(&model);
    if (package_write_memory(&model, &f->bytes, &f->count, &f->job, &err) < 0)
        return -1;
    model_free(&model);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    free(f->bytes);
    free(f);
    return 0;
}

static struct digest identity(const struct model *model)
{
    struct error err = { 0 };
    struct digest digest;

    assert_int_equal(model_identity(model, &digest, &err), 0);
    return digest;
}

static void a_model_comes_back_the_same(void **state)
{
    const struct fixture *f = *state;
    struct model model, back;
    struct error err = { 0 };
    struct digest a, b;

    sample_model(&model);
    assert_int_equal(package_read_memory(&back, f->bytes, f->count, "tiny.coedge", &err), 0);
    assert_int_equal(package_settle(&back, &err), 0);
    a = identity(&model);
    b = identity(&back);
    assert_true(digest_equal(&a, &b));
    assert_string_equal(back.name, "tiny");
    assert_string_equal(back.label[3], "3");
    assert_int_equal(back.golden_count, GOLDEN_SAMPLES);
    assert_true(back.golden_tolerance > 0);
    model_free(&model);
    model_free(&back);
}

static void weights_lie_in_the_package_and_are_aligned(void **state)
{
    const struct fixture *f = *state;
    struct model back;
    struct error err = { 0 };
    unsigned char *bytes = aligned_alloc(64, (f->count + 63) / 64 * 64);

    memcpy(bytes, f->bytes, f->count);
    assert_int_equal(package_read_memory(&back, bytes, f->count, "tiny.coedge", &err), 0);
    for (int i = 0; i < back.graph.value_count; i++) {
        const struct value *value = &back.graph.value[i];
        const unsigned char *data = value->tensor.data;

        if (value->kind != VALUE_WEIGHT)
            continue;
        assert_true(data >= bytes && data < bytes + f->count);
        assert_int_equal((uintptr_t)data % dtype_bytes(value->tensor.dtype), 0);
        if (strcmp(value->name, "gain") == 0)
            assert_int_equal((uintptr_t)data % 16, 0);
    }
    model_free(&back);
    free(bytes);
}

static void bytes_that_lie_unaligned_are_copied(void **state)
{
    const struct fixture *f = *state;
    struct model back;
    struct error err = { 0 };
    unsigned char *bytes = malloc(f->count + 1);
    struct digest a, b;

    memcpy(bytes + 1, f->bytes, f->count);
    assert_int_equal(package_read_memory(&back, bytes + 1, f->count, "tiny.coedge", &err), 0);
    a = identity(&back);
    model_free(&back);
    assert_int_equal(package_read_memory(&back, f->bytes, f->count, "tiny.coedge", &err), 0);
    b = identity(&back);
    assert_true(digest_equal(&a, &b));
    model_free(&back);
    free(bytes);
}

static void the_same_model_gives_the_same_bytes(void **state)
{
    const struct fixture *f = *state;
    struct model back;
    struct error err = { 0 };
    unsigned char *again;
    size_t count;

    assert_int_equal(package_read_memory(&back, f->bytes, f->count, "tiny.coedge", &err), 0);
    assert_int_equal(package_write_memory(&back, &again, &count, &f->job, &err), 0);
    assert_int_equal(count, f->count);
    assert_memory_equal(again, f->bytes, count);
    free(again);
    model_free(&back);
}

static void files_and_pipes_hold_the_same(void **state)
{
    const struct fixture *f = *state;
    char path[] = "/tmp/package_test.XXXXXX", pipe_path[32];
    struct model model;
    struct error err = { 0 };
    struct digest digest, expected = digest_of(f->bytes, f->count);
    int fd[2], file = mkstemp(path);

    assert_true(file >= 0);
    close(file);
    sample_model(&model);
    assert_int_equal(package_write(&model, path, &f->job, &digest, &err), 0);
    assert_true(digest_equal(&digest, &expected));
    model_free(&model);
    assert_int_equal(package_read(&model, path, &err), 0);
    assert_true(model.source.mapped);
    assert_int_equal(package_write(&model, path, &f->job, &digest, &err), 0); /* over itself */
    assert_true(digest_equal(&digest, &expected));
    model_free(&model);
    unlink(path);
    assert_int_equal(pipe(fd), 0);
    assert_int_equal(write(fd[1], f->bytes, f->count), (ssize_t)f->count);
    close(fd[1]);
    snprintf(pipe_path, sizeof(pipe_path), "/dev/fd/%d", fd[0]);
    assert_int_equal(package_read(&model, pipe_path, &err), 0);
    assert_int_equal(package_settle(&model, &err), 0);
    assert_int_equal(package_settle(&model, &err), 0);
    model_free(&model);
    close(fd[0]);
}

static void history_update_part_and_statistics_come_back(void **state)
{
    struct model model, back;
    struct error err = { 0 };
    struct tree *record, *statistics;
    struct update update = { .site = "factory-a", .round = 3, .examples = 120, .steps = 40 };
    struct part part = { .index = 1, .count = 3 };
    unsigned char *bytes;
    size_t count;

    (void)state;
    sample_model(&model);
    update.base = digest_of("base", 4);
    part.head = digest_of("head", 4);
    part.whole = digest_of("whole", 5);
    model.update = &update;
    model.part = &part;
    model.privacy = PRIVACY_USER;
    model.softmax = true;
    record = tree_map(&model.arena);
    tree_add_text(&model.arena, record, "command", "prune");
    tree_add_real(&model.arena, record, "sparsity", 1);
    assert_int_equal(model_add_history(&model, record, &err), 0);
    assert_int_equal(model_add_history(&model, record, &err), 0);
    statistics = tree_map(&model.arena);
    tree_add_int(&model.arena, statistics, "samples", 7);
    model.statistics = statistics;
    assert_int_equal(package_write_memory(&model, &bytes, &count, NULL, &err), 0);
    assert_int_equal(package_read_memory(&back, bytes, count, "u", &err), 0);
    assert_int_equal(back.update->round, 3);
    assert_string_equal(back.update->site, "factory-a");
    assert_true(digest_equal(&back.update->base, &update.base));
    assert_int_equal(back.part->index, 1);
    assert_true(digest_equal(&back.part->head, &part.head));
    assert_true(digest_equal(&back.part->whole, &part.whole));
    assert_int_equal(back.privacy, PRIVACY_USER);
    assert_true(back.softmax);
    assert_null(back.golden);
    assert_int_equal(back.history->count, 2);
    assert_int_equal(back.history->last->last->kind, TREE_REAL);
    assert_int_equal(tree_get(back.statistics, "samples")->integer, 7);
    model_free(&model);
    model_free(&back);
    free(bytes);
}

static void golden_samples_tell_changed_weights(void **state)
{
    const struct fixture *f = *state;
    struct model back;
    struct error err = { 0 };
    double worst;

    assert_int_equal(package_read_memory(&back, f->bytes, f->count, "tiny.coedge", &err), 0);
    assert_int_equal(package_verify(&back, &f->job, &worst, &err), 0);
    assert_true(worst == 0);
    assert_int_equal(package_settle(&back, &err), 0);
    model_free(&back);
    assert_int_equal(package_read_memory(&back, f->bytes, f->count, "tiny.coedge", &err), 0);
    assert_int_equal(package_settle(&back, &err), 0);
    back.graph.value[graph_find_value(&back.graph, "bias")].tensor.data = &(float){ 0.25f };
    assert_int_equal(package_verify(&back, &f->job, &worst, &err), -1);
    assert_int_equal(err.kind, ERROR_ANSWER);
    assert_true(worst > 0.1 && worst < 0.2);
    model_free(&back);
}

static void preprocessing_is_part_of_the_golden_samples(void **state)
{
    const struct fixture *f = *state;
    struct model back;
    struct error err = { 0 };
    double worst;

    assert_int_equal(package_read_memory(&back, f->bytes, f->count, "tiny.coedge", &err), 0);
    back.preprocess.mean[0] = 0.25f;
    assert_int_equal(package_verify(&back, &f->job, &worst, &err), -1);
    assert_int_equal(err.kind, ERROR_ANSWER);
    model_free(&back);
}

static void a_package_cut_anywhere_is_refused(void **state)
{
    const struct fixture *f = *state;

    for (size_t count = 0; count < f->count; count++) {
        unsigned char *exact = malloc(count + 1);
        struct error err = { 0 };
        struct model model;
        int rc;

        memcpy(exact, f->bytes, count);
        rc = package_read_memory(&model, exact, count, "cut.coedge", &err);
        if (rc == 0) {
            rc = package_settle(&model, &err);
            model_free(&model);
        }
        if (rc == 0 || err.kind != ERROR_INPUT)
            fail_msg("cut at %zu: %s", count, rc == 0 ? "taken as whole" : err.message);
        free(exact);
    }
}

static void every_flipped_bit_is_noticed(void **state)
{
    const struct fixture *f = *state;

    for (size_t bit = 0; bit < f->count * 8; bit++) {
        struct error err = { 0 };
        struct model model;
        int rc;

        f->bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        rc = package_read_memory(&model, f->bytes, f->count, "flipped.coedge", &err);
        if (rc == 0) {
            rc = package_settle(&model, &err);
            model_free(&model);
        }
        if (rc == 0 || err.kind != ERROR_INPUT)
            fail_msg("bit %zu of byte %zu: %s", bit % 8, bit / 8, rc == 0 ? "unnoticed" : err.message);
        f->bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
}

static void a_model_may_be_freed_before_it_is_verified(void **state)
{
    const struct fixture *f = *state;

    for (int i = 0; i < 100; i++) {
        struct error err = { 0 };
        struct model model;

        assert_int_equal(package_read_memory(&model, f->bytes, f->count, "tiny.coedge", &err), 0);
        model_free(&model);
    }
}

static void what_is_not_finite_is_not_written(void **state)
{
    const struct fixture *f = *state;
    struct model model;
    struct error err = { 0 };
    unsigned char *bytes;
    size_t count;

    sample_model(&model);
    ((float *)model.graph.value[graph_find_value(&model.graph, "gain")].tensor.data)[2] = __builtin_nanf("");
    assert_int_equal(package_write_memory(&model, &bytes, &count, &f->job, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_non_null(strstr(err.message, "'gain'"));
    model_free(&model);
}

/* x * 3e38 * 3e38 is infinite, and infinite less infinite is no number, though every weight is finite. */
static void a_model_that_answers_nan_is_not_written(void **state)
{
    const struct fixture *f = *state;
    struct shape shape = shape_of(2, (int64_t)-1, (int64_t)2), one = shape_of(1, (int64_t)1);
    struct error err = { 0 };
    struct model model;
    struct graph *graph = &model.graph;
    unsigned char *bytes;
    size_t count;
    int in[2];

    model_init(&model);
    in[0] = graph_add_input(graph, "x", DTYPE_F32, &shape, &err);
    in[1] = graph_add_weight(graph, "huge", DTYPE_F32, &one, NULL, true, &err);
    graph->value[in[1]].tensor.data = &(float){ 3e38f };
    in[0] = graph_add_node(graph, "a", "Mul", in, 2, 1, NULL, NULL, &err);
    in[0] = graph_add_node(graph, "b", "Mul", in, 2, 1, NULL, NULL, &err);
    in[1] = in[0];
    in[0] = graph_add_node(graph, "c", "Sub", in, 2, 1, NULL, NULL, &err);
    assert_int_equal(graph_add_output(graph, in[0], &err), 0);
    assert_int_equal(package_write_memory(&model, &bytes, &count, &f->job, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_string_equal(err.message, "golden samples give NaN at output 'c'");
    model_free(&model);
}

static void labels_that_the_output_does_not_have_are_not_written(void **state)
{
    static const char *const labels[] = { "good", "bridge", "void" };
    struct model model;
    struct error err = { 0 };
    unsigned char *bytes;
    size_t count;

    (void)state;
    sample_model(&model);
    assert_int_equal(model_set_labels(&model, labels, 3, &err), 0);
    assert_int_equal(package_write_memory(&model, &bytes, &count, NULL, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_non_null(strstr(err.message, "3 labels, expected 4"));
    model_free(&model);
}

/* A package of the fixture's members and these, each a byte long. */
static void with_members(const struct fixture *f, struct text *package, const char *const *names)
{
    struct error err = { 0 };
    struct tar_writer *tar = tar_create_text(package, &err);
    struct members members;

    assert_int_equal(members_read(&members, f->bytes, f->count, &err), 0);
    assert_int_equal(tar_add(tar, MEMBER_MODEL, members.model.at, members.model.count, &err), 0);
    assert_int_equal(tar_add(tar, MEMBER_WEIGHTS, members.weights.at, members.weights.count, &err), 0);
    assert_int_equal(tar_add(tar, MEMBER_GOLDEN, members.golden.at, members.golden.count, &err), 0);
    for (; *names != NULL; names++)
        assert_int_equal(tar_add(tar, *names, "x", 1, &err), 0);
    assert_int_equal(tar_finish(tar, 0, &err), 0);
}

static void further_members_are_known_and_never_written_again(void **state)
{
    static const char *const names[] = { "replay.tar", "state.safetensors", NULL };
    const struct fixture *f = *state;
    struct text package = { 0 };
    struct error err = { 0 };
    struct model model;
    unsigned char *bytes;
    size_t count;
    int found = 0;

    with_members(f, &package, names);
    assert_int_equal(package_read_memory(&model, package.chars, package.length, "p", &err), 0);
    for (int i = 0; package_extras[i].name != NULL; i++)
        if (model.extras >> i & 1) {
            assert_string_not_equal(package_extras[i].name, "profile.yaml");
            found++;
        }
    assert_int_equal(found, 2);
    assert_int_equal(package_write_memory(&model, &bytes, &count, &f->job, &err), 0);
    assert_int_equal(count, f->count);
    assert_memory_equal(bytes, f->bytes, count);
    free(bytes);
    model_free(&model);
    text_free(&package);
}

/* Samples make the package data; the model that is read from it is what it was without them. */
static void samples_to_learn_again_are_written_and_found(void **state)
{
    static const unsigned char samples[] = "not looked at";
    const struct fixture *f = *state;
    struct error err = { 0 };
    struct model model, copy;
    unsigned char *bytes, *again;
    const void *found;
    size_t count, again_count;

    assert_int_equal(package_read_memory(&model, f->bytes, f->count, "p", &err), 0);
    assert_false(package_has(&model, PACKAGE_REPLAY));
    assert_int_equal(package_extra_find(&model, PACKAGE_REPLAY, &found, &count, &err), -1);
    assert_int_equal(package_content(&model), CONTENT_PARAMETERS);
    model.replay = malloc(sizeof(samples));
    memcpy(model.replay, samples, sizeof(samples));
    model.replay_bytes = sizeof(samples);
    assert_int_equal(package_write_memory(&model, &bytes, &count, &f->job, &err), 0);
    assert_int_equal(model_copy(&copy, &model, &err), 0);
    assert_null(copy.replay);
    assert_non_null(strstr((const char *)bytes + 512, "\ncontent: data\n"));
    model_free(&copy);
    model_free(&model);

    assert_int_equal(package_read_memory(&model, bytes, count, "p", &err), 0);
    assert_true(package_has(&model, PACKAGE_REPLAY));
    assert_int_equal(package_content(&model), CONTENT_DATA);
    assert_int_equal(package_extra_find(&model, PACKAGE_REPLAY, &found, &again_count, &err), 0);
    assert_int_equal(again_count, sizeof(samples));
    assert_memory_equal(found, samples, sizeof(samples));
    assert_int_equal(package_write_memory(&model, &again, &again_count, &f->job, &err), 0);
    assert_int_equal(again_count, f->count);
    assert_memory_equal(again, f->bytes, f->count);
    free(again);
    model_free(&model);
    free(bytes);
}

static void what_is_no_package_is_called_by_its_name(void **state)
{
    static const struct {
        const char *bytes;
        size_t count;
        const char *says;
    } cases[] = {
        { "", 0, "empty" },
        { "\x1f\x8b\x08", 3, "gzip" },
        { "\xff\xd8\xff\xe0", 4, "JPEG" },
        { "\x89PNG\r\n", 6, "PNG" },
        { "<!DOCTYPE html>", 15, "HTML" },
        { "\x08\x07\x12\x07pytorch", 11, "ONNX" },
        { "PK\x03\x04", 4, "zip" },
        { "\x10\0\0\0\0\0\0\0{\"a\":{}}       ", 24, "safetensors" },
        { "hello", 5, "not a package" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error err = { 0 };
        struct model model;

        assert_int_equal(package_read_memory(&model, cases[i].bytes, cases[i].count, "x", &err), -1);
        assert_int_equal(err.kind, ERROR_INPUT);
        if (strstr(err.message, cases[i].says) == NULL)
            fail_msg("expected %s: %s", cases[i].says, err.message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_comes_back_the_same),
        cmocka_unit_test(weights_lie_in_the_package_and_are_aligned),
        cmocka_unit_test(bytes_that_lie_unaligned_are_copied),
        cmocka_unit_test(the_same_model_gives_the_same_bytes),
        cmocka_unit_test(files_and_pipes_hold_the_same),
        cmocka_unit_test(history_update_part_and_statistics_come_back),
        cmocka_unit_test(golden_samples_tell_changed_weights),
        cmocka_unit_test(preprocessing_is_part_of_the_golden_samples),
        cmocka_unit_test(a_package_cut_anywhere_is_refused),
        cmocka_unit_test(every_flipped_bit_is_noticed),
        cmocka_unit_test(a_model_may_be_freed_before_it_is_verified),
        cmocka_unit_test(what_is_not_finite_is_not_written),
        cmocka_unit_test(a_model_that_answers_nan_is_not_written),
        cmocka_unit_test(labels_that_the_output_does_not_have_are_not_written),
        cmocka_unit_test(samples_to_learn_again_are_written_and_found),
        cmocka_unit_test(further_members_are_known_and_never_written_again),
        cmocka_unit_test(what_is_no_package_is_called_by_its_name),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

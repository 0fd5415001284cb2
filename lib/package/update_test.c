#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "package/sample_model.h"

#include "base/clock.h"

/* A sanitizer's shadow of the pages counts as well. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

static char path[] = "/tmp/update_test.XXXXXX";

static int set_up(void **state)
{
    int fd = mkstemp(path);

    (void)state;
    return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(path);
}

/* The sample model's weights as an update; returns the file's digest. */
static struct digest write_update(const char *site, int64_t examples)
{
    struct update update = { .base = digest_of("base", 4), .site = site, .round = 2, .examples = examples, .steps = 5 };
    struct error err = { 0 };
    struct digest digest;
    struct model model;

    sample_model(&model);
    model.update = &update;
    model.privacy = PRIVACY_EDGE;
    assert_int_equal(package_write(&model, path, NULL, &digest, &err), 0);
    model_free(&model);
    return digest;
}

static void an_update_tells_who_sent_it_and_its_tensors(void **state)
{
    struct digest written = write_update("factory-a", 77), found, base = digest_of("base", 4);
    struct error err = { 0 };
    struct update update;
    struct update_tensor tensor;
    enum privacy privacy;
    struct update_reader *reader = update_open(path, &update, &privacy, &err);

    (void)state;
    assert_non_null(reader);
    assert_string_equal(update.site, "factory-a");
    assert_int_equal(update.round, 2);
    assert_int_equal(update.examples, 77);
    assert_int_equal(update.steps, 5);
    assert_true(digest_equal(&update.base, &base));
    assert_int_equal(privacy, PRIVACY_EDGE);
    found = update_digest(reader);
    assert_true(digest_equal(&found, &written));

    assert_int_equal(update_next(reader, &tensor, &err), 1);
    assert_string_equal(tensor.name, "gain"); /* the largest first */
    assert_int_equal(tensor.shape.rank, 2);
    assert_true(tensor.data[0] == 0.5f && tensor.data[3] == 0.25f);
    while (strcmp(tensor.name, "bias") != 0)
        assert_int_equal(update_next(reader, &tensor, &err), 1);
    assert_int_equal(update_next(reader, &tensor, &err), 0); /* what is not F32 is no difference */

    assert_int_equal(update_find(reader, "gain", &tensor, &err), 0);
    assert_true(tensor.data[1] == -1);
    assert_int_equal(update_find(reader, "bias", &tensor, &err), 0);
    assert_true(tensor.data[0] == 0.125f);
    assert_int_equal(update_find(reader, "spare", &tensor, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
    update_close(reader);
}

static void a_damaged_update_does_not_open(void **state)
{
    struct error err = { 0 };
    struct update update;
    enum privacy privacy;
    struct input in;
    unsigned char *bytes;

    (void)state;
    write_update("a", 1);
    assert_int_equal(input_open(&in, path, 0, &err), 0);
    bytes = malloc(in.count);
    for (size_t at = 0; at < in.count; at += 61) {
        memcpy(bytes, in.bytes, in.count);
        bytes[at] ^= 0x10;
        assert_int_equal(file_write(path, bytes, in.count, &err), 0);
        err.kind = ERROR_NONE;
        assert_null(update_open(path, &update, &privacy, &err));
        assert_int_equal(err.kind, ERROR_INPUT);
    }
    free(bytes);
    input_close(&in);
}

static void a_model_is_no_update(void **state)
{
    struct error err = { 0 };
    struct update update;
    enum privacy privacy;
    struct model model;

    (void)state;
    sample_model(&model);
    assert_int_equal(package_write(&model, path, NULL, NULL, &err), 0);
    model_free(&model);
    assert_null(update_open(path, &update, &privacy, &err));
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_non_null(strstr(err.message, "a model, expected an update"));
}

/* 64 updates of 4 MB, all open, all read: the memory of a few. */
static void pages_of_passed_tensors_are_given_back(void **state)
{
    enum { OPEN = 64, FLOATS = 1 << 20 };
    struct shape shape = shape_of(1, (int64_t)FLOATS);
    struct update update = { .site = "a", .examples = 1 };
    struct update_reader *reader[OPEN];
    struct update_tensor tensor;
    struct error err = { 0 };
    enum privacy privacy;
    struct model model;
    float *large = calloc(FLOATS, sizeof(*large));
    long before;

    (void)state;
    sample_model(&model);
    model.update = &update;
    assert_true(graph_add_weight(&model.graph, "large", DTYPE_F32, &shape, large, true, &err) >= 0);
    assert_int_equal(package_write(&model, path, NULL, NULL, &err), 0);
    model_free(&model);
    free(large);
    before = clock_peak_memory_bytes();
    for (int i = 0; i < OPEN; i++)
        assert_non_null(reader[i] = update_open(path, &update, &privacy, &err));
    for (int i = 0; i < OPEN; i++)
        while (update_next(reader[i], &tensor, &err) == 1)
            for (int64_t k = 0; k < shape_count(&tensor.shape); k += 512)
                assert_true(tensor.data[k] < 100);
    assert_true(SANITIZED || clock_peak_memory_bytes() - before < 32 << 20);
    for (int i = 0; i < OPEN; i++)
        update_close(reader[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_update_tells_who_sent_it_and_its_tensors),
        cmocka_unit_test(a_damaged_update_does_not_open),
        cmocka_unit_test(a_model_is_no_update),
        cmocka_unit_test(pages_of_passed_tensors_are_given_back),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

/* Elements in a file beside the model: what is read, and what no name may reach. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "onnx/read_model.h"

enum { DIMS = 1, DATA_TYPE = 2, NAME = 8, EXTERNAL_DATA = 13, DATA_LOCATION = 14 };

/* A folder with model/weights.bin, model/deep/more.bin, links, and secret.bin outside of model/. */
struct fixture {
    char folder[32], model[64];
};

static void put(const struct fixture *f, const char *name, const char *content)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", f->folder, name);
    assert_int_equal(file_write(path, content, strlen(content), NULL), 0);
}

static void make_link(const struct fixture *f, const char *to, const char *name)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", f->folder, name);
    assert_int_equal(symlink(to, path), 0);
}

static int set_up(void **state)
{
    static struct fixture f;
    char path[128];

    strncpy(f.folder, "/tmp/onnx_test.XXXXXX", sizeof(f.folder) - 1);
    if (mkdtemp(f.folder) == NULL)
        return -1;
    snprintf(f.model, sizeof(f.model), "%s/model", f.folder);
    snprintf(path, sizeof(path), "%s/deep", f.model);
    assert_int_equal(path_make_folders(path, NULL), 0);
    put(&f, "secret.bin", "secrets!");
    put(&f, "model/weights.bin", "abcdefghijkl");
    put(&f, "model/deep/more.bin", "ABCDEFGH");
    make_link(&f, "../secret.bin", "model/link.bin");
    make_link(&f, "weights.bin", "model/near.bin");
    make_link(&f, "..", "model/up");
    make_link(&f, "deep", "model/across");
    snprintf(path, sizeof(path), "%s/fifo", f.model);
    *state = &f;
    return mkfifo(path, 0600);
}

static int tear_down(void **state)
{
    static const char *const names[] = { "model/fifo",
                                         "model/across",
                                         "model/up",
                                         "model/near.bin",
                                         "model/link.bin",
                                         "model/deep/more.bin",
                                         "model/weights.bin",
                                         "secret.bin",
                                         "model/deep",
                                         "model",
                                         "" };
    const struct fixture *f = *state;
    char path[128];

    for (size_t i = 0; i < COUNT(names); i++) {
        snprintf(path, sizeof(path), "%s/%s", f->folder, names[i]);
        assert_int_equal(remove(path), 0);
    }
    return 0;
}

static void put_entry(struct text *out, const char *key, const char *value)
{
    const size_t entry = wire_open(out, EXTERNAL_DATA);

    wire_put_text(out, 1, key);
    wire_put_text(out, 2, value);
    wire_close(out, entry);
}

/* Two floats 'w' of the file; NULL: not said. */
static int load(struct tensor *to, struct arena *arena, const char *folder, const char *location, const char *offset,
                const char *length, struct error *err)
{
    struct text text = { 0 };
    struct onnx_tensor tensor;
    unsigned char *bytes;

    wire_put_int(&text, DIMS, 2);
    wire_put_int(&text, DATA_TYPE, 1);
    wire_put_text(&text, NAME, "w");
    put_entry(&text, "location", location);
    if (offset != NULL)
        put_entry(&text, "offset", offset);
    if (length != NULL)
        put_entry(&text, "length", length);
    wire_put_int(&text, DATA_LOCATION, 1);
    bytes = arena_alloc(arena, text.length);
    memcpy(bytes, text.chars, text.length);
    *err = (struct error){ 0 };
    assert_int_equal(onnx_parse_tensor(&tensor, arena, bytes, text.length, err), 0);
    text_free(&text);
    return onnx_load(to, &tensor, arena, folder, err);
}

static void elements_are_read_from_a_file_beside(void **state)
{
    static const struct {
        const char *location, *offset, *length, *expected;
    } cases[] = {
        { "weights.bin", "4", NULL, "efghijkl" },    { "weights.bin", "4", "8", "efghijkl" },
        { "weights.bin", NULL, "8", "abcdefgh" },    { "weights.bin", "1", "8", "bcdefghi" },
        { "deep/more.bin", NULL, NULL, "ABCDEFGH" }, { "./deep/./more.bin", NULL, NULL, "ABCDEFGH" },
    };
    const struct fixture *f = *state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena arena = { 0 };
        struct error err;
        struct tensor to;

        assert_int_equal(load(&to, &arena, f->model, cases[i].location, cases[i].offset, cases[i].length, &err), 0);
        assert_memory_equal(to.data, cases[i].expected, 8);
        assert_int_equal((uintptr_t)to.data % sizeof(float), 0);
        arena_free(&arena);
    }
}

static void no_name_leads_out_of_the_folder(void **state)
{
    static const struct {
        const char *location, *message;
    } cases[] = {
        { "../secret.bin", "leads out of the folder" },
        { "deep/../../secret.bin", "leads out of the folder" },
        { "deep/../weights.bin", "leads out of the folder" }, /* it would not, but who needs it */
        { "gone/../../secret.bin", "leads out of the folder" },
        { "..", "leads out of the folder" },
        { "deep/..", "leads out of the folder" },
        { "/etc/passwd", "has an absolute path" },
        { "link.bin", "is a link or lies beyond one" },
        { "near.bin", "is a link or lies beyond one" },
        { "up/secret.bin", "is a link or lies beyond one" },
        { "across/more.bin", "is a link or lies beyond one" },
        { "weights.bin/x", "is a link or lies beyond one" },
        { "fifo", "is not a regular file" },
        { "deep", "is not a regular file" },
        { ".", "is not a regular file" },
        { "", "has a part without a name, or with too long a one" },
        { "deep//more.bin", "has a part without a name, or with too long a one" },
        { "deep/", "has a part without a name, or with too long a one" },
    };
    const struct fixture *f = *state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena arena = { 0 };
        char message[160];
        struct error err;
        struct tensor to;

        assert_int_equal(load(&to, &arena, f->model, cases[i].location, NULL, "8", &err), -1);
        snprintf(message, sizeof(message), "tensor 'w': external file '%s' %s", cases[i].location, cases[i].message);
        assert_string_equal(err.message, message);
        assert_int_equal(err.kind, ERROR_INPUT);
        assert_string_equal(err.hint, "external files lie in the model's own folder or below it, and are no links");
        arena_free(&arena);
    }
}

static void a_long_name_is_refused(void **state)
{
    const struct fixture *f = *state;
    struct arena arena = { 0 };
    char name[300] = { 0 };
    struct error err;
    struct tensor to;

    memset(name, 'z', sizeof(name) - 1);
    assert_int_equal(load(&to, &arena, f->model, name, NULL, NULL, &err), -1);
    assert_non_null(strstr(err.message, "has a part without a name, or with too long a one"));
    arena_free(&arena);
}

static void what_the_file_does_not_have_is_refused(void **state)
{
    static const struct {
        const char *location, *offset, *length, *message;
        enum error_kind kind;
    } cases[] = {
        { "gone.bin", NULL, NULL, "external file 'gone.bin': cannot open: No such file or directory", ERROR_IO },
        { "weights.bin", NULL, NULL, "external file 'weights.bin' gives 12 bytes, expected 8", ERROR_INPUT },
        { "weights.bin", "0", "7", "external file 'weights.bin' gives 7 bytes, expected 8", ERROR_INPUT },
        { "weights.bin", "5", NULL, "external file 'weights.bin' gives 7 bytes, expected 8", ERROR_INPUT },
        { "weights.bin", "99", NULL, "external file 'weights.bin' gives 0 bytes, expected 8", ERROR_INPUT },
        { "weights.bin", "5", "8", "external file 'weights.bin' has 12 bytes, expected 8 from byte 5", ERROR_INPUT },
        { "weights.bin", "9223372036854775807", "8",
          "external file 'weights.bin' has 12 bytes, expected 8 from byte 9223372036854775807", ERROR_INPUT },
    };
    const struct fixture *f = *state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena arena = { 0 };
        char message[160];
        struct error err;
        struct tensor to;

        assert_int_equal(load(&to, &arena, f->model, cases[i].location, cases[i].offset, cases[i].length, &err), -1);
        snprintf(message, sizeof(message), "tensor 'w': %s", cases[i].message);
        assert_string_equal(err.message, message);
        assert_int_equal(err.kind, cases[i].kind);
        arena_free(&arena);
    }
}

static void without_a_folder_there_is_no_file(void **state)
{
    struct arena arena = { 0 };
    struct error err;
    struct tensor to;

    (void)state;
    assert_int_equal(load(&to, &arena, NULL, "weights.bin", NULL, "8", &err), -1);
    assert_string_equal(err.message,
                        "tensor 'w': external file 'weights.bin' cannot be found, the model has no folder");
    assert_int_equal(load(&to, &arena, "", "weights.bin", NULL, "8", &err), -1);
    assert_int_equal(load(&to, &arena, "/nowhere/at/all", "weights.bin", NULL, "8", &err), -1);
    assert_string_equal(err.message, "tensor 'w': /nowhere/at/all: cannot open: No such file or directory");
    arena_free(&arena);
}

#ifdef COEDGE_FAULTS
static void every_call_may_fail(void **state)
{
    static const char *const faults[] = { "open:1:EIO", "openat:1:EIO", "openat:2:EIO", "read:1:EIO" };
    const struct fixture *f = *state;

    for (size_t i = 0; i < COUNT(faults); i++) {
        struct arena arena = { 0 };
        struct error err;
        struct tensor to;

        setenv("COEDGE_FAULT", faults[i], 1);
        assert_int_equal(load(&to, &arena, f->model, "deep/more.bin", NULL, "8", &err), -1);
        unsetenv("COEDGE_FAULT");
        assert_int_equal(err.kind, ERROR_IO);
        assert_non_null(strstr(err.message, "Input/output error"));
        arena_free(&arena);
    }
}

static void a_short_read_is_read_on(void **state)
{
    const struct fixture *f = *state;
    struct arena arena = { 0 };
    struct error err;
    struct tensor to;

    setenv("COEDGE_FAULT", "read:1:short", 1);
    assert_int_equal(load(&to, &arena, f->model, "deep/more.bin", NULL, "8", &err), 0);
    unsetenv("COEDGE_FAULT");
    assert_memory_equal(to.data, "ABCDEFGH", 8);
    arena_free(&arena);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_are_read_from_a_file_beside),
        cmocka_unit_test(no_name_leads_out_of_the_folder),
        cmocka_unit_test(a_long_name_is_refused),
        cmocka_unit_test(what_the_file_does_not_have_is_refused),
        cmocka_unit_test(without_a_folder_there_is_no_file),
#ifdef COEDGE_FAULTS
        cmocka_unit_test(every_call_may_fail),
        cmocka_unit_test(a_short_read_is_read_on),
#endif
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

/* test_sets.h - for tests: a folder of its own for each, and small sets to put in it. */
#ifndef DATA_TEST_SETS_H
#define DATA_TEST_SETS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "data/data.h"

enum { TEST_SIDE = 4 };

/* A member of a tar. text NULL: a gray PNG of one level. */
struct test_member {
    const char *name, *text;
    int level;
};

static inline int test_begin(void **state)
{
    char *folder = strdup("/tmp/coedge-data-XXXXXX");

    *state = folder;
    return folder == NULL || mkdtemp(folder) == NULL ? -1 : 0;
}

static inline int test_end(void **state)
{
    char command[128];
    int rc;

    snprintf(command, sizeof(command), "rm -r '%s'", (char *)*state);
    rc = system(command);
    free(*state);
    return rc;
}

/* In the test's folder; the last 64 results live. */
static inline const char *test_path(void **state, const char *name)
{
    static char path[64][256];
    static int turn;

    turn = (turn + 1) % 64;
    snprintf(path[turn], sizeof(path[turn]), "%s/%s", (char *)*state, name);
    return path[turn];
}

static inline void test_write(void **state, const char *name, const void *bytes, size_t count)
{
    struct error err = { 0 };

    if (file_write(test_path(state, name), bytes, count, &err) < 0)
        fail_msg("%s", err.message);
}

/* malloc'ed */
static inline uint8_t *test_png(int level, size_t *count)
{
    uint8_t pixels[TEST_SIDE * TEST_SIDE], *png;
    struct image image = { TEST_SIDE, TEST_SIDE, 1, pixels };
    struct error err = { 0 };

    memset(pixels, level, sizeof(pixels));
    assert_int_equal(image_encode_png(&image, &png, count, &err), 0);
    return png;
}

static inline void test_write_png(void **state, const char *name, int level)
{
    size_t count;
    uint8_t *png = test_png(level, &count);

    test_write(state, name, png, count);
    free(png);
}

static inline void test_folder(void **state, const char *name)
{
    struct error err = { 0 };

    assert_int_equal(path_make_folders(test_path(state, name), &err), 0);
}

static inline void test_write_tar(void **state, const char *name, const struct test_member *members, int count,
                                  uint64_t samples)
{
    struct error err = { 0 };
    struct output *out = output_open(test_path(state, name), &err);
    struct tar_writer *tar = tar_create(out, &err);

    assert_non_null(tar);
    for (int i = 0; i < count; i++) {
        size_t length = members[i].text != NULL ? strlen(members[i].text) : 0;
        uint8_t *png = members[i].text != NULL ? NULL : test_png(members[i].level, &length);

        assert_int_equal(tar_add(tar, members[i].name, png != NULL ? (char *)png : members[i].text, length, &err), 0);
        free(png);
    }
    assert_int_equal(tar_finish(tar, samples, &err), 0);
    assert_int_equal(output_commit(out, &err), 0);
}

#endif

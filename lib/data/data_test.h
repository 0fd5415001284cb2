/* data_test.h - a folder of its own for each test, and small sets to put in it. */
#ifndef DATA_DATA_TEST_H
#define DATA_DATA_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "data/data.h"

/* test_path("a.tar") lies in the folder made by the last test_begin(); four results live at once. */
int test_begin(void **state);
int test_end(void **state);
const char *test_path(const char *name);
void test_write(const char *name, const void *bytes, size_t count);
/* A gray PNG of side x side pixels of one level. */
void test_write_png(const char *name, int side, int level);

struct test_member {
    const char *name, *text; /* text NULL: a 4x4 gray PNG of level `level` */
    int level;
};
/* A tar of them, with `.end` unless cut. */
void test_write_tar(const char *name, const struct test_member *members, int count, bool with_end);

#endif

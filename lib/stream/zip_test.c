#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "stream/zip.h"

/*
 * Made by Python 3.11, zipfile: a member deflated with force_zip64 (which numpy.savez_compressed() asks for), then one
 * stored:
 *   z = zipfile.ZipFile(f, "w")
 *   with z.open(zipfile.ZipInfo("a.npy"), "w", force_zip64=True) ...   compress_type = ZIP_DEFLATED, b"a" * 40
 *   z.writestr(zipfile.ZipInfo("/b"), b"hello")
 */
static const unsigned char pythons[] = {
    0x50, 0x4b, 0x03, 0x04, 0x2d, 0x00, 0x00, 0x00, 0x08, 0x00, 0x00, 0x00, 0x21, 0x00, 0x25, 0x8a, 0x5b, 0xc9, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x05, 0x00, 0x14, 0x00, 0x61, 0x2e, 0x6e, 0x70, 0x79, 0x01, 0x00, 0x10,
    0x00, 0x28, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x06, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x4b, 0x4c,
    0x24, 0x0e, 0x00, 0x00, 0x50, 0x4b, 0x03, 0x04, 0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x21, 0x00, 0x86,
    0xa6, 0x10, 0x36, 0x05, 0x00, 0x00, 0x00, 0x05, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x2f, 0x62, 0x68, 0x65,
    0x6c, 0x6c, 0x6f, 0x50, 0x4b, 0x01, 0x02, 0x2d, 0x03, 0x2d, 0x00, 0x00, 0x00, 0x08, 0x00, 0x00, 0x00, 0x21, 0x00,
    0x25, 0x8a, 0x5b, 0xc9, 0x06, 0x00, 0x00, 0x00, 0x28, 0x00, 0x00, 0x00, 0x05, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x80, 0x01, 0x00, 0x00, 0x00, 0x00, 0x61, 0x2e, 0x6e, 0x70, 0x79, 0x50, 0x4b, 0x01,
    0x02, 0x14, 0x03, 0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x21, 0x00, 0x86, 0xa6, 0x10, 0x36, 0x05, 0x00,
    0x00, 0x00, 0x05, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x80,
    0x01, 0x3d, 0x00, 0x00, 0x00, 0x2f, 0x62, 0x50, 0x4b, 0x05, 0x06, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x02, 0x00,
    0x63, 0x00, 0x00, 0x00, 0x62, 0x00, 0x00, 0x00, 0x00, 0x00,
};

static void what_python_wrote_is_read(void **state)
{
    struct arena arena = { 0 };
    struct error err = { 0 };
    const unsigned char *bytes;
    struct zip zip;

    (void)state;
    assert_int_equal(zip_open(&zip, &arena, pythons, sizeof(pythons), &err), 0);
    assert_int_equal(zip.count, 2);
    assert_string_equal(zip.member[0].name, "a.npy");
    assert_int_equal(zip.member[0].count, 40);
    assert_int_equal(zip_unpack(&zip.member[0], &arena, &bytes, &err), 0);
    assert_memory_equal(bytes, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 40);
    assert_string_equal(zip.member[1].name, "/b");
    assert_int_equal(zip_unpack(&zip.member[1], &arena, &bytes, &err), 0);
    assert_memory_equal(bytes, "hello", 5);
    assert_true(bytes > pythons && bytes < pythons + sizeof(pythons)); /* where it lies */
    arena_free(&arena);
}

static void put(unsigned char *at, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        at[i] = (unsigned char)(value >> (8 * i));
}

/* The same archive as if it were too large for 32 bits: sizes and offset of the second entry, and the directory's end. */
static void numbers_of_64_bits_are_read(void **state)
{
    enum { END = 22, ENTRY = 46, NAME = 2, WIDE = 28, END64 = 56, LOCATOR = 20 };
    const size_t directory_end = sizeof(pythons) - END, last = directory_end - ENTRY - NAME;
    unsigned char large[sizeof(pythons) + WIDE + END64 + LOCATOR], *entry = large + last, *end;
    struct arena arena = { 0 };
    struct error err = { 0 };
    const unsigned char *bytes;
    uint32_t offset, directory;
    struct zip zip;

    (void)state;
    memcpy(large, pythons, directory_end);
    memcpy(&offset, entry + 42, 4);
    memcpy(&directory, pythons + directory_end + 16, 4);
    put(entry + 20, UINT32_MAX, 4);
    put(entry + 24, UINT32_MAX, 4);
    put(entry + 42, UINT32_MAX, 4);
    put(entry + 30, WIDE, 2);
    end = entry + ENTRY + NAME;
    put(end, 1, 2);
    put(end + 2, WIDE - 4, 2);
    put(end + 4, 5, 8);
    put(end + 12, 5, 8);
    put(end + 20, offset, 8);
    end += WIDE;
    memset(end, 0, END64 + LOCATOR);
    memcpy(end, "PK\x06\x06", 4);
    put(end + 32, 2, 8);
    put(end + 40, (uint64_t)(end - large) - directory, 8);
    put(end + 48, directory, 8);
    memcpy(end + END64, "PK\x06\x07", 4);
    put(end + END64 + 8, (uint64_t)(end - large), 8);
    end += END64 + LOCATOR;
    memcpy(end, pythons + directory_end, END);
    put(end + 10, UINT16_MAX, 2);
    put(end + 12, UINT32_MAX, 4);
    put(end + 16, UINT32_MAX, 4);
    assert_int_equal(zip_open(&zip, &arena, large, sizeof(large), &err), 0);
    assert_int_equal(zip.count, 2);
    assert_int_equal(zip_unpack(&zip.member[1], &arena, &bytes, &err), 0);
    assert_int_equal(zip.member[1].count, 5);
    assert_memory_equal(bytes, "hello", 5);
    arena_free(&arena);
}

static int open_and_unpack(const unsigned char *bytes, size_t count, struct error *err)
{
    struct arena arena = { 0 };
    const unsigned char *unpacked;
    struct zip zip;
    int rc = zip_open(&zip, &arena, bytes, count, err);

    for (int i = 0; rc == 0 && i < zip.count; i++)
        rc = zip_unpack(&zip.member[i], &arena, &unpacked, err);
    arena_free(&arena);
    return rc;
}

static void a_cut_anywhere_is_refused(void **state)
{
    (void)state;
    for (size_t count = 0; count < sizeof(pythons); count++) {
        struct error err = { 0 };
        unsigned char *cut = malloc(count + 1); /* so that a sanitizer sees its end */

        assert_non_null(cut);
        memcpy(cut, pythons, count);
        cut = realloc(cut, count > 0 ? count : 1);
        assert_int_equal(open_and_unpack(cut, count, &err), -1);
        assert_int_equal(err.kind, ERROR_INPUT);
        free(cut);
    }
}

/* Bytes that no rule reads: versions, time, attributes, disks, and flags other than encryption. */
static void a_changed_byte_is_refused_or_changes_nothing(void **state)
{
    unsigned char changed[sizeof(pythons)];
    int taken = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(pythons); i++) {
        struct error err = { 0 };

        memcpy(changed, pythons, sizeof(pythons));
        changed[i] ^= 0x40;
        if (open_and_unpack(changed, sizeof(changed), &err) == 0)
            taken++;
        else
            assert_int_equal(err.kind, ERROR_INPUT);
    }
    assert_in_range(taken, 1, 110);
}

static char home[4096], folder[64];

static int enter(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/coedge-zip-XXXXXX");
    return getcwd(home, sizeof(home)) && mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int leave(void **state)
{
    (void)state;
    return chdir(home) == 0 && rmdir(folder) == 0 ? 0 : -1;
}

static void write_two(const char *path, const char *second, int expected, const char *says)
{
    struct error err = { 0 };
    struct output *out = output_open(path, &err);
    struct zip_writer *zip = zip_create(out, &err);

    assert_non_null(zip);
    assert_int_equal(zip_add(zip, "one", "head", 4, "body", 4, &err), 0);
    assert_int_equal(zip_add(zip, second, "", 0, NULL, 0, &err), expected);
    if (expected < 0) {
        assert_non_null(strstr(err.message, says));
        zip_abandon(zip);
        output_abort(out);
        return;
    }
    assert_int_equal(zip_finish(zip, &err), 0);
    assert_int_equal(output_commit(out, &err), 0);
}

static void what_is_written_is_read_and_the_same_each_time(void **state)
{
    struct arena arena = { 0 };
    struct error err = { 0 };
    const unsigned char *bytes;
    struct input in, again;
    struct zip zip;

    (void)state;
    write_two("zip_test.zip", "/two", 0, NULL);
    write_two("zip_test.2.zip", "/two", 0, NULL);
    assert_int_equal(input_open(&in, "zip_test.zip", 0, &err), 0);
    assert_int_equal(input_open(&again, "zip_test.2.zip", 0, &err), 0);
    assert_int_equal(in.count, again.count);
    assert_memory_equal(in.bytes, again.bytes, in.count);
    assert_int_equal(zip_open(&zip, &arena, in.bytes, in.count, &err), 0);
    assert_int_equal(zip.count, 2);
    assert_int_equal(zip_unpack(&zip.member[0], &arena, &bytes, &err), 0);
    assert_int_equal(zip.member[0].count, 8);
    assert_memory_equal(bytes, "headbody", 8);
    assert_string_equal(zip.member[1].name, "/two");
    assert_int_equal(zip_unpack(&zip.member[1], &arena, &bytes, &err), 0);
    assert_int_equal(zip.member[1].count, 0);
    input_close(&in);
    input_close(&again);
    arena_free(&arena);
    remove("zip_test.zip");
    remove("zip_test.2.zip");
}

static void names_that_could_not_be_read_are_not_written(void **state)
{
    (void)state;
    write_two("zip_test.3.zip", "one", -1, "there twice");
    write_two("zip_test.3.zip", "../two", -1, "leads out");
    write_two("zip_test.3.zip", "a\nb", -1, "control characters");
    write_two("zip_test.3.zip", "", -1, "is empty");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_python_wrote_is_read),
        cmocka_unit_test(numbers_of_64_bits_are_read),
        cmocka_unit_test(a_cut_anywhere_is_refused),
        cmocka_unit_test(a_changed_byte_is_refused_or_changes_nothing),
        cmocka_unit_test(what_is_written_is_read_and_the_same_each_time),
        cmocka_unit_test(names_that_could_not_be_read_are_not_written),
    };

    return cmocka_run_group_tests(tests, enter, leave);
}

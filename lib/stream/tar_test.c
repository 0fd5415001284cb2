#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "stream/sample_stream.h"

static void what_is_written_is_read_in_place(void **state)
{
    struct text out = { 0 };
    struct error err = { 0 };
    struct tar_member member;
    struct tar_reader *tar;
    struct digest digest, expected;

    (void)state;
    make(&out);
    tar = tar_open_memory(out.chars, out.length, "test.tar", &err);
    assert_int_equal(tar_next(tar, &member, &err), 1);
    assert_string_equal(member.name, "0001.txt");
    assert_true(member.in_place);
    assert_ptr_equal(member.bytes, out.chars + TAR_BLOCK);
    assert_int_equal(member.count, 5);
    assert_memory_equal(member.bytes, "hello", 5);
    assert_int_equal(tar_next(tar, &member, &err), 1);
    assert_int_equal(tar_next(tar, &member, &err), 1);
    assert_int_equal(member.count, 600);
    assert_int_equal(((const char *)member.bytes - out.chars) % TAR_BLOCK, 0);
    assert_int_equal(tar_next(tar, &member, &err), 0);
    assert_int_equal(tar_next(tar, &member, &err), 0);
    assert_int_equal(tar_end_state(tar, &digest), TAR_END_GOOD);
    assert_int_equal(tar_end_offset(tar), out.length - TAR_TAIL);
    assert_int_equal(tar_end_samples(tar), 2);
    expected = digest_of(out.chars, out.length - TAR_TAIL);
    assert_true(digest_equal(&digest, &expected));
    tar_close(tar);
    text_free(&out);
}

static void same_members_give_the_same_bytes(void **state)
{
    struct text a = { 0 }, b = { 0 };

    (void)state;
    make(&a);
    make(&b);
    assert_int_equal(a.length, b.length);
    assert_memory_equal(a.chars, b.chars, a.length);
    text_free(&a);
    text_free(&b);
}

static void a_file_has_the_same_bytes_and_its_digest_is_told(void **state)
{
    char path[] = "/tmp/tar_test.XXXXXX";
    struct text a = { 0 };
    struct error err = { 0 };
    struct output *out;
    struct tar_writer *tar;
    struct digest whole, expected;
    struct input in;
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    close(fd);
    out = output_open(path, &err);
    tar = tar_create(out, &err);
    tar_digest_to(tar, &whole);
    assert_int_equal(tar_add(tar, "a", "b", 1, &err), 0);
    assert_int_equal(tar_finish(tar, 1, &err), 0);
    assert_int_equal(output_commit(out, &err), 0);
    tar = tar_create_text(&a, &err);
    assert_int_equal(tar_add(tar, "a", "b", 1, &err), 0);
    assert_int_equal(tar_finish(tar, 1, &err), 0);
    assert_int_equal(input_open(&in, path, 0, &err), 0);
    assert_int_equal(in.count, a.length);
    assert_memory_equal(in.bytes, a.chars, a.length);
    expected = digest_of(a.chars, a.length);
    assert_true(digest_equal(&whole, &expected));
    input_close(&in);
    unlink(path);
    text_free(&a);
}

static void a_stream_cut_anywhere_is_refused(void **state)
{
    struct text out = { 0 };
    enum tar_end end;

    (void)state;
    make(&out);
    for (size_t count = 0; count < out.length; count++) {
        struct error err = { 0 };
        char *exact = malloc(count + 1); /* so that a read past the end is seen */

        memcpy(exact, out.chars, count);
        if (drain_memory(exact, count, &end, &err) >= 0)
            fail_msg("cut at %zu was taken as whole", count);
        assert_int_equal(err.kind, ERROR_INPUT);
        free(exact);
    }
    text_free(&out);
}

static void a_pipe_cut_anywhere_is_refused(void **state)
{
    struct text out = { 0 };
    enum tar_end end;

    (void)state;
    make(&out);
    for (size_t count = 0; count < out.length; count += 37) {
        struct error err = { 0 };

        if (drain_pipe(out.chars, count, 4096, &end, &err) >= 0)
            fail_msg("cut at %zu was taken as whole", count);
        assert_int_equal(err.kind, ERROR_INPUT);
    }
    text_free(&out);
}

static void every_flipped_bit_is_noticed(void **state)
{
    struct text out = { 0 };
    enum tar_end end;

    (void)state;
    make(&out);
    for (size_t bit = 0; bit < out.length * 8; bit++) {
        struct error err = { 0 };
        struct sample_reader *reader;
        struct sample sample;
        int rc;

        out.chars[bit / 8] ^= (char)(1 << bit % 8);
        rc = drain_memory(out.chars, out.length, &end, &err);
        if (rc >= 0 && end == TAR_END_GOOD) {
            /* What only the number of samples gives away, the sample reader sees. */
            reader = sample_open_memory(out.chars, out.length, "test.tar", &err);
            while ((rc = sample_next(reader, &sample, &err)) == 1)
                continue;
            sample_close(reader);
        }
        if (rc >= 0)
            fail_msg("bit %zu of byte %zu went unnoticed", bit % 8, bit / 8);
        assert_int_equal(err.kind, ERROR_INPUT);
        out.chars[bit / 8] ^= (char)(1 << bit % 8);
    }
    text_free(&out);
}

static void pieces_of_any_size_make_the_same_stream(void **state)
{
    static const size_t steps[] = { 1, 3, 511, 512, 513, 4096 };
    struct text out = { 0 };

    (void)state;
    make(&out);
    for (size_t i = 0; i < COUNT(steps); i++) {
        struct error err = { 0 };
        enum tar_end end;

        assert_int_equal(drain_pipe(out.chars, out.length, steps[i], &end, &err), 3);
        assert_int_equal(end, TAR_END_GOOD);
    }
    text_free(&out);
}

static void a_member_arrives_before_the_next_is_written(void **state)
{
    struct text out = { 0 };
    struct error err = { 0 };
    struct tar_member member;
    struct tar_reader *tar;
    char path[32];
    int fd[2];

    (void)state;
    make(&out);
    assert_int_equal(pipe(fd), 0);
    snprintf(path, sizeof(path), "/dev/fd/%d", fd[0]);
    tar = tar_open(path, &err);
    alarm(10); /* a reader that waits for more would wait for ever */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(write(fd[1], out.chars + i * 1024, 1024), 1024);
        assert_int_equal(tar_next(tar, &member, &err), 1);
    }
    alarm(0);
    assert_string_equal(member.name, "0001.cls");
    assert_memory_equal(member.bytes, "3", 1);
    close(fd[1]);
    assert_int_equal(tar_next(tar, &member, &err), -1);
    tar_close(tar);
    close(fd[0]);
    text_free(&out);
}

static void long_names_come_back(void **state)
{
    static const size_t lengths[] = { 1, 99, 100, 101, 155, 200, 256, 257, 300, 4001 };

    (void)state;
    for (size_t i = 0; i < COUNT(lengths); i++) {
        struct text out = { 0 }, name = { 0 };
        struct error err = { 0 };
        struct tar_writer *tar = tar_create_text(&out, &err);
        struct tar_member member;
        struct tar_reader *reader;

        while (name.length < lengths[i])
            text_add(&name, name.length % 80 == 79 ? "/" : "n");
        assert_int_equal(tar_add(tar, name.chars, "x", 1, &err), 0);
        assert_int_equal(tar_finish(tar, 1, &err), 0);
        reader = tar_open_memory(out.chars, out.length, "test.tar", &err);
        if (tar_next(reader, &member, &err) != 1)
            fail_msg("%zu bytes: %s", lengths[i], err.message);
        assert_string_equal(member.name, name.chars);
        assert_true(member.in_place);
        assert_int_equal(tar_next(reader, &member, &err), 0);
        assert_int_equal(tar_end_state(reader, NULL), TAR_END_GOOD);
        tar_close(reader);
        text_free(&out);
        text_free(&name);
    }
}

static void names_that_the_reader_would_refuse_are_not_written(void **state)
{
    static const char *const names[] = { "", "/a", "a/", "..", "a/../b", "a\nb", "a\x1b[0m", "a\xff" };
    struct text out = { 0 };
    struct error err = { 0 };
    struct tar_writer *tar = tar_create_text(&out, &err);

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++)
        assert_int_equal(tar_add(tar, names[i], "x", 1, &err), -1);
    assert_int_equal(tar_add(tar, "a", "x", 1, &err), 0);
    assert_int_equal(tar_add(tar, "a", "x", 1, &err), -1); /* twice */
    tar_abandon(tar);
    text_free(&out);
}

static void more_than_8_gib_gets_a_pax_header(void **state)
{
    uint64_t huge = (UINT64_C(9) << 30) + 1;
    struct text out = { 0 };
    struct error err = { 0 };
    struct tar_member member;
    struct tar_reader *tar;

    (void)state;
    tar_header(&out, "big.bin", huge);
    assert_int_equal(out.length, 3 * TAR_BLOCK);
    tar = tar_open_memory(out.chars, out.length, "test.tar", &err);
    assert_int_equal(tar_next_open(tar, &member, &err), 1);
    assert_int_equal(member.count, huge);
    assert_int_equal(tar_load(tar, &member, &err), -1); /* and nothing was allocated for it */
    tar_close(tar);
    text_free(&out);
}

static void a_member_beyond_the_limit_is_not_held(void **state)
{
    struct text out = { 0 };
    struct error err = { 0 };
    struct tar_member member;
    struct tar_reader *tar;
    char path[32];
    int fd[2];

    (void)state;
    make(&out);
    assert_int_equal(pipe(fd), 0);
    assert_true(write(fd[1], out.chars, out.length) > 0);
    snprintf(path, sizeof(path), "/dev/fd/%d", fd[0]);
    tar = tar_open(path, &err);
    tar_limit_member(tar, 4);
    assert_int_equal(tar_next(tar, &member, &err), -1);
    assert_int_equal(err.kind, ERROR_LIMIT);
    assert_int_equal(tar_next(tar, &member, &err), -1); /* and reading does not go on */
    tar_close(tar);
    close(fd[0]);
    close(fd[1]);
    text_free(&out);
}

static void a_deferred_digest_is_left_to_the_caller(void **state)
{
    struct text out = { 0 };
    struct error err = { 0 };
    struct tar_member member;
    struct tar_reader *tar;
    struct digest claimed, found;

    (void)state;
    make(&out);
    out.chars[TAR_BLOCK] ^= 1; /* "hello" */
    tar = tar_open_memory(out.chars, out.length, "test.tar", &err);
    tar_defer_digest(tar);
    while (tar_next(tar, &member, &err) == 1)
        continue;
    assert_int_equal(tar_end_state(tar, &claimed), TAR_END_GOOD);
    found = digest_of(out.chars, (size_t)tar_end_offset(tar));
    assert_false(digest_equal(&claimed, &found));
    tar_close(tar);
    text_free(&out);
}

static void one_hostile_file(const char *folder, const char *name)
{
    struct error err = { 0 };
    struct text path = { 0 };
    enum tar_end end;
    struct input in;
    const clock_t start = clock(); /* of this process: other load must not count */

    text_printf(&path, "%s/%s", folder, name);
    if (drain(tar_open(path.chars, &err), &end, &err) >= 0)
        fail_msg("%s was accepted", path.chars);
    if (err.kind != ERROR_INPUT)
        fail_msg("%s: kind %d: %s", path.chars, err.kind, err.message);
    for (const char *c = err.message; *c != '\0'; c++)
        assert_true((unsigned char)*c >= 0x20 && (unsigned char)*c < 0x7f);
    assert_int_equal(input_open(&in, path.chars, 0, &err), 0);
    assert_int_equal(drain_memory(in.bytes, in.count, &end, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
    input_close(&in);
    assert_true(clock() - start < 2 * CLOCKS_PER_SEC);
    text_free(&path);
}

static void hostile_archives_are_refused_in_a_line(void **state)
{
    static const char folder[] = "testdata/hostile/tar";
    struct arena arena = { 0 };
    struct error err = { 0 };
    char **names;
    size_t count;

    (void)state;
    assert_int_equal(folder_list(folder, &arena, &names, &count, &err), 0);
    assert_true(count >= 40);
    for (size_t i = 0; i < count; i++)
        one_hostile_file(folder, names[i]);
    arena_free(&arena);
}

/* Zeros that never end, as a member's size claims and as padding. */
static void endless_input_ends_at_a_limit(void **state)
{
    struct error err = { 0 };
    enum tar_end end;

    (void)state;
    assert_int_equal(drain(tar_open("/dev/zero", &err), &end, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    assert_true(clock_peak_memory_bytes() < 32 << 20);
#endif
}

static void a_missing_file_and_a_folder_are_io_errors(void **state)
{
    struct error err = { 0 };
    enum tar_end end;

    (void)state;
    assert_null(tar_open("/nowhere/x.tar", &err));
    assert_int_equal(err.kind, ERROR_IO);
    assert_int_equal(drain(tar_open("/tmp", &err), &end, &err), -1);
    assert_int_equal(err.kind, ERROR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_in_place),
        cmocka_unit_test(same_members_give_the_same_bytes),
        cmocka_unit_test(a_file_has_the_same_bytes_and_its_digest_is_told),
        cmocka_unit_test(a_stream_cut_anywhere_is_refused),
        cmocka_unit_test(a_pipe_cut_anywhere_is_refused),
        cmocka_unit_test(every_flipped_bit_is_noticed),
        cmocka_unit_test(pieces_of_any_size_make_the_same_stream),
        cmocka_unit_test(a_member_arrives_before_the_next_is_written),
        cmocka_unit_test(long_names_come_back),
        cmocka_unit_test(names_that_the_reader_would_refuse_are_not_written),
        cmocka_unit_test(more_than_8_gib_gets_a_pax_header),
        cmocka_unit_test(a_member_beyond_the_limit_is_not_held),
        cmocka_unit_test(a_deferred_digest_is_left_to_the_caller),
        cmocka_unit_test(hostile_archives_are_refused_in_a_line),
        cmocka_unit_test(endless_input_ends_at_a_limit),
        cmocka_unit_test(a_missing_file_and_a_folder_are_io_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

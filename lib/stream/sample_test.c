#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "stream/stream.h"

/* Members of one byte each, in this order. */
static void make(struct text *out, const char *const *names, uint64_t samples)
{
    struct error err = { 0 };
    struct tar_writer *tar = tar_create_text(out, &err);

    assert_non_null(tar);
    for (; *names != NULL; names++)
        assert_int_equal(tar_add(tar, *names, *names + strlen(*names) - 1, 1, &err), 0);
    assert_int_equal(tar_finish(tar, samples, &err), 0);
}

/* "key:ext,ext;key:ext;" or "!message". */
static void list(struct text *found, const char *const *names, uint64_t samples)
{
    struct text out = { 0 };
    struct error err = { 0 };
    struct sample_reader *reader;
    struct sample sample;
    int rc;

    make(&out, names, samples);
    reader = sample_open_memory(out.chars, out.length, "shard.tar", &err);
    assert_non_null(reader);
    while ((rc = sample_next(reader, &sample, &err)) == 1) {
        text_printf(found, "%s:", sample.key);
        for (int i = 0; i < sample.part_count; i++) {
            const char *ext = sample.part[i].ext;

            assert_int_equal(sample.part[i].count, 1);
            assert_int_equal((uintptr_t)sample.part[i].bytes % 16, 0);
            if (ext[0] != '\0')
                assert_int_equal(sample.part[i].bytes[0], ext[strlen(ext) - 1]);
            text_printf(found, "%s%s", i > 0 ? "," : "", ext);
        }
        text_add(found, ";");
    }
    if (rc < 0)
        text_printf(found, "!%s", err.message);
    assert_true(rc == 0 || err.kind == ERROR_INPUT);
    sample_close(reader);
    text_free(&out);
}

static const struct {
    const char *names[8];
    uint64_t samples;
    const char *found;
} cases[] = {
    { { "1.jpg", "1.cls", "2.jpg" }, 2, "1:jpg,cls;2:jpg;" },
    { { "a/1.t0.npy", "a/1.json", "b/1.json" }, 2, "a/1:t0.npy,json;b/1:json;" },
    { { "a.b/1.jpg", "a.b/1.cls" }, 1, "a.b/1:jpg,cls;" },
    { { "plain" }, 1, "plain:;" },
    { { "1.jpg", "12.jpg" }, 2, "1:jpg;12:jpg;" },
    { { ".dataset.yaml", "1.jpg", "x/.hidden", "1.cls" }, 1, "1:jpg,cls;" },
    { { NULL }, 0, "" },
    { { "1.jpg", "2.jpg", "1.cls" }, 3, "1:jpg;2:jpg;!shard.tar: the members of sample '1' do not follow one another" },
    { { "1.jpg" }, 2, "!shard.tar: .end: expected 2 samples, found 1" },
};

static void members_gather_by_key(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct text found = { 0 };

        text_add(&found, "");
        list(&found, cases[i].names, cases[i].samples);
        assert_string_equal(found.chars, cases[i].found);
        text_free(&found);
    }
}

static void the_header_is_kept_and_is_no_sample(void **state)
{
    static const char *const names[] = { ".dataset.yaml", "1.jpg", NULL };
    static const char *const late[] = { "1.jpg", ".dataset.yaml", NULL };
    struct text out = { 0 };
    struct error err = { 0 };
    struct sample_reader *reader;
    struct sample sample;
    size_t count;

    (void)state;
    make(&out, names, 1);
    reader = sample_open_memory(out.chars, out.length, "shard.tar", &err);
    assert_int_equal(sample_next(reader, &sample, &err), 1);
    assert_memory_equal(sample_header(reader, &count), "l", 1);
    assert_int_equal(count, 1);
    assert_int_equal(sample_next(reader, &sample, &err), 0);
    assert_int_equal(sample_end_state(reader, NULL), TAR_END_GOOD);
    sample_close(reader);
    text_free(&out);

    make(&out, late, 1);
    reader = sample_open_memory(out.chars, out.length, "shard.tar", &err);
    assert_int_equal(sample_next(reader, &sample, &err), 1);
    assert_null(sample_header(reader, &count));
    sample_close(reader);
    text_free(&out);
}

static void a_part_is_found_by_its_whole_extension(void **state)
{
    static const char *const names[] = { "1.t0.npy", "1.npy", NULL };
    struct text out = { 0 };
    struct error err = { 0 };
    struct sample_reader *reader;
    struct sample sample;

    (void)state;
    make(&out, names, 1);
    reader = sample_open_memory(out.chars, out.length, "shard.tar", &err);
    assert_int_equal(sample_next(reader, &sample, &err), 1);
    assert_ptr_equal(sample_find(&sample, "npy"), &sample.part[1]);
    assert_ptr_equal(sample_find(&sample, "t0.npy"), &sample.part[0]);
    assert_null(sample_find(&sample, "t1.npy"));
    sample_close(reader);
    text_free(&out);
}

static void a_sample_of_too_many_parts_is_refused(void **state)
{
    struct text out = { 0 };
    struct error err = { 0 };
    struct tar_writer *tar = tar_create_text(&out, &err);
    struct sample_reader *reader;
    struct sample sample;

    (void)state;
    for (int i = 0; i <= SAMPLE_MAX_PARTS; i++) {
        char name[16];

        snprintf(name, sizeof(name), "1.%d", i);
        assert_int_equal(tar_add(tar, name, "x", 1, &err), 0);
    }
    assert_int_equal(tar_finish(tar, 1, &err), 0);
    reader = sample_open_memory(out.chars, out.length, "shard.tar", &err);
    assert_int_equal(sample_next(reader, &sample, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
    sample_close(reader);
    text_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_gather_by_key),
        cmocka_unit_test(the_header_is_kept_and_is_no_sample),
        cmocka_unit_test(a_part_is_found_by_its_whole_extension),
        cmocka_unit_test(a_sample_of_too_many_parts_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

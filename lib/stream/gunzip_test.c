#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "stream/sample_stream.h"

static void gzip_is_undone_when_the_content_says_so(void **state)
{
    struct text out = { 0 };
    struct error err = { 0 };
    unsigned char packed[8192];
    z_stream z = { 0 };
    enum tar_end end;
    size_t count;

    (void)state;
    make(&out);
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)out.chars;
    z.avail_in = (uInt)out.length;
    z.next_out = packed;
    z.avail_out = sizeof(packed);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    count = sizeof(packed) - z.avail_out;
    deflateEnd(&z);
    assert_int_equal(drain_memory(packed, count, &end, &err), 3);
    assert_int_equal(end, TAR_END_GOOD);
    assert_int_equal(drain_pipe((char *)packed, count, 1, &end, &err), 3);
    assert_int_equal(end, TAR_END_GOOD);
    for (size_t cut = 0; cut < count; cut++) {
        struct error why = { 0 };

        assert_int_equal(drain_memory(packed, cut, &end, &why), -1);
        assert_int_equal(why.kind, ERROR_INPUT);
    }
    text_free(&out);
}

static void gunzip_keeps_to_its_limit_and_checks_the_sum(void **state)
{
    static const unsigned char hello[] = { 0x1f, 0x8b, 8,    0,    0,    0,    0,    0,    2, 0xff, 0xcb, 0x48, 0xcd,
                                           0xc9, 0xc9, 0x07, 0x00, 0x86, 0xa6, 0x10, 0x36, 5, 0,    0,    0 };
    unsigned char damaged[sizeof(hello)], *out;
    struct error err = { 0 };
    size_t count;

    (void)state;
    assert_int_equal(stream_gunzip(hello, sizeof(hello), 5, &out, &count, &err), 0);
    assert_int_equal(count, 5);
    assert_memory_equal(out, "hello", 5);
    free(out);
    assert_int_equal(stream_gunzip(hello, sizeof(hello), 4, &out, &count, &err), -1);
    assert_int_equal(err.kind, ERROR_LIMIT);
    for (size_t cut = 0; cut < sizeof(hello); cut++) {
        assert_int_equal(stream_gunzip(hello, cut, 100, &out, &count, &err), -1);
        assert_int_equal(err.kind, ERROR_INPUT);
    }
    memcpy(damaged, hello, sizeof(hello));
    damaged[17] ^= 1; /* the checksum */
    assert_int_equal(stream_gunzip(damaged, sizeof(damaged), 100, &out, &count, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_null(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gzip_is_undone_when_the_content_says_so),
        cmocka_unit_test(gunzip_keeps_to_its_limit_and_checks_the_sum),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

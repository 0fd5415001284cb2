#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/digest.h"

static const char abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
static const char empty[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/* FIPS 180-4's examples. */
static void digests_are_sha256(void **state)
{
    struct digest digest = digest_of("abc", 3);
    char hex[65];

    (void)state;
    assert_string_equal(digest_hex(&digest, hex), abc);
    digest = digest_of(NULL, 0);
    assert_string_equal(digest_hex(&digest, hex), empty);
}

static void pieces_give_the_whole_and_peeking_changes_nothing(void **state)
{
    struct digest_stream *stream = digest_begin(NULL);
    struct digest digest;
    char hex[65];

    (void)state;
    assert_non_null(stream);
    digest = digest_peek(stream);
    assert_string_equal(digest_hex(&digest, hex), empty);
    digest_add(stream, "a", 1);
    digest_add(stream, "", 0);
    (void)digest_peek(stream);
    digest_add(stream, "bc", 2);
    digest = digest_peek(stream);
    assert_string_equal(digest_hex(&digest, hex), abc);
    digest = digest_end(stream);
    assert_string_equal(digest_hex(&digest, hex), abc);
}

static void parsing_takes_what_is_written(void **state)
{
    const struct digest want = digest_of("abc", 3);
    struct digest got;
    char text[80];

    (void)state;
    assert_int_equal(digest_parse(&got, abc, NULL), 0);
    assert_true(digest_equal(&got, &want));
    snprintf(text, sizeof(text), "sha256:%s", empty);
    assert_int_equal(digest_parse(&got, text, NULL), 0);
    assert_false(digest_equal(&got, &want));
}

static void parsing_refuses_all_else(void **state)
{
    static const char *const bad[] = {
        "",
        "sha256:",
        "md5:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad0",
        "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD",
        "ga7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    };
    struct digest got = digest_of("kept", 4);
    const struct digest before = got;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct error err = { 0 };

        assert_int_equal(digest_parse(&got, bad[i], &err), -1);
        assert_int_equal(err.kind, ERROR_INPUT);
        assert_true(digest_equal(&got, &before));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_are_sha256),
        cmocka_unit_test(pieces_give_the_whole_and_peeking_changes_nothing),
        cmocka_unit_test(parsing_takes_what_is_written),
        cmocka_unit_test(parsing_refuses_all_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* sign_test.c - keys and signatures, minisign's and our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/internal.h"
#include "base/sign.h"

/* minisign 0.11: -G -W; printf 'a joint' > f; -S -m f -t 'round 7' */
static const char public_text[] = "untrusted comment: minisign public key 434DF05FD3613529\n"
                                  "RWQpNWHTX/BNQwrbCtMvvrLTUD7L70QfiI8ERJ+6j8ZvWL+VInYtsv/u\n";
static const char secret_text[] = "untrusted comment: minisign encrypted secret key\n"
                                  "RWQAAEIyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAKTVh01/"
                                  "wTUMRWk0h93T8HhkeA+Z/cwEAujHzXCPG5TlUTSLEDn4ScQrbCtMvvrLTUD7L70QfiI8ERJ+6j8ZvWL+"
                                  "VInYtsv/uAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
static const char signature_text[] =
    "untrusted comment: signature from minisign secret key\n"
    "RUQpNWHTX/BNQ+HCH0zJW+jPanhy4GpfUHGdbmX4QGuTewcVJ4+7uTQc7/n6PMJD1q95LEeU8QAZP+OtWAsS4NShiTRSeph/uAA=\n"
    "trusted comment: round 7\n"
    "6a6ivn1PM1MjoEqinA8ma5dqy5aT6idbvq2mZC1mDJ5fgzkg7O3SuPFb/afZNZ59Nd5OLodqcvkniprxh+qIBw==\n";
static const char signed_bytes[] = "a joint";

struct bench {
    struct arena arena;
    struct error err;
    struct sign_key key[2];
    int by;
    const char *comment;
};

static int check(struct bench *b, const char *bytes, const char *text)
{
    return sign_check(b->key, 2, bytes, strlen(bytes), text, strlen(text), &b->arena, &b->by, &b->comment, &b->err);
}

static void begin(struct bench *b)
{
    *b = (struct bench){ 0 };
    assert_int_equal(sign_key_make(&b->key[0], &b->err), 0);
    assert_int_equal(sign_key_read(&b->key[1], public_text, strlen(public_text), &b->err), 0);
}

static void minisign_writes_what_is_read(void **state)
{
    struct bench b;
    struct sign_key secret;
    char id[17], *again;

    (void)state;
    begin(&b);
    assert_string_equal(sign_key_id(&b.key[1], id), "434DF05FD3613529");
    assert_false(b.key[1].has_secret);
    assert_int_equal(check(&b, signed_bytes, signature_text), 0);
    assert_int_equal(b.by, 1);
    assert_string_equal(b.comment, "round 7");
    assert_int_equal(sign_key_read(&secret, secret_text, strlen(secret_text), &b.err), 0);
    assert_true(secret.has_secret && sign_key_same(&secret, &b.key[1]));
    assert_int_equal(sign_make(&secret, signed_bytes, strlen(signed_bytes), "round 7", &b.arena, &again, &b.err), 0);
    assert_string_equal(strchr(again, '\n'), strchr(signature_text, '\n')); /* Ed25519 draws nothing */
    assert_string_equal(strchr(sign_secret_text(&b.arena, &secret), '\n'), strchr(secret_text, '\n'));
    assert_string_equal(sign_public_text(&b.arena, &secret), public_text);
    sign_key_forget(&secret);
    assert_int_equal(sign_make(&secret, "x", 1, "", &b.arena, &again, &b.err), -1);
    assert_int_equal(b.err.kind, ERROR_USAGE);
    arena_free(&b.arena);
}

/* Every character of the signature counts but those of the untrusted comment; so does every byte. */
static void nothing_can_be_changed(void **state)
{
    struct bench b;
    char text[sizeof(signature_text)], bytes[] = "a point";
    const size_t first = (size_t)(strchr(signature_text, '\n') - signature_text);

    (void)state;
    begin(&b);
    assert_int_equal(check(&b, bytes, signature_text), -1);
    assert_int_equal(b.err.kind, ERROR_TRUST);
    for (size_t i = first; i + 1 < sizeof(text); i++) {
        memcpy(text, signature_text, sizeof(text));
        text[i] = text[i] == 'A' ? 'Q' : 'A';
        if (check(&b, signed_bytes, text) == 0)
            fail_msg("byte %zu was changed", i);
        assert_true(b.err.kind == ERROR_TRUST || b.err.kind == ERROR_INPUT);
    }
    for (size_t length = 0; length + 2 < sizeof(text); length++) { /* the last line's end may be missing */
        memcpy(text, signature_text, length);
        text[length] = '\0';
        assert_int_equal(check(&b, signed_bytes, text), -1);
    }
    arena_free(&b.arena);
}

static void a_stranger_is_named(void **state)
{
    struct bench b;

    (void)state;
    begin(&b);
    b.key[1] = b.key[0];
    assert_int_equal(check(&b, signed_bytes, signature_text), -1);
    assert_int_equal(b.err.kind, ERROR_TRUST);
    assert_non_null(strstr(b.err.message, "434DF05FD3613529"));
    arena_free(&b.arena);
}

static void what_is_no_key_is_refused(void **state)
{
    const char *const bad[] = { "",
                                "\n",
                                "untrusted comment: \n",
                                "RWQ=",
                                "untrusted comment: x\nRWQpNWHTX/BNQw==\n",
                                "RXQpNWHTX/BNQwrbCtMvvrLTUD7L70QfiI8ERJ+6j8ZvWL+VInYtsv/u" };
    char text[sizeof(secret_text)];
    struct sign_key key;
    struct error err = { 0 };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(sign_key_read(&key, bad[i], strlen(bad[i]), &err), -1);
        assert_int_equal(err.kind, ERROR_INPUT);
    }
    memcpy(text, secret_text, sizeof(text));
    memcpy(strstr(text, "RWQAAEIy"), "RWRTY0Iy", 8); /* scrypt */
    assert_int_equal(sign_key_read(&key, text, strlen(text), &err), -1);
    assert_non_null(strstr(err.message, "password"));
    memcpy(text, secret_text, sizeof(text));
    *strstr(text, "RWk0h") = 'S';
    assert_int_equal(sign_key_read(&key, text, strlen(text), &err), -1);
    assert_non_null(strstr(err.message, "damaged"));
}

static void a_comment_is_one_line(void **state)
{
    struct bench b;
    char *text, wide[SIGN_COMMENT_BYTES + 2] = "";

    (void)state;
    begin(&b);
    memset(wide, 'x', sizeof(wide) - 1);
    assert_int_equal(sign_make(&b.key[0], "x", 1, "a\nb", &b.arena, &text, &b.err), -1);
    assert_int_equal(sign_make(&b.key[0], "x", 1, wide, &b.arena, &text, &b.err), -1);
    wide[SIGN_COMMENT_BYTES] = '\0';
    assert_int_equal(sign_make(&b.key[0], "x", 1, wide, &b.arena, &text, &b.err), 0);
    assert_int_equal(check(&b, "x", text), 0);
    assert_string_equal(b.comment, wide);
    arena_free(&b.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(minisign_writes_what_is_read), cmocka_unit_test(nothing_can_be_changed),
        cmocka_unit_test(a_stranger_is_named),          cmocka_unit_test(what_is_no_key_is_refused),
        cmocka_unit_test(a_comment_is_one_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

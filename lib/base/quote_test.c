/* quote_test.c - text that any JSON or YAML reader takes, and no terminal obeys. */
#include "base/quote.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void text_is_quoted(void **state)
{
    static const struct {
        const char *chars, *quoted;
    } rows[] = {
        { "", "\"\"" },
        { "a\"b\\c", "\"a\\\"b\\\\c\"" },
        { "\n\r\t\x01\x1b\x7f", "\"\\n\\r\\t\\u0001\\u001b\\u007f\"" },
        { "\xc3\xb6 \xe6\x97\xa5 \xf0\x9f\x98\x80", "\"\xc3\xb6 \xe6\x97\xa5 \xf0\x9f\x98\x80\"" },
        { "\xc2\x85\xe2\x80\xae\xef\xbb\xbf", "\"\\u0085\\u202e\\ufeff\"" },
        { "a\xff"
          "b\xc3",
          "\"a\xef\xbf\xbd"
          "b\xef\xbf\xbd\"" },
        { "\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },                 /* an overlong slash */
        { "\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" }, /* a surrogate */
    };
    (void)state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct text out = { 0 };

        text_add_quoted(&out, rows[i].chars, strlen(rows[i].chars));
        assert_string_equal(out.chars, rows[i].quoted);
        text_free(&out);
    }
}

static void nul_is_escaped(void **state)
{
    struct text out = { 0 };
    (void)state;

    text_add_quoted(&out, "a\0b", 3);
    assert_string_equal(out.chars, "\"a\\u0000b\"");
    text_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_quoted),
        cmocka_unit_test(nul_is_escaped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

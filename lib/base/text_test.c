#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static void text_grows_and_ends_with_nul(void **state)
{
    struct text text = { 0 };

    (void)state;
    for (int i = 0; i < 1000; i++)
        text_printf(&text, "%d,", i);
    text_add(&text, "end");
    text_add_bytes(&text, "\0!", 2);
    assert_int_equal(text_check(&text, NULL), 0);
    assert_int_equal(text.length, 3890 + 3 + 2);
    assert_memory_equal(text.chars, "0,1,2,", 6);
    assert_int_equal(strlen(text.chars), 3893);
    assert_int_equal(text.chars[text.length], '\0');
    text_free(&text);
    assert_null(text.chars);
}

#ifdef COEDGE_FAULTS
static void running_out_of_memory_is_kept_in_mind(void **state)
{
    struct text text = { 0 };
    struct error err = { 0 };

    (void)state;
    text_add(&text, "kept");
    setenv("COEDGE_FAULT", "alloc:1:ENOMEM", 1);
    for (int i = 0; i < 100; i++)
        text_add(&text, "more");
    text_printf(&text, "%d", 1);
    unsetenv("COEDGE_FAULT");
    text_add(&text, "and later");
    assert_int_equal(text_check(&text, &err), -1);
    assert_int_equal(err.kind, ERROR_LIMIT);
    assert_int_equal(text.chars[text.length], '\0');
    assert_null(strstr(text.chars, "later"));
    text_free(&text);
}
#endif

static void what_a_terminal_may_obey_is_escaped(void **state)
{
    static const struct {
        const char *from, *to;
    } cases[] = {
        { "plain", "plain" },
        { "", "" },
        { "a\nb\tc", "a\\x0ab\\x09c" },
        { "\033[2J", "\\x1b[2J" },
        { "\177", "\\x7f" },
        { "Lötstelle 良い 🙂", "Lötstelle 良い 🙂" },
        { "\302\233", "\\xc2\\x9b" },                   /* C1 control sequence introducer */
        { "\342\200\256gpj", "\\xe2\\x80\\xaegpj" },    /* right-to-left override */
        { "\342\201\246x", "\\xe2\\x81\\xa6x" },        /* bidi isolate */
        { "\303", "\\xc3" },                            /* cut short */
        { "\300\257", "\\xc0\\xaf" },                   /* overlong */
        { "\340\200\257", "\\xe0\\x80\\xaf" },          /* overlong */
        { "\355\240\200", "\\xed\\xa0\\x80" },          /* surrogate */
        { "\364\220\200\200", "\\xf4\\x90\\x80\\x80" }, /* past the last code point */
        { "\377x", "\\xffx" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct text text = { 0 };

        text_add_visible(&text, cases[i].from, strlen(cases[i].from));
        assert_string_equal(text.chars, cases[i].to);
        text_free(&text);
    }
}

static void whole_numbers_are_whole(void **state)
{
    static const char *const bad[] = {
        "", " 1", "1 ", "+", "-", "--1", "1.0", "0x10", "1e3", "9223372036854775808", "x"
    };
    int64_t n = 5;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(text_to_int(bad[i], &n), -1);
    assert_int_equal(n, 5);
    assert_int_equal(text_to_int("-9223372036854775808", &n), 0);
    assert_true(n == INT64_MIN);
    assert_int_equal(text_to_int("+0012", &n), 0);
    assert_int_equal(n, 12);
}

static void real_numbers_are_decimal_and_finite(void **state)
{
    static const char *const bad[] = { "",    " 1",   "1 ",    ".",     "e",   "1e",   "nan",
                                       "inf", "-inf", "0x1p3", "1e999", "1,5", "1.2.3" };
    double x = 5;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(text_to_real(bad[i], &x), -1);
    assert_true(x == 5);
    assert_int_equal(text_to_real("-1.5e-3", &x), 0);
    assert_true(x == -1.5e-3);
    assert_int_equal(text_to_real(".5", &x), 0);
    assert_true(x == 0.5);
    assert_int_equal(text_to_real("1e-400", &x), 0);
    assert_true(x == 0);
}

static void sizes_read_easily(void **state)
{
    static const struct {
        double value;
        const char *bytes, *count;
    } cases[] = {
        { 0, "0 B", "0" },
        { 999, "999 B", "999" },
        { 999.7, "1.0 kB", "1.0 k" },
        { 12345, "12.3 kB", "12.3 k" },
        { 999960, "1.0 MB", "1.0 M" },
        { 1.4e6, "1.4 MB", "1.4 M" },
        { 2.5e9, "2.5 GB", "2.5 G" },
        { -1500, "-1.5 kB", "-1.5 k" },
    };
    char buf[16];

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_string_equal(text_bytes(buf, cases[i].value), cases[i].bytes);
        assert_string_equal(text_count(buf, cases[i].value), cases[i].count);
    }
    assert_true(strlen(text_bytes(buf, 1e300)) < sizeof(buf));
}

static void patterns_match_whole_words(void **state)
{
    static const struct {
        const char *pattern, *word;
        bool matches;
    } cases[] = {
        { "conv*", "conv1", true },
        { "conv*", "conv", true },
        { "conv*", "preconv", false },
        { "conv?", "conv1", true },
        { "conv?", "conv", false },
        { "*", "", true },
        { "", "", true },
        { "", "x", false },
        { "*a*b*", "xxaxxbxx", true },
        { "*a*b", "xxaxxbxx", false },
        { "a*ab", "aaab", true },
        { "**?", "x", true },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(text_matches(cases[i].pattern, cases[i].word), cases[i].matches);
}

static void nearest_finds_slips_and_nothing_else(void **state)
{
    static const char *const names[] = { "prune", "quantize", "split", "train-local", "infer", "push", "pull", NULL };
    static const struct {
        const char *word, *nearest;
    } cases[] = {
        { "prnue", "prune" },
        { "quantise", "quantize" },
        { "train-locla", "train-local" },
        { "trainlocal", "train-local" },
        { "pul", "pull" },
        { "pusch", "push" },
        { "infre", "infer" },
        { "deploy", NULL },
        { "x", NULL },
        { "", NULL },
        { "zebra", NULL },
    };
    char longest[5000];

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *found = text_nearest(cases[i].word, names);

        if (cases[i].nearest) {
            assert_non_null(found);
            assert_string_equal(found, cases[i].nearest);
        } else
            assert_null(found);
    }
    memset(longest, 'p', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_null(text_nearest(longest, names));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_grows_and_ends_with_nul),
#ifdef COEDGE_FAULTS
        cmocka_unit_test(running_out_of_memory_is_kept_in_mind),
#endif
        cmocka_unit_test(what_a_terminal_may_obey_is_escaped),
        cmocka_unit_test(whole_numbers_are_whole),
        cmocka_unit_test(real_numbers_are_decimal_and_finite),
        cmocka_unit_test(sizes_read_easily),
        cmocka_unit_test(patterns_match_whole_words),
        cmocka_unit_test(nearest_finds_slips_and_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* hard_test.c - rules by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "infer/hard.h"

static struct hard rule(const char *text)
{
    struct hard hard;
    struct error err = { 0 };

    assert_int_equal(hard_parse(&hard, text, 7, &err), 0);
    return hard;
}

static bool is(const char *text, const float *probability, int classes)
{
    const struct hard hard = rule(text);

    return hard_is(&hard, probability, classes, "key");
}

static void each_rule_by_hand(void **state)
{
    static const float p[] = { 0.5F, 0.25F, 0.25F, 0 }; /* entropy 1.5 bits of 2 */

    (void)state;
    assert_true(is("confidence:0.6", p, 4));
    assert_false(is("confidence:0.5", p, 4)); /* not below it */
    assert_true(is("margin:0.3", p, 4));
    assert_false(is("margin:0.25", p, 4));
    assert_true(is("entropy:0.74", p, 4));
    assert_false(is("entropy:0.76", p, 4));
    assert_float_equal(hard_share(&(struct hard){ .rule = HARD_ENTROPY }, p, 4, ""), 0.75, 1e-9);
}

static void zeros_and_single_classes_are_sure(void **state)
{
    static const float sure[] = { 0, 1, 0 }, one[] = { 1 };

    (void)state;
    assert_false(is("entropy:0", sure, 3));
    assert_false(is("entropy:0", one, 1));
    assert_false(is("confidence:1", sure, 3));
    assert_false(is("margin:1", one, 1));
}

/* A share of keys: the same ones whatever their order, and all of those of a smaller share. */
static void random_is_a_share_of_keys(void **state)
{
    const struct hard some = rule("random:0.2"), more = rule("random:0.5"), none = rule("random:0"),
                      all = rule("random:1");
    int counts[2] = { 0 };
    char key[32];

    (void)state;
    for (int i = 0; i < 4000; i++) {
        snprintf(key, sizeof(key), "%04d", i);
        counts[0] += hard_is(&some, NULL, 0, key);
        counts[1] += hard_is(&more, NULL, 0, key);
        assert_true(!hard_is(&some, NULL, 0, key) || hard_is(&more, NULL, 0, key));
        assert_false(hard_is(&none, NULL, 0, key));
        assert_true(hard_is(&all, NULL, 0, key));
    }
    assert_true(abs(counts[0] - 800) < 4 * 25); /* four standard deviations */
    assert_true(abs(counts[1] - 2000) < 4 * 32);
}

static void what_is_no_rule_is_refused(void **state)
{
    static const char *const bad[] = { "",
                                       "entropy",
                                       "entropy:",
                                       "entropy:x",
                                       "entropy:1.1",
                                       "entropy:-0.1",
                                       "margin:nan",
                                       "marg:0.5",
                                       ":0.5",
                                       "confidence:0.5:",
                                       "a-name-that-is-longer-than-any-rule-has:1" };
    struct hard hard;
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        err = (struct error){ 0 };
        assert_int_equal(hard_parse(&hard, bad[i], 0, &err), -1);
        assert_int_equal(err.kind, ERROR_USAGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rule_by_hand),
        cmocka_unit_test(zeros_and_single_classes_are_sure),
        cmocka_unit_test(random_is_a_share_of_keys),
        cmocka_unit_test(what_is_no_rule_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

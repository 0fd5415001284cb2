#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/error.h"

static void set_gives_kind_message_and_drops_the_hint(void **state)
{
    struct error err = { 0 };

    (void)state;
    assert_int_equal(error_set(&err, ERROR_INPUT, "%d channels", 3), -1);
    assert_int_equal(error_hint(&err, "try %s", "one"), -1);
    assert_string_equal(err.hint, "try one");
    assert_int_equal(error_set(&err, ERROR_IO, "again"), -1);
    assert_int_equal(err.kind, ERROR_IO);
    assert_string_equal(err.message, "again");
    assert_string_equal(err.hint, "");
}

static void errno_is_spelled_out(void **state)
{
    struct error err = { 0 };

    (void)state;
    errno = ENOSPC;
    assert_int_equal(error_errno(&err, ERROR_IO, "%s: cannot write", "a.tar"), -1);
    assert_string_equal(err.message, "a.tar: cannot write: No space left on device");
}

static void places_go_in_front_and_keep_the_hint(void **state)
{
    struct error err = { 0 };

    (void)state;
    error_set(&err, ERROR_INPUT, "unknown operator 'Convv'");
    error_hint(&err, "did you mean 'Conv'?");
    assert_int_equal(error_in(&err, "model.yaml:%d", 12), -1);
    assert_int_equal(error_in(&err, "model.coedge"), -1);
    assert_string_equal(err.message, "model.coedge: model.yaml:12: unknown operator 'Convv'");
    assert_string_equal(err.hint, "did you mean 'Conv'?");
    assert_int_equal(err.kind, ERROR_INPUT);
    error_set(&err, ERROR_INPUT, "12:7: no more 'Convv'");
    assert_int_equal(error_in(&err, "graph.yaml"), -1);
    assert_string_equal(err.message, "graph.yaml:12:7: no more 'Convv'");
    error_set(&err, ERROR_INPUT, "0001: no image"); /* a key, not a line */
    assert_int_equal(error_in(&err, "shard.tar"), -1);
    assert_string_equal(err.message, "shard.tar: 0001: no image");
    error_set(&err, ERROR_INPUT, "12 rows");
    assert_int_equal(error_in(&err, "graph.yaml"), -1);
    assert_string_equal(err.message, "graph.yaml: 12 rows");
}

static void long_messages_are_cut_not_overrun(void **state)
{
    struct {
        struct error err;
        char guard;
    } box = { .guard = 'g' };
    char longest[3000];

    (void)state;
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    error_set(&box.err, ERROR_INPUT, "%s", longest);
    assert_int_equal(strlen(box.err.message), sizeof(box.err.message) - 1);
    error_in(&box.err, "place");
    assert_int_equal(strlen(box.err.message), sizeof(box.err.message) - 1);
    assert_memory_equal(box.err.message, "place: x", 8);
    error_in(&box.err, "%s", longest);
    assert_memory_equal(box.err.message, "place: x", 8);
    error_hint(&box.err, "%s", longest);
    assert_int_equal(strlen(box.err.hint), sizeof(box.err.hint) - 1);
    errno = EIO;
    error_errno(&box.err, ERROR_IO, "%s", longest);
    assert_int_equal(strlen(box.err.message), sizeof(box.err.message) - 1);
    assert_int_equal(box.guard, 'g');
}

static void no_error_wanted_is_fine(void **state)
{
    (void)state;
    assert_int_equal(error_set(NULL, ERROR_IO, "x"), -1);
    assert_int_equal(error_errno(NULL, ERROR_IO, "x"), -1);
    assert_int_equal(error_in(NULL, "x"), -1);
    assert_int_equal(error_hint(NULL, "x"), -1);
    assert_int_equal(error_memory(NULL), -1);
}

static void memory_is_a_limit(void **state)
{
    struct error err = { 0 };

    (void)state;
    error_memory(&err);
    assert_int_equal(err.kind, ERROR_LIMIT);
    assert_string_equal(err.message, "out of memory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_gives_kind_message_and_drops_the_hint),
        cmocka_unit_test(errno_is_spelled_out),
        cmocka_unit_test(places_go_in_front_and_keep_the_hint),
        cmocka_unit_test(long_messages_are_cut_not_overrun),
        cmocka_unit_test(no_error_wanted_is_fine),
        cmocka_unit_test(memory_is_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

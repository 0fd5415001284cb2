/* json_test.c - what is read, what is written, and what is refused where. */
#include "json/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/file.h"

static int parse(struct arena *arena, const char *text, const struct tree **root, struct error *err)
{
    return json_parse(arena, text, strlen(text), root, err);
}

static void what_is_read_is_written_the_same(void **state)
{
    static const char *const rows[] = {
        "null",
        "true",
        "false",
        "0",
        "-17",
        "9223372036854775807",
        "-9223372036854775808",
        "0.1",
        "-2.5e-7",
        "1.0e+300",
        "\"\"",
        "\"a\\\"b\\\\\\n\\u001b\"",
        "\"\xc3\xb6\xf0\x9f\x98\x80\"",
        "[]",
        "{}",
        "[1,[2,[]],{\"b\":1,\"a\":{\"\":null}}]",
        "{\"z\":1,\"a\":2,\"m\":[true,false,null]}",
    };
    (void)state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct arena arena = { 0 };
        struct error err = { 0 };
        struct text out = { 0 };
        const struct tree *root;

        if (parse(&arena, rows[i], &root, &err) < 0)
            fail_msg("%s: %s", rows[i], err.message);
        json_write(&out, root);
        assert_string_equal(out.chars, rows[i]);
        text_free(&out);
        arena_free(&arena);
    }
}

static void an_int_is_a_real_too(void **state)
{
    struct arena arena = { 0 };
    struct error err = { 0 };
    const struct tree *root;
    (void)state;

    assert_int_equal(parse(&arena, "{\"a\":3}", &root, &err), 0);
    assert_true(tree_get(root, "a")->real == 3);
    assert_int_equal(root->count, 1);
    arena_free(&arena);
}

static void what_is_refused_says_where_and_why(void **state)
{
    static const struct {
        const char *text, *message;
    } rows[] = {
        { "", "1:1: unexpected token near end of file" },
        { "{\"a\":1,\n \"a\":2}", "2:4: duplicate object key near '\"a\"'" },
        { "[1,]", "1:4: unexpected token near ']'" },
        { "[01]", "1:2: invalid token near '0'" },
        { "[1e999]", "1:6: real number overflow near '1e999'" },
        { "[9223372036854775808]", "1:20: too big integer near '9223372036854775808'" },
        { "[\"\\u0000\"]", "1:9: \\u0000 is not allowed without JSON_ALLOW_NUL near '\"\\u0000\"'" },
        { "[\"\xff\"]", "1:2: unable to decode byte 0xff near '\"'" },
        { "[1] x", "1:5: end of file expected near 'x'" },
        { "[NaN]", "1:4: invalid token near 'NaN'" },
        { "[\"a]", "1:4: premature end of input near '\"a]'" },
    };
    (void)state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct arena arena = { 0 };
        struct error err = { 0 };
        const struct tree *root;

        assert_int_equal(parse(&arena, rows[i].text, &root, &err), -1);
        assert_string_equal(err.message, rows[i].message);
        assert_int_equal(err.kind, ERROR_INPUT);
        arena_free(&arena);
    }
}

static void hostile_documents_end_soon_and_say_where(void **state)
{
    enum { BIG = 8 << 20 };
    static const struct {
        const char *name, *unit;
        size_t bytes;
        const char *message;
    } rows[] = {
        { "deep lists", "[", BIG, "1:65: expected at most 64 levels of nesting" },
        { "deep maps", "{\"a\":\n", BIG, "65:1: expected at most 64 levels of nesting" },
        { "brackets in a text do not count", "\"[[\\\"\"", BIG, "1:12: end of file expected near '\"[[\\\"\"'" },
        { "many values", "[],", BIG, "1:1572865: expected at most 1048576 values" },
        { "too long", " ", BIG + 1, "1:1: document has 8388609 bytes, expected at most 8388608" },
    };
    (void)state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct arena arena = { 0 };
        struct error err = { 0 };
        const struct tree *root;
        char *text = malloc(rows[i].bytes);
        clock_t began;

        assert_non_null(text);
        for (size_t j = 0; j < rows[i].bytes; j++)
            text[j] = rows[i].unit[j % strlen(rows[i].unit)];
        began = clock(); /* of this process: other load must not count */
        assert_int_equal(json_parse(&arena, text, rows[i].bytes, &root, &err), -1);
        assert_string_equal(err.message, rows[i].message);
        if (clock() - began > CLOCKS_PER_SEC / 5)
            fail_msg("%s took %.3f s", rows[i].name, (double)(clock() - began) / CLOCKS_PER_SEC);
        free(text);
        arena_free(&arena);
    }
}

/* "LINE:COLUMN: " stands in front, both from 1. */
static bool has_place(const char *message)
{
    size_t line = strspn(message, "0123456789");
    size_t column = line > 0 && message[line] == ':' ? strspn(message + line + 1, "0123456789") : 0;

    return *message != '0' && column > 0 && message[line + 1] != '0' && !strncmp(message + line + 1 + column, ": ", 2);
}

static void stored_hostile_documents_are_refused_with_their_place(void **state)
{
    struct arena names = { 0 };
    struct error err = { 0 };
    char **name, path[256];
    size_t count;
    (void)state;

    assert_int_equal(folder_list("testdata/hostile/json", &names, &name, &count, &err), 0);
    assert_true(count > 10);
    for (size_t i = 0; i < count; i++) {
        struct arena arena = { 0 };
        const struct tree *root;
        struct input in;

        snprintf(path, sizeof(path), "testdata/hostile/json/%s", name[i]);
        assert_int_equal(input_open(&in, path, 0, &err), 0);
        if (json_parse(&arena, (const char *)in.bytes, in.count, &root, &err) == 0)
            fail_msg("%s is accepted", name[i]);
        if (!has_place(err.message))
            fail_msg("%s: no place in '%s'", name[i], err.message);
        input_close(&in);
        arena_free(&arena);
    }
    arena_free(&names);
}

static void people_get_lines_and_spaces(void **state)
{
    struct arena arena = { 0 };
    struct text out = { 0 };
    struct tree *root = tree_map(&arena), *list = tree_add_list(&arena, root, "list");
    (void)state;

    tree_add_real(&arena, list, NULL, NAN);
    tree_add_int(&arena, tree_add_map(&arena, list, NULL), "a", 1);
    tree_add_map(&arena, root, "none");
    json_write_indented(&out, root);
    assert_string_equal(out.chars, "{\n"
                                   "  \"list\": [\n"
                                   "    null,\n"
                                   "    {\n"
                                   "      \"a\": 1\n"
                                   "    }\n"
                                   "  ],\n"
                                   "  \"none\": {}\n"
                                   "}");
    text_free(&out);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read_is_written_the_same),
        cmocka_unit_test(an_int_is_a_real_too),
        cmocka_unit_test(what_is_refused_says_where_and_why),
        cmocka_unit_test(hostile_documents_end_soon_and_say_where),
        cmocka_unit_test(stored_hostile_documents_are_refused_with_their_place),
        cmocka_unit_test(people_get_lines_and_spaces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

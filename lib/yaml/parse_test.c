/* parse_test.c - what is read, and what is refused where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/file.h"
#include "yaml/yaml.h"

static const struct tree *parse(struct arena *arena, const char *text)
{
    struct error err = { 0 };
    const struct tree *root = NULL;

    if (yaml_parse(arena, text, strlen(text), &root, &err) < 0)
        fail_msg("%s: %s", text, err.message);
    return root;
}

static void scalars_have_the_kinds_of_the_json_schema(void **state)
{
    static const struct {
        const char *text;
        enum tree_kind kind;
        double value;
    } rows[] = {
        { "null", TREE_NULL, 0 },
        { "", TREE_NULL, 0 },
        { "true", TREE_BOOL, 1 },
        { "false", TREE_BOOL, 0 },
        { "True", TREE_TEXT, 0 },
        { "yes", TREE_TEXT, 0 },
        { "~", TREE_TEXT, 0 },
        { "0", TREE_INT, 0 },
        { "-17", TREE_INT, -17 },
        { "007", TREE_TEXT, 0 },
        { "0x1f", TREE_TEXT, 0 },
        { "1_000", TREE_TEXT, 0 },
        { "+1", TREE_TEXT, 0 },
        { "1.5", TREE_REAL, 1.5 },
        { "1.", TREE_REAL, 1 },
        { "1e3", TREE_REAL, 1000 },
        { "-2.5e-3", TREE_REAL, -0.0025 },
        { "1e", TREE_TEXT, 0 },
        { ".5", TREE_TEXT, 0 },
        { ".inf", TREE_TEXT, 0 },
        { "nan", TREE_TEXT, 0 },
        { "'12'", TREE_TEXT, 0 },
        { "\"true\"", TREE_TEXT, 0 },
        { "12:30", TREE_TEXT, 0 },
        { "2024-01-01", TREE_TEXT, 0 },
        { "-", TREE_LIST, 0 },
        { "9223372036854775807", TREE_INT, 9223372036854775807.0 },
    };
    (void)state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct arena arena = { 0 };
        const struct tree *root = parse(&arena, rows[i].text);

        if (root->kind != rows[i].kind)
            fail_msg("%s: kind %d, expected %d", rows[i].text, root->kind, rows[i].kind);
        if (root->kind == TREE_BOOL)
            assert_int_equal(root->boolean, rows[i].value != 0);
        else if (root->kind != TREE_TEXT)
            assert_true(root->real == rows[i].value);
        arena_free(&arena);
    }
}

static void nodes_know_their_lines_and_columns(void **state)
{
    struct arena arena = { 0 };
    const struct tree *root = parse(&arena, "name: x\ninputs:\n  - shape: [1, 3]\n    dtype: f32\n");
    const struct tree *input = tree_get(root, "inputs")->first;
    (void)state;

    assert_int_equal(tree_get(root, "inputs")->line, 2);
    assert_int_equal(input->line, 3);
    assert_int_equal(input->column, 5);
    assert_int_equal(tree_get(input, "dtype")->line, 4);
    assert_int_equal(tree_get(input, "shape")->last->column, 16);
    assert_true(tree_get(input, "shape")->flow);
    assert_false(input->flow);
    arena_free(&arena);
}

static void what_is_refused_says_where_and_why(void **state)
{
    static const struct {
        const char *text, *message;
    } rows[] = {
        { "a: 1\nb: 2\na: 3\n", "3:1: key 'a' is already given at 1:1" },
        { "{a: 1, \"a\": 2}", "1:8: key 'a' is already given at 1:2" },
        { "a: &x 1\n", "1:4: anchors are not allowed" },
        { "a: &x [1]\n", "1:4: anchors are not allowed" },
        { "a: &x {b: 1}\n", "1:4: anchors are not allowed" },
        { "a: *x\n", "1:4: aliases are not allowed" },
        { "a: !!str 1\n", "1:4: tags are not allowed" },
        { "a: !!python/object:os.system {}\n", "1:4: tags are not allowed" },
        { "- ! x\n", "1:3: tags are not allowed" },
        { "- !l []\n", "1:3: tags are not allowed" },
        { "%TAG ! tag:x,2000:\n---\na: 1\n", "1:1: tags are not allowed" },
        { "a:\n  <<: {b: 1}\n", "2:3: merge keys are not allowed" },
        { "a: 1\n---\nb: 2\n", "2:1: expected one document, found a second" },
        { "? [1, 2]\n: x\n", "1:3: expected a scalar as key, found a list or map" },
        { "?\n: x\n", "1:2: expected a key, found none" },
        { "a: \"x\\0y\"\n", "1:4: text contains a NUL character" },
        { "\"x\\0y\": 1\n", "1:1: text contains a NUL character" },
        { "a: 1\nb: 9223372036854775808\n", "2:4: number is out of range" },
        { "a: 1e999\n", "1:4: number is out of range" },
        { "\xef\xbb\xbf"
          "a: 1\n",
          "1:1: expected UTF-8 without a byte order mark" },
        { "\xff\xfe"
          "a",
          "1:1: expected UTF-8, found UTF-16" },
        { "a: 1\nb: \x01\n", "2:4: control characters are not allowed" },
        { "a: 1\nb: \xc3(\n", "2:5: invalid trailing UTF-8 octet" },
        { "a:\n\t- 1\n", "2:1: found character that cannot start any token, while scanning for the next token" },
        { "a: [1, 2\n", "2:1: did not find expected ',' or ']', while parsing a flow sequence" },
    };
    (void)state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct arena arena = { 0 };
        struct error err = { 0 };
        const struct tree *root;

        assert_int_equal(yaml_parse(&arena, rows[i].text, strlen(rows[i].text), &root, &err), -1);
        assert_string_equal(err.message, rows[i].message);
        assert_int_equal(err.kind, ERROR_INPUT);
        arena_free(&arena);
    }
}

static void a_nul_byte_is_refused(void **state)
{
    struct arena arena = { 0 };
    struct error err = { 0 };
    const struct tree *root;
    (void)state;

    assert_int_equal(yaml_parse(&arena, "a: 1\nb\0: 2\n", 11, &root, &err), -1);
    assert_string_equal(err.message, "2:2: control characters are not allowed");
    arena_free(&arena);
}

static void a_key_in_a_message_cannot_steer_the_terminal(void **state)
{
    struct arena arena = { 0 };
    struct error err = { 0 };
    const struct tree *root;
    const char *text = "{\"\\e[2J\": 1, \"\\e[2J\": 2}";
    (void)state;

    assert_int_equal(yaml_parse(&arena, text, strlen(text), &root, &err), -1);
    assert_string_equal(err.message, "1:14: key '\\x1b[2J' is already given at 1:2");
    arena_free(&arena);
}

/* ---- hostile documents that are too large to store ---- */

enum { BIG = 1 << 20 };

static char *repeat(const char *unit, size_t bytes)
{
    size_t length = strlen(unit);
    char *text = malloc(bytes + 1);

    assert_non_null(text);
    for (size_t i = 0; i < bytes; i++)
        text[i] = unit[i % length];
    text[bytes] = 0;
    return text;
}

/* Lines "k000001: v". */
static char *numbered(const char *format, int count)
{
    struct text out = { 0 };

    for (int i = 0; i < count; i++)
        text_printf(&out, format, i); /* NOLINT: formats are below */
    assert_false(out.failed);
    return out.chars;
}

static char *staircase(int levels)
{
    struct text out = { 0 };

    for (int i = 0; i < levels; i++)
        text_printf(&out, "%*sa:\n", i, "");
    return out.chars;
}

static void hostile_documents_end_soon_and_say_where(void **state)
{
    struct {
        const char *name;
        char *text;
        const char *message;
    } rows[] = {
        { "deep flow list", repeat("[", BIG), "1:65: nested deeper than 64 levels" },
        { "deep flow map", repeat("{a: ", BIG), "1:257: nested deeper than 64 levels" },
        { "deep flow, a bracket a line", repeat("[\n", BIG), "65:1: nested deeper than 64 levels" },
        { "deep block list", repeat("- ", BIG), "1:129: nested deeper than 64 levels" },
        { "deep block keys", repeat("? ", BIG), "1:3: expected a scalar as key, found a list or map" },
        { "staircase", staircase(1400), "65:65: nested deeper than 64 levels" },
        { "200 000 keys", numbered("k%06d: 1\n", 200000), "1:1: document has 2200000 bytes, expected at most 1048576" },
        { "2 MB key", repeat("k", 2 * BIG), "1:1: document has 2097152 bytes, expected at most 1048576" },
        { "20 000 anchors", numbered("- &a%d 1\n", 20000), "1:3: anchors are not allowed" },
        { "many directives", repeat("%YAML 1.1\n", BIG), "2:1: found duplicate %YAML directive" },
    };
    (void)state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct arena arena = { 0 };
        struct error err = { 0 };
        const struct tree *root;
        clock_t began = clock(); /* of this process: other load must not count */

        assert_int_equal(yaml_parse(&arena, rows[i].text, strlen(rows[i].text), &root, &err), -1);
        assert_string_equal(err.message, rows[i].message);
        if (clock() - began > CLOCKS_PER_SEC / 10)
            fail_msg("%s took %.3f s", rows[i].name, (double)(clock() - began) / CLOCKS_PER_SEC);
        arena_free(&arena);
        free(rows[i].text);
    }
}

/* "LINE:COLUMN: " stands in front, both from 1. */
static bool has_place(const char *message)
{
    size_t line = strspn(message, "0123456789");
    size_t column = line > 0 && message[line] == ':' ? strspn(message + line + 1, "0123456789") : 0;

    return *message != '0' && column > 0 && message[line + 1] != '0' && !strncmp(message + line + 1 + column, ": ", 2);
}

/* Each file of testdata/hostile/yaml, which its README explains. */
static void stored_hostile_documents_are_refused_with_their_place(void **state)
{
    struct arena names = { 0 };
    struct error err = { 0 };
    char **name, path[256];
    size_t count;
    (void)state;

    assert_int_equal(folder_list("testdata/hostile/yaml", &names, &name, &count, &err), 0);
    assert_true(count > 20);
    for (size_t i = 0; i < count; i++) {
        struct arena arena = { 0 };
        const struct tree *root;
        struct input in;

        if (!strcmp(name[i], "README"))
            continue;
        snprintf(path, sizeof(path), "testdata/hostile/yaml/%s", name[i]);
        assert_int_equal(input_open(&in, path, 0, &err), 0);
        if (yaml_parse(&arena, (const char *)in.bytes, in.count, &root, &err) == 0)
            fail_msg("%s is accepted", name[i]);
        if (!has_place(err.message))
            fail_msg("%s: no place in '%s'", name[i], err.message);
        input_close(&in);
        arena_free(&arena);
    }
    arena_free(&names);
}

static void a_document_of_the_full_size_is_read(void **state)
{
    struct arena arena = { 0 };
    char *text = numbered("k%06d: 1\n", 95000);
    const struct tree *root = parse(&arena, text);
    (void)state;

    assert_int_equal(root->count, 95000);
    assert_string_equal(root->last->key, "k094999");
    arena_free(&arena);
    free(text);
}

static void depth_64_is_read(void **state)
{
    struct arena arena = { 0 };
    struct text text = { 0 };
    (void)state;

    for (int i = 0; i < 64; i++)
        text_add(&text, "[");
    for (int i = 0; i < 64; i++)
        text_add(&text, "]");
    assert_int_equal(parse(&arena, text.chars)->count, 1);
    text_free(&text);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_have_the_kinds_of_the_json_schema),
        cmocka_unit_test(nodes_know_their_lines_and_columns),
        cmocka_unit_test(what_is_refused_says_where_and_why),
        cmocka_unit_test(a_nul_byte_is_refused),
        cmocka_unit_test(a_key_in_a_message_cannot_steer_the_terminal),
        cmocka_unit_test(hostile_documents_end_soon_and_say_where),
        cmocka_unit_test(stored_hostile_documents_are_refused_with_their_place),
        cmocka_unit_test(a_document_of_the_full_size_is_read),
        cmocka_unit_test(depth_64_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

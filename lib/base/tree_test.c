#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/tree.h"

static struct tree *sample(struct arena *arena)
{
    struct tree *map = tree_map(arena);
    struct tree *list = tree_add_list(arena, map, "labels");

    tree_add_text(arena, list, NULL, "good");
    tree_add_text(arena, list, NULL, "bridge");
    tree_add_text(arena, map, "name", "solder");
    tree_add_int(arena, map, "classes", 6);
    tree_add_real(arena, map, "threshold", 0.25);
    tree_add_bool(arena, map, "fused", true);
    tree_add_map(arena, map, "input");
    map->line = 3;
    map->column = 1;
    return map;
}

static void maps_keep_order_and_count(void **state)
{
    static const char *const keys[] = { "labels", "name", "classes", "threshold", "fused", "input" };
    struct arena arena = { 0 };
    const struct tree *map = sample(&arena);
    size_t i = 0;

    (void)state;
    assert_int_equal(map->count, COUNT(keys));
    for (const struct tree *child = map->first; child; child = child->next)
        assert_string_equal(child->key, keys[i++]);
    assert_int_equal(tree_get(map, "labels")->count, 2);
    assert_null(tree_get(map, "labels")->first->key);
    assert_string_equal(tree_get(map, "labels")->last->text, "bridge");
    assert_null(tree_get(map, "absent"));
    assert_null(tree_get(NULL, "name"));
    assert_null(tree_get(map->first, "name"));
    arena_free(&arena);
}

static void needed_values_come_out(void **state)
{
    struct arena arena = { 0 };
    const struct tree *map = sample(&arena), *list;
    const char *text;
    int64_t integer;
    double real;
    bool boolean = false;

    (void)state;
    assert_int_equal(tree_need(map, "labels", TREE_LIST, &list, NULL), 0);
    assert_int_equal(tree_need_text(map, "name", &text, NULL), 0);
    assert_string_equal(text, "solder");
    assert_int_equal(tree_need_int(map, "classes", 6, 6, &integer, NULL), 0);
    assert_int_equal(integer, 6);
    assert_int_equal(tree_need_real(map, "threshold", &real, NULL), 0);
    assert_true(real == 0.25);
    assert_int_equal(tree_need_real(map, "classes", &real, NULL), 0);
    assert_true(real == 6);
    assert_int_equal(tree_take_bool(map, "fused", &boolean, NULL), 0);
    assert_true(boolean);
    arena_free(&arena);
}

static void what_is_needed_and_wrong_is_named(void **state)
{
    struct arena arena = { 0 };
    struct tree *map = sample(&arena);
    struct error err = { 0 };
    const char *text;
    int64_t integer;
    double real;

    (void)state;
    tree_add_int(&arena, map, "odd", -1)->line = 9;
    assert_int_equal(tree_need_text(map, "graph", &text, &err), -1);
    assert_string_equal(err.message, "3:1: 'graph' is missing");
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_int_equal(tree_need_text(map, "classes", &text, &err), -1);
    assert_string_equal(err.message, "'classes' is a whole number, expected text");
    assert_int_equal(tree_need_int(map, "threshold", 0, 9, &integer, &err), -1);
    assert_string_equal(err.message, "'threshold' is a number, expected a whole number");
    assert_int_equal(tree_need_int(map, "odd", 0, 9, &integer, &err), -1);
    assert_string_equal(err.message, "9:0: 'odd' is -1, expected 0 to 9");
    assert_int_equal(tree_need_real(map, "name", &real, &err), -1);
    assert_string_equal(err.message, "'name' is text, expected a number");
    assert_int_equal(tree_need_real(map->first, "x", &real, &err), -1);
    assert_string_equal(err.message, "found a list, expected a map with 'x'");
    assert_int_equal(tree_need_real(NULL, "x", &real, &err), -1);
    arena_free(&arena);
}

static void what_is_optional_may_be_absent_but_not_wrong(void **state)
{
    struct arena arena = { 0 };
    struct tree *map = sample(&arena);
    const char *text = "kept";
    int64_t integer = 7;
    double real = 7;
    bool boolean = true;

    (void)state;
    assert_int_equal(tree_take_text(map, "a", &text, NULL), 0);
    assert_int_equal(tree_take_int(map, "b", 0, 1, &integer, NULL), 0);
    assert_int_equal(tree_take_real(map, "c", &real, NULL), 0);
    assert_int_equal(tree_take_bool(map, "d", &boolean, NULL), 0);
    assert_string_equal(text, "kept");
    assert_true(integer == 7 && real == 7 && boolean);
    assert_int_equal(tree_take_text(map, "labels", &text, NULL), -1);
    assert_int_equal(tree_take_int(map, "name", 0, 1, &integer, NULL), -1);
    assert_int_equal(tree_take_int(map, "classes", 0, 1, &integer, NULL), -1);
    assert_int_equal(tree_take_real(map, "name", &real, NULL), -1);
    assert_int_equal(tree_take_bool(map, "name", &boolean, NULL), -1);
    arena_free(&arena);
}

static void text_with_nul_is_no_c_string(void **state)
{
    struct arena arena = { 0 };
    struct tree *map = tree_map(&arena);
    const char *text;
    struct error err = { 0 };

    (void)state;
    tree_add_text(&arena, map, "name", "ab")->text_length = 5;
    assert_int_equal(tree_need_text(map, "name", &text, &err), -1);
    assert_string_equal(err.message, "'name' has a NUL character");
    arena_free(&arena);
}

static void unknown_keys_are_refused_with_the_nearest(void **state)
{
    static const char *const known[] = { "labels", "name", "classes", "threshold", "fused", "input", NULL };
    struct arena arena = { 0 };
    struct tree *map = sample(&arena);
    struct error err = { 0 };

    (void)state;
    assert_int_equal(tree_only(map, known, &err), 0);
    tree_add_int(&arena, map, "treshold", 1);
    assert_int_equal(tree_only(map, known, &err), -1);
    assert_string_equal(err.message, "unknown key 'treshold'");
    assert_string_equal(err.hint, "did you mean 'threshold'?");
    assert_int_equal(tree_only(map->first, known, &err), -1);
    arena_free(&arena);
}

static void missing_parents_pass_through(void **state)
{
    struct arena arena = { 0 };

    (void)state;
    assert_null(tree_add_text(&arena, NULL, "a", "b"));
    assert_null(tree_add_map(&arena, NULL, "a"));
    assert_null(tree_add(&arena, tree_map(&arena), "a", NULL));
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_keep_order_and_count),
        cmocka_unit_test(needed_values_come_out),
        cmocka_unit_test(what_is_needed_and_wrong_is_named),
        cmocka_unit_test(what_is_optional_may_be_absent_but_not_wrong),
        cmocka_unit_test(text_with_nul_is_no_c_string),
        cmocka_unit_test(unknown_keys_are_refused_with_the_nearest),
        cmocka_unit_test(missing_parents_pass_through),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

static bool all_zero(const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bytes[i])
            return false;
    return true;
}

static void memory_is_zero_aligned_and_apart(void **state)
{
    static const size_t sizes[] = {
        0, 1, 15, 16, 63, 64, 65, 1000, 1024, 4096, 70000, 1 << 20, (1 << 20) + 1, 5000000
    };
    struct arena arena = { 0 };
    unsigned char *got[COUNT(sizes) * 3];

    (void)state;
    for (size_t i = 0; i < COUNT(got); i++) {
        const size_t size = sizes[i % COUNT(sizes)];

        got[i] = arena_alloc(&arena, size);
        assert_non_null(got[i]);
        assert_int_equal((uintptr_t)got[i] % (size >= 64 ? 64 : 16), 0);
        assert_true(all_zero(got[i], size));
        memset(got[i], (int)i + 1, size);
    }
    for (size_t i = 0; i < COUNT(got); i++)
        for (size_t j = 0; j < sizes[i % COUNT(sizes)]; j++)
            assert_int_equal(got[i][j], i + 1);
    arena_free(&arena);
    assert_null(arena.blocks);
    assert_int_equal(arena.used_bytes, 0);
}

/* More than one of the blocks that tensors share, small things among them. */
static void many_tensors_are_apart(void **state)
{
    enum { TENSORS = 60 };
    struct arena arena = { 0 };
    unsigned char *got[TENSORS], *small[TENSORS];

    (void)state;
    for (size_t i = 0; i < TENSORS; i++) {
        got[i] = arena_alloc(&arena, (i % 9 + 1) * 100000);
        small[i] = arena_alloc(&arena, 24);
        assert_true(got[i] && small[i] && all_zero(got[i], (i % 9 + 1) * 100000) && all_zero(small[i], 24));
        memset(got[i], (int)i + 1, (i % 9 + 1) * 100000);
        memset(small[i], (int)i + 101, 24);
    }
    for (size_t i = 0; i < TENSORS; i++) {
        assert_true(got[i][0] == i + 1 && got[i][(i % 9 + 1) * 100000 - 1] == i + 1);
        assert_true(small[i][0] == i + 101 && small[i][23] == i + 101);
    }
    arena_free(&arena);
}

static void used_bytes_is_what_was_asked_for(void **state)
{
    struct arena arena = { 0 };

    (void)state;
    assert_non_null(arena_alloc(&arena, 3));
    assert_non_null(arena_array(&arena, 5, 8));
    assert_int_equal(arena.used_bytes, 43);
    arena_free(&arena);
    assert_non_null(arena_alloc(&arena, 7)); /* ready again */
    assert_int_equal(arena.used_bytes, 7);
    arena_free(&arena);
}

static void sizes_that_overflow_are_refused(void **state)
{
    struct arena arena = { 0 };

    (void)state;
    assert_null(arena_array(&arena, SIZE_MAX / 2, 3));
    assert_null(arena_array(&arena, SIZE_MAX, SIZE_MAX));
    assert_null(arena_alloc(&arena, SIZE_MAX));
    assert_null(arena_alloc(&arena, SIZE_MAX - 64));
    assert_null(arena_strndup(&arena, "x", SIZE_MAX));
    assert_int_equal(arena.used_bytes, 0);
    assert_true(arena.failed); /* and it stays known */
    assert_non_null(arena_alloc(&arena, 1));
    assert_true(arena.failed);
    arena_free(&arena);
    assert_false(arena.failed);
}

static void growth_keeps_what_was_there(void **state)
{
    struct arena arena = { 0 };
    int *numbers = arena_grow(&arena, NULL, 0, 3, sizeof(*numbers));

    (void)state;
    assert_non_null(numbers);
    numbers[0] = 7;
    numbers[2] = 9;
    numbers = arena_grow(&arena, numbers, 3, 6, sizeof(*numbers));
    assert_non_null(numbers);
    assert_int_equal(numbers[0], 7);
    assert_int_equal(numbers[2], 9);
    assert_int_equal(numbers[5], 0);
    numbers = arena_grow(&arena, numbers, 6, 1, sizeof(*numbers));
    assert_non_null(numbers);
    assert_int_equal(numbers[0], 7);
    arena_free(&arena);
}

static void texts_are_copied(void **state)
{
    struct arena arena = { 0 };
    char source[] = "bridge";
    const char *whole = arena_strdup(&arena, source);
    const char *part = arena_strndup(&arena, source, 3);
    const char *made = arena_printf(&arena, "%s-%d", source, 42);

    (void)state;
    source[0] = 'X';
    assert_string_equal(whole, "bridge");
    assert_string_equal(part, "bri");
    assert_string_equal(made, "bridge-42");
    assert_string_equal(arena_printf(&arena, "%s", ""), "");
    arena_free(&arena);
}

#ifdef COEDGE_FAULTS
static void out_of_memory_is_null(void **state)
{
    struct arena arena = { 0 };

    (void)state;
    setenv("COEDGE_FAULT", "alloc:1:ENOMEM", 1);
    assert_null(arena_alloc(&arena, 100000));
    assert_non_null(arena_alloc(&arena, 100000));
    unsetenv("COEDGE_FAULT");
    assert_int_equal(arena.used_bytes, 100000);
    arena_free(&arena);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zero_aligned_and_apart),
        cmocka_unit_test(many_tensors_are_apart),
        cmocka_unit_test(used_bytes_is_what_was_asked_for),
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(growth_keeps_what_was_there),
        cmocka_unit_test(texts_are_copied),
#ifdef COEDGE_FAULTS
        cmocka_unit_test(out_of_memory_is_null),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

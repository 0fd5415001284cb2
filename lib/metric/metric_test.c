#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "metric/metric.h"

/* Ten answers of a three-class model; recall, precision and balanced accuracy worked out by hand. */
static void scores_agree_with_a_table_worked_out_by_hand(void **state)
{
    static const struct {
        float p[3];
        int truth, said;
    } rows[] = {
        { { 0.8f, 0.1f, 0.1f }, 0, 0 }, { { 0.7f, 0.2f, 0.1f }, 0, 0 }, { { 0.3f, 0.6f, 0.1f }, 0, 1 },
        { { 0.1f, 0.8f, 0.1f }, 1, 1 }, { { 0.2f, 0.7f, 0.1f }, 1, 1 }, { { 0.9f, 0.05f, 0.05f }, 1, 0 },
        { { 0.1f, 0.2f, 0.7f }, 2, 2 }, { { 0.1f, 0.1f, 0.8f }, 2, 2 }, { { 0.2f, 0.2f, 0.6f }, 2, 2 },
        { { 0.5f, 0.1f, 0.4f }, 2, 0 },
    };
    struct arena arena = { 0 };
    struct scores scores;
    double loss = 0;

    (void)state;
    assert_int_equal(scores_init(&scores, &arena, 3, NULL), 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        scores_add(&scores, rows[i].p, rows[i].truth, rows[i].said);
        loss -= log(rows[i].p[rows[i].truth]);
    }
    assert_float_equal(scores_accuracy(&scores), 0.7, 1e-12);
    assert_float_equal(scores_recall(&scores, 0), 2.0 / 3, 1e-12);
    assert_float_equal(scores_recall(&scores, 2), 3.0 / 4, 1e-12);
    assert_float_equal(scores_precision(&scores, 0), 2.0 / 4, 1e-12);
    assert_float_equal(scores_precision(&scores, 2), 1.0, 1e-12);
    assert_float_equal(scores_balanced(&scores), (2.0 / 3 + 2.0 / 3 + 0.75) / 3, 1e-12);
    assert_float_equal(scores_loss(&scores), loss / 10, 1e-9);
    arena_free(&arena);
}

static void a_class_that_never_occurs_has_no_recall_and_does_not_count(void **state)
{
    static const float p[3] = { 0.9f, 0.1f, 0 };
    struct arena arena = { 0 };
    struct scores scores;

    (void)state;
    assert_int_equal(scores_init(&scores, &arena, 3, NULL), 0);
    scores_add(&scores, p, 0, 0);
    assert_true(isnan(scores_recall(&scores, 2)));
    assert_float_equal(scores_balanced(&scores), 1, 0);
    arena_free(&arena);
}

static void a_sweep_trades_escapes_for_false_calls(void **state)
{
    static const float good[] = { 0.9f, 0.8f, 0.8f, 0.6f, 0.3f, 0.1f };
    static const bool truth[] = { true, true, false, true, false, false };
    struct arena arena = { 0 };
    struct sweep_point *points;
    int count, best;

    (void)state;
    assert_int_equal(sweep(&arena, good, truth, 6, 100, &points, &count, NULL), 0);
    assert_float_equal(points[0].escapes, 1, 0); /* everything passes */
    assert_float_equal(points[0].false_calls, 0, 0);
    assert_float_equal(points[count - 1].escapes, 0, 0); /* nothing passes */
    assert_float_equal(points[count - 1].false_calls, 1, 0);
    for (int i = 1; i < count; i++) {
        assert_true(points[i].threshold > points[i - 1].threshold);
        assert_true(points[i].escapes <= points[i - 1].escapes);
        assert_true(points[i].false_calls >= points[i - 1].false_calls);
    }
    best = sweep_choose(points, count, 0);
    assert_float_equal(points[best].false_calls, 2.0 / 3, 1e-12); /* only the 0.9 still passes */
    best = sweep_choose(points, count, 0.34);
    assert_float_equal(points[best].false_calls, 0, 1e-12);
    arena_free(&arena);
}

static void percentiles_are_numpys(void **state)
{
    double values[] = { 4, 1, 3, 2 };

    (void)state;
    assert_float_equal(percentile(values, 4, 0.5), 2.5, 1e-12);
    assert_float_equal(percentile(values, 4, 0.95), 3.85, 1e-12);
    assert_float_equal(percentile(values, 4, 1), 4, 0);
    assert_true(isnan(percentile(values, 0, 0.5)));
}

static const struct {
    const char *text;
    enum error_kind kind;
    const char *says;
} bad_gates[] = {
    { "acuracy>=0.9", ERROR_USAGE, "no such measure" },    { "accuracy", ERROR_USAGE, "expected >=" },
    { "accuracy>=", ERROR_USAGE, "expected a number" },    { "accuracy>=x", ERROR_USAGE, "expected a number" },
    { "recall[bridge>=1", ERROR_USAGE, "without ']'" },    { "accuracy>=0.9,", ERROR_USAGE, "no such measure" },
    { "accuracy>=nan", ERROR_USAGE, "expected a number" }, { "", ERROR_USAGE, "no such measure" },
};

static void bad_gates_are_refused_with_a_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad_gates); i++) {
        struct arena arena = { 0 };
        struct error err = { 0 };
        struct gate *gates;
        int count;

        assert_int_equal(gate_parse(&arena, bad_gates[i].text, &gates, &count, &err), -1);
        assert_int_equal(err.kind, bad_gates[i].kind);
        assert_non_null(strstr(err.message, bad_gates[i].says));
        arena_free(&arena);
    }
}

static struct tree *measures_of(struct arena *arena, double accuracy, double size, double recall)
{
    struct tree *map = tree_map(arena);
    struct tree *bridge = tree_add_map(arena, tree_add_map(arena, map, "per_class"), "bridge");

    tree_add_real(arena, map, "accuracy", accuracy);
    tree_add_real(arena, map, "size", size);
    tree_add_real(arena, bridge, "recall", recall);
    return map;
}

static void gates_pass_fail_and_name_what_failed(void **state)
{
    struct arena arena = { 0 };
    struct error err = { 0 };
    struct tree *now = measures_of(&arena, 0.98, 25, 0.995), *before = measures_of(&arena, 0.99, 100, 1);
    struct gate *gates;
    int count;

    (void)state;
    assert_int_equal(gate_parse(&arena, "accuracy>=0.97, size<=0.25x, recall[bridge]>=0.99", &gates, &count, &err), 0);
    assert_int_equal(count, 3);
    assert_true(gate_needs_data(gates, count));
    assert_true(gate_needs_reference(gates, count));
    assert_int_equal(gate_check(gates, count, now, before, &err), 0);
    now = measures_of(&arena, 0.96, 26, 0.995);
    assert_int_equal(gate_check(gates, count, now, before, &err), -1);
    assert_int_equal(err.kind, ERROR_ANSWER);
    assert_string_equal(err.message,
                        "gate failed: accuracy is 0.96, wanted >= 0.97; size is 26, wanted <= 25 (0.25x of 100)");
    arena_free(&arena);
}

static void a_measure_that_was_not_seen_passes_no_gate(void **state)
{
    struct arena arena = { 0 };
    struct error err = { 0 };
    struct tree *now = measures_of(&arena, NAN, 1, NAN);
    struct gate *gates;
    int count;

    (void)state;
    assert_int_equal(gate_parse(&arena, "recall[bridge]>=0", &gates, &count, &err), 0);
    assert_int_equal(gate_check(gates, count, now, now, &err), -1);
    assert_int_equal(err.kind, ERROR_ANSWER);
    assert_int_equal(gate_parse(&arena, "recall[void]>=0", &gates, &count, &err), 0);
    assert_int_equal(gate_check(gates, count, now, now, &err), -1);
    assert_int_equal(err.kind, ERROR_USAGE);
    arena_free(&arena);
}

static void whoever_has_few_measures_says_so_beforehand(void **state)
{
    static const char *const few[] = { "accuracy", "recall", NULL };
    struct arena arena = { 0 };
    struct error err = { 0 };
    struct gate *gates;
    int count;

    (void)state;
    assert_int_equal(gate_parse(&arena, "accuracy>=0.7x, recall[bridge]>=0", &gates, &count, &err), 0);
    assert_int_equal(gate_check_measures(gates, count, few, &err), 0);
    assert_int_equal(gate_parse(&arena, "accuracy>=0.7x, size<=1x", &gates, &count, &err), 0);
    assert_int_equal(gate_check_measures(gates, count, few, &err), -1);
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_string_equal(err.message, "gate 'size': not measured here");
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_agree_with_a_table_worked_out_by_hand),
        cmocka_unit_test(a_class_that_never_occurs_has_no_recall_and_does_not_count),
        cmocka_unit_test(a_sweep_trades_escapes_for_false_calls),
        cmocka_unit_test(percentiles_are_numpys),
        cmocka_unit_test(bad_gates_are_refused_with_a_reason),
        cmocka_unit_test(gates_pass_fail_and_name_what_failed),
        cmocka_unit_test(a_measure_that_was_not_seen_passes_no_gate),
        cmocka_unit_test(whoever_has_few_measures_says_so_beforehand),
    };

    return cmocka_run_group_tests_name("metric", tests, NULL, NULL);
}

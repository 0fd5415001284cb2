#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "merge/merge.h"
#include "package/package.h"

enum { SITES = 3 };

/* A base, and what three sites made of it: the weights moved by numbers that the test can make again. */
struct federation {
    char folder[64];
    struct arena arena;
    struct model base;
    struct kern kern;
    struct job job;
    const char *path[SITES];
};

static const int64_t examples[SITES] = { 100, 7, 893 };

static float moved(int site, int value, int64_t i)
{
    return (float)(site + 1) * 1e-3f * (float)((value * 31 + i * 17) % 23 - 11);
}

static void write_steps(struct federation *f, int site, const char *name, int64_t round, int64_t count, int64_t steps)
{
    const struct update update = { .site = name, .round = round, .examples = count, .steps = steps };
    struct model model;

    assert_int_equal(model_copy(&model, &f->base, NULL), 0);
    for (int v = 0; v < model.graph.value_count; v++) {
        float *data = model.graph.value[v].tensor.data;

        for (int64_t i = 0;
             model.graph.value[v].kind == VALUE_WEIGHT && i < shape_count(&model.graph.value[v].tensor.shape); i++)
            data[i] += moved(site, v, i);
    }
    assert_int_equal(merge_difference(&model, &f->base, &update, NULL), 0);
    f->path[site] = arena_printf(&f->arena, "%s/%s.update", f->folder, name);
    assert_int_equal(package_write(&model, f->path[site], &f->job, NULL, NULL), 0);
    model_free(&model);
}

static void write_update(struct federation *f, int site, const char *name, int64_t round, int64_t count)
{
    write_steps(f, site, name, round, count, count);
}

static int set_up(void **state)
{
    static const char *const names[SITES] = { "a", "b", "c" };
    const struct arch_options options = {
        .channels = 1, .height = 16, .width = 16, .classes = 3, .width_factor = 0.25
    };
    struct federation *f = calloc(1, sizeof(*f));
    struct error err = { 0 };

    snprintf(f->folder, sizeof(f->folder), "/tmp/coedge-merge-XXXXXX");
    if (mkdtemp(f->folder) == NULL || kern_init(&f->kern, NULL, NULL) < 0)
        return -1;
    f->job.kern = &f->kern;
    model_init(&f->base);
    if (model_new(&f->base, "mlp:6", &options, &err) < 0) {
        fprintf(stderr, "%s\n", err.message);
        return -1;
    }
    for (int i = 0; i < SITES; i++)
        write_update(f, i, names[i], 1, examples[i]);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct federation *f = *state;
    char command[128];

    snprintf(command, sizeof(command), "rm -rf '%s'", f->folder);
    model_free(&f->base);
    arena_free(&f->arena);
    free(f);
    return system(command);
}

static int merge(struct federation *f, const char *const *paths, int count, const struct merge_options *options,
                 struct model *into, struct merge_report *report, struct error *err)
{
    assert_int_equal(model_copy(into, &f->base, NULL), 0);
    return merge_updates(into, paths, count, options, &f->job, &f->arena, report, err);
}

static void the_mean_is_weighed_by_examples(void **state)
{
    const struct merge_options options = { .round = -1, .weight = MERGE_BY_EXAMPLES };
    struct federation *f = *state;
    struct merge_report report;
    struct model merged;

    assert_int_equal(merge(f, f->path, SITES, &options, &merged, &report, NULL), 0);
    assert_int_equal(report.used, SITES);
    assert_int_equal(report.examples, 1000);
    for (int v = 0; v < merged.graph.value_count; v++) {
        const float *before = f->base.graph.value[v].tensor.data, *after = merged.graph.value[v].tensor.data;

        for (int64_t i = 0;
             merged.graph.value[v].kind == VALUE_WEIGHT && i < shape_count(&merged.graph.value[v].tensor.shape); i++) {
            double wanted = before[i];

            for (int s = 0; s < SITES; s++) /* what the site sent is a float difference of floats */
                wanted += (double)examples[s] / 1000 * (double)((before[i] + moved(s, v, i)) - before[i]);
            assert_float_equal(after[i], wanted, 1e-7 * (1 + fabs(wanted)));
        }
    }
    model_free(&merged);
}

static void equal_weights_do_not_ask_for_examples(void **state)
{
    const struct merge_options options = { .round = -1, .weight = MERGE_EQUAL };
    struct federation *f = *state;
    struct merge_report report;
    struct model merged;
    const float *before, *after;

    assert_int_equal(merge(f, f->path, SITES, &options, &merged, &report, NULL), 0);
    for (int v = 0; v < merged.graph.value_count; v++) {
        if (merged.graph.value[v].kind != VALUE_WEIGHT)
            continue;
        before = f->base.graph.value[v].tensor.data;
        after = merged.graph.value[v].tensor.data;
        assert_float_equal(after[1] - before[1], 2 * moved(0, v, 1), 1e-6); /* (1 + 2 + 3) / 3 */
    }
    model_free(&merged);
}

static void any_order_gives_the_same_bytes(void **state)
{
    static const int orders[][SITES] = { { 0, 1, 2 }, { 2, 1, 0 }, { 1, 2, 0 }, { 1, 0, 2 } };
    const struct merge_options options = { .round = -1, .weight = MERGE_BY_EXAMPLES };
    struct federation *f = *state;
    struct digest first;

    for (size_t k = 0; k < COUNT(orders); k++) {
        const char *paths[SITES];
        struct merge_report report;
        struct digest identity;
        struct model merged;

        for (int i = 0; i < SITES; i++)
            paths[i] = f->path[orders[k][i]];
        assert_int_equal(merge(f, paths, SITES, &options, &merged, &report, NULL), 0);
        assert_int_equal(model_identity(&merged, &identity, NULL), 0);
        if (k == 0)
            first = identity;
        assert_true(digest_equal(&first, &identity));
        model_free(&merged);
    }
}

static void refused(struct federation *f, const char *const *paths, int count, enum error_kind kind, const char *says)
{
    const struct merge_options options = { .round = -1, .weight = MERGE_BY_EXAMPLES };
    struct merge_report report;
    struct error err = { 0 };
    struct model merged;

    assert_int_equal(merge(f, paths, count, &options, &merged, &report, &err), -1);
    assert_int_equal(err.kind, kind);
    if (strstr(err.message, says) == NULL)
        fail_msg("'%s' does not say '%s'", err.message, says);
    model_free(&merged);
}

static void what_does_not_belong_is_refused_by_name(void **state)
{
    struct federation *f = *state;
    const char *twice[2] = { f->path[0], f->path[0] }, *pair[2];

    refused(f, twice, 2, ERROR_INPUT, "a.update again, under another name");
    pair[0] = arena_printf(&f->arena, "%s/0.update", f->folder);
    assert_int_equal(rename(f->path[0], pair[0]), 0);
    write_update(f, 0, "a", 1, 6);
    pair[1] = f->path[0];
    refused(f, pair, 2, ERROR_INPUT, "site 'a' has sent");
    write_update(f, 1, "late", 2, 5);
    pair[0] = f->path[0];
    pair[1] = f->path[1];
    refused(f, pair, 2, ERROR_INPUT, "of round");
    for (int v = 0; v < f->base.graph.value_count; v++)
        if (f->base.graph.value[v].kind == VALUE_WEIGHT)
            ((float *)f->base.graph.value[v].tensor.data)[0] += 1;
    refused(f, f->path, 1, ERROR_INPUT, "made from base");
}

static void no_examples_is_refused(void **state)
{
    struct federation *f = *state;

    write_update(f, 0, "idle", 1, 0);
    refused(f, f->path, 1, ERROR_INPUT, "examples");
}

static void more_steps_than_can_be_added_up_are_refused(void **state)
{
    struct federation *f = *state;

    write_steps(f, 0, "busy", 1, 5, (int64_t)1 << 40);
    write_steps(f, 1, "mad", 1, 5, ((int64_t)1 << 40) + 1);
    refused(f, f->path, 2, ERROR_INPUT, "mad.update: 1099511627777 steps, expected at most 2^40");
}

/* Sums are integers of 63 bits: what would not fit in one is refused, not wrapped. */
static void what_is_too_large_to_add_up_is_refused_or_left_out(void **state)
{
    const struct merge_options options = { .round = -1, .weight = MERGE_BY_EXAMPLES, .keep_going = true };
    const struct update update = { .site = "a", .round = 1, .examples = 1, .steps = 1 };
    struct federation *f = *state;
    struct error err = { 0 };
    struct merge_report report;
    struct model model, with, without;
    struct digest x, y;

    assert_int_equal(model_copy(&model, &f->base, NULL), 0);
    for (int v = 0; v < model.graph.value_count; v++)
        if (model.graph.value[v].kind == VALUE_WEIGHT)
            ((float *)model.graph.value[v].tensor.data)[0] += 1e9f;
    assert_int_equal(merge_difference(&model, &f->base, &update, NULL), 0);
    assert_int_equal(package_write(&model, f->path[0], &f->job, NULL, NULL), 0);
    model_free(&model);
    refused(f, f->path, SITES, ERROR_INPUT, "a difference of 1e+09, expected less than 4.1943e+06 to add up");
    assert_int_equal(merge(f, f->path, SITES, &options, &with, &report, &err), 0);
    assert_int_equal(report.refused, 1);
    assert_int_equal(report.examples, examples[1] + examples[2]);
    assert_int_equal(merge(f, f->path + 1, SITES - 1, &options, &without, &report, &err), 0);
    assert_int_equal(model_identity(&with, &x, NULL), 0);
    assert_int_equal(model_identity(&without, &y, NULL), 0);
    assert_true(digest_equal(&x, &y));
    model_free(&with);
    model_free(&without);
}

/* As many tensors as the base trains, one of them under the name of a constant: found out before anything is added. */
static void a_constant_in_place_of_a_weight_is_left_out(void **state)
{
    static const int64_t numbers[3] = { 0 };
    const struct merge_options options = { .weight = MERGE_BY_EXAMPLES, .round = -1, .keep_going = true };
    const struct update update = { .site = "a", .round = 1, .examples = 1, .steps = 1 };
    struct federation *f = *state;
    const struct shape shape = shape_of(1, 3L);
    struct merge_report report;
    struct model model, before, merged;
    struct error err = { 0 };
    int bias, constant;

    bias = graph_find_value(&f->base.graph, "fc2.bias");
    assert_true(bias >= 0 && shape_equal(&f->base.graph.value[bias].tensor.shape, &shape));
    constant = graph_add_weight(&f->base.graph, "constant", DTYPE_I64, &shape, (void *)(uintptr_t)numbers, false, &err);
    assert_true(constant >= 0);
    for (int i = 1; i < SITES; i++)
        write_update(f, i, i == 1 ? "b" : "c", 1, examples[i]);
    assert_int_equal(model_copy(&model, &f->base, NULL), 0);
    model.graph.value[bias].name = "constant";
    model.graph.value[constant].name = "fc2.bias";
    assert_int_equal(model_copy(&before, &model, NULL), 0);
    assert_int_equal(merge_difference(&model, &before, &update, NULL), 0);
    assert_int_equal(model_identity(&f->base, &model.update->base, NULL), 0);
    assert_int_equal(package_write(&model, f->path[0], &f->job, NULL, &err), 0);
    model_free(&before);
    model_free(&model);
    refused(f, f->path, SITES, ERROR_INPUT, "tensor 'constant' is no weight of the base in F32");
    if (merge(f, f->path, SITES, &options, &merged, &report, &err) < 0)
        fail_msg("%s", err.message);
    assert_int_equal(report.refused, 1);
    assert_int_equal(report.used, SITES - 1);
    model_free(&merged);
}

static void too_few_good_updates_is_an_answer(void **state)
{
    const struct merge_options options = { .round = -1, .min_updates = 3, .keep_going = true };
    struct federation *f = *state;
    const char *paths[3] = { f->path[0], f->path[1], "/nonexistent/x.update" };
    struct merge_report report;
    struct error err = { 0 };
    struct model merged;

    assert_int_equal(merge(f, paths, 2, &options, &merged, &report, &err), -1);
    assert_int_equal(err.kind, ERROR_ANSWER);
    model_free(&merged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_mean_is_weighed_by_examples, set_up, tear_down),
        cmocka_unit_test_setup_teardown(equal_weights_do_not_ask_for_examples, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_order_gives_the_same_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_does_not_belong_is_refused_by_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_examples_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_steps_than_can_be_added_up_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_too_large_to_add_up_is_refused_or_left_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_constant_in_place_of_a_weight_is_left_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_few_good_updates_is_an_answer, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("merge", tests, NULL, NULL);
}

/* weights_test.c - exactly as many zeros as asked for, in the right places. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "prune/prune.h"

static void must(int rc, const struct error *err)
{
    if (rc < 0)
        fail_msg("%s", err->message);
}

static void make(struct model *model, const char *arch, int side)
{
    const struct arch_options options = { .channels = 3, .height = side, .width = side, .classes = 6, .seed = 11 };
    struct error err = { 0 };

    must(model_new(model, arch, &options, &err), &err);
}

static int64_t zeros(const struct model *model, const char *name)
{
    const struct tensor *w = &model->graph.value[graph_find_value(&model->graph, name)].tensor;
    int64_t count = 0;

    for (int64_t i = 0; i < shape_count(&w->shape); i++)
        count += ((const float *)w->data)[i] == 0;
    return count;
}

static void weights_are_zeroed_to_the_last_one_asked_for(void **state)
{
    struct prune_report report;
    struct error err = { 0 };
    struct model model;

    (void)state;
    make(&model, "lenet5", 16);
    ((float *)model.graph.value[graph_find_value(&model.graph, "ip1.bias")].tensor.data)[0] = 1e-9F;
    must(prune_weights(&model, &(struct prune_options){ .sparsity = 0.9 }, &report, &err), &err);
    assert_int_equal(zeros(&model, "conv1.weight"), 1350);
    assert_int_equal(zeros(&model, "conv2.weight"), 22500);
    assert_int_equal(zeros(&model, "ip2.weight"), 2700);
    assert_int_equal(zeros(&model, "ip1.bias"), 499); /* as it was */
    assert_int_equal(report.removed, zeros(&model, "conv1.weight") + zeros(&model, "conv2.weight") +
                                         zeros(&model, "ip1.weight") + zeros(&model, "ip2.weight"));
    model_free(&model);
}

/* Equal magnitudes: the first ones go. The original's bytes stay as they were. */
static void ties_go_in_stored_order_and_old_bytes_are_not_written(void **state)
{
    struct prune_report report;
    struct error err = { 0 };
    struct model model;
    float old[64 * 3], *w;
    struct tensor *tensor;

    (void)state;
    make(&model, "mlp:1", 8);
    tensor = &model.graph.value[graph_find_value(&model.graph, "fc1.weight")].tensor;
    for (int i = 0; i < 192; i++)
        old[i] = i % 2 ? 0.5F : -0.5F;
    tensor->data = old;
    must(prune_weights(&model, &(struct prune_options){ .sparsity = 0.5 }, &report, &err), &err);
    w = tensor->data;
    assert_true(w[95] == 0 && w[96] == -0.5F && w[191] == 0.5F);
    assert_true(old[0] == -0.5F);
    model_free(&model);
}

static void global_scope_zeroes_the_smallest_of_all(void **state)
{
    struct prune_report report;
    struct error err = { 0 };
    struct model model;
    float *w;

    (void)state;
    make(&model, "lenet5", 16);
    w = model.graph.value[graph_find_value(&model.graph, "conv1.weight")].tensor.data;
    for (int i = 0; i < 1500; i++)
        w[i] = 9;
    must(prune_weights(&model, &(struct prune_options){ .sparsity = 0.9, .scope = PRUNE_GLOBAL }, &report, &err), &err);
    assert_int_equal(zeros(&model, "conv1.weight"), 0);
    assert_int_equal(report.removed,
                     zeros(&model, "conv2.weight") + zeros(&model, "ip1.weight") + zeros(&model, "ip2.weight"));
    model_free(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_are_zeroed_to_the_last_one_asked_for),
        cmocka_unit_test(ties_go_in_stored_order_and_old_bytes_are_not_written),
        cmocka_unit_test(global_scope_zeroes_the_smallest_of_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* refuse_test.c - what must not be pruned. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "prune/prune.h"

static void what_is_quantized_split_or_an_update_is_refused(void **state)
{
    const struct quant quant = { .axis = -1, .count = 1, .scale = (float[]){ 1 }, .zero_point = (int32_t[]){ 0 } };
    struct prune_options options = { .sparsity = 0.5 };
    struct prune_report report;
    struct update update = { .round = 1 };
    struct part part = { .count = 2 };
    struct model model;
    struct error err = { 0 };

    (void)state;
    assert_int_equal(model_new(&model, "mlp:8", &(struct arch_options){ 0 }, &err), 0);
    model.update = &update;
    assert_int_equal(prune_channels(&model, &options, NULL, &report, &err), -1);
    assert_int_equal(prune_weights(&model, &options, &report, &err), -1);
    model.update = NULL;
    model.part = &part;
    assert_int_equal(prune_channels(&model, &options, NULL, &report, &err), -1);
    assert_string_equal(err.message, "this is part 1 of 2 of a split model");
    model.part = NULL;
    model.graph.value[model.graph.output[0]].tensor.quant = &quant;
    assert_int_equal(prune_channels(&model, &options, NULL, &report, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
    model_free(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_quantized_split_or_an_update_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* model_test.c - copies, labels, new heads, history, and the identity. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/model.h"

static void must(int rc, const struct error *err)
{
    if (rc < 0)
        fail_msg("%s", err->message);
}

static void make(struct model *model, const char *arch, int classes)
{
    const struct arch_options options = { .classes = classes, .seed = 1 };
    struct error err = { 0 };

    must(model_new(model, arch, &options, &err), &err);
}

static struct tensor *weight(struct model *model, const char *name)
{
    int value = graph_find_value(&model->graph, name);

    assert_true(value >= 0);
    return &model->graph.value[value].tensor;
}

static struct digest identity(const struct model *model)
{
    struct digest digest;
    struct error err = { 0 };

    must(model_identity(model, &digest, &err), &err);
    return digest;
}

static bool same(const struct model *a, const struct model *b)
{
    const struct digest x = identity(a), y = identity(b);

    return digest_equal(&x, &y);
}

static void a_copy_has_the_same_identity_and_its_own_weights(void **state)
{
    struct model a, b;
    struct error err = { 0 };
    struct update update = { .site = "north", .round = 3 };

    (void)state;
    make(&a, "lenet5", 10);
    a.update = &update;
    a.threshold = arena_array(&a.arena, 10, sizeof(float));
    assert_non_null(a.threshold);
    a.threshold[9] = 0.25F;
    must(model_copy(&b, &a, &err), &err);
    assert_true(same(&a, &b));
    assert_ptr_not_equal(weight(&a, "conv1.weight")->data, weight(&b, "conv1.weight")->data);
    assert_ptr_not_equal(a.label[3], b.label[3]);
    ((float *)weight(&b, "conv1.weight")->data)[0] += 1;
    assert_false(same(&a, &b));
    model_free(&a);
    assert_string_equal(b.label[3], "3");
    assert_string_equal(b.name, "lenet5");
    assert_string_equal(b.update->site, "north");
    assert_int_equal(b.update->round, 3);
    assert_true(b.threshold[9] == 0.25F);
    model_free(&b);
}

static struct tree *record(struct arena *arena, const char *command)
{
    struct tree *map = tree_map(arena), *options = tree_add_map(arena, map, "options");

    tree_add_text(arena, map, "command", command);
    tree_add_real(arena, options, "sparsity", 0.5);
    assert_non_null(options);
    return map;
}

static void history_is_copied_and_outlives_the_caller(void **state)
{
    struct model a, b;
    struct arena arena = { 0 };
    struct error err = { 0 };
    const struct tree *options;

    (void)state;
    make(&a, "mlp", 10);
    must(model_add_history(&a, record(&arena, "new"), &err), &err);
    must(model_add_history(&a, record(&arena, "prune"), &err), &err);
    arena_free(&arena);
    must(model_copy(&b, &a, &err), &err);
    model_free(&a);
    assert_int_equal(b.history->count, 2);
    assert_string_equal(tree_get(b.history->last, "command")->text, "prune");
    options = tree_get(b.history->first, "options");
    assert_true(tree_get(options, "sparsity")->real == 0.5);
    model_free(&b);
}

static void identity_sees_what_decides_answers(void **state)
{
    struct model a, b;
    struct error err = { 0 };
    const char *const names[] = { "a", "b" };
    const struct quant quant = { .axis = -1, .count = 1, .scale = (float[]){ 0.5F }, .zero_point = (int32_t[]){ 3 } };

    (void)state;
    make(&a, "mlp:8", 2);
    make(&b, "mlp:8", 2);
    assert_true(same(&a, &b));

    must(model_set_labels(&b, names, 2, &err), &err);
    assert_false(same(&a, &b));
    must(model_set_labels(&b, NULL, 2, &err), &err);
    assert_true(same(&a, &b));

    b.preprocess.mean[0] = 0.25F;
    assert_false(same(&a, &b));
    b.preprocess.mean[0] = a.preprocess.mean[0];

    b.softmax = false;
    assert_false(same(&a, &b));
    b.softmax = true;

    b.graph.value[b.graph.output[0]].tensor.quant = &quant;
    assert_false(same(&a, &b));
    b.graph.value[b.graph.output[0]].tensor.quant = NULL;

    b.graph.node[0].attributes.item[0].i = 2;
    assert_false(same(&a, &b));
    b.graph.node[0].attributes.item[0].i = 1;
    assert_true(same(&a, &b));
    model_free(&a);
    model_free(&b);
}

static void identity_does_not_see_history_golden_samples_or_levels(void **state)
{
    struct model a, b;
    struct arena arena = { 0 };
    struct error err = { 0 };
    struct tensor golden = { .dtype = DTYPE_F32 };

    (void)state;
    make(&a, "mlp:8", 2);
    make(&b, "mlp:8", 2);
    must(model_add_history(&b, record(&arena, "new"), &err), &err);
    b.privacy = PRIVACY_USER;
    b.golden = &golden;
    b.golden_seed = 99;
    must(graph_infer_shapes(&b.graph, 7, &err), &err);
    assert_true(same(&a, &b));
    arena_free(&arena);
    model_free(&a);
    model_free(&b);
}

static void swap_values(struct graph *graph, int x, int y)
{
    const struct value kept = graph->value[x];

    graph->value[x] = graph->value[y];
    graph->value[y] = kept;
    for (int i = 0; i < graph->node_count; i++)
        for (int k = 0; k < graph->node[i].in_count; k++) {
            int *in = &graph->node[i].in[k];

            *in = *in == x ? y : *in == y ? x : *in;
        }
}

/* A reader meets weights in the file's order, the builder made them layer by layer. */
static void identity_does_not_see_the_order_of_values(void **state)
{
    struct model a, b;

    (void)state;
    make(&a, "mlp:8", 2);
    make(&b, "mlp:8", 2);
    swap_values(&b.graph, graph_find_value(&b.graph, "fc1.weight"), graph_find_value(&b.graph, "fc2.bias"));
    assert_true(same(&a, &b));
    model_free(&a);
    model_free(&b);
}

/* Packages in the field name each other by it: it may not change from version to version. */
static void identity_is_the_one_it_has_always_been(void **state)
{
    struct model model;
    struct digest digest;
    char hex[65];

    (void)state;
    make(&model, "mlp:8", 2);
    digest = identity(&model);
    assert_string_equal(digest_hex(&digest, hex), "01c90ccf1bdb658739565f170fd8561d59642155327abb2517c05b1c20244402");
    model_free(&model);
}

static void labels_are_distinct_and_not_empty(void **state)
{
    static const char *const twice[] = { "good", "bridge", "good" };
    static const char *const empty[] = { "good", "" };
    struct model model;
    struct error err = { 0 };

    (void)state;
    make(&model, "mlp:8", 2);
    assert_int_equal(model_set_labels(&model, twice, 3, &err), -1);
    assert_string_equal(err.message, "label 'good' stands twice in the list");
    assert_int_equal(model_set_labels(&model, empty, 2, &err), -1);
    assert_int_equal(model_set_labels(&model, empty, 0, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_int_equal(model.label_count, 2);
    assert_int_equal(model_find_label(&model, "1"), 1);
    assert_int_equal(model_find_label(&model, "good"), -1);
    model_free(&model);
}

/* Classes b, c of (a, b, c) keep their rows under (c, new, b). */
static void each_number_of_the_output_has_a_label_or_none_has(void **state)
{
    static const char *const labels[] = { "a", "b", "c", "d" };
    struct error err = { 0 };
    struct model model;

    (void)state;
    make(&model, "lenet5", 3);
    must(model_check_labels(&model, NULL, &err), &err);
    must(model_set_labels(&model, labels, 4, &err), &err);
    assert_int_equal(model_check_labels(&model, NULL, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_non_null(strstr(err.message, "4 labels, expected 3: the output '"));
    must(model_set_labels(&model, labels, 2, &err), &err);
    assert_int_equal(model_check_labels(&model, NULL, &err), -1);
    model.label = NULL;
    model.label_count = 0; /* an extractor of features */
    must(model_check_labels(&model, NULL, &err), &err);
    model_free(&model);
}

static void keeps_rows(const char *arch, const char *weight_name, const char *bias_name)
{
    static const char *const old[] = { "a", "b", "c" }, *const wanted[] = { "c", "new", "b" };
    static const int from[] = { 2, -1, 1 };
    struct model model, before;
    struct error err = { 0 };
    size_t inputs;

    make(&model, arch, 3);
    must(model_set_labels(&model, old, 3, &err), &err);
    ((float *)weight(&model, bias_name)->data)[2] = 7;
    must(model_copy(&before, &model, &err), &err);
    inputs = (size_t)(shape_count(&weight(&model, weight_name)->shape) / 3);
    must(model_new_head(&model, wanted, 3, 5, &err), &err);
    for (size_t i = 0; i < 3; i++) {
        const float *row = (const float *)weight(&model, weight_name)->data + i * inputs;
        const float *b = (const float *)weight(&model, bias_name)->data;

        if (from[i] < 0) {
            assert_true(b[i] == 0);
            assert_true(row[0] != 0 && row[0] != row[1]);
            continue;
        }
        assert_memory_equal(row, (const float *)weight(&before, weight_name)->data + (size_t)from[i] * inputs,
                            inputs * sizeof(float));
        assert_true(b[i] == ((const float *)weight(&before, bias_name)->data)[from[i]]);
    }
    assert_string_equal(model.label[1], "new");
    model_free(&model);
    model_free(&before);
}

static void a_new_head_keeps_the_rows_of_old_labels(void **state)
{
    (void)state;
    keeps_rows("solder-cnn", "fc.weight", "fc.bias");
    keeps_rows("squeezenet", "classifier.1.weight", "classifier.1.bias");
}

static void a_new_head_may_have_more_or_fewer_classes(void **state)
{
    static const char *const five[] = { "0", "1", "2", "3", "4" };
    struct model model;
    struct error err = { 0 };

    (void)state;
    make(&model, "lenet5", 3);
    for (int count = 5; count >= 1; count -= 4) {
        must(model_new_head(&model, five, count, 1, &err), &err);
        assert_int_equal(weight(&model, "ip2.weight")->shape.dim[0], count);
        assert_int_equal(weight(&model, "ip2.bias")->shape.dim[0], count);
        assert_int_equal(model.graph.value[model.graph.output[0]].tensor.shape.dim[1], count);
        assert_int_equal(model.label_count, count);
    }
    model_free(&model);
}

static void a_quantized_head_is_refused(void **state)
{
    static const char *const names[] = { "a", "b" };
    struct model model;
    struct error err = { 0 };

    (void)state;
    make(&model, "mlp:8", 2);
    weight(&model, "fc2.weight")->dtype = DTYPE_I8;
    assert_int_equal(model_new_head(&model, names, 2, 1, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
    model_free(&model);
}

static void weights_that_are_not_finite_are_named(void **state)
{
    struct model model;
    struct error err = { 0 };

    (void)state;
    make(&model, "mlp:8", 2);
    must(model_check_finite(&model, &err), &err);
    ((float *)weight(&model, "fc1.bias")->data)[7] = NAN;
    assert_int_equal(model_check_finite(&model, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_non_null(strstr(err.message, "fc1.bias"));
    model_free(&model);
}

static void privacy_names_are_read_and_written(void **state)
{
    struct error err = { 0 };
    enum privacy level;
    enum content content;

    (void)state;
    for (int i = PRIVACY_PUBLIC; i <= PRIVACY_USER; i++) {
        must(privacy_parse(&level, privacy_name((enum privacy)i), &err), &err);
        assert_int_equal(level, i);
    }
    for (int i = CONTENT_DATA; i <= CONTENT_PARAMETERS_DP; i++) {
        must(content_parse(&content, content_name((enum content)i), &err), &err);
        assert_int_equal(content, i);
    }
    assert_int_equal(privacy_parse(&level, "edge-privat", &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_string_equal(err.hint, "did you mean 'edge-private'?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_has_the_same_identity_and_its_own_weights),
        cmocka_unit_test(history_is_copied_and_outlives_the_caller),
        cmocka_unit_test(identity_sees_what_decides_answers),
        cmocka_unit_test(identity_does_not_see_history_golden_samples_or_levels),
        cmocka_unit_test(identity_does_not_see_the_order_of_values),
        cmocka_unit_test(identity_is_the_one_it_has_always_been),
        cmocka_unit_test(labels_are_distinct_and_not_empty),
        cmocka_unit_test(each_number_of_the_output_has_a_label_or_none_has),
        cmocka_unit_test(a_new_head_keeps_the_rows_of_old_labels),
        cmocka_unit_test(a_new_head_may_have_more_or_fewer_classes),
        cmocka_unit_test(a_quantized_head_is_refused),
        cmocka_unit_test(weights_that_are_not_finite_are_named),
        cmocka_unit_test(privacy_names_are_read_and_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* arch_yaml_test.c - graphs that somebody wrote become models. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/model.h"

static void add_shaped(struct arena *arena, struct tree *list, const char *name, int rank, const int64_t *dim)
{
    struct tree *map = tree_add_map(arena, list, NULL), *shape;

    tree_add_text(arena, map, "name", name);
    shape = tree_add_list(arena, map, "shape");
    for (int i = 0; i < rank; i++)
        tree_add_int(arena, shape, NULL, dim[i]);
}

static void add_node(struct arena *arena, struct tree *list, const char *op, const char *const *in, int in_count)
{
    struct tree *map = tree_add_map(arena, list, NULL), *inputs;

    tree_add_text(arena, map, "name", op);
    tree_add_text(arena, map, "op", op);
    inputs = tree_add_list(arena, map, "inputs");
    for (int i = 0; i < in_count; i++)
        tree_add_text(arena, inputs, NULL, in[i]);
}

/* input [N, 3, 8, 8], a 3x3 convolution to `channels` with BatchNormalization, the mean, classes by `last`. */
static struct tree *network(struct arena *arena, const char *last)
{
    struct tree *root = tree_map(arena), *inputs, *weights, *nodes, *outputs;

    inputs = tree_add_list(arena, root, "inputs");
    add_shaped(arena, inputs, "image", 4, (int64_t[]){ -1, 3, 8, 8 });
    weights = tree_add_list(arena, root, "weights");
    add_shaped(arena, weights, "w", 4, (int64_t[]){ 32, 3, 3, 3 });
    add_shaped(arena, weights, "scale", 1, (int64_t[]){ 32 });
    add_shaped(arena, weights, "shift", 1, (int64_t[]){ 32 });
    add_shaped(arena, weights, "mean", 1, (int64_t[]){ 32 });
    add_shaped(arena, weights, "variance", 1, (int64_t[]){ 32 });
    add_shaped(arena, weights, "m", 2, (int64_t[]){ 32, 4 });
    nodes = tree_add_list(arena, root, "nodes");
    add_node(arena, nodes, "Conv", (const char *[]){ "image", "w" }, 2);
    add_node(arena, nodes, "BatchNormalization", (const char *[]){ "Conv", "scale", "shift", "mean", "variance" }, 5);
    add_node(arena, nodes, "GlobalAveragePool", (const char *[]){ "BatchNormalization" }, 1);
    add_node(arena, nodes, "Flatten", (const char *[]){ "GlobalAveragePool" }, 1);
    add_node(arena, nodes, last, (const char *[]){ "Flatten", "m" }, 2);
    outputs = tree_add_list(arena, root, "outputs");
    assert_non_null(tree_add_text(arena, outputs, NULL, last));
    return root;
}

static const float *weight(const struct model *model, const char *name)
{
    return model->graph.value[graph_find_value(&model->graph, name)].tensor.data;
}

static void weights_begin_by_what_their_operator_does(void **state)
{
    const struct arch_options options = { .seed = 4 };
    struct arena arena = { 0 };
    struct error err = { 0 };
    struct model model;
    double squares = 0;

    (void)state;
    if (model_from_yaml(&model, network(&arena, "Gemm"), &options, &err) < 0)
        fail_msg("%s", err.message);
    arena_free(&arena);
    for (int i = 0; i < 32 * 27; i++)
        squares += (double)weight(&model, "w")[i] * (double)weight(&model, "w")[i];
    squares /= 32 * 27;
    assert_true(squares > 0.8 * 2 / (32 * 9) && squares < 1.2 * 2 / (32 * 9));
    assert_true(weight(&model, "scale")[31] == 1 && weight(&model, "variance")[31] == 1);
    assert_true(weight(&model, "shift")[31] == 0 && weight(&model, "mean")[31] == 0);
    for (int i = 0; i < 128; i++)
        assert_true(weight(&model, "m")[i] > -0.177F && weight(&model, "m")[i] < 0.177F && weight(&model, "m")[i] != 0);
    assert_string_equal(model.task, "classify");
    assert_int_equal(model.label_count, 4);
    assert_true(model.softmax && model.has_preprocess);
    assert_int_equal(model.preprocess.height, 8);
    model_free(&model);
}

static void a_name_may_stand_beside_the_graph(void **state)
{
    const struct arch_options options = { 0 };
    struct arena arena = { 0 };
    struct tree *root = tree_map(&arena);
    struct error err = { 0 };
    struct model model;

    (void)state;
    tree_add_text(&arena, root, "name", "mine");
    tree_add(&arena, root, "graph", network(&arena, "MatMul"));
    if (model_from_yaml(&model, root, &options, &err) < 0)
        fail_msg("%s", err.message);
    assert_string_equal(model.name, "mine");
    model_free(&model);
    arena_free(&arena);
}

static void weights_whose_values_nobody_knows_are_refused(void **state)
{
    const struct arch_options options = { 0 };
    struct arena arena = { 0 };
    struct error err = { 0 };
    struct model model;

    (void)state;
    /* Sub of [N, 32] and [32, 4] would not fit, Div by an unknown number neither. */
    assert_int_equal(model_from_yaml(&model, network(&arena, "Sub"), &options, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_int_equal(model_from_yaml(&model, tree_map(&arena), &options, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
    arena_free(&arena);
}

static void options_that_contradict_the_file_are_refused(void **state)
{
    static const struct arch_options rows[] = {
        { .channels = 1, .height = 8, .width = 8 },
        { .classes = 5 },
        { .width_factor = 0.5 },
    };
    const struct arch_options agreeing = { .channels = 3, .height = 8, .width = 8, .classes = 4, .width_factor = 1 };
    struct arena arena = { 0 };
    struct model model;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct error err = { 0 };

        assert_int_equal(model_from_yaml(&model, network(&arena, "Gemm"), &rows[i], &err), -1);
        assert_int_equal(err.kind, ERROR_USAGE);
    }
    assert_int_equal(model_from_yaml(&model, network(&arena, "Gemm"), &agreeing, NULL), 0);
    model_free(&model);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_begin_by_what_their_operator_does),
        cmocka_unit_test(a_name_may_stand_beside_the_graph),
        cmocka_unit_test(weights_whose_values_nobody_knows_are_refused),
        cmocka_unit_test(options_that_contradict_the_file_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

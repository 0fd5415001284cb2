#include <math.h>

#include "graph/sketch.h"

/* Inference without folding: a value's tensors as the training executor makes them, statistics stored. */
static void run_unfolded(struct sketch *s, const struct graph *graph, float *out, int64_t count)
{
    bool *frozen = malloc((size_t)graph->value_count * sizeof(bool));
    struct exec *exec;

    assert_non_null(frozen);
    memset(frozen, true, (size_t)graph->value_count * sizeof(bool));
    exec = sketch_frozen(s, graph, 2, frozen);
    sketch_fill(exec, graph, 3);
    exec_forward(exec);
    assert_int_equal(shape_count(&exec_output(exec, 0)->shape), count);
    memcpy(out, exec_output(exec, 0)->data, (size_t)count * sizeof(float));
    free(frozen);
    exec_free(exec);
}

/* Every element within 1e-5 of the largest. */
static void expect_same_answer(struct sketch *s, const struct graph *unfolded, const struct graph *folded)
{
    struct exec *exec = sketch_exec(s, folded, 2, EXEC_INFER, NULL);
    int64_t count = shape_count(&exec_output(exec, 0)->shape);
    float *want = malloc((size_t)count * sizeof(float)), largest = 1;
    const float *got = exec_output(exec, 0)->data;

    assert_non_null(want);
    run_unfolded(s, unfolded, want, count);
    sketch_fill(exec, folded, 3);
    exec_forward(exec);
    for (int64_t i = 0; i < count; i++)
        largest = fmaxf(largest, fabsf(want[i]));
    for (int64_t i = 0; i < count; i++)
        assert_true(fabsf(got[i] - want[i]) <= 1e-5f * largest);
    free(want);
    exec_free(exec);
}

static int count_ops(const struct graph *graph, const char *op)
{
    int count = 0;

    for (int n = 0; n < graph->node_count; n++)
        count += strcmp(graph->node[n].op->name, op) == 0;
    return count;
}

static int conv_with_bias(struct sketch *s, int x)
{
    return sketch_conv(s, x, 4, 6, 3, 1, 1, true);
}

static int conv_without_bias(struct sketch *s, int x)
{
    return sketch_conv(s, x, 4, 6, 3, 2, 2, false);
}

/* Two groups, [4, 3, 2, 2] filters: 6 channels out. */
static int conv_transpose(struct sketch *s, int x)
{
    int64_t strides[2] = { 2, 2 };
    struct attribute items[] = {
        { .name = "group", .kind = ATTRIBUTE_INT, .i = 2 },
        { .name = "strides", .kind = ATTRIBUTE_INTS, .ints = strides, .count = 2 },
    };
    struct attributes attributes = { items, 2 };
    int in[2] = { x, sketch_weight(s, shape_of(4, (int64_t)4, (int64_t)3, (int64_t)2, (int64_t)2), 0, 0.5f, true) };

    return sketch_node(s, "ConvTranspose", in, 2, &attributes);
}

static int gemm_transposed(struct sketch *s, int x)
{
    return sketch_gemm(s, sketch_unary(s, "Flatten", x), 4 * 36, 6, true);
}

static int gemm_with_beta(struct sketch *s, int x)
{
    struct attribute items[] = {
        { .name = "alpha", .kind = ATTRIBUTE_FLOAT, .f = 0.5 },
        { .name = "beta", .kind = ATTRIBUTE_FLOAT, .f = 3 },
    };
    struct attributes attributes = { items, 2 };
    int in[3] = { sketch_unary(s, "Flatten", x) };

    in[1] = sketch_weight(s, shape_of(2, (int64_t)4 * 36, (int64_t)6), 0, 0.3f, true);
    in[2] = sketch_weight(s, shape_of(1, (int64_t)6), 0, 1, true);
    return sketch_node(s, "Gemm", in, 3, &attributes);
}

typedef int linear(struct sketch *s, int x);

static void normalisation_folds_into_every_linear_node(void **state)
{
    static linear *const linears[] = { conv_with_bias, conv_without_bias, conv_transpose, gemm_transposed,
                                       gemm_with_beta };

    (void)state;
    for (size_t i = 0; i < COUNT(linears); i++) {
        struct arena arena = { 0 };
        struct sketch s;
        struct graph folded;

        sketch_begin(&s, i + 1);
        sketch_must(&s, graph_add_output(&s.graph, sketch_norm(&s, linears[i](&s, sketch_input(&s, 4, 6)), 6), &s.err));
        sketch_must(&s, graph_copy(&folded, &arena, &s.graph, false, &s.err));
        sketch_must(&s, graph_fold(&folded, &s.err));
        sketch_must(&s, graph_check(&folded, &s.err));
        assert_int_equal(count_ops(&folded, "BatchNormalization"), 0);
        assert_string_equal(folded.value[folded.output[0]].name, s.graph.value[s.graph.output[0]].name);
        expect_same_answer(&s, &s.graph, &folded);
        arena_free(&arena);
        sketch_end(&s);
    }
}

static void random_graphs_answer_alike_folded(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct arena arena = { 0 };
        struct sketch s;
        struct graph folded;

        sketch_draw(&s, seed, 22, false);
        sketch_must(&s, graph_copy(&folded, &arena, &s.graph, false, &s.err));
        sketch_must(&s, graph_fold(&folded, &s.err));
        sketch_must(&s, graph_check(&folded, &s.err));
        assert_int_equal(count_ops(&folded, "Identity"), 0);
        expect_same_answer(&s, &s.graph, &folded);
        arena_free(&arena);
        sketch_end(&s);
    }
}

/* What a part of a folded graph folds again must be nothing, else head and tail would differ from the whole. */
static void folding_twice_is_folding_once(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct arena arena = { 0 };
        struct sketch s;
        struct graph again;

        sketch_draw(&s, seed, 22, true);
        sketch_must(&s, graph_fold(&s.graph, &s.err));
        sketch_must(&s, graph_copy(&again, &arena, &s.graph, false, &s.err));
        sketch_must(&s, graph_fold(&again, &s.err));
        assert_int_equal(again.node_count, s.graph.node_count);
        assert_int_equal(again.value_count, s.graph.value_count);
        for (int v = 0; v < again.value_count; v++)
            assert_ptr_equal(again.value[v].tensor.data, s.graph.value[v].tensor.data);
        arena_free(&arena);
        sketch_end(&s);
    }
}

static void old_weights_are_not_written(void **state)
{
    struct sketch s;
    float before[6 * 4 * 9];
    int conv, weight;

    (void)state;
    sketch_begin(&s, 1);
    conv = conv_with_bias(&s, sketch_input(&s, 4, 6));
    weight = s.graph.node[graph_producer(&s.graph, conv)].in[1];
    const float *old = s.graph.value[weight].tensor.data;

    memcpy(before, old, sizeof(before));
    sketch_must(&s, graph_add_output(&s.graph, sketch_norm(&s, conv, 6), &s.err));
    sketch_must(&s, graph_fold(&s.graph, &s.err));
    assert_memory_equal(before, old, sizeof(before));
    sketch_end(&s);
}

/* The convolution's own answer is asked for too, so the normalisation must stay. */
static void normalisation_stays_where_the_linear_answer_is_read(void **state)
{
    struct sketch s;
    int conv;

    (void)state;
    sketch_begin(&s, 1);
    conv = conv_with_bias(&s, sketch_input(&s, 4, 6));
    sketch_must(&s, graph_add_output(&s.graph, sketch_binary(&s, "Add", sketch_norm(&s, conv, 6), conv), &s.err));
    sketch_must(&s, graph_fold(&s.graph, &s.err));
    assert_int_equal(count_ops(&s.graph, "BatchNormalization"), 1);
    sketch_end(&s);
}

/* One weight for two convolutions, one of them normalised: the other still reads the old. */
static void shared_weight_is_folded_for_one_reader_only(void **state)
{
    struct arena arena = { 0 };
    struct sketch s;
    struct graph folded;
    int x, a, b;

    (void)state;
    sketch_begin(&s, 1);
    x = sketch_input(&s, 4, 6);
    a = sketch_conv(&s, x, 4, 4, 1, 1, 1, false);
    b = sketch_conv(&s, x, 4, 4, 1, 1, 1, false);
    s.graph.node[1].in[1] = s.graph.node[0].in[1];
    sketch_must(&s, graph_add_output(&s.graph, sketch_binary(&s, "Add", sketch_norm(&s, a, 4), b), &s.err));
    sketch_must(&s, graph_remove_dead(&s.graph, &s.err));
    sketch_must(&s, graph_copy(&folded, &arena, &s.graph, false, &s.err));
    sketch_must(&s, graph_fold(&folded, &s.err));
    sketch_must(&s, graph_check(&folded, &s.err));
    assert_int_equal(count_ops(&folded, "BatchNormalization"), 0);
    expect_same_answer(&s, &s.graph, &folded);
    arena_free(&arena);
    sketch_end(&s);
}

static void identity_at_an_output_keeps_the_outputs_name(void **state)
{
    struct sketch s;
    int relu, y;

    (void)state;
    sketch_begin(&s, 1);
    relu = sketch_unary(&s, "Relu", sketch_input(&s, 2, 4));
    y = sketch_unary(&s, "Identity", sketch_unary(&s, "Dropout", relu));
    sketch_must(&s, graph_add_output(&s.graph, y, &s.err));
    sketch_must(&s, graph_add_output(&s.graph, sketch_unary(&s, "Tanh", relu), &s.err));
    sketch_must(&s, graph_fold(&s.graph, &s.err));
    sketch_must(&s, graph_check(&s.graph, &s.err));
    assert_int_equal(s.graph.node_count, 2);
    assert_string_equal(s.graph.value[s.graph.output[0]].name, "Identity2");
    sketch_end(&s);
}

/* An input handed out under another name has no producer that could write it. */
static void identity_from_input_to_output_stays(void **state)
{
    struct sketch s;

    (void)state;
    sketch_begin(&s, 1);
    sketch_must(&s, graph_add_output(&s.graph, sketch_unary(&s, "Identity", sketch_input(&s, 2, 4)), &s.err));
    sketch_must(&s, graph_fold(&s.graph, &s.err));
    sketch_must(&s, graph_check(&s.graph, &s.err));
    assert_int_equal(s.graph.node_count, 1);
    expect_same_answer(&s, &s.graph, &s.graph);
    sketch_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(normalisation_folds_into_every_linear_node),
        cmocka_unit_test(random_graphs_answer_alike_folded),
        cmocka_unit_test(folding_twice_is_folding_once),
        cmocka_unit_test(old_weights_are_not_written),
        cmocka_unit_test(normalisation_stays_where_the_linear_answer_is_read),
        cmocka_unit_test(shared_weight_is_folded_for_one_reader_only),
        cmocka_unit_test(identity_at_an_output_keeps_the_outputs_name),
        cmocka_unit_test(identity_from_input_to_output_stays),
    };

    return SKETCH_RUN(tests);
}

#include "graph/sketch.h"

/* What runs: every value between parts by hand, in the order the parts say. */
static void run_part(struct sketch *s, const struct graph *part, struct tensor *wire, int *count)
{
    struct exec *exec = sketch_exec(s, part, 2, EXEC_INFER, NULL);

    assert_int_equal(part->input_count, *count);
    for (int i = 0; i < *count; i++) {
        struct tensor *x = exec_input(exec, i);

        assert_true(shape_equal(&x->shape, &wire[i].shape));
        assert_int_equal(x->dtype, wire[i].dtype);
        memcpy(x->data, wire[i].data, tensor_bytes(x));
        free(wire[i].data);
    }
    exec_forward(exec);
    *count = part->output_count;
    for (int i = 0; i < *count; i++) {
        const struct tensor *y = exec_output(exec, i);

        wire[i] = *y;
        wire[i].data = malloc(tensor_bytes(y) + 1);
        assert_non_null(wire[i].data);
        memcpy(wire[i].data, y->data, tensor_bytes(y));
    }
    exec_free(exec);
}

static void start(struct sketch *s, const struct graph *graph, struct tensor *wire, int *count)
{
    struct exec *exec = sketch_exec(s, graph, 2, EXEC_INFER, NULL);

    sketch_fill(exec, graph, 5);
    *count = graph->input_count;
    for (int i = 0; i < *count; i++) {
        wire[i] = *exec_input(exec, i);
        wire[i].data = malloc(tensor_bytes(&wire[i]));
        assert_non_null(wire[i].data);
        memcpy(wire[i].data, exec_input(exec, i)->data, tensor_bytes(&wire[i]));
    }
    exec_free(exec);
}

/* Parts at the given last nodes, one after the other, give the whole's outputs bit for bit. */
static void parts_equal_whole(struct sketch *s, const struct graph *graph, const int *last, int parts)
{
    struct exec *whole = sketch_exec(s, graph, 2, EXEC_INFER, NULL);
    struct tensor wire[SKETCH_VALUES];
    int count, first = 0;

    sketch_fill(whole, graph, 5);
    exec_forward(whole);
    start(s, graph, wire, &count);
    for (int p = 0; p < parts; p++) {
        struct arena arena = { 0 };
        struct graph part;

        sketch_must(s, graph_cut(&part, &arena, graph, first, last[p], &s->err));
        sketch_must(s, graph_check(&part, &s->err));
        run_part(s, &part, wire, &count);
        arena_free(&arena);
        first = last[p] + 1;
    }
    assert_int_equal(count, graph->output_count);
    for (int i = 0; i < count; i++) {
        const struct tensor *want = exec_output(whole, i);

        assert_true(shape_equal(&want->shape, &wire[i].shape));
        assert_memory_equal(want->data, wire[i].data, tensor_bytes(want));
        free(wire[i].data);
    }
    exec_free(whole);
}

static void head_then_tail_equals_whole_at_every_node(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct sketch s;

        sketch_draw(&s, seed, 18, false);
        sketch_must(&s, graph_fold(&s.graph, &s.err));
        for (int n = 0; n + 1 < s.graph.node_count; n++) {
            int last[2] = { n, s.graph.node_count - 1 };

            parts_equal_whole(&s, &s.graph, last, 2);
        }
        sketch_end(&s);
    }
}

/* Pictures that lay in blocks in the whole are plain between parts, and their convolutions' and means' bits the same. */
static void wide_head_then_tail_equals_whole_at_every_node(void **state)
{
    struct sketch s;
    int x, y;

    (void)state;
    sketch_begin(&s, 9);
    x = sketch_unary(&s, "Relu", sketch_conv(&s, sketch_input(&s, 3, 13), 3, 32, 3, 1, 1, true));
    y = sketch_conv(&s, x, 32, 32, 3, 1, 1, true);
    x = sketch_unary(&s, "HardSwish", sketch_binary(&s, "Add", x, y));
    x = sketch_pool(&s, "AveragePool", sketch_conv(&s, x, 32, 32, 5, 1, 32, false));
    x = sketch_concat(&s, sketch_unary(&s, "LeakyRelu", sketch_conv(&s, x, 32, 20, 3, 1, 1, true)), x);
    y = sketch_conv(&s, sketch_unary(&s, "GlobalAveragePool", x), 52, 52, 1, 1, 1, true);
    x = sketch_binary(&s, "Mul", x, sketch_unary(&s, "Sigmoid", y));
    x = sketch_unary(&s, "GlobalAveragePool", sketch_conv(&s, x, 52, 7, 3, 2, 1, true));
    sketch_must(&s, graph_add_output(&s.graph, sketch_gemm(&s, sketch_unary(&s, "Flatten", x), 7, 5, true), &s.err));
    sketch_must(&s, graph_check(&s.graph, &s.err));
    for (int n = 0; n + 1 < s.graph.node_count; n++) {
        int last[2] = { n, s.graph.node_count - 1 };

        parts_equal_whole(&s, &s.graph, last, 2);
    }
    sketch_end(&s);
}

static void quantized_head_then_tail_equals_whole_at_every_node(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct sketch s;

        sketch_draw(&s, seed, 18, false);
        sketch_must(&s, graph_fold(&s.graph, &s.err));
        sketch_quantize(&s);
        for (int n = 0; n + 1 < s.graph.node_count; n++) {
            int last[2] = { n, s.graph.node_count - 1 };

            parts_equal_whole(&s, &s.graph, last, 2);
        }
        sketch_end(&s);
    }
}

static void one_node_a_part_equals_whole(void **state)
{
    (void)state;
    for (uint64_t seed = 20; seed <= 30; seed++) {
        struct sketch s;
        int last[SKETCH_VALUES];

        sketch_draw(&s, seed, 18, false);
        sketch_must(&s, graph_fold(&s.graph, &s.err));
        for (int n = 0; n < s.graph.node_count; n++)
            last[n] = n;
        parts_equal_whole(&s, &s.graph, last, s.graph.node_count);
        sketch_end(&s);
    }
}

/* x -> a -> b -> y, and x once more at the end: b's part hands x and nothing else through. */
static void what_only_a_later_part_needs_is_passed_through(void **state)
{
    struct sketch s;
    struct arena arena = { 0 };
    struct graph middle;
    int x, b;

    (void)state;
    sketch_begin(&s, 1);
    x = sketch_input(&s, 2, 4);
    b = sketch_unary(&s, "Tanh", sketch_unary(&s, "Relu", x));
    sketch_must(&s, graph_add_output(&s.graph, sketch_binary(&s, "Add", b, x), &s.err));
    sketch_must(&s, graph_cut(&middle, &arena, &s.graph, 1, 1, &s.err));
    assert_int_equal(middle.input_count, 2);
    assert_int_equal(middle.output_count, 2);
    assert_string_equal(middle.value[middle.input[0]].name, "x");
    assert_string_equal(middle.value[middle.input[1]].name, "Relu0");
    assert_string_equal(middle.value[middle.output[0]].name, "x");
    assert_string_equal(middle.value[middle.output[1]].name, "Tanh1");
    assert_int_equal(middle.value[middle.input[1]].tensor.shape.dim[0], -1);
    assert_int_equal(middle.value[middle.input[1]].tensor.shape.dim[1], 2);
    arena_free(&arena);
    sketch_end(&s);
}

/* A part owns what it says: the whole may go. */
static void part_outlives_the_whole(void **state)
{
    struct sketch s;
    struct arena arena = { 0 };
    struct graph part;
    struct error err;

    (void)state;
    sketch_begin(&s, 1);
    sketch_must(&s,
                graph_add_output(&s.graph, sketch_pool(&s, "MaxPool", sketch_unary(&s, "Relu", sketch_input(&s, 2, 4))),
                                 &s.err));
    sketch_must(&s, graph_cut(&part, &arena, &s.graph, 1, 1, &s.err));
    sketch_end(&s);
    assert_int_equal(graph_check(&part, &err), 0);
    assert_int_equal(graph_infer_shapes(&part, 3, &err), 0);
    arena_free(&arena);
}

/* [N, 2, 4, 4] with N and 2 made one axis: no part could be told what a batch is. */
static void value_that_mixes_the_batch_is_refused(void **state)
{
    static int64_t numbers[2] = { -1, 16 };
    struct shape shape = shape_of(1, (int64_t)2);
    struct sketch s;
    struct arena arena = { 0 };
    struct graph part;
    int in[2];

    (void)state;
    sketch_begin(&s, 1);
    in[0] = sketch_input(&s, 2, 4);
    in[1] = sketch_must(&s, graph_add_weight(&s.graph, "shape", DTYPE_I64, &shape, numbers, false, &s.err));
    sketch_must(&s,
                graph_add_output(&s.graph, sketch_unary(&s, "Relu", sketch_node(&s, "Reshape", in, 2, NULL)), &s.err));
    assert_int_equal(graph_cut(&part, &arena, &s.graph, 1, 1, &s.err), -1);
    assert_int_equal(s.err.kind, ERROR_INPUT);
    assert_string_equal(s.err.message, "cannot cut at 'Reshape0': its shape mixes the batch with something else");
    arena_free(&arena);
    sketch_end(&s);
}

static void nodes_outside_are_refused(void **state)
{
    static const int ranges[][2] = { { -1, 0 }, { 1, 0 }, { 0, 2 } };
    struct sketch s;
    struct arena arena = { 0 };
    struct graph part;

    (void)state;
    sketch_begin(&s, 1);
    sketch_must(&s, graph_add_output(
                        &s.graph, sketch_unary(&s, "Tanh", sketch_unary(&s, "Relu", sketch_input(&s, 2, 4))), &s.err));
    for (size_t i = 0; i < COUNT(ranges); i++) {
        assert_int_equal(graph_cut(&part, &arena, &s.graph, ranges[i][0], ranges[i][1], &s.err), -1);
        assert_int_equal(s.err.kind, ERROR_INPUT);
    }
    arena_free(&arena);
    sketch_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head_then_tail_equals_whole_at_every_node),
        cmocka_unit_test(wide_head_then_tail_equals_whole_at_every_node),
        cmocka_unit_test(quantized_head_then_tail_equals_whole_at_every_node),
        cmocka_unit_test(one_node_a_part_equals_whole),
        cmocka_unit_test(what_only_a_later_part_needs_is_passed_through),
        cmocka_unit_test(part_outlives_the_whole),
        cmocka_unit_test(value_that_mixes_the_batch_is_refused),
        cmocka_unit_test(nodes_outside_are_refused),
    };

    return SKETCH_RUN(tests);
}

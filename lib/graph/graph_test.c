#include "graph/dot.h"
#include "graph/internal.h"
#include "graph/sketch.h"

static void names_are_unique(void **state)
{
    struct sketch s;
    struct shape shape = shape_of(2, (int64_t)-1, (int64_t)3);
    int x;

    (void)state;
    sketch_begin(&s, 1);
    x = sketch_must(&s, graph_add_input(&s.graph, "x", DTYPE_F32, &shape, &s.err));
    assert_int_equal(graph_add_input(&s.graph, "x", DTYPE_F32, &shape, &s.err), -1);
    assert_int_equal(s.err.kind, ERROR_INPUT);
    assert_string_equal(s.err.message, "two values are named 'x'");
    sketch_must(&s, graph_add_node(&s.graph, "a", "Relu", &x, 1, 1, NULL, NULL, &s.err));
    assert_int_equal(graph_add_node(&s.graph, "a", "Relu", &x, 1, 1, NULL, NULL, &s.err), -1);
    assert_string_equal(s.err.message, "two nodes are named 'a'");
    assert_int_equal(graph_add_node(&s.graph, "x", "Relu", &x, 1, 1, NULL, NULL, &s.err), -1);
    assert_string_equal(s.err.message, "node 'x': two values are named 'x'");
    sketch_end(&s);
}

static void unknown_operator_hints_at_the_nearest(void **state)
{
    struct sketch s;
    int x;

    (void)state;
    sketch_begin(&s, 1);
    x = sketch_input(&s, 1, 4);
    assert_int_equal(graph_add_node(&s.graph, "a", "Rellu", &x, 1, 1, NULL, NULL, &s.err), -1);
    assert_int_equal(s.err.kind, ERROR_INPUT);
    assert_string_equal(s.err.message, "node 'a': unknown operator 'Rellu'");
    assert_string_equal(s.err.hint, "did you mean 'Relu'?");
    sketch_end(&s);
}

static void a_misspelt_attribute_is_refused(void **state)
{
    struct attribute one = { .name = "stride", .kind = ATTRIBUTE_INT, .i = 2 };
    const struct attributes attributes = { &one, 1 };
    struct sketch s;
    int in[2];

    (void)state;
    sketch_begin(&s, 1);
    in[0] = in[1] = sketch_input(&s, 1, 4);
    assert_int_equal(graph_add_node(&s.graph, "a", "Conv", in, 2, 1, NULL, &attributes, &s.err), -1);
    assert_string_equal(s.err.message, "node 'a': Conv has no attribute 'stride'");
    assert_string_equal(s.err.hint, "did you mean 'strides'?");
    assert_int_equal(graph_add_node(&s.graph, "b", "Relu", in, 1, 1, NULL, &attributes, &s.err), -1);
    assert_string_equal(s.err.message, "node 'b': Relu has no attribute 'stride'");
    sketch_end(&s);
}

static void inputs_are_counted(void **state)
{
    struct sketch s;
    int in[4];

    (void)state;
    sketch_begin(&s, 1);
    in[0] = in[1] = in[2] = in[3] = sketch_input(&s, 1, 4);
    assert_int_equal(graph_add_node(&s.graph, "a", "Relu", in, 2, 1, NULL, NULL, &s.err), -1);
    assert_string_equal(s.err.message, "node 'a': Relu takes 1 to 1 inputs, found 2");
    assert_int_equal(graph_add_node(&s.graph, "b", "Conv", in, 1, 1, NULL, NULL, &s.err), -1);
    assert_string_equal(s.err.message, "node 'b': Conv takes 2 to 3 inputs, found 1");
    in[0] = 7;
    assert_int_equal(graph_add_node(&s.graph, "c", "Relu", in, 1, 1, NULL, NULL, &s.err), -1);
    assert_string_equal(s.err.message, "node 'c': input 0 is value 7, the graph has 1 values");
    sketch_end(&s);
}

/* x -> a -> b, with b an output. */
static void chain_of_two(struct sketch *s)
{
    sketch_begin(s, 1);
    sketch_must(s, graph_add_output(&s->graph, sketch_unary(s, "Relu", sketch_unary(s, "Tanh", sketch_input(s, 1, 4))),
                                    &s->err));
}

static void producers_and_consumers_are_found(void **state)
{
    struct sketch s;
    int x, a, b;

    (void)state;
    sketch_begin(&s, 1);
    x = sketch_input(&s, 1, 4);
    a = sketch_unary(&s, "Relu", x);
    b = sketch_binary(&s, "Add", a, a);
    sketch_must(&s, graph_add_output(&s.graph, a, &s.err));
    sketch_must(&s, graph_add_output(&s.graph, b, &s.err));
    assert_int_equal(graph_producer(&s.graph, x), -1);
    assert_int_equal(graph_producer(&s.graph, a), 0);
    assert_int_equal(graph_consumers(&s.graph, x), 1);
    assert_int_equal(graph_consumers(&s.graph, a), 2);
    assert_int_equal(graph_consumers(&s.graph, b), 1);
    assert_int_equal(graph_only_consumer(&s.graph, x), 0);
    assert_int_equal(graph_only_consumer(&s.graph, a), -1);
    assert_int_equal(graph_find_value(&s.graph, "Add1"), b);
    assert_int_equal(graph_find_node(&s.graph, "Add1"), 1);
    assert_int_equal(graph_find_node(&s.graph, "x"), -1);
    sketch_end(&s);
}

struct damage {
    void (*do_it)(struct graph *graph);
    const char *message;
};

static void swap_nodes(struct graph *graph)
{
    struct node first = graph->node[0];

    graph->node[0] = graph->node[1];
    graph->node[1] = first;
}

static void read_nowhere(struct graph *graph)
{
    graph->node[1].in[0] = 99;
}

static void write_twice(struct graph *graph)
{
    graph->node[1].out[0] = graph->node[0].out[0];
}

static void same_name(struct graph *graph)
{
    graph->value[1].name = "x";
}

static void same_node_name(struct graph *graph)
{
    graph->node[1].name = graph->node[0].name;
}

static void no_producer(struct graph *graph)
{
    graph->node_count = 1;
}

static void no_output(struct graph *graph)
{
    graph->output_count = 0;
}

static void bad_output(struct graph *graph)
{
    graph->output[0] = -1;
}

static void input_twice(struct graph *graph)
{
    static int twice[] = { 0, 0 };

    graph->input = twice;
    graph->input_count = 2;
}

static void no_scale(struct graph *graph)
{
    static const struct quant quant = { .axis = 0, .count = 4 };

    graph->value[1].tensor.quant = &quant;
}

static void check_names_what_is_wrong(void **state)
{
    static const struct damage damages[] = {
        { swap_nodes, "node 'Relu1' reads 'Tanh0', which is made later or never" },
        { read_nowhere, "node 'Relu1': input 0 is value 99, the graph has 3 values" },
        { write_twice, "node 'Relu1' makes 'Tanh0', which is there already" },
        { same_name, "two values are named 'x'" },
        { same_node_name, "two nodes are named 'Tanh0'" },
        { no_producer, "no node makes 'Relu1'" },
        { no_output, "the graph has no output" },
        { bad_output, "graph output 0 is value -1, the graph has 3 values" },
        { input_twice, "'x' is listed as an input twice" },
        { no_scale, "'Tanh0': quantization has 4 scales on axis 0, which its shape does not have" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(damages); i++) {
        struct sketch s;

        chain_of_two(&s);
        assert_int_equal(graph_check(&s.graph, &s.err), 0);
        damages[i].do_it(&s.graph);
        assert_int_equal(graph_check(&s.graph, &s.err), -1);
        assert_int_equal(s.err.kind, ERROR_INPUT);
        assert_string_equal(s.err.message, damages[i].message);
        sketch_end(&s);
    }
}

static void shapes_bind_the_batch_and_errors_name_the_node(void **state)
{
    struct sketch s;
    int x, y;

    (void)state;
    sketch_begin(&s, 1);
    x = sketch_input(&s, 3, 8);
    y = sketch_conv(&s, x, 3, 5, 3, 2, 1, true);
    sketch_must(&s, graph_infer_shapes(&s.graph, 7, &s.err));
    assert_int_equal(s.graph.value[x].tensor.shape.dim[0], -1);
    assert_int_equal(s.graph.value[y].tensor.shape.rank, 4);
    assert_int_equal(s.graph.value[y].tensor.shape.dim[0], 7);
    assert_int_equal(s.graph.value[y].tensor.shape.dim[1], 5);
    assert_int_equal(s.graph.value[y].tensor.shape.dim[2], 4);
    sketch_conv(&s, y, 4, 5, 3, 1, 1, false);
    assert_int_equal(graph_infer_shapes(&s.graph, 7, &s.err), -1);
    assert_int_equal(s.err.kind, ERROR_INPUT);
    assert_non_null(strstr(s.err.message, "(Conv): "));
    sketch_end(&s);
}

static void empty_values_are_refused(void **state)
{
    struct shape shape = shape_of(2, (int64_t)-1, (int64_t)0), none = shape_of(2, (int64_t)4, (int64_t)0);
    struct sketch s;
    int in[2];

    (void)state;
    sketch_begin(&s, 1);
    in[0] = sketch_must(&s, graph_add_input(&s.graph, "x", DTYPE_F32, &shape, &s.err));
    sketch_node(&s, "Softmax", in, 1, NULL);
    assert_int_equal(graph_infer_shapes(&s.graph, 2, &s.err), -1);
    assert_string_equal(s.err.message, "node 'Softmax0' (Softmax): shape [2, 0] has no element");
    sketch_end(&s);
    sketch_begin(&s, 1);
    in[0] = sketch_input(&s, 3, 4);
    in[1] = sketch_weight(&s, none, 0, 1, true);
    sketch_node(&s, "MatMul", in, 2, NULL);
    assert_int_equal(graph_infer_shapes(&s.graph, 2, &s.err), -1);
    assert_string_equal(s.err.message, "node 'MatMul1' (MatMul): shape [4, 0] has no element");
    sketch_end(&s);
}

/* A 3x3 convolution of 3 to 5 channels on 4x4 places, then a dense layer: multiply-adds by hand. */
static void cost_is_summed_for_one_sample(void **state)
{
    struct sketch s;
    struct op_cost total, each[3];
    int flat;

    (void)state;
    sketch_begin(&s, 1);
    flat = sketch_unary(&s, "Flatten", sketch_conv(&s, sketch_input(&s, 3, 8), 3, 5, 3, 2, 1, true));
    sketch_must(&s, graph_add_output(&s.graph, sketch_gemm(&s, flat, 5 * 16, 10, true), &s.err));
    sketch_must(&s, graph_infer_shapes(&s.graph, 1, &s.err));
    sketch_must(&s, graph_cost(&s.graph, &total, each, &s.err));
    assert_true(each[0].macs == 5.0 * 16 * 27);
    assert_true(each[2].macs == 10.0 * 80);
    assert_true(total.macs == each[0].macs + each[1].macs + each[2].macs);
    assert_true(total.read_bytes > 0 && total.write_bytes > 0);
    assert_int_equal(graph_parameters(&s.graph), 5 * 27 + 5 + 10 * 80 + 10);
    sketch_quantize(&s);
    for (int v = 0; v < s.graph.value_count; v++)
        s.graph.value[v].trainable = false;
    assert_int_equal(graph_parameters(&s.graph), 5 * 27 + 5 + 10 * 80 + 10);
    sketch_end(&s);
}

/* Copying an arena away and the source with it leaves the copy whole. */
static void copy_stands_alone(void **state)
{
    struct arena arena = { 0 };
    struct sketch s;
    struct graph copy;
    struct error err;
    int values, nodes;

    (void)state;
    sketch_draw(&s, 3, 20, true);
    values = s.graph.value_count;
    nodes = s.graph.node_count;
    sketch_must(&s, graph_copy(&copy, &arena, &s.graph, true, &s.err));
    for (int v = 0; v < values; v++)
        if (copy.value[v].kind == VALUE_WEIGHT) {
            assert_ptr_not_equal(copy.value[v].tensor.data, s.graph.value[v].tensor.data);
            assert_memory_equal(copy.value[v].tensor.data, s.graph.value[v].tensor.data,
                                tensor_bytes(&copy.value[v].tensor));
        }
    sketch_end(&s);
    assert_int_equal(copy.value_count, values);
    assert_int_equal(copy.node_count, nodes);
    assert_int_equal(graph_check(&copy, &err), 0);
    assert_int_equal(graph_infer_shapes(&copy, 2, &err), 0);
    arena_free(&arena);
}

static void dead_nodes_go_and_inputs_stay(void **state)
{
    struct sketch s;
    struct shape shape = shape_of(1, (int64_t)4);
    int x, y;

    (void)state;
    sketch_begin(&s, 1);
    sketch_must(&s, graph_add_input(&s.graph, "unused", DTYPE_F32, &shape, &s.err));
    x = sketch_input(&s, 2, 4);
    sketch_conv(&s, x, 2, 3, 1, 1, 1, true);
    y = sketch_unary(&s, "Relu", x);
    sketch_must(&s, graph_add_output(&s.graph, y, &s.err));
    sketch_must(&s, graph_remove_dead(&s.graph, &s.err));
    assert_int_equal(s.graph.node_count, 1);
    assert_int_equal(s.graph.value_count, 3);
    assert_int_equal(s.graph.input_count, 2);
    assert_string_equal(s.graph.value[s.graph.output[0]].name, s.graph.node[0].name);
    sketch_must(&s, graph_check(&s.graph, &s.err));
    sketch_end(&s);
}

static void dot_draws_nodes_and_names_edges(void **state)
{
    struct sketch s;
    struct text text = { 0 };

    (void)state;
    chain_of_two(&s);
    s.graph.node[0].name = "a \"quoted\" \\ name";
    sketch_must(&s, graph_infer_shapes(&s.graph, 1, &s.err));
    graph_dot(&text, &s.graph);
    assert_int_equal(text_check(&text, &s.err), 0);
    assert_string_equal(text.chars, "digraph model {\n"
                                    "  input0 [shape=ellipse, label=\"x\\nF32 [-1, 1, 4, 4]\"];\n"
                                    "  n0 [shape=box, label=\"a \\\"quoted\\\" \\\\ name\\nTanh\\n[1, 1, 4, 4]\"];\n"
                                    "  n1 [shape=box, label=\"Relu1\\nRelu\\n[1, 1, 4, 4]\"];\n"
                                    "  output0 [shape=ellipse, label=\"Relu1\\nF32 [1, 1, 4, 4]\"];\n"
                                    "  input0 -> n0 [label=\"x\"];\n"
                                    "  n0 -> n1 [label=\"Tanh0\"];\n"
                                    "  n1 -> output0 [label=\"Relu1\"];\n"
                                    "}\n");
    text_free(&text);
    sketch_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_unique),
        cmocka_unit_test(unknown_operator_hints_at_the_nearest),
        cmocka_unit_test(a_misspelt_attribute_is_refused),
        cmocka_unit_test(inputs_are_counted),
        cmocka_unit_test(producers_and_consumers_are_found),
        cmocka_unit_test(check_names_what_is_wrong),
        cmocka_unit_test(shapes_bind_the_batch_and_errors_name_the_node),
        cmocka_unit_test(empty_values_are_refused),
        cmocka_unit_test(cost_is_summed_for_one_sample),
        cmocka_unit_test(copy_stands_alone),
        cmocka_unit_test(dead_nodes_go_and_inputs_stay),
        cmocka_unit_test(dot_draws_nodes_and_names_edges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

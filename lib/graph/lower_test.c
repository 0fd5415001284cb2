#include <math.h>

#include "graph/internal.h"
#include "graph/sketch.h"

static const int32_t zero_points[] = { 0, 100, 128 };
static const float scales[] = { 1.0f / 64, 1.0f / 32, 1.0f / 16 };
static const struct quant quants[] = {
    { .axis = -1, .count = 1, .scale = &scales[0], .zero_point = &zero_points[0] },
    { .axis = -1, .count = 1, .scale = &scales[1], .zero_point = &zero_points[1] },
    { .axis = -1, .count = 1, .scale = &scales[2], .zero_point = &zero_points[2] },
};

static int annotate(struct sketch *s, int value, int which)
{
    s->graph.value[value].tensor.quant = &quants[which];
    return value;
}

static int quantized_input(struct sketch *s)
{
    struct shape shape = shape_of(4, (int64_t)-1, (int64_t)2, (int64_t)4, (int64_t)4);

    return annotate(s, sketch_must(s, graph_add_input(&s->graph, "x", DTYPE_U8, &shape, &s->err)), 2);
}

static void fill_bytes(struct exec *exec)
{
    struct tensor *x = exec_input(exec, 0);

    for (size_t i = 0; i < tensor_bytes(x); i++)
        ((uint8_t *)x->data)[i] = (uint8_t)(i * 37 % 256);
}

/* "Relu QuantizeLinear ..." */
static void expect_ops(const struct exec *exec, const char *want)
{
    const struct graph *graph = exec_graph(exec);
    char found[256] = "";

    for (int n = 0; n < graph->node_count; n++) {
        strncat(found, graph->node[n].op->name, sizeof(found) - strlen(found) - 1);
        if (n + 1 < graph->node_count)
            strncat(found, " ", sizeof(found) - strlen(found) - 1);
    }
    assert_string_equal(found, want);
}

/* Bytes in, Tanh has no integer form here but reals on both sides, bytes out of Relu. */
static void real_node_between_bytes_gets_conversions(void **state)
{
    struct sketch s;
    struct exec *exec;
    int tanh, relu;

    (void)state;
    sketch_begin(&s, 1);
    tanh = annotate(&s, sketch_unary(&s, "Softmax", quantized_input(&s)), 0);
    relu = annotate(&s, sketch_unary(&s, "Relu", tanh), 1);
    sketch_must(&s, graph_add_output(&s.graph, relu, &s.err));
    exec = sketch_exec(&s, &s.graph, 2, EXEC_TRACE, NULL);
    expect_ops(exec, "DequantizeLinear Softmax QuantizeLinear Relu");
    assert_int_equal(exec_output(exec, 0)->dtype, DTYPE_U8);
    fill_bytes(exec);
    exec_forward(exec);
    const uint8_t *x = exec_input(exec, 0)->data;
    const float *real = exec_value(exec, "x.f32")->data;

    for (int i = 0; i < 64; i++)
        assert_true(real[i] == scales[2] * (float)(x[i] - 128));
    exec_free(exec);
    sketch_end(&s);
}

static void output_without_annotation_is_real(void **state)
{
    struct sketch s;
    struct exec *exec;

    (void)state;
    sketch_begin(&s, 1);
    sketch_must(&s, graph_add_output(&s.graph, sketch_unary(&s, "Relu", quantized_input(&s)), &s.err));
    exec = sketch_exec(&s, &s.graph, 1, EXEC_INFER, NULL);
    expect_ops(exec, "DequantizeLinear Relu");
    assert_int_equal(exec_output(exec, 0)->dtype, DTYPE_F32);
    fill_bytes(exec);
    exec_forward(exec);
    const uint8_t *x = exec_input(exec, 0)->data;
    const float *y = exec_output(exec, 0)->data;

    for (int i = 0; i < 32; i++)
        assert_true(y[i] == (x[i] > 128 ? scales[2] * (float)(x[i] - 128) : 0));
    exec_free(exec);
    sketch_end(&s);
}

/* Filled in reals, quantized at once, for all readers alike. */
static void annotated_real_input_is_quantized_at_once(void **state)
{
    struct sketch s;
    struct exec *exec;
    int x;

    (void)state;
    sketch_begin(&s, 1);
    x = annotate(&s, sketch_input(&s, 2, 4), 2);
    sketch_must(&s, graph_add_output(&s.graph, annotate(&s, sketch_unary(&s, "Relu", x), 0), &s.err));
    exec = sketch_exec(&s, &s.graph, 1, EXEC_TRACE, NULL);
    expect_ops(exec, "QuantizeLinear Relu");
    assert_int_equal(exec_input(exec, 0)->dtype, DTYPE_F32);
    sketch_fill(exec, &s.graph, 1);
    exec_forward(exec);
    const float *real = exec_input(exec, 0)->data;
    const uint8_t *byte = exec_value(exec, "x.u8")->data;

    for (int i = 0; i < 32; i++)
        assert_int_equal(byte[i], fmin(fmax(rint((double)real[i] * 16) + 128, 0), 255));
    exec_free(exec);
    sketch_end(&s);
}

/* Flatten says nothing of its range: its bytes mean what they meant before. */
static void view_of_bytes_is_bytes(void **state)
{
    struct sketch s;
    struct exec *exec;
    int flat;

    (void)state;
    sketch_begin(&s, 1);
    flat = sketch_unary(&s, "Flatten", quantized_input(&s));
    sketch_must(&s, graph_add_output(&s.graph, annotate(&s, sketch_unary(&s, "Relu", flat), 1), &s.err));
    exec = sketch_exec(&s, &s.graph, 1, EXEC_INFER, NULL);
    expect_ops(exec, "Flatten Relu");
    exec_free(exec);
    sketch_end(&s);
}

/* Weights alone in I8: the same bits as with weights that were always those reals. */
static void quantized_weights_of_a_real_node_are_read_as_reals(void **state)
{
    static int8_t bytes[6 * 2 * 9];
    static float axis_scale[6];
    static int32_t axis_zero[6];
    static const struct quant quant = { .axis = 0, .count = 6, .scale = axis_scale, .zero_point = axis_zero };
    struct sketch s;
    struct exec *exec;
    float want[2 * 6 * 16], *real;
    int conv;
    struct tensor *w;

    (void)state;
    sketch_begin(&s, 1);
    conv = sketch_conv(&s, sketch_input(&s, 2, 4), 2, 6, 3, 1, 1, true);
    sketch_must(&s, graph_add_output(&s.graph, conv, &s.err));
    w = &s.graph.value[s.graph.node[0].in[1]].tensor;
    real = w->data;
    for (int i = 0; i < 6; i++)
        axis_scale[i] = 0.01f * (float)(i + 1);
    for (int i = 0; i < 6 * 18; i++) {
        bytes[i] = (int8_t)(i * 29 % 255 - 127);
        real[i] = axis_scale[i / 18] * (float)bytes[i];
    }
    exec = sketch_exec(&s, &s.graph, 2, EXEC_INFER, NULL);
    sketch_fill(exec, &s.graph, 1);
    exec_forward(exec);
    memcpy(want, exec_output(exec, 0)->data, sizeof(want));
    exec_free(exec);
    w->data = bytes;
    w->dtype = DTYPE_I8;
    w->quant = &quant;
    exec = sketch_exec(&s, &s.graph, 2, EXEC_INFER, NULL);
    sketch_fill(exec, &s.graph, 1);
    exec_forward(exec);
    assert_memory_equal(want, exec_output(exec, 0)->data, sizeof(want));
    exec_free(exec);
    assert_null(exec_new(&s.graph, 2, EXEC_TRAIN, NULL, &s.err));
    assert_int_equal(s.err.kind, ERROR_INPUT);
    sketch_end(&s);
}

/* A dequantized weight lies with the run, and so does another shape of it. */
static void view_of_a_quantized_weight_is_read_as_reals(void **state)
{
    static int8_t bytes[32];
    static const struct quant quant = { .axis = -1, .count = 1, .scale = &scales[1], .zero_point = &zero_points[0] };
    struct shape shape = shape_of(4, (int64_t)1, (int64_t)2, (int64_t)4, (int64_t)4);
    struct sketch s;
    struct exec *exec;
    int w, x;

    (void)state;
    sketch_begin(&s, 1);
    for (int i = 0; i < 32; i++)
        bytes[i] = (int8_t)(i - 16);
    w = sketch_must(&s, graph_add_weight(&s.graph, "w", DTYPE_I8, &shape, bytes, false, &s.err));
    s.graph.value[w].tensor.quant = &quant;
    x = sketch_unary(&s, "Flatten", sketch_input(&s, 2, 4));
    sketch_must(&s, graph_add_output(&s.graph, sketch_binary(&s, "Sub", sketch_unary(&s, "Flatten", w), x), &s.err));
    exec = sketch_exec(&s, &s.graph, 1, EXEC_INFER, NULL);
    sketch_fill(exec, &s.graph, 1);
    exec_forward(exec);
    const float *y = exec_output(exec, 0)->data, *in = exec_input(exec, 0)->data;

    for (int i = 0; i < 32; i++)
        assert_true(y[i] == scales[1] * (float)(i - 16) - in[i]);
    exec_free(exec);
    sketch_end(&s);
}

/* Bytes fused and shared are the bytes traced; parts hand bytes on. */
static int quantized_net(struct sketch *s)
{
    int x = quantized_input(s), a, b;

    a = annotate(s, sketch_unary(s, "Relu", x), 0);
    b = annotate(s, sketch_binary(s, "Add", a, x), 2);
    b = annotate(s, sketch_unary(s, "Relu", b), 2);
    b = annotate(s, sketch_unary(s, "Sigmoid", b), 0);
    b = annotate(s, sketch_unary(s, "Relu", b), 0); /* saturation has done this one */
    a = annotate(s, sketch_binary(s, "Mul", a, b), 1);
    return sketch_gemm(s, sketch_unary(s, "Flatten", a), 32, 3, true);
}

static void quantized_infer_equals_trace(void **state)
{
    struct sketch s;
    struct exec *infer, *trace;

    (void)state;
    sketch_begin(&s, 4);
    sketch_must(&s, graph_add_output(&s.graph, quantized_net(&s), &s.err));
    infer = sketch_exec(&s, &s.graph, 3, EXEC_INFER, NULL);
    trace = sketch_exec(&s, &s.graph, 3, EXEC_TRACE, NULL);
    for (int round = 0; round < 2; round++) {
        fill_bytes(infer);
        fill_bytes(trace);
        exec_forward(infer);
        exec_forward(trace);
        assert_memory_equal(exec_output(infer, 0)->data, exec_output(trace, 0)->data, 9 * sizeof(float));
    }
    exec_free(infer);
    exec_free(trace);
    sketch_end(&s);
}

static void random_quantized_graphs_infer_as_traced(void **state)
{
    int integers = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct sketch s;
        struct exec *infer, *trace;

        sketch_draw(&s, seed, 22, false);
        sketch_must(&s, graph_fold(&s.graph, &s.err));
        sketch_quantize(&s);
        infer = sketch_exec(&s, &s.graph, 2, EXEC_INFER, NULL);
        trace = sketch_exec(&s, &s.graph, 2, EXEC_TRACE, NULL);
        sketch_fill(infer, &s.graph, 1);
        sketch_fill(trace, &s.graph, 1);
        exec_forward(infer);
        exec_forward(trace);
        for (int i = 0; i < s.graph.output_count; i++)
            assert_memory_equal(exec_output(infer, i)->data, exec_output(trace, i)->data,
                                tensor_bytes(exec_output(trace, i)));
        for (int n = 0; n < exec_graph(trace)->node_count; n++)
            integers += strcmp(exec_graph(trace)->node[n].op->name, "Conv") == 0 &&
                        exec_graph(trace)->value[exec_graph(trace)->node[n].in[0]].tensor.quant != NULL;
        exec_free(infer);
        exec_free(trace);
        sketch_end(&s);
    }
    assert_true(integers > 60);
}

static void quantized_parts_hand_bytes_on(void **state)
{
    struct sketch s;
    struct exec *whole;

    (void)state;
    sketch_begin(&s, 4);
    sketch_must(&s, graph_add_output(&s.graph, quantized_net(&s), &s.err));
    whole = sketch_exec(&s, &s.graph, 1, EXEC_INFER, NULL);
    fill_bytes(whole);
    exec_forward(whole);
    for (int n = 0; n + 1 < s.graph.node_count; n++) {
        struct arena arena = { 0 };
        struct graph head, tail;
        struct exec *first, *second;

        sketch_must(&s, graph_cut(&head, &arena, &s.graph, 0, n, &s.err));
        sketch_must(&s, graph_cut(&tail, &arena, &s.graph, n + 1, s.graph.node_count - 1, &s.err));
        first = sketch_exec(&s, &head, 1, EXEC_INFER, NULL);
        second = sketch_exec(&s, &tail, 1, EXEC_INFER, NULL);
        fill_bytes(first);
        exec_forward(first);
        for (int i = 0; i < head.output_count; i++) {
            const struct tensor *y = exec_output(first, i);
            struct tensor *x = exec_input(second, i);

            assert_int_equal(x->dtype, y->dtype);
            assert_true(shape_equal(&x->shape, &y->shape));
            memcpy(x->data, y->data, tensor_bytes(y));
        }
        exec_forward(second);
        assert_memory_equal(exec_output(second, 0)->data, exec_output(whole, 0)->data, 3 * sizeof(float));
        exec_free(first);
        exec_free(second);
        arena_free(&arena);
    }
    exec_free(whole);
    sketch_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_node_between_bytes_gets_conversions),
        cmocka_unit_test(output_without_annotation_is_real),
        cmocka_unit_test(annotated_real_input_is_quantized_at_once),
        cmocka_unit_test(view_of_bytes_is_bytes),
        cmocka_unit_test(quantized_weights_of_a_real_node_are_read_as_reals),
        cmocka_unit_test(view_of_a_quantized_weight_is_read_as_reals),
        cmocka_unit_test(quantized_infer_equals_trace),
        cmocka_unit_test(random_quantized_graphs_infer_as_traced),
        cmocka_unit_test(quantized_parts_hand_bytes_on),
    };

    return SKETCH_RUN(tests);
}

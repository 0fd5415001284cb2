#include "graph/exec_internal.h"
#include "graph/sketch.h"

static int pool_of(struct sketch *s, int x)
{
    return sketch_pool(s, "MaxPool", x);
}

/* Conv, curve, pool, conv; `pooled` says whether the curve comes after the pool already. */
static void net(struct sketch *s, bool pooled)
{
    int x;

    sketch_begin(s, 6);
    x = sketch_norm(s, sketch_conv(s, sketch_input(s, 3, 8), 3, 6, 3, 1, 1, true), 6);
    x = pooled ? sketch_unary(s, "Relu", pool_of(s, x)) : pool_of(s, sketch_unary(s, "Relu", x));
    sketch_must(s, graph_add_output(&s->graph, sketch_conv(s, x, 6, 4, 3, 1, 1, true), &s->err));
}

static void step(struct exec *exec, const struct graph *graph)
{
    sketch_fill(exec, graph, 5);
    exec_forward(exec);
    for (int64_t k = 0; k < shape_count(&exec_output(exec, 0)->shape); k++)
        exec_output(exec, 0)->grad[k] = (float)(k % 7 - 3);
    for (int i = 1; i < graph->output_count; i++)
        memset(exec_output(exec, i)->grad, 0, tensor_bytes(exec_output(exec, i)));
    exec_backward(exec, NULL, NULL);
}

static void curve_after_the_pool_gives_the_same_bits(void **state)
{
    struct sketch before, after;
    struct exec *a, *b;

    (void)state;
    net(&before, false);
    net(&after, true);
    /* the curve first, in spite of graph_pool_first(): its value is an output, too */
    sketch_must(&before, graph_add_output(&before.graph, graph_find_value(&before.graph, before.graph.node[2].name),
                                          &before.err));
    a = sketch_exec(&before, &before.graph, 2, EXEC_TRAIN, NULL);
    b = sketch_exec(&after, &after.graph, 2, EXEC_TRAIN, NULL);
    assert_string_equal(exec_graph(a)->node[3].op->name, "MaxPool");
    assert_string_equal(exec_graph(b)->node[2].op->name, "MaxPool");
    step(a, &before.graph);
    step(b, &after.graph);
    assert_memory_equal(exec_output(a, 0)->data, exec_output(b, 0)->data, tensor_bytes(exec_output(b, 0)));
    for (int v = 0; v < before.graph.value_count; v++) {
        const struct value *value = &before.graph.value[v];
        int other = graph_find_value(&after.graph, value->name);

        if (value->kind == VALUE_WEIGHT && value->trainable)
            assert_memory_equal(exec_gradient(a, v), exec_gradient(b, other), tensor_bytes(&value->tensor));
    }
    exec_free(a);
    exec_free(b);
    sketch_end(&before);
    sketch_end(&after);
}

static void training_pools_before_the_curve(void **state)
{
    struct sketch s;
    struct exec *exec;

    (void)state;
    net(&s, false);
    exec = sketch_exec(&s, &s.graph, 2, EXEC_TRAIN, NULL);
    assert_string_equal(exec_graph(exec)->node[2].op->name, "MaxPool");
    assert_string_equal(exec_graph(exec)->node[3].op->name, "Relu");
    assert_string_equal(s.graph.node[2].op->name, "Relu"); /* the caller's graph is as it was */
    exec_free(exec);
    exec = sketch_exec(&s, &s.graph, 2, EXEC_TRACE, NULL);
    assert_string_equal(exec_graph(exec)->node[1].op->name, "Relu"); /* folded, and in the order that it has */
    exec_free(exec);
    sketch_end(&s);
}

/* Taps two pixels apart may all lie beside the picture: no pixel is the largest then. */
static void a_dilated_pool_stays_behind_the_curve(void **state)
{
    struct attribute item[] = {
        { .name = "kernel_shape", .kind = ATTRIBUTE_INTS, .ints = (int64_t[]){ 2, 2 }, .count = 2 },
        { .name = "dilations", .kind = ATTRIBUTE_INTS, .ints = (int64_t[]){ 2, 2 }, .count = 2 },
    };
    struct attributes attributes = { item, COUNT(item) };
    struct sketch s;
    struct exec *exec;
    int x;

    (void)state;
    sketch_begin(&s, 6);
    x = sketch_unary(&s, "Relu", sketch_conv(&s, sketch_input(&s, 3, 8), 3, 6, 3, 1, 1, true));
    sketch_must(&s, graph_add_output(&s.graph, sketch_node(&s, "MaxPool", &x, 1, &attributes), &s.err));
    exec = sketch_exec(&s, &s.graph, 2, EXEC_TRAIN, NULL);
    assert_string_equal(exec_graph(exec)->node[1].op->name, "Relu");
    exec_free(exec);
    sketch_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(curve_after_the_pool_gives_the_same_bits),
        cmocka_unit_test(training_pools_before_the_curve),
        cmocka_unit_test(a_dilated_pool_stays_behind_the_curve),
    };

    return SKETCH_RUN(tests);
}

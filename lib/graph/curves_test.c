/* Curves spelled in several nodes run as one, with the same answers; nothing else is taken for one. */
#include <math.h>

#include "graph/exec_internal.h"
#include "graph/sketch.h"

enum { CHANNELS = 12, SIDE = 5, BATCH = 2 };

static int hard_sigmoid(struct sketch *s, int x, double alpha)
{
    struct attribute item = { .name = "alpha", .kind = ATTRIBUTE_FLOAT, .f = alpha };
    const struct attributes attributes = { &item, 1 };

    return sketch_node(s, "HardSigmoid", &x, 1, &attributes);
}

static int mean(struct sketch *s, int x, int64_t first, int64_t second, int64_t keeps)
{
    int64_t axes[2] = { first, second };
    struct attribute items[] = { { .name = "axes", .kind = ATTRIBUTE_INTS, .ints = axes, .count = 2 },
                                 { .name = "keepdims", .kind = ATTRIBUTE_INT, .i = keeps } };
    const struct attributes attributes = { items, 2 };

    return sketch_node(s, "ReduceMean", &x, 1, &attributes);
}

static bool has(const struct exec *exec, const char *op)
{
    for (int n = 0; n < exec->graph.node_count; n++)
        if (strcmp(exec->graph.node[n].op->name, op) == 0)
            return true;
    return false;
}

static struct exec *run(struct sketch *s, enum exec_mode mode)
{
    struct exec *exec = sketch_exec(s, &s->graph, BATCH, mode, NULL);
    struct tensor *x = exec_input(exec, 0);

    for (int64_t i = 0; i < shape_count(&x->shape); i++)
        ((float *)x->data)[i] = (float)(i * 37 % 101) / 8 - 6;
    exec_forward(exec);
    return exec;
}

/* y as the graph's output: what runs has operator `wanted` and not `gone`, and gives what the trace gives. */
static void expect(struct sketch *s, int y, const char *wanted, const char *gone)
{
    struct exec *fast, *plain;
    const struct tensor *got, *want;

    sketch_must(s, graph_add_output(&s->graph, y, &s->err));
    fast = run(s, EXEC_INFER);
    plain = run(s, EXEC_TRACE);
    got = exec_output(fast, 0);
    want = exec_output(plain, 0);
    assert_true(has(fast, wanted));
    assert_false(gone != NULL && has(fast, gone));
    assert_true(shape_equal(&got->shape, &want->shape));
    for (int64_t i = 0; i < shape_count(&got->shape); i++)
        assert_true(fabsf(((float *)got->data)[i] - ((float *)want->data)[i]) < 2e-5F);
    exec_free(fast);
    exec_free(plain);
    sketch_end(s);
}

static int begin(struct sketch *s)
{
    sketch_begin(s, 3);
    return sketch_input(s, CHANNELS, SIDE);
}

static void x_times_its_sigmoid_is_swish(void **state)
{
    struct sketch s;
    int x = begin(&s);

    (void)state;
    expect(&s, sketch_binary(&s, "Mul", sketch_unary(&s, "Sigmoid", x), x), "Swish", "Mul");
}

static void x_times_its_hard_sigmoid_is_hard_swish(void **state)
{
    struct sketch s;
    int x = begin(&s);

    (void)state;
    expect(&s, sketch_binary(&s, "Mul", x, hard_sigmoid(&s, x, 1.0 / 6)), "HardSwish", "Mul");
}

static void other_slopes_and_other_factors_stay(void **state)
{
    struct sketch s;
    int x = begin(&s);

    (void)state;
    expect(&s, sketch_binary(&s, "Mul", x, hard_sigmoid(&s, x, 0.2)), "Mul", "HardSwish");
    x = begin(&s);
    expect(&s, sketch_binary(&s, "Mul", sketch_unary(&s, "Tanh", x), sketch_unary(&s, "Sigmoid", x)), "Mul", "Swish");
}

static void a_sigmoid_that_others_read_stays(void **state)
{
    struct sketch s;
    int x = begin(&s), curve = sketch_unary(&s, "Sigmoid", x);

    (void)state;
    expect(&s, sketch_binary(&s, "Add", sketch_binary(&s, "Mul", x, curve), curve), "Mul", "Swish");
}

static void mean_of_pixels_is_a_pool(void **state)
{
    struct sketch s;
    int x = begin(&s);

    (void)state;
    expect(&s, mean(&s, x, 2, 3, 0), "Flatten", "ReduceMean");
    x = begin(&s);
    expect(&s, mean(&s, x, -1, -2, 1), "GlobalAveragePool", "ReduceMean");
    x = begin(&s);
    expect(&s, mean(&s, x, 1, 2, 1), "ReduceMean", "GlobalAveragePool");
}

/* Conv and curve: one node's work, with the bits of two. */
static void curves_are_absorbed_with_their_bits(void **state)
{
    static const char *const curves[] = { "Swish", "Sigmoid", "HardSigmoid" };

    (void)state;
    for (size_t i = 0; i < COUNT(curves); i++) {
        struct sketch s;
        int x = begin(&s), sum = sketch_conv(&s, x, CHANNELS, CHANNELS, 3, 1, CHANNELS, true);
        int y = sketch_unary(&s, curves[i], sum), absorbed = 0;
        struct exec *fused, *apart;

        sketch_must(&s, graph_add_output(&s.graph, y, &s.err));
        fused = run(&s, EXEC_INFER);
        sketch_must(&s, graph_add_output(&s.graph, sum, &s.err)); /* which is now read by two */
        apart = run(&s, EXEC_INFER);
        for (int n = 0; n < fused->graph.node_count; n++)
            absorbed += fused->step[n].absorbed;
        assert_int_equal(absorbed, 1);
        assert_memory_equal(exec_output(fused, 0)->data, exec_output(apart, 0)->data,
                            tensor_bytes(exec_output(fused, 0)));
        exec_free(fused);
        exec_free(apart);
        sketch_end(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(x_times_its_sigmoid_is_swish),
        cmocka_unit_test(x_times_its_hard_sigmoid_is_hard_swish),
        cmocka_unit_test(other_slopes_and_other_factors_stay),
        cmocka_unit_test(a_sigmoid_that_others_read_stays),
        cmocka_unit_test(mean_of_pixels_is_a_pool),
        cmocka_unit_test(curves_are_absorbed_with_their_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

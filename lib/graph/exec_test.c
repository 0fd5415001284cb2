#include <math.h>

#include "base/pool.h"
#include "graph/exec_internal.h"
#include "graph/sketch.h"

/* ---- the same bytes ---- */

static void expect_same_outputs(struct exec *a, struct exec *b, int outputs)
{
    for (int i = 0; i < outputs; i++) {
        const struct tensor *x = exec_output(a, i), *y = exec_output(b, i);

        assert_true(shape_equal(&x->shape, &y->shape));
        assert_memory_equal(x->data, y->data, tensor_bytes(x));
    }
}

static void fused_and_shared_equals_traced(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 80; seed++) {
        struct sketch s;
        struct exec *infer, *trace;

        sketch_draw(&s, seed, 26, true);
        infer = sketch_exec_plain(&s, &s.graph, 2, EXEC_INFER, NULL);
        trace = sketch_exec(&s, &s.graph, 2, EXEC_TRACE, NULL);
        /* Twice: the first run leaves its bytes in shared memory. */
        for (uint64_t round = 0; round < 2; round++) {
            sketch_fill(infer, &s.graph, round);
            sketch_fill(trace, &s.graph, round);
            exec_forward(infer);
            exec_forward(trace);
            expect_same_outputs(infer, trace, s.graph.output_count);
        }
        exec_free(infer);
        exec_free(trace);
        sketch_end(&s);
    }
}

/* Forward and, in training, backward with the outputs' gradients set to 1, 2, 3, ... */
static struct exec *run_with(struct sketch *s, enum exec_mode mode, struct pool *pool)
{
    struct exec *exec = sketch_exec(s, &s->graph, 3, mode, pool);

    sketch_fill(exec, &s->graph, 4);
    exec_forward(exec);
    for (int i = 0; i < s->graph.output_count && mode == EXEC_TRAIN; i++) {
        struct tensor *y = exec_output(exec, i);

        for (int64_t k = 0; k < shape_count(&y->shape); k++)
            y->grad[k] = (float)(k % 7 - 3) / 8;
    }
    exec_backward(exec, NULL, NULL);
    return exec;
}

static void keep_statistics(const struct graph *graph, float *kept, bool store)
{
    for (int v = 0; v < graph->value_count; v++) {
        size_t bytes = tensor_bytes(&graph->value[v].tensor);

        if (graph->value[v].kind != VALUE_WEIGHT)
            continue;
        memcpy(store ? kept : graph->value[v].tensor.data, store ? graph->value[v].tensor.data : kept, bytes);
        kept += bytes / sizeof(float);
    }
}

static void expect_same_gradients(struct exec *a, struct exec *b, const struct graph *graph)
{
    for (int v = 0; v < graph->value_count; v++) {
        const float *x = exec_gradient(a, v), *y = exec_gradient(b, v);

        assert_int_equal(x == NULL, y == NULL);
        if (x != NULL)
            assert_memory_equal(x, y, tensor_bytes(&graph->value[v].tensor));
    }
}

static void threads_never_change_a_bit(void **state)
{
    static const int threads[] = { 1, 2, 7 };
    static float kept[1 << 16];
    struct error err;

    (void)state;
    for (uint64_t seed = 1; seed <= 24; seed++) {
        struct sketch s;

        sketch_draw(&s, seed, 20, true);
        keep_statistics(&s.graph, kept, true);
        for (int mode = EXEC_INFER; mode <= EXEC_TRAIN; mode++) {
            struct exec *alone = run_with(&s, (enum exec_mode)mode, NULL);

            for (size_t t = 0; t < COUNT(threads); t++) {
                struct pool *pool = pool_new(threads[t], &err);
                struct exec *exec;

                assert_non_null(pool);
                keep_statistics(&s.graph, kept, false);
                exec = run_with(&s, (enum exec_mode)mode, pool);
                expect_same_outputs(alone, exec, s.graph.output_count);
                expect_same_gradients(alone, exec, &s.graph);
                exec_free(exec);
                pool_free(pool);
            }
            exec_free(alone);
        }
        sketch_end(&s);
    }
}

/* ---- fusion ---- */

static int count_absorbed(const struct exec *exec)
{
    int count = 0;

    for (int n = 0; n < exec->graph.node_count; n++)
        count += exec->step[n].absorbed;
    return count;
}

/* relu(conv(x) + x): both nodes behind the convolution are its epilogue. */
/* Each has inputs of its own, and they take turns: what one runs on is not the other's. */
static void twins_answer_for_themselves(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct sketch s;
        struct exec *first, *twin, *alone;

        sketch_draw(&s, seed, 26, true);
        first = sketch_exec(&s, &s.graph, 2, EXEC_INFER, NULL);
        alone = sketch_exec(&s, &s.graph, 2, EXEC_INFER, NULL);
        twin = exec_twin(first, NULL, &s.err);
        assert_non_null(twin);
        assert_true(exec_memory_bytes(twin) <= exec_memory_bytes(first) - first->packed_bytes);
        for (uint64_t round = 0; round < 2; round++) {
            sketch_fill(twin, &s.graph, round);
            sketch_fill(first, &s.graph, round + 1);
            exec_forward(twin);
            exec_forward(first);
            sketch_fill(alone, &s.graph, round);
            exec_forward(alone);
            expect_same_outputs(twin, alone, s.graph.output_count);
            sketch_fill(alone, &s.graph, round + 1);
            exec_forward(alone);
            expect_same_outputs(first, alone, s.graph.output_count);
        }
        exec_free(twin);
        exec_free(first);
        exec_free(alone);
        sketch_end(&s);
    }
}

static void residual_and_activation_are_absorbed(void **state)
{
    struct sketch s;
    struct exec *exec;
    int x;

    (void)state;
    sketch_begin(&s, 1);
    x = sketch_input(&s, 4, 6);
    sketch_must(&s, graph_add_output(
                        &s.graph,
                        sketch_unary(&s, "Relu", sketch_binary(&s, "Add", x, sketch_conv(&s, x, 4, 4, 3, 1, 1, true))),
                        &s.err));
    exec = sketch_exec_plain(&s, &s.graph, 1, EXEC_INFER, NULL);
    assert_int_equal(count_absorbed(exec), 2);
    exec_free(exec);
    exec = sketch_exec(&s, &s.graph, 1, EXEC_TRACE, NULL);
    assert_int_equal(count_absorbed(exec), 0);
    exec_free(exec);
    sketch_end(&s);
}

/* The sum is asked for by two, so only the Add goes in; a value that is an output takes nothing in. */
static void what_others_read_is_not_absorbed(void **state)
{
    struct sketch s;
    struct exec *exec;
    int x, sum, conv;

    (void)state;
    sketch_begin(&s, 1);
    x = sketch_input(&s, 4, 6);
    sum = sketch_binary(&s, "Add", sketch_conv(&s, x, 4, 4, 3, 1, 1, true), x);
    sketch_must(&s, graph_add_output(&s.graph, sketch_unary(&s, "Relu", sum), &s.err));
    conv = sketch_conv(&s, sum, 4, 4, 1, 1, 1, true);
    sketch_must(&s, graph_add_output(&s.graph, conv, &s.err));
    sketch_must(&s, graph_add_output(&s.graph, sketch_unary(&s, "Relu", conv), &s.err));
    exec = sketch_exec_plain(&s, &s.graph, 1, EXEC_INFER, NULL);
    assert_int_equal(count_absorbed(exec), 1);
    exec_free(exec);
    sketch_end(&s);
}

/* conv - relu - conv - relu - flatten - gemm, wide enough that memory shows. */
static void deep_net(struct sketch *s)
{
    int x;

    sketch_begin(s, 2);
    x = sketch_input(s, 4, 16);
    for (int i = 0; i < 4; i++)
        x = sketch_unary(s, "Relu", sketch_conv(s, x, i == 0 ? 4 : 8, 8, 3, 1, 1, true));
    x = sketch_gemm(s, sketch_unary(s, "Flatten", sketch_unary(s, "GlobalAveragePool", x)), 8, 3, true);
    sketch_must(s, graph_add_output(&s->graph, x, &s->err));
}

/* The sum of what comes out, after a run. */
static double answer(struct exec *exec)
{
    const struct tensor *y = exec_output(exec, 0);
    double sum = 0;

    exec_forward(exec);
    for (int64_t k = 0; k < shape_count(&y->shape); k++)
        sum += (double)((const float *)y->data)[k];
    return sum;
}

/* ---- what a caller may rely on ---- */

static void weights_are_read_in_place_in_training(void **state)
{
    struct sketch s;
    struct exec *exec;
    double before;

    (void)state;
    deep_net(&s);
    exec = sketch_exec(&s, &s.graph, 2, EXEC_TRAIN, NULL);
    sketch_fill(exec, &s.graph, 1);
    before = answer(exec);
    ((float *)s.graph.value[s.graph.node[0].in[1]].tensor.data)[0] += 0.5f;
    assert_true(answer(exec) != before);
    exec_free(exec);
    sketch_end(&s);
}

static void dropout_draws_by_seed_and_step(void **state)
{
    struct sketch s;
    struct exec *exec;
    float first[32];

    (void)state;
    sketch_begin(&s, 1);
    sketch_must(&s, graph_add_output(&s.graph, sketch_unary(&s, "Dropout", sketch_input(&s, 2, 4)), &s.err));
    exec = sketch_exec(&s, &s.graph, 1, EXEC_TRAIN, NULL);
    sketch_fill(exec, &s.graph, 1);
    exec_set_step(exec, 3, 7);
    exec_forward(exec);
    memcpy(first, exec_output(exec, 0)->data, sizeof(first));
    exec_forward(exec);
    assert_memory_equal(first, exec_output(exec, 0)->data, sizeof(first));
    exec_set_step(exec, 3, 8);
    exec_forward(exec);
    assert_memory_not_equal(first, exec_output(exec, 0)->data, sizeof(first));
    exec_set_step(exec, 4, 7);
    exec_forward(exec);
    assert_memory_not_equal(first, exec_output(exec, 0)->data, sizeof(first));
    exec_free(exec);
    sketch_end(&s);
}

static void values_are_found_while_their_memory_is_theirs(void **state)
{
    struct sketch s;
    struct exec *trace, *infer;

    (void)state;
    deep_net(&s);
    trace = sketch_exec(&s, &s.graph, 1, EXEC_TRACE, NULL);
    infer = sketch_exec(&s, &s.graph, 1, EXEC_INFER, NULL);
    for (int v = 0; v < s.graph.value_count; v++)
        assert_non_null(exec_value(trace, s.graph.value[v].name));
    assert_null(exec_value(trace, "nothing of that name"));
    assert_non_null(exec_value(infer, "x"));
    assert_null(exec_value(infer, s.graph.value[s.graph.node[0].out[0]].name));
    assert_ptr_equal(exec_value(infer, s.graph.value[s.graph.output[0]].name), exec_output(infer, 0));
    exec_free(trace);
    exec_free(infer);
    sketch_end(&s);
}

/* An input that is an output too, and a graph whose inputs are used again by nobody. */
static void output_may_be_an_input(void **state)
{
    static const enum exec_mode modes[] = { EXEC_INFER, EXEC_TRACE, EXEC_TRAIN };
    struct sketch s;
    int x;

    (void)state;
    sketch_begin(&s, 1);
    x = sketch_input(&s, 2, 4);
    sketch_must(&s,
                graph_add_output(&s.graph, sketch_conv(&s, sketch_unary(&s, "Relu", x), 2, 2, 1, 1, 1, true), &s.err));
    sketch_must(&s, graph_add_output(&s.graph, x, &s.err));
    for (size_t m = 0; m < COUNT(modes); m++) {
        struct exec *exec = sketch_exec(&s, &s.graph, 1, modes[m], NULL);

        sketch_fill(exec, &s.graph, 1);
        exec_forward(exec);
        assert_memory_equal(exec_output(exec, 1)->data, exec_input(exec, 0)->data, 32 * sizeof(float));
        assert_int_equal(exec_output(exec, 1)->grad != NULL, modes[m] == EXEC_TRAIN);
        exec_free(exec);
    }
    sketch_end(&s);
}

static void errors_are_told_before_anything_runs(void **state)
{
    struct sketch s;

    (void)state;
    deep_net(&s);
    assert_null(exec_new(&s.graph, 0, EXEC_INFER, NULL, &s.err));
    assert_int_equal(s.err.kind, ERROR_INPUT);
    setenv("COEDGE_LIMIT_ACTIVATION_BYTES", "20000", 1);
    assert_null(exec_new(&s.graph, 4, EXEC_INFER, NULL, &s.err));
    assert_true(s.err.kind == ERROR_LIMIT || s.err.kind == ERROR_INPUT);
    unsetenv("COEDGE_LIMIT_ACTIVATION_BYTES");
    s.graph.node[0].in[0] = s.graph.node[2].out[0];
    assert_null(exec_new(&s.graph, 1, EXEC_INFER, NULL, &s.err));
    assert_int_equal(s.err.kind, ERROR_INPUT);
    assert_non_null(strstr(s.err.message, s.graph.node[0].name));
    sketch_end(&s);
}

#ifdef COEDGE_FAULTS
static struct exec *twin_without(const struct exec *exec, int nth, struct error *err)
{
    struct exec *twin;
    char fault[32];

    snprintf(fault, sizeof(fault), "alloc:%d:ENOMEM", nth);
    setenv("COEDGE_FAULT", fault, 1);
    twin = exec_twin(exec, NULL, err);
    unsetenv("COEDGE_FAULT");
    return twin;
}

/* Whichever allocation fails: an error, nothing leaked (asan looks), nothing broken. */
static void every_allocation_may_fail(void **state)
{
    struct sketch s;

    (void)state;
    deep_net(&s);
    for (int mode = EXEC_INFER; mode <= EXEC_TRACE; mode++) {
        struct exec *exec = NULL;

        for (int nth = 1; exec == NULL; nth++) {
            char fault[32];

            snprintf(fault, sizeof(fault), "alloc:%d:ENOMEM", nth);
            setenv("COEDGE_FAULT", fault, 1);
            exec = exec_new(&s.graph, 1, (enum exec_mode)mode, NULL, &s.err);
            unsetenv("COEDGE_FAULT");
            if (exec == NULL)
                assert_int_equal(s.err.kind, ERROR_LIMIT);
        }
        for (int nth = 1; mode == EXEC_INFER && nth > 0; nth = s.err.kind == ERROR_LIMIT ? nth + 1 : 0) {
            s.err = (struct error){ 0 };
            exec_free(twin_without(exec, nth, &s.err));
        }
        exec_free(exec);
    }
    sketch_end(&s);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fused_and_shared_equals_traced),
        cmocka_unit_test(threads_never_change_a_bit),
        cmocka_unit_test(twins_answer_for_themselves),
        cmocka_unit_test(residual_and_activation_are_absorbed),
        cmocka_unit_test(what_others_read_is_not_absorbed),
        cmocka_unit_test(weights_are_read_in_place_in_training),
        cmocka_unit_test(dropout_draws_by_seed_and_step),
        cmocka_unit_test(values_are_found_while_their_memory_is_theirs),
        cmocka_unit_test(output_may_be_an_input),
        cmocka_unit_test(errors_are_told_before_anything_runs),
#ifdef COEDGE_FAULTS
        cmocka_unit_test(every_allocation_may_fail),
#endif
    };

    return SKETCH_RUN(tests);
}

/* late_test.c - nodes whose sizes follow from data, and what they read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "graph/sketch.h"

static int list(struct sketch *s, int count, const int64_t *numbers)
{
    const struct shape shape = shape_of(1, (int64_t)count);
    int64_t *data = arena_array(&s->arena, (size_t)count + 1, sizeof(*data));
    char name[32];

    assert_non_null(data);
    memcpy(data, numbers, (size_t)count * sizeof(*data));
    snprintf(name, sizeof(name), "list%d", s->names++);
    return sketch_must(s, graph_add_weight(&s->graph, name, DTYPE_I64, &shape, data, false, &s->err));
}

/* Where x [N] is not 0: indices [found]. */
static int found_in(struct sketch *s, int x)
{
    const int64_t flat[] = { -1 };

    return sketch_binary(s, "Reshape", sketch_unary(s, "NonZero", x), list(s, 1, flat));
}

static void set(struct exec *exec, const float *numbers)
{
    struct tensor *x = exec_input(exec, 0);

    memcpy(x->data, numbers, tensor_bytes(x));
}

static void expect(const struct tensor *t, int64_t count, const float *numbers)
{
    assert_int_equal(shape_count(&t->shape), count);
    for (int64_t i = 0; i < count; i++)
        assert_float_equal(((const float *)t->data)[i], numbers[i], 1e-6f);
}

/* The table is made of weights before the run, and nothing else reads it. */
static void a_late_node_reads_a_weight_made_for_the_run(void **state)
{
    static float a[] = { 1, 2, 3, 4 }, b[] = { 10, 20, 30, 40 };
    const struct shape four = shape_of(1, 4);
    struct sketch s;
    struct exec *exec;
    int x, in[2];

    (void)state;
    sketch_begin(&s, 0);
    x = sketch_must(&s, graph_add_input(&s.graph, "x", DTYPE_F32, &four, &s.err));
    in[0] = sketch_must(&s, graph_add_weight(&s.graph, "a", DTYPE_F32, &four, a, false, &s.err));
    in[1] = sketch_must(&s, graph_add_weight(&s.graph, "b", DTYPE_F32, &four, b, false, &s.err));
    x = sketch_binary(&s, "Gather", sketch_binary(&s, "Add", in[0], in[1]), found_in(&s, x));
    sketch_must(&s, graph_add_output(&s.graph, x, &s.err));
    exec = sketch_exec(&s, &s.graph, 1, EXEC_INFER, NULL);
    set(exec, (const float[]){ 0, 5, 0, 5 });
    sketch_must(&s, exec_run(exec, &s.err));
    expect(exec_output(exec, 0), 2, (const float[]){ 22, 44 });
    set(exec, (const float[]){ 5, 0, 0, 0 });
    sketch_must(&s, exec_run(exec, &s.err));
    expect(exec_output(exec, 0), 1, (const float[]){ 11 });
    set(exec, (const float[]){ 0, 0, 0, 0 });
    sketch_must(&s, exec_run(exec, &s.err));
    expect(exec_output(exec, 0), 0, NULL);
    exec_free(exec);
    sketch_end(&s);
}

/* Each output in its place: sized before the run or after, named twice, and read late as well. */
static void outputs_keep_their_order(void **state)
{
    const struct shape four = shape_of(1, 4);
    struct sketch s;
    struct exec *exec;
    int x, twice, late, again;

    (void)state;
    sketch_begin(&s, 0);
    x = sketch_must(&s, graph_add_input(&s.graph, "x", DTYPE_F32, &four, &s.err));
    twice = sketch_binary(&s, "Add", x, x);
    late = sketch_binary(&s, "Gather", twice, found_in(&s, x));
    again = sketch_unary(&s, "Neg", twice);
    sketch_must(&s, graph_add_output(&s.graph, late, &s.err));
    sketch_must(&s, graph_add_output(&s.graph, again, &s.err));
    sketch_must(&s, graph_add_output(&s.graph, twice, &s.err));
    exec = sketch_exec(&s, &s.graph, 1, EXEC_INFER, NULL);
    for (int run = 0; run < 2; run++) {
        set(exec, (const float[]){ 1, 0, 0, -3 });
        sketch_must(&s, exec_run(exec, &s.err));
        expect(exec_output(exec, 0), 2, (const float[]){ 2, -6 });
        expect(exec_output(exec, 1), 4, (const float[]){ -2, 0, 0, 6 });
        expect(exec_output(exec, 2), 4, (const float[]){ 2, 0, 0, -6 });
    }
    exec_free(exec);
    sketch_end(&s);
}

static void a_size_that_only_data_tell_is_not_trained(void **state)
{
    const struct shape four = shape_of(1, 4);
    struct sketch s;
    int x;

    (void)state;
    sketch_begin(&s, 0);
    x = sketch_must(&s, graph_add_input(&s.graph, "x", DTYPE_F32, &four, &s.err));
    sketch_must(&s, graph_add_output(&s.graph, sketch_binary(&s, "Gather", x, found_in(&s, x)), &s.err));
    assert_null(exec_new(&s.graph, 1, EXEC_TRAIN, NULL, &s.err));
    assert_non_null(strstr(s.err.message, "its size is known only when it runs"));
    sketch_end(&s);
}

/* What a late node finds wrong is said, and the next run is as good as any. */
static void a_late_refusal_is_one_line(void **state)
{
    const struct shape four = shape_of(1, 4);
    const int64_t pair[] = { 2, -1 };
    struct sketch s;
    struct exec *exec;
    int x;

    (void)state;
    sketch_begin(&s, 0);
    x = sketch_must(&s, graph_add_input(&s.graph, "x", DTYPE_F32, &four, &s.err));
    x = sketch_binary(&s, "Gather", x, found_in(&s, x));
    x = sketch_binary(&s, "Reshape", x, list(&s, 2, pair));
    sketch_must(&s, graph_add_output(&s.graph, x, &s.err));
    exec = sketch_exec(&s, &s.graph, 1, EXEC_INFER, NULL);
    set(exec, (const float[]){ 1, 2, 3, 0 });
    assert_int_equal(exec_run(exec, &s.err), -1);
    assert_int_equal(s.err.kind, ERROR_INPUT);
    assert_non_null(strstr(s.err.message, "Reshape"));
    set(exec, (const float[]){ 1, 2, 3, 4 });
    sketch_must(&s, exec_run(exec, &s.err));
    expect(exec_output(exec, 0), 4, (const float[]){ 1, 2, 3, 4 });
    exec_free(exec);
    sketch_end(&s);
}

/* A graph of constants alone: nothing to run, and still the answer. */
static void an_output_may_be_a_constant(void **state)
{
    static float a[] = { 1, 2, 3, 4 };
    const struct shape four = shape_of(1, 4);
    struct sketch s;
    struct exec *exec;
    int w;

    (void)state;
    sketch_begin(&s, 0);
    w = sketch_must(&s, graph_add_weight(&s.graph, "a", DTYPE_F32, &four, a, false, &s.err));
    sketch_must(&s, graph_add_output(&s.graph, sketch_unary(&s, "Neg", w), &s.err));
    sketch_must(&s, graph_add_output(&s.graph, w, &s.err));
    exec = sketch_exec(&s, &s.graph, 1, EXEC_INFER, NULL);
    sketch_must(&s, exec_run(exec, &s.err));
    expect(exec_output(exec, 0), 4, (const float[]){ -1, -2, -3, -4 });
    expect(exec_output(exec, 1), 4, a);
    exec_free(exec);
    sketch_end(&s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_late_node_reads_a_weight_made_for_the_run),
        cmocka_unit_test(outputs_keep_their_order),
        cmocka_unit_test(a_size_that_only_data_tell_is_not_trained),
        cmocka_unit_test(a_late_refusal_is_one_line),
        cmocka_unit_test(an_output_may_be_a_constant),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

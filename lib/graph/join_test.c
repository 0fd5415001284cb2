/* join_test.c - what is put together without copies is what copies give. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "graph/exec_internal.h"
#include "graph/sketch.h"

enum { CHANNELS = 16, SIDE = 12 };

static int concat(struct sketch *s, int a, int b)
{
    struct attribute axis = { .name = "axis", .kind = ATTRIBUTE_INT, .i = 1 };
    struct attributes attributes = { &axis, 1 };

    return sketch_node(s, "Concat", (int[]){ a, b }, 2, &attributes);
}

static int conv(struct sketch *s, int x, int64_t channels)
{
    return sketch_conv(s, x, channels, CHANNELS, 3, 1, 1, true);
}

static int joined(const struct exec *exec)
{
    int count = 0;

    for (int n = 0; n < exec->graph.node_count; n++)
        count += exec->step[n].joined;
    return count;
}

/* Both runs' outputs, twice: a second run finds the first's bytes in the block. */
static void expect_trace(struct sketch *s, int64_t batch, int wanted)
{
    struct exec *exec = sketch_exec(s, &s->graph, batch, EXEC_INFER, NULL);
    struct exec *trace = sketch_exec(s, &s->graph, batch, EXEC_TRACE, NULL);

    assert_int_equal(joined(exec), wanted);
    assert_int_equal(joined(trace), 0);
    for (uint64_t run = 0; run < 2; run++) {
        sketch_fill(exec, &s->graph, 5 + run);
        sketch_fill(trace, &s->graph, 5 + run);
        exec_forward(exec);
        exec_forward(trace);
        for (int i = 0; i < s->graph.output_count; i++) {
            const struct tensor *y = exec_output(exec, i), *z = exec_output(trace, i);
            assert_true(shape_equal(&y->shape, &z->shape));
            for (int64_t j = 0; j < shape_count(&y->shape); j++)
                assert_float_equal(((const float *)y->data)[j], ((const float *)z->data)[j], 1e-4);
        }
    }
    exec_free(exec);
    exec_free(trace);
    sketch_end(s);
}

/* The first part is read again after the whole was, and what follows each may be written in its place. */
static void parts_are_computed_where_the_whole_is(void **state)
{
    struct sketch s;
    int x, a, b, whole;

    (void)state;
    for (int64_t batch = 1; batch < 3; batch++) { /* two pictures are not one behind another */
        sketch_begin(&s, 3);
        x = conv(&s, sketch_input(&s, 3, SIDE), 3);
        a = sketch_unary(&s, "Relu", conv(&s, x, CHANNELS));
        b = sketch_unary(&s, "Sigmoid", conv(&s, x, CHANNELS));
        whole = sketch_unary(&s, "Relu", concat(&s, a, b));
        sketch_must(&s, graph_add_output(&s.graph, conv(&s, whole, 2L * CHANNELS), &s.err));
        sketch_must(&s, graph_add_output(&s.graph, sketch_unary(&s, "Neg", a), &s.err));
        expect_trace(&s, batch, batch == 1);
    }
}

/* Of a value twice in one whole, of one in two, and of an input, a copy is made. */
static void a_value_has_one_place(void **state)
{
    struct sketch s;
    int x, a, b;

    (void)state;
    sketch_begin(&s, 3);
    x = sketch_input(&s, CHANNELS, SIDE);
    a = conv(&s, x, CHANNELS);
    b = conv(&s, a, CHANNELS);
    sketch_must(&s, graph_add_output(&s.graph, conv(&s, concat(&s, a, a), 2L * CHANNELS), &s.err));
    sketch_must(&s, graph_add_output(&s.graph, conv(&s, concat(&s, x, b), 2L * CHANNELS), &s.err));
    sketch_must(&s, graph_add_output(&s.graph, conv(&s, concat(&s, a, b), 2L * CHANNELS), &s.err));
    sketch_must(&s, graph_add_output(&s.graph, conv(&s, concat(&s, b, a), 2L * CHANNELS), &s.err));
    expect_trace(&s, 1, 1);
}

/* Dense blocks put a whole together with more: the inner one is joined, the outer one copies. */
static void a_whole_is_no_part(void **state)
{
    struct sketch s;
    int x, a, whole;

    (void)state;
    sketch_begin(&s, 3);
    x = conv(&s, sketch_input(&s, 3, SIDE), 3);
    a = conv(&s, x, CHANNELS);
    whole = concat(&s, x, a);
    whole = concat(&s, whole, conv(&s, whole, 2L * CHANNELS));
    sketch_must(&s, graph_add_output(&s.graph, conv(&s, whole, 3L * CHANNELS), &s.err));
    expect_trace(&s, 1, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_computed_where_the_whole_is),
        cmocka_unit_test(a_value_has_one_place),
        cmocka_unit_test(a_whole_is_no_part),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

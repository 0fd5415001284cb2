#include "graph/profile.h"

#include <math.h>

#include "graph/sketch.h"

/* x -> conv 1x1 = y -> conv + y -> relu -> global mean -> flat (a view) -> dense */
static void draw_residual(struct sketch *s)
{
    int x, y;

    sketch_begin(s, 3);
    x = sketch_conv(s, sketch_input(s, 4, 6), 4, 4, 1, 1, 1, true);
    y = sketch_unary(s, "Relu", sketch_binary(s, "Add", sketch_conv(s, x, 4, 4, 3, 1, 1, true), x));
    y = sketch_unary(s, "Flatten", sketch_unary(s, "GlobalAveragePool", y));
    y = sketch_gemm(s, y, 4, 5, true);
    sketch_must(s, graph_add_output(&s->graph, y, &s->err));
}

static void assert_ends(const char *text, const char *end)
{
    if (strlen(text) < strlen(end) || strcmp(text + strlen(text) - strlen(end), end) != 0)
        fail_msg("'%s' does not end with '%s'", text, end);
}

static void steps_are_what_runs_with_what_they_do_besides(void **state)
{
    struct sketch s;
    struct exec *exec;
    struct profile_step *step, *conv, *last;
    int count;

    (void)state;
    draw_residual(&s);
    exec = sketch_exec(&s, &s.graph, 2, EXEC_INFER, NULL);
    sketch_must(&s, exec_steps(exec, &s.arena, &step, &count, &s.err));
    assert_in_range(count, 4, 6); /* in blocks and out again, where the path has them */
    for (conv = step; conv->does_count == 0 && conv < step + count - 2;)
        conv++;
    last = step + count - 1;
    assert_ends(conv->op, "Conv");
    assert_true(conv->macs == 2 * 4 * 6 * 6 * 4 * 9);
    assert_true(conv->real);
    assert_int_equal(conv->does_count, 2);
    assert_ptr_equal(strstr(conv->does[0], "Add"), conv->does[0]);
    assert_ptr_equal(strstr(conv->does[1], "Relu"), conv->does[1]);
    assert_string_not_equal(conv->kernel, "-");
    assert_ends(conv[1].op, "GlobalAveragePool");
    assert_false(conv[1].real);
    assert_string_equal(last->op, "Gemm");
    assert_string_equal(last->kernel, "-");
    assert_true(last->macs == 2 * 4 * 5);
    exec_free(exec);
    sketch_end(&s);
}

static const float *answer_of(struct sketch *s, struct exec *exec)
{
    sketch_fill(exec, &s->graph, 8);
    sketch_must(s, exec_run(exec, &s->err));
    return exec_output(exec, 0)->data;
}

/* The one convolution with Winograd's products, by default and as it is asked to be: close, and said so. */
static void a_node_goes_the_way_it_is_asked_to(void **state)
{
    static const enum op_way ways[] = { OP_WAY_DIRECT, OP_WAY_WINOGRAD_2, OP_WAY_WINOGRAD_4, OP_WAY_DEPTHWISE };
    const bool blocks = sketch_kern.lanes > 0;
    struct sketch s;
    struct exec *usual, *exec;
    struct profile_step *step, *at;
    int count;

    (void)state;
    sketch_begin(&s, 6);
    sketch_must(&s,
                graph_add_output(&s.graph, sketch_conv(&s, sketch_input(&s, 32, 12), 32, 32, 3, 1, 1, true), &s.err));
    usual = sketch_exec(&s, &s.graph, 1, EXEC_INFER, NULL);
    for (size_t i = 0; i < COUNT(ways); i++) {
        const bool known = blocks && ways[i] != OP_WAY_DEPTHWISE;
        const float *want = answer_of(&s, usual), *got;

        s.graph.node[0].way = ways[i];
        exec = sketch_exec(&s, &s.graph, 1, EXEC_INFER, NULL);
        got = answer_of(&s, exec);
        for (int64_t k = 0; k < shape_count(&exec_output(exec, 0)->shape); k++)
            assert_true(fabsf(got[k] - want[k]) <= (known ? 1e-4F : 0) * (1 + fabsf(want[k])));
        sketch_must(&s, exec_steps(exec, &s.arena, &step, &count, &s.err));
        for (at = step; strcmp(at->name, s.graph.node[0].name) != 0;)
            at++;
        assert_int_equal(at->way, known && ways[i] != OP_WAY_WINOGRAD_4 ? ways[i] : OP_WAY_ANY); /* which is usual */
        if (known)
            assert_string_equal(at->kernel, op_way_name(ways[i]));
        exec_free(exec);
    }
    exec_free(usual);
    sketch_end(&s);
}

static void ways_are_found_by_their_names(void **state)
{
    (void)state;
    for (int way = 0; way < OP_WAYS; way++)
        assert_int_equal(op_way_find(op_way_name((enum op_way)way)), way);
    assert_int_equal(op_way_find("winograd"), OP_WAYS);
    assert_int_equal(op_way_find(""), OP_WAYS);
}

/* Convolutions in blocks where the path has them, and Sigmoid and Mul on what they give as it lies. */
static void a_layout_is_that_of_the_output(void **state)
{
    char blocked[16] = "plain";
    struct sketch s;
    struct exec *exec;
    struct profile_step *step;
    int count, x, y;

    (void)state;
    if (sketch_kern.lanes > 0)
        snprintf(blocked, sizeof(blocked), "c%zu", sketch_kern.lanes);
    sketch_begin(&s, 5);
    x = sketch_conv(&s, sketch_input(&s, 16, 8), 16, 16, 3, 1, 1, true);
    y = sketch_unary(&s, "Sigmoid", x);
    sketch_must(&s, graph_add_output(&s.graph, sketch_binary(&s, "Mul", x, y), &s.err));
    exec = sketch_exec(&s, &s.graph, 1, EXEC_INFER, NULL);
    sketch_must(&s, exec_steps(exec, &s.arena, &step, &count, &s.err));
    for (int i = 0; i < count; i++)
        assert_string_equal(step[i].layout, strcmp(step[i].op, "FromBlocks") == 0 ? "plain" : blocked);
    assert_in_range(count, 3, 5);
    exec_free(exec);
    sketch_end(&s);
}

static void bytes_are_no_reals_for_the_peak(void **state)
{
    struct sketch s;
    struct exec *exec;
    struct profile_step *step;
    int count;

    (void)state;
    draw_residual(&s);
    sketch_quantize(&s);
    exec = sketch_exec(&s, &s.graph, 1, EXEC_INFER, NULL);
    sketch_must(&s, exec_steps(exec, &s.arena, &step, &count, &s.err));
    assert_string_equal(step[0].op, "QuantizeLinear"); /* the input comes as F32 */
    assert_ends(step[1].op, "Conv");
    assert_true(step[1].macs > 0);
    assert_false(step[1].real);
    exec_free(exec);
    sketch_end(&s);
}

static void a_timed_run_gives_the_same_bytes_and_a_time_for_each_step(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct sketch s;
        struct exec *plain, *timed;
        struct profile_step *step;
        double seconds[SKETCH_VALUES];
        int count;

        sketch_draw(&s, seed, 20, true);
        plain = sketch_exec(&s, &s.graph, 2, EXEC_INFER, NULL);
        timed = sketch_exec(&s, &s.graph, 2, EXEC_INFER, NULL);
        sketch_must(&s, exec_steps(timed, &s.arena, &step, &count, &s.err));
        assert_in_range(count, 1, SKETCH_VALUES - 1);
        for (int i = 0; i < SKETCH_VALUES; i++)
            seconds[i] = -1;
        sketch_fill(plain, &s.graph, seed);
        sketch_fill(timed, &s.graph, seed);
        sketch_must(&s, exec_run(plain, &s.err));
        sketch_must(&s, exec_run_timed(timed, seconds, &s.err));
        for (int i = 0; i < SKETCH_VALUES; i++)
            assert_true(i < count ? seconds[i] >= 0 : seconds[i] == -1);
        assert_memory_equal(exec_output(plain, 0)->data, exec_output(timed, 0)->data,
                            tensor_bytes(exec_output(plain, 0)));
        exec_free(plain);
        exec_free(timed);
        sketch_end(&s);
    }
}

/* x [4] -> the places where it is not 0: sized by data, so it runs after the others. */
static void late_nodes_are_steps_too(void **state)
{
    const struct shape four = shape_of(1, 4);
    struct sketch s;
    struct exec *exec;
    struct profile_step *step;
    double seconds[3] = { -1, -1, -1 };
    int count, x;

    (void)state;
    sketch_begin(&s, 0);
    x = sketch_must(&s, graph_add_input(&s.graph, "x", DTYPE_F32, &four, &s.err));
    x = sketch_unary(&s, "NonZero", sketch_unary(&s, "Relu", x));
    sketch_must(&s, graph_add_output(&s.graph, x, &s.err));
    exec = sketch_exec(&s, &s.graph, 1, EXEC_INFER, NULL);
    sketch_must(&s, exec_steps(exec, &s.arena, &step, &count, &s.err));
    assert_int_equal(count, 2);
    assert_string_equal(step[1].op, "NonZero");
    for (int round = 0; round < 2; round++) {
        memcpy(exec_input(exec, 0)->data, (const float[]){ 1, -1, 0, 2 }, 4 * sizeof(float));
        sketch_must(&s, exec_run_timed(exec, seconds, &s.err));
        assert_int_equal(exec_output(exec, 0)->shape.dim[1], 2);
        assert_true(seconds[0] >= 0 && seconds[1] >= 0 && seconds[2] == -1);
    }
    exec_free(exec);
    sketch_end(&s);
}

/* No machine does fewer than ten million a second, none more than a million of millions a thread. */
static void the_peak_is_that_of_a_processor(void **state)
{
    double peak;

    (void)state;
    peak = profile_peak(&sketch_kern, NULL);
    assert_true(peak > 1e7 && peak < 1e12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_what_runs_with_what_they_do_besides),
        cmocka_unit_test(a_node_goes_the_way_it_is_asked_to),
        cmocka_unit_test(ways_are_found_by_their_names),
        cmocka_unit_test(a_layout_is_that_of_the_output),
        cmocka_unit_test(bytes_are_no_reals_for_the_peak),
        cmocka_unit_test(a_timed_run_gives_the_same_bytes_and_a_time_for_each_step),
        cmocka_unit_test(late_nodes_are_steps_too),
        cmocka_unit_test(the_peak_is_that_of_a_processor),
    };

    return SKETCH_RUN(tests);
}

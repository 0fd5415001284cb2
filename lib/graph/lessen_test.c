#include "graph/exec_internal.h"
#include "graph/sketch.h"

/* Blocks of a mobile net: maps that are wide and cheap between those that are narrow. */
static struct exec *chain(struct sketch *s, int length)
{
    int x;

    sketch_begin(s, 6);
    x = sketch_conv(s, sketch_input(s, 3, 8), 3, 4, 3, 1, 1, false);
    for (int i = 0; i < length; i++) {
        int wide = sketch_unary(s, "Relu", sketch_norm(s, sketch_conv(s, x, 4, 24, 1, 1, 1, false), 24));

        wide = sketch_unary(s, "Relu", sketch_norm(s, sketch_conv(s, wide, 24, 24, 3, 1, 24, false), 24));
        x = sketch_binary(s, "Add", sketch_norm(s, sketch_conv(s, wide, 24, 4, 1, 1, 1, false), 4), x);
    }
    sketch_must(s, graph_add_output(&s->graph, sketch_unary(s, "GlobalAveragePool", x), &s->err));
    return sketch_exec(s, &s->graph, 2, EXEC_TRAIN, NULL);
}

static int64_t placed_at_once(const struct exec *exec)
{
    return exec->graph.node_count + exec->graph.value_count;
}

/* To try all nodes for each choice would place them some hundred times as often. */
static void a_choice_is_made_among_few(void **state)
{
    enum { LENGTH = 60 };
    struct sketch s;
    struct exec *exec = chain(&s, LENGTH);
    int convs = 0;

    (void)state;
    for (int n = 0; n < exec->graph.node_count; n++)
        convs += exec->step[n].keeping != KEPT && strcmp(exec->graph.node[n].op->name, "Conv") == 0;
    assert_true(convs >= LENGTH / 2);
    assert_true(exec->pricing < 2 * exec->graph.node_count * placed_at_once(exec));
    exec_free(exec);
    sketch_end(&s);
}

static double cost_of(const struct exec *exec, int n)
{
    struct op_cost cost;

    op_cost_of(exec->graph.node[n].op, &exec->step[n].io, &cost);
    return cost.macs + 2 * (cost.read_bytes + cost.write_bytes);
}

/* So that what is computed again does not depend on who does it. */
static void a_fused_curve_counts_as_if_by_itself(void **state)
{
    enum { NORM = 2, CURVE, LAST = 8 }; /* of the only block, the last without a curve */
    struct sketch s;
    struct exec *exec = chain(&s, 1);
    struct op_cost norm, curve, last;

    (void)state;
    op_cost_of(exec->graph.node[NORM].op, &exec->step[NORM].io, &norm);
    op_cost_of(exec->graph.node[CURVE].op, &exec->step[CURVE].io, &curve);
    op_cost_of(exec->graph.node[LAST].op, &exec->step[LAST].io, &last);
    assert_true(norm.write_bytes == 2 * (double)tensor_bytes(exec->step[NORM].io.out[0]));
    assert_true(norm.read_bytes > norm.write_bytes && curve.read_bytes + curve.write_bytes == 0);
    assert_true(last.write_bytes == (double)tensor_bytes(exec->step[LAST].io.out[0]));
    exec_free(exec);
    sketch_end(&s);
}

static void three_hundredths_of_the_work_are_spent_unasked(void **state)
{
    struct sketch s;
    struct exec *exec = chain(&s, 12);
    double all = 0, again = 0;

    (void)state;
    for (int n = 0; n < exec->graph.node_count; n++)
        all += 3 * cost_of(exec, n);
    for (int k = 0; k < exec->replay_count; k++)
        if (strcmp(exec->graph.node[exec->replay[k].node].op->name, "Conv") == 0)
            again += cost_of(exec, exec->replay[k].node);
    assert_true(again > 0);
    assert_true(again < 0.031 * all);
    exec_free(exec);
    sketch_end(&s);
}

/* Each of sixteen is 1/48 of a step's work and holds 1/16 of the memory: not four times the share. */
static void what_frees_too_little_is_kept(void **state)
{
    struct sketch s;
    struct exec *exec;
    int x;

    (void)state;
    sketch_begin(&s, 9);
    x = sketch_input(&s, 8, 16);
    for (int i = 0; i < 16; i++)
        x = sketch_conv(&s, x, 8, 8, 3, 1, 1, false);
    sketch_must(&s, graph_add_output(&s.graph, sketch_unary(&s, "GlobalAveragePool", x), &s.err));
    exec = sketch_exec(&s, &s.graph, 2, EXEC_TRAIN, NULL);
    assert_int_equal(exec->replay_count, 0);
    exec_free(exec);
    sketch_end(&s);
}

static void work_on_choices_ends(void **state)
{
    struct sketch s;
    struct exec *exec = chain(&s, 300);

    (void)state;
    assert_in_range(exec->pricing, LESSEN_WORK, LESSEN_WORK + 2 * placed_at_once(exec));
    exec_free(exec);
    sketch_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_choice_is_made_among_few),
        cmocka_unit_test(a_fused_curve_counts_as_if_by_itself),
        cmocka_unit_test(three_hundredths_of_the_work_are_spent_unasked),
        cmocka_unit_test(what_frees_too_little_is_kept),
        cmocka_unit_test(work_on_choices_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

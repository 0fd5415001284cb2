#include <math.h>

#include "graph/exec_internal.h"
#include "graph/sketch.h"

/* ---- gradients ---- */

/*
 * Smooth everywhere: two convolutions and a residual, a product of a value with itself, a concatenation, one weight
 * read by two layers, a view on the way, and two outputs of which one is read on.
 */
static void smooth_net(struct sketch *s)
{
    int x, a, b, c, flat, y;

    sketch_begin(s, 9);
    x = sketch_input(s, 2, 4);
    a = sketch_unary(s, "Tanh", sketch_norm(s, sketch_conv(s, x, 2, 4, 3, 1, 1, true), 4));
    b = sketch_conv(s, a, 4, 4, 3, 1, 4, false);
    c = sketch_conv(s, sketch_binary(s, "Add", b, a), 4, 4, 3, 1, 4, false);
    s->graph.node[graph_producer(&s->graph, c)].in[1] = s->graph.node[graph_producer(&s->graph, b)].in[1];
    c = sketch_concat(s, sketch_binary(s, "Mul", c, c), sketch_unary(s, "Sigmoid", a));
    flat = sketch_unary(s, "Flatten", sketch_pool(s, "AveragePool", c));
    y = sketch_gemm(s, flat, 32, 3, true);
    sketch_must(s, graph_add_output(&s->graph, y, &s->err));
    sketch_must(s, graph_add_output(&s->graph, sketch_unary(s, "Tanh", y), &s->err));
    sketch_must(s, graph_remove_dead(&s->graph, &s->err));
}

/* Any fixed linear form of the outputs. */
static double coefficient(int output, int64_t k)
{
    return (double)((k * 5 + output * 3) % 11 - 5) / 4;
}

static double loss(struct exec *exec, const struct graph *graph)
{
    double sum = 0;

    exec_forward(exec);
    for (int i = 0; i < graph->output_count; i++)
        for (int64_t k = 0; k < shape_count(&exec_output(exec, i)->shape); k++)
            sum += coefficient(i, k) * (double)((const float *)exec_output(exec, i)->data)[k];
    return sum;
}

static void backward_from_loss(struct exec *exec, const struct graph *graph)
{
    for (int i = 0; i < graph->output_count; i++)
        for (int64_t k = 0; k < shape_count(&exec_output(exec, i)->shape); k++)
            exec_output(exec, i)->grad[k] = (float)coefficient(i, k);
    exec_backward(exec, NULL, NULL);
}

static void check_weight(struct exec *exec, const struct graph *graph, int v)
{
    float *w = graph->value[v].tensor.data;
    float *gradient = exec_gradient(exec, v), got[512];
    int64_t count = shape_count(&graph->value[v].tensor.shape);

    assert_non_null(gradient);
    assert_true(count <= 512);
    (void)loss(exec, graph);
    backward_from_loss(exec, graph);
    memcpy(got, gradient, (size_t)count * sizeof(float));
    for (int64_t i = 0; i < count; i++) {
        const float step = 1e-2f, was = w[i];
        double up, down, want;

        w[i] = was + step;
        up = loss(exec, graph);
        w[i] = was - step;
        down = loss(exec, graph);
        w[i] = was;
        want = (up - down) / (2 * (double)step);
        if (fabs(want - (double)got[i]) > 2e-3 + 2e-3 * fabs(want))
            fail_msg("'%s' element %d: gradient %g, by differences %g", graph->value[v].name, (int)i, (double)got[i],
                     want);
    }
}

static void gradients_agree_with_finite_differences(void **state)
{
    struct sketch s;
    struct exec *exec;
    int checked = 0;

    (void)state;
    smooth_net(&s);
    exec = sketch_exec(&s, &s.graph, 3, EXEC_TRAIN, NULL);
    sketch_fill(exec, &s.graph, 2);
    for (int v = 0; v < s.graph.value_count; v++)
        if (s.graph.value[v].trainable) {
            check_weight(exec, &s.graph, v);
            checked++;
        }
    assert_int_equal(checked, 7);
    exec_free(exec);
    sketch_end(&s);
}

/* A weight that leads to no output learns nothing, and says so with zeros. */
static void weight_without_influence_gets_zeros(void **state)
{
    struct sketch s;
    struct exec *exec;
    const float *gradient;
    int x, dead;

    (void)state;
    sketch_begin(&s, 1);
    x = sketch_input(&s, 2, 4);
    sketch_conv(&s, x, 2, 2, 1, 1, 1, false);
    dead = s.graph.node[0].in[1];
    sketch_must(&s, graph_add_output(&s.graph, sketch_conv(&s, x, 2, 2, 1, 1, 1, false), &s.err));
    exec = sketch_exec(&s, &s.graph, 1, EXEC_TRAIN, NULL);
    gradient = exec_gradient(exec, dead);
    assert_non_null(gradient);
    memset(exec_gradient(exec, dead), 0x55, 4 * sizeof(float));
    (void)loss(exec, &s.graph);
    backward_from_loss(exec, &s.graph);
    for (int i = 0; i < 4; i++)
        assert_true(gradient[i] == 0);
    exec_free(exec);
    sketch_end(&s);
}

/* A weight handed out as it is: its gradient is what the caller says, and what others add to it. */
static void output_may_be_a_weight(void **state)
{
    struct sketch s;
    struct exec *exec;
    int x, w, constant;

    (void)state;
    sketch_begin(&s, 1);
    x = sketch_input(&s, 2, 4);
    w = sketch_weight(&s, shape_of(4, (int64_t)1, (int64_t)2, (int64_t)4, (int64_t)4), 0, 1, true);
    constant = sketch_weight(&s, shape_of(1, (int64_t)3), 0, 1, false);
    sketch_must(&s, graph_add_output(&s.graph, sketch_binary(&s, "Add", x, w), &s.err));
    sketch_must(&s, graph_add_output(&s.graph, w, &s.err));
    sketch_must(&s, graph_add_output(&s.graph, constant, &s.err));
    exec = sketch_exec(&s, &s.graph, 1, EXEC_TRAIN, NULL);
    sketch_fill(exec, &s.graph, 1);
    (void)loss(exec, &s.graph);
    backward_from_loss(exec, &s.graph);
    for (int i = 0; i < 32; i++)
        assert_true(exec_gradient(exec, w)[i] == (float)(coefficient(0, i) + coefficient(1, i)));
    assert_null(exec_gradient(exec, constant));
    exec_free(exec);
    sketch_end(&s);
}

/* ---- in rows ---- */

/* A layer whose gradient comes in rows between two others that learn. */
static void wide_net(struct sketch *s)
{
    int x;

    sketch_begin(s, 6);
    x = sketch_unary(s, "Relu", sketch_conv(s, sketch_input(s, 2, 4), 2, 2, 3, 1, 1, true));
    x = sketch_unary(s, "Tanh", sketch_gemm(s, sketch_unary(s, "Flatten", x), 32, 300, true));
    sketch_must(s, graph_add_output(&s->graph, sketch_gemm(s, x, 300, 3, true), &s->err));
}

struct taking {
    const struct graph *graph;
    float gradient[SKETCH_VALUES][300 * 32];
    size_t taken[SKETCH_VALUES];
    int calls[SKETCH_VALUES];
};

/* As an optimizer does, but worse: nobody may read the rows any more. */
static void take_and_spoil(void *context, const struct gradient *gradient)
{
    struct taking *taking = context;
    const int v = gradient->value;
    float *weight = (float *)taking->graph->value[v].tensor.data + gradient->first;

    assert_int_equal(gradient->first, taking->taken[v]);
    memcpy(taking->gradient[v] + gradient->first, gradient->data, gradient->count * sizeof(float));
    for (size_t i = 0; i < gradient->count; i++)
        weight[i] = NAN;
    taking->taken[v] += gradient->count;
    taking->calls[v]++;
}

static void large_gradient_comes_in_rows(void **state)
{
    static struct taking taking;
    struct sketch s;
    struct exec *whole, *rows;
    int wide;

    (void)state;
    wide_net(&s);
    wide = s.graph.node[3].in[1];
    whole = sketch_exec(&s, &s.graph, 2, EXEC_TRAIN, NULL);
    rows = sketch_training(&s, &s.graph, 2, &(struct exec_training){ .takes = true });
    assert_true(rows->plan.span[rows->grad_span[wide]].bytes < 300 * 32 * sizeof(float) / 2);
    assert_null(exec_gradient(rows, wide));
    sketch_fill(whole, &s.graph, 1);
    sketch_fill(rows, &s.graph, 1);
    assert_true(loss(whole, &s.graph) == loss(rows, &s.graph));
    backward_from_loss(whole, &s.graph);
    for (int k = 0; k < 6; k++)
        exec_output(rows, 0)->grad[k] = (float)coefficient(0, k);
    memset(&taking, 0, sizeof(taking));
    taking.graph = &s.graph;
    exec_backward(rows, take_and_spoil, &taking);
    for (int v = 0; v < s.graph.value_count; v++)
        if (s.graph.value[v].trainable) {
            assert_int_equal(taking.taken[v], shape_count(&s.graph.value[v].tensor.shape));
            assert_int_equal(taking.calls[v], v == wide ? 3 : 1);
            assert_memory_equal(taking.gradient[v], exec_gradient(whole, v), taking.taken[v] * sizeof(float));
        }
    exec_free(whole);
    exec_free(rows);
    sketch_end(&s);
}

/* Two layers add to one gradient: it is whole once both have. */
static void shared_weight_is_taken_whole(void **state)
{
    struct sketch s;
    struct exec *exec;
    int x, shared;

    (void)state;
    sketch_begin(&s, 6);
    x = sketch_unary(&s, "Flatten", sketch_input(&s, 10, 4));
    x = sketch_gemm(&s, sketch_unary(&s, "Relu", sketch_gemm(&s, x, 160, 160, false)), 160, 160, false);
    shared = s.graph.node[1].in[1];
    s.graph.node[3].in[1] = shared;
    sketch_must(&s, graph_add_output(&s.graph, x, &s.err));
    sketch_must(&s, graph_remove_dead(&s.graph, &s.err));
    exec = sketch_training(&s, &s.graph, 2, &(struct exec_training){ .takes = true });
    for (int n = 0; n < exec->graph.node_count; n++)
        assert_false(exec->step[n].apart);
    exec_free(exec);
    s.graph.node[3].in[0] = shared; /* by one layer, as both of its inputs */
    sketch_must(&s, graph_remove_dead(&s.graph, &s.err));
    exec = sketch_training(&s, &s.graph, 2, &(struct exec_training){ .takes = true });
    for (int n = 0; n < exec->graph.node_count; n++)
        assert_false(exec->step[n].apart);
    exec_free(exec);
    sketch_end(&s);
}

/* ---- freezing ---- */

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

static void freeze_all_but_gemm(const struct graph *graph, bool frozen[SKETCH_VALUES])
{
    const struct node *gemm = &graph->node[graph->node_count - 1];

    for (int v = 0; v < graph->value_count; v++)
        frozen[v] = v != gemm->in[1] && v != gemm->in[2];
}

static void frozen_weights_get_no_gradient_and_change_no_other(void **state)
{
    struct sketch s;
    struct exec *all, *head;
    bool frozen[SKETCH_VALUES];

    (void)state;
    deep_net(&s);
    freeze_all_but_gemm(&s.graph, frozen);
    all = sketch_exec(&s, &s.graph, 2, EXEC_TRAIN, NULL);
    head = sketch_frozen(&s, &s.graph, 2, frozen);
    sketch_fill(all, &s.graph, 1);
    sketch_fill(head, &s.graph, 1);
    assert_true(loss(all, &s.graph) == loss(head, &s.graph));
    backward_from_loss(all, &s.graph);
    backward_from_loss(head, &s.graph);
    for (int v = 0; v < s.graph.value_count; v++) {
        if (frozen[v])
            assert_null(exec_gradient(head, v));
        else
            assert_memory_equal(exec_gradient(head, v), exec_gradient(all, v), tensor_bytes(&s.graph.value[v].tensor));
    }
    exec_free(all);
    exec_free(head);
    sketch_end(&s);
}

static void freezing_saves_memory_and_work(void **state)
{
    struct sketch s;
    struct exec *exec;
    bool frozen[SKETCH_VALUES];
    size_t before;
    int trained = 0;

    (void)state;
    deep_net(&s);
    freeze_all_but_gemm(&s.graph, frozen);
    exec = sketch_exec(&s, &s.graph, 8, EXEC_TRAIN, NULL);
    before = exec_memory_bytes(exec);
    exec_free(exec);
    exec = sketch_frozen(&s, &s.graph, 8, frozen);
    assert_true(exec_memory_bytes(exec) < before); /* what remains is mostly the filters' scratch */
    for (int n = 0; n < s.graph.node_count; n++)
        trained += exec->step[n].trains;
    assert_int_equal(trained, 1);
    exec_free(exec);
    sketch_end(&s);
}

static void frozen_normalisation_keeps_to_its_statistics(void **state)
{
    struct sketch s;
    struct exec *train, *trace;
    bool frozen[SKETCH_VALUES];
    float mean[4], variance[4];
    const struct node *norm;

    (void)state;
    sketch_begin(&s, 5);
    sketch_must(&s, graph_add_output(&s.graph, sketch_norm(&s, sketch_input(&s, 4, 6), 4), &s.err));
    norm = &s.graph.node[0];
    memcpy(mean, s.graph.value[norm->in[3]].tensor.data, sizeof(mean));
    memcpy(variance, s.graph.value[norm->in[4]].tensor.data, sizeof(variance));
    memset(frozen, true, sizeof(frozen));
    train = sketch_frozen(&s, &s.graph, 2, frozen);
    trace = sketch_exec(&s, &s.graph, 2, EXEC_TRACE, NULL);
    sketch_fill(train, &s.graph, 1);
    sketch_fill(trace, &s.graph, 1);
    exec_forward(train);
    exec_forward(trace);
    assert_memory_equal(exec_output(train, 0)->data, exec_output(trace, 0)->data, tensor_bytes(exec_output(trace, 0)));
    assert_memory_equal(mean, s.graph.value[norm->in[3]].tensor.data, sizeof(mean));
    assert_memory_equal(variance, s.graph.value[norm->in[4]].tensor.data, sizeof(variance));
    exec_free(train);
    train = sketch_exec(&s, &s.graph, 2, EXEC_TRAIN, NULL);
    sketch_fill(train, &s.graph, 1);
    exec_forward(train);
    assert_memory_not_equal(mean, s.graph.value[norm->in[3]].tensor.data, sizeof(mean));
    exec_free(train);
    exec_free(trace);
    sketch_end(&s);
}

/* A frozen normalisation in the middle still passes its gradient on, as the affine map it is. */
static void gradient_passes_a_frozen_normalisation(void **state)
{
    struct sketch s;
    struct exec *exec;
    bool frozen[SKETCH_VALUES] = { false };
    int conv, norm;

    (void)state;
    sketch_begin(&s, 5);
    conv = sketch_conv(&s, sketch_input(&s, 2, 4), 2, 4, 3, 1, 1, false);
    norm = sketch_norm(&s, conv, 4);
    sketch_must(&s, graph_add_output(&s.graph, norm, &s.err));
    for (int i = 1; i < 5; i++)
        frozen[s.graph.node[1].in[i]] = true;
    exec = sketch_frozen(&s, &s.graph, 2, frozen);
    sketch_fill(exec, &s.graph, 3);
    check_weight(exec, &s.graph, s.graph.node[0].in[1]);
    exec_free(exec);
    sketch_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_agree_with_finite_differences),
        cmocka_unit_test(weight_without_influence_gets_zeros),
        cmocka_unit_test(output_may_be_a_weight),
        cmocka_unit_test(large_gradient_comes_in_rows),
        cmocka_unit_test(shared_weight_is_taken_whole),
        cmocka_unit_test(frozen_weights_get_no_gradient_and_change_no_other),
        cmocka_unit_test(freezing_saves_memory_and_work),
        cmocka_unit_test(frozen_normalisation_keeps_to_its_statistics),
        cmocka_unit_test(gradient_passes_a_frozen_normalisation),
    };

    return SKETCH_RUN(tests);
}

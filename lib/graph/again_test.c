#include "graph/exec_internal.h"
#include "graph/sketch.h"

enum { FLOATS = 1 << 16 };

/* What a step gives: the outputs, then every weight's gradient as it is taken, then the statistics that it moved. */
struct result {
    struct exec *exec;
    const struct graph *graph;
    const float *at[SKETCH_VALUES * 4]; /* by value; NULL: no gradient was taken */
    size_t taken[SKETCH_VALUES * 4];
    int64_t count;
    float floats[FLOATS];
};

static float *put(struct result *result, const void *from, int64_t count)
{
    float *to = result->floats + result->count;

    assert_true(result->count + count <= FLOATS);
    memcpy(to, from, (size_t)count * sizeof(float));
    result->count += count;
    return to;
}

static void take(void *context, const struct gradient *gradient)
{
    struct result *result = context;
    const size_t all = (size_t)shape_count(&result->graph->value[gradient->value].tensor.shape);
    size_t *taken = &result->taken[gradient->value];

    if (result->at[gradient->value] == NULL)
        *taken = 0;
    assert_int_equal(gradient->first, *taken); /* in order, and each row once */
    assert_true(gradient->count > 0 && gradient->first + gradient->count <= all);
    const float *to = put(result, gradient->data, (int64_t)gradient->count);
    if (gradient->first == 0)
        result->at[gradient->value] = to;
    *taken += gradient->count;
}

static void take_whole(struct result *result, int value)
{
    const size_t count = (size_t)shape_count(&result->graph->value[value].tensor.shape);

    take(result, &(struct gradient){ value, 0, count, exec_gradient(result->exec, value) });
}

static void put_outputs(struct result *result)
{
    for (int i = 0; i < result->graph->output_count; i++) {
        const struct tensor *out = exec_output(result->exec, i);

        put(result, out->data, shape_count(&out->shape));
        for (int64_t k = 0; k < shape_count(&out->shape); k++)
            out->grad[k] = (float)((k * 5 + i * 3) % 11 - 5) / 4;
    }
}

/* Statistics are moved, and put back. */
static void put_statistics(struct result *result, float *before)
{
    for (int v = 0; v < result->graph->value_count; v++) {
        const struct value *value = &result->graph->value[v];
        int64_t count = shape_count(&value->tensor.shape);

        if (value->kind != VALUE_WEIGHT || value->trainable || value->tensor.dtype != DTYPE_F32)
            continue;
        put(result, value->tensor.data, count);
        memcpy(value->tensor.data, before, (size_t)count * sizeof(float));
        before += count;
    }
}

static void save_statistics(const struct graph *graph, float *before)
{
    for (int v = 0; v < graph->value_count; v++) {
        const struct value *value = &graph->value[v];

        if (value->kind != VALUE_WEIGHT || value->trainable || value->tensor.dtype != DTYPE_F32)
            continue;
        memcpy(before, value->tensor.data, tensor_bytes(&value->tensor));
        before += shape_count(&value->tensor.shape);
    }
}

/* Two steps: the second finds the places of the first. */
static void run(struct sketch *s, size_t bytes, bool takes, struct result *result)
{
    static float before[FLOATS];

    memset(result, 0, sizeof(*result));
    result->graph = &s->graph;
    result->exec = sketch_training(s, &s->graph, 2, &(struct exec_training){ .takes = takes, .memory_bytes = bytes });
    assert_true(bytes == 0 || result->exec->plan.bytes <= bytes);
    save_statistics(&s->graph, before);
    for (int step = 0; step < 2; step++) {
        sketch_fill(result->exec, &s->graph, (uint64_t)step);
        exec_set_step(result->exec, 7, (uint64_t)step);
        exec_forward(result->exec);
        put_outputs(result);
        memset(result->at, 0, sizeof(result->at));
        exec_backward(result->exec, takes ? take : NULL, result);
        for (int v = 0; v < s->graph.value_count; v++) {
            if (!takes && exec_gradient(result->exec, v) != NULL)
                take_whole(result, v);
            assert_true((result->at[v] != NULL) == (s->graph.value[v].kind == VALUE_WEIGHT && result->exec->needs[v]));
        }
    }
    put_statistics(result, before);
}

static void expect_same(const struct result *a, const struct result *b)
{
    assert_int_equal(a->count, b->count);
    for (int v = 0; v < a->graph->value_count; v++)
        if (a->at[v] != NULL)
            assert_memory_equal(a->at[v], b->at[v], tensor_bytes(&a->graph->value[v].tensor));
}

static void limit_changes_no_bit(void **state)
{
    static struct result free, taken, half, least;

    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct sketch s;
        size_t most, fewest;

        sketch_draw(&s, seed, 24, true);
        run(&s, 0, false, &free);
        run(&s, 0, true, &taken);
        most = taken.exec->plan.bytes;
        fewest = sketch_least(&s, &s.graph, 2, true);
        assert_true(fewest <= most && most <= free.exec->plan.bytes + free.exec->plan.bytes / 4);
        run(&s, (most + fewest) / 2, true, &half);
        run(&s, fewest, true, &least);
        expect_same(&free, &taken);
        expect_same(&free, &half);
        expect_same(&free, &least);
        /* those of outputs and statistics, and all where gradients are taken in one order */
        assert_memory_equal(taken.floats, half.floats, (size_t)taken.count * sizeof(float));
        assert_memory_equal(taken.floats, least.floats, (size_t)taken.count * sizeof(float));
        exec_free(free.exec);
        exec_free(taken.exec);
        exec_free(half.exec);
        exec_free(least.exec);
        sketch_end(&s);
    }
}

/* Convolutions one after the other, a curve of its own after each. */
static void chain(struct sketch *s, int length)
{
    int x;

    sketch_begin(s, 3);
    x = sketch_input(s, 4, 16);
    for (int i = 0; i < length; i++)
        x = sketch_unary(s, "Sigmoid", sketch_conv(s, x, 4, 4, 3, 1, 1, false));
    sketch_must(s, graph_add_output(&s->graph, sketch_unary(s, "GlobalAveragePool", x), &s->err));
}

static void deep_chain_does_with_a_fraction(void **state)
{
    struct sketch s;
    struct exec *exec;
    size_t all, least;

    (void)state;
    chain(&s, 24);
    exec = sketch_exec(&s, &s.graph, 8, EXEC_TRAIN, NULL);
    all = exec->plan.bytes;
    least = sketch_least(&s, &s.graph, 8, false);
    assert_true(3 * least < 2 * all);
    exec_free(exec);
    sketch_end(&s);
}

/* What normalisation and a curve after it give is not kept: what normalisation reads is. */
static void normalised_values_are_not_kept(void **state)
{
    struct sketch s;
    struct exec *exec;
    int x, norm, y;

    (void)state;
    sketch_begin(&s, 4);
    x = sketch_conv(&s, sketch_input(&s, 4, 8), 4, 8, 3, 1, 1, false);
    norm = sketch_norm(&s, x, 8);
    y = sketch_unary(&s, "Relu", norm);
    sketch_must(&s, graph_add_output(&s.graph, sketch_conv(&s, y, 8, 4, 3, 1, 1, false), &s.err));
    exec = sketch_exec(&s, &s.graph, 2, EXEC_TRAIN, NULL);
    assert_true(exec->last_read[x] > exec->graph.node_count);
    assert_true(exec->last_read[y] < exec->graph.node_count);
    assert_int_equal(exec->replay_count, 2);
    assert_int_equal(exec->made[norm], exec->replay[0].node);
    assert_int_equal(exec->replay[0].span[0], exec->replay[1].span[0]);
    exec_free(exec);
    sketch_end(&s);
}

/* A stem whose maps are large and cheap, and what is made of it, which is not. */
static void stem(struct sketch *s)
{
    int x;

    sketch_begin(s, 5);
    x = sketch_conv(s, sketch_input(s, 1, 16), 1, 24, 1, 1, 1, true);
    for (int i = 0; i < 2; i++)
        x = sketch_conv(s, sketch_unary(s, "Relu", sketch_norm(s, x, 24)), 24, 24, 5, 1, 1, false);
    x = sketch_unary(s, "GlobalAveragePool", x);
    sketch_must(s, graph_add_output(&s->graph, x, &s->err));
}

static void what_costs_next_to_nothing_is_not_kept(void **state)
{
    struct sketch s;
    struct exec *exec;

    (void)state;
    stem(&s);
    exec = sketch_exec(&s, &s.graph, 8, EXEC_TRAIN, NULL);
    assert_int_not_equal(exec->step[0].keeping, KEPT);
    assert_int_equal(exec->step[3].keeping, KEPT);
    exec_free(exec);
    sketch_end(&s);
}

/* Sums along a row of blocks are made one of the other. */
static void residuals(struct sketch *s, int length)
{
    int x;

    sketch_begin(s, 8);
    x = sketch_conv(s, sketch_input(s, 4, 16), 4, 4, 3, 1, 1, false);
    for (int i = 0; i < length; i++)
        x = sketch_unary(s, "Relu",
                         sketch_binary(s, "Add", sketch_norm(s, sketch_conv(s, x, 4, 4, 3, 1, 1, false), 4), x));
    sketch_must(s, graph_add_output(&s->graph, sketch_unary(s, "GlobalAveragePool", x), &s->err));
}

/* Those that only the next one is made of are not held until their own turn comes. */
static void residuals_are_not_held_together(void **state)
{
    enum { LENGTH = 12, BATCH = 8, MAP = BATCH * 4 * 16 * 16 * sizeof(float) };
    struct sketch s;
    struct exec *exec;
    size_t least;
    int brief = 0;

    (void)state;
    residuals(&s, LENGTH);
    least = sketch_least(&s, &s.graph, BATCH, true);
    exec = sketch_training(&s, &s.graph, BATCH, &(struct exec_training){ .takes = true, .memory_bytes = least });
    for (int n = 0; n < exec->graph.node_count; n++)
        brief += exec->step[n].keeping == BRIEF;
    assert_true(brief > 0);
    assert_true(least < (size_t)2 * LENGTH * MAP);
    exec_free(exec);
    sketch_end(&s);
}

static int replays_of(const struct exec *exec, int n)
{
    int count = 0;

    for (int k = 0; k < exec->replay_count; k++)
        count += exec->replay[k].node == n;
    return count;
}

/* The sum and the norm that only a brief curve reads run again with it; what the norm reads was kept. */
static void what_is_for_the_brief_alone_is_not_held(void **state)
{
    enum { CONV = 1, NORM, ADD, RELU }; /* of the first block */
    struct sketch s;
    struct exec *exec;

    (void)state;
    residuals(&s, 3);
    exec = sketch_exec(&s, &s.graph, 2, EXEC_TRAIN, NULL);
    again_keep(exec, RELU, FORGOTTEN);
    place_values(exec);
    assert_int_equal(replays_of(exec, RELU), 1);
    again_keep(exec, RELU, BRIEF);
    place_values(exec);
    assert_int_equal(replays_of(exec, CONV), 0);
    assert_int_equal(replays_of(exec, RELU), 2);
    assert_int_equal(replays_of(exec, ADD), 2);
    assert_int_equal(replays_of(exec, NORM), 2);
    exec_free(exec);
    sketch_end(&s);
}

/* Nor is a norm that does its curve itself: that is a view, and goes with it. */
static void a_fused_norm_for_the_brief_alone_is_not_held(void **state)
{
    enum { CONV, NORM, CURVE, NEXT };
    struct sketch s;
    struct exec *exec;

    (void)state;
    stem(&s);
    exec = sketch_exec(&s, &s.graph, 2, EXEC_TRAIN, NULL);
    assert_true(exec->step[CURVE].view);
    again_keep(exec, CONV, KEPT);
    again_keep(exec, NEXT, BRIEF);
    place_values(exec);
    assert_int_equal(replays_of(exec, NEXT), 2);
    assert_int_equal(replays_of(exec, NORM), 3); /* for each of them, and for its backward */
    exec_free(exec);
    sketch_end(&s);
}

/* What has many outputs does not run again as often as a curve may. */
static void outputs_of_all_replays_have_room(void **state)
{
    enum { OUTPUTS = 64, READ = 24 };
    struct attribute axis = { .name = "axis", .kind = ATTRIBUTE_INT, .i = 1 };
    struct attributes attributes = { &axis, 1 };
    struct sketch s;
    struct exec *exec;
    int x, sum;

    (void)state;
    sketch_begin(&s, 10);
    x = sketch_conv(&s, sketch_input(&s, 4, 4), 4, OUTPUTS, 1, 1, 1, false);
    x = sketch_must(&s, graph_add_node(&s.graph, "split", "Split", &x, 1, OUTPUTS, NULL, &attributes, &s.err));
    sum = sketch_unary(&s, "Tanh", x);
    for (int i = 1; i < READ; i++)
        sum = sketch_binary(&s, "Add", sum, sketch_unary(&s, "Tanh", x + i));
    sketch_must(&s, graph_add_output(&s.graph, sketch_unary(&s, "GlobalAveragePool", sum), &s.err));
    exec = sketch_exec(&s, &s.graph, 2, EXEC_TRAIN, NULL);
    for (int n = 1; n < exec->graph.node_count - 2; n++)
        again_keep(exec, n, BRIEF);
    place_values(exec);
    assert_true(replays_of(exec, 1) > 1);
    assert_true(exec->replay_outputs <= exec->output_room);
    assert_true(exec->replay_count <= exec->replay_room);
    assert_true(exec->plan.count <= exec->plan.capacity);
    exec_free(exec);
    sketch_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limit_changes_no_bit),
        cmocka_unit_test(deep_chain_does_with_a_fraction),
        cmocka_unit_test(normalised_values_are_not_kept),
        cmocka_unit_test(what_costs_next_to_nothing_is_not_kept),
        cmocka_unit_test(residuals_are_not_held_together),
        cmocka_unit_test(what_is_for_the_brief_alone_is_not_held),
        cmocka_unit_test(a_fused_norm_for_the_brief_alone_is_not_held),
        cmocka_unit_test(outputs_of_all_replays_have_room),
    };

    return SKETCH_RUN(tests);
}

/* What training fuses: a curve into the normalization before it, there and back, without a bit changed. */
#include "graph/exec_internal.h"
#include "graph/sketch.h"

enum { CONV, NORM }; /* of nets made here */

/* A clamp to low..high, bounds as inputs. */
static int clip(struct sketch *s, int x, float low, float high)
{
    int in[3] = { x };

    in[1] = sketch_weight(s, shape_of(0), low, 0, false);
    in[2] = sketch_weight(s, shape_of(0), high, 0, false);
    return sketch_node(s, "Clip", in, 3, NULL);
}

struct net {
    const char *curve;
    float low, high; /* of Clip */
    int64_t side;    /* rows of 256 pixels, or short ones */
};

static const struct net nets[] = {
    { "Relu", 0, 0, 16 },
    { "Relu", 0, 0, 4 },
    { "Clip", -0.5F, 0.75F, 16 },
    { "Clip", -0.5F, 0.75F, 4 },
};

/* Conv, norm, curve, conv; something between norm and curve keeps them apart. */
static void begin(struct sketch *s, const struct net *net, bool apart)
{
    int x;

    sketch_begin(s, 7);
    x = sketch_norm(s, sketch_conv(s, sketch_input(s, 2, net->side), 2, 6, 3, 1, 1, false), 6);
    if (apart)
        x = sketch_unary(s, "Identity", x);
    x = net->high > net->low ? clip(s, x, net->low, net->high) : sketch_unary(s, net->curve, x);
    sketch_must(s, graph_add_output(&s->graph, sketch_conv(s, x, 6, 3, 3, 1, 1, false), &s->err));
}

static bool fused(const struct exec *exec)
{
    return exec->step[NORM].io.epilogue != NULL;
}

static void step(struct exec *exec, const struct graph *graph)
{
    sketch_fill(exec, graph, 5);
    exec_forward(exec);
    for (int64_t k = 0; k < shape_count(&exec_output(exec, 0)->shape); k++)
        exec_output(exec, 0)->grad[k] = (float)(k % 7 - 3) / 8;
    exec_backward(exec, NULL, NULL);
}

/* Weights are in the same order in both; those of the trained one have moved statistics. */
static void expect_same(struct exec *a, const struct graph *of_a, struct exec *b, const struct graph *of_b)
{
    int other = 0, compared = 0;

    assert_memory_equal(exec_output(a, 0)->data, exec_output(b, 0)->data, tensor_bytes(exec_output(a, 0)));
    for (int v = 0; v < of_a->value_count; v++) {
        const struct value *value = &of_a->value[v];

        if (value->kind != VALUE_WEIGHT)
            continue;
        while (of_b->value[other].kind != VALUE_WEIGHT)
            other++;
        assert_memory_equal(value->tensor.data, of_b->value[other].tensor.data, tensor_bytes(&value->tensor));
        if (exec_gradient(a, v) != NULL) {
            assert_memory_equal(exec_gradient(a, v), exec_gradient(b, other), tensor_bytes(&value->tensor));
            compared++;
        }
        other++;
    }
    assert_true(compared >= 2);
}

/* Two of the same net, step by step: fused and apart, or on one thread and on several. */
struct pair {
    struct sketch sketch[2];
    struct exec *exec[2];
};

/* Of frozen norms none of the weights is trained. */
static struct exec *start(struct sketch *s, const struct net *net, bool apart, bool frozen, struct pool *pool)
{
    bool still[SKETCH_VALUES] = { false };

    begin(s, net, apart);
    for (int k = 1; k < 5; k++)
        still[s->graph.node[NORM].in[k]] = true;
    return frozen ? sketch_frozen(s, &s->graph, 3, still) : sketch_exec(s, &s->graph, 3, EXEC_TRAIN, pool);
}

static void finish_the_same(struct pair *pair, int steps)
{
    while (steps-- > 0) {
        for (int i = 0; i < 2; i++)
            step(pair->exec[i], &pair->sketch[i].graph);
        expect_same(pair->exec[0], &pair->sketch[0].graph, pair->exec[1], &pair->sketch[1].graph);
    }
    for (int i = 0; i < 2; i++) {
        exec_free(pair->exec[i]);
        sketch_end(&pair->sketch[i]);
    }
}

static void fused_and_apart_are_the_same_bits(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(nets); i++) {
        struct pair pair;

        for (int apart = 0; apart < 2; apart++)
            pair.exec[apart] = start(&pair.sketch[apart], &nets[i], apart, false, NULL);
        assert_true(fused(pair.exec[0]) && !fused(pair.exec[1]));
        assert_string_equal(pair.sketch[0].graph.node[NORM + 1].op->name, nets[i].curve);
        finish_the_same(&pair, 2);
    }
}

/* One whose weights keep still is an affine map: backward has no numbers of the batch to make it of again. */
static void frozen_ones_are_the_same_too(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(nets); i++) {
        struct pair pair;

        for (int apart = 0; apart < 2; apart++)
            pair.exec[apart] = start(&pair.sketch[apart], &nets[i], apart, true, NULL);
        assert_true(fused(pair.exec[0]) && !fused(pair.exec[1]) && !pair.exec[0]->step[NORM].io.training);
        finish_the_same(&pair, 1);
    }
}

static void threads_change_no_bit(void **state)
{
    struct pool *pool = pool_new(3, NULL);

    (void)state;
    assert_non_null(pool);
    for (size_t i = 0; i < COUNT(nets); i++) {
        struct pair pair;

        for (int several = 0; several < 2; several++)
            pair.exec[several] = start(&pair.sketch[several], &nets[i], false, false, several ? pool : NULL);
        assert_true(fused(pair.exec[0]) && fused(pair.exec[1]));
        finish_the_same(&pair, 1);
    }
    pool_free(pool);
}

/* A scale of 0 makes of each channel its bias alone: at a bound nothing passes, between them everything. */
static void nothing_passes_at_a_bound(void **state)
{
    static const struct {
        struct net net;
        float bias[6];
        bool passes[6];
    } cases[] = {
        { { "Relu", 0, 0, 16 }, { 0, -0.0F, 1e-30F, -1e-30F, 1, -1 }, { false, false, true, false, true, false } },
        { { "Clip", 0, 6, 4 }, { 0, 6, 3, -1, 7, 5.999F }, { false, false, true, false, false, true } },
        { { "Clip", 0, 6, 16 }, { 0, 6, 3, -1, 7, 5.999F }, { false, false, true, false, false, true } },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sketch s;
        struct exec *exec;
        const struct node *norm;

        begin(&s, &cases[i].net, false);
        norm = &s.graph.node[NORM];
        memset(s.graph.value[norm->in[1]].tensor.data, 0, 6 * sizeof(float));
        memcpy(s.graph.value[norm->in[2]].tensor.data, cases[i].bias, 6 * sizeof(float));
        exec = sketch_exec(&s, &s.graph, 3, EXEC_TRAIN, NULL);
        assert_true(fused(exec));
        step(exec, &s.graph);
        for (int c = 0; c < 6; c++)
            assert_true((exec_gradient(exec, norm->in[2])[c] != 0) == cases[i].passes[c]);
        exec_free(exec);
        sketch_end(&s);
    }
}

/* Another reader, or the caller, sees what the norm gives; other curves have a way back of their own. */
static void what_others_see_stays(void **state)
{
    struct sketch s;
    struct exec *exec;
    int norm;

    (void)state;
    for (int which = 0; which < 3; which++) {
        const struct net net = { which == 2 ? "Sigmoid" : "Relu", 0, 0, 4 };

        begin(&s, &net, false);
        norm = s.graph.node[NORM].out[0];
        if (which == 0)
            sketch_must(&s, graph_add_output(&s.graph, norm, &s.err));
        if (which == 1)
            sketch_must(&s, graph_add_output(&s.graph, sketch_unary(&s, "Tanh", norm), &s.err));
        exec = sketch_exec(&s, &s.graph, 2, EXEC_TRAIN, NULL);
        assert_false(fused(exec));
        assert_string_equal(exec->graph.node[NORM + 1].op->name, net.curve);
        exec_free(exec);
        sketch_end(&s);
    }
}

static void chain(struct sketch *s, bool apart)
{
    int x;

    sketch_begin(s, 6);
    x = sketch_input(s, 4, 16);
    for (int i = 0; i < 5; i++) {
        x = sketch_norm(s, sketch_conv(s, x, i == 0 ? 4 : 8, 8, 3, 1, 1, false), 8);
        x = sketch_unary(s, "Relu", apart ? sketch_unary(s, "Identity", x) : x);
    }
    sketch_must(s, graph_add_output(&s->graph, sketch_unary(s, "GlobalAveragePool", x), &s->err));
}

static void no_more_memory_is_needed(void **state)
{
    size_t bytes[2], least[2];

    (void)state;
    for (int apart = 0; apart < 2; apart++) {
        struct sketch s;
        struct exec *exec;

        chain(&s, apart);
        exec = sketch_exec(&s, &s.graph, 8, EXEC_TRAIN, NULL);
        bytes[apart] = exec->plan.bytes;
        least[apart] = sketch_least(&s, &s.graph, 8, true);
        exec_free(exec);
        sketch_end(&s);
    }
    assert_true(bytes[0] <= bytes[1]);
    assert_true(least[0] <= least[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fused_and_apart_are_the_same_bits),
        cmocka_unit_test(frozen_ones_are_the_same_too),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(nothing_passes_at_a_bound),
        cmocka_unit_test(what_others_see_stays),
        cmocka_unit_test(no_more_memory_is_needed),
    };

    return SKETCH_RUN(tests);
}

/* blocks_test.c - what runs on pictures in blocks against the same graph on planes, and what the pass made of it. */
#include <math.h>

#include "base/pool.h"
#include "graph/exec_internal.h"
#include "graph/sketch.h"

enum { BATCH = 3, CHANNELS = 32, SIDE = 12, THREADS = 3 };

/* Of the largest number of an output: orders of sums differ, and 3 x 3 go by Winograd's products. */
static const double bound = 1e-5;

static void expect_close(const struct tensor *got, const struct tensor *want, const char *what)
{
    const float *x = got->data, *y = want->data;
    double most = 0;

    assert_true(shape_equal(&got->shape, &want->shape));
    for (int64_t i = 0; i < shape_count(&want->shape); i++)
        most = fmax(most, fabs((double)y[i]));
    for (int64_t i = 0; i < shape_count(&want->shape); i++)
        if (!(fabs((double)x[i] - (double)y[i]) <= bound * most))
            fail_msg("%s: number %d is %.9g, on planes %.9g", what, (int)i, (double)x[i], (double)y[i]);
}

static void run(struct exec *exec, struct sketch *s, uint64_t seed)
{
    sketch_fill(exec, &s->graph, seed);
    sketch_must(s, exec_run(exec, &s->err));
}

static int count_nodes(const struct exec *exec, const char *op)
{
    int count = 0;

    for (int n = 0; n < exec->graph.node_count; n++)
        count += strcmp(exec->graph.node[n].op->name, op) == 0;
    return count;
}

static void expect_count(const struct exec *exec, const char *op, int count)
{
    if (count_nodes(exec, op) != count)
        fail_msg("%d nodes are %s, expected %d", count_nodes(exec, op), op, count);
}

/* Close to planes twice over (memory is shared), the same bits for several threads. The run on blocks, for a look at its nodes. */
static struct exec *compare(struct sketch *s)
{
    struct pool *pool = pool_new(THREADS, &s->err);
    struct exec *blocks = sketch_exec(s, &s->graph, BATCH, EXEC_INFER, NULL);
    struct exec *plain = sketch_exec_plain(s, &s->graph, BATCH, EXEC_INFER, NULL);
    struct exec *threads;

    assert_non_null(pool);
    threads = sketch_exec(s, &s->graph, BATCH, EXEC_INFER, pool);
    expect_count(plain, "BlockedConv", 0);
    for (uint64_t round = 0; round < 2; round++) {
        run(blocks, s, round);
        run(plain, s, round);
        run(threads, s, round);
        for (int i = 0; i < s->graph.output_count; i++) {
            const struct tensor *got = exec_output(blocks, i), *other = exec_output(threads, i);
            expect_close(got, exec_output(plain, i), s->graph.value[s->graph.output[i]].name);
            assert_memory_equal(got->data, other->data, tensor_bytes(got));
        }
    }
    exec_free(plain);
    exec_free(threads);
    pool_free(pool);
    return blocks;
}

static void output(struct sketch *s, int value)
{
    sketch_must(s, graph_add_output(&s->graph, value, &s->err));
}

static void finish(struct sketch *s, struct exec *exec)
{
    exec_free(exec);
    sketch_end(s);
}

/* ---- pieces of networks ---- */

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

/* Numbers of the size of what came in: 1 / sqrt(depth). */
static int conv(struct sketch *s, int x, int64_t in, int64_t out, int64_t kernel, int64_t group)
{
    int y = sketch_conv(s, x, in, out, kernel, 1, group, true);
    struct tensor *w = &s->graph.value[s->graph.node[s->graph.node_count - 1].in[1]].tensor;

    for (int64_t i = 0; i < shape_count(&w->shape); i++)
        ((float *)w->data)[i] = rng_normal(&s->rng) / sqrtf((float)(in / group * kernel * kernel));
    return y;
}

static int slice(struct sketch *s, int x, int64_t start, int64_t end)
{
    const int64_t one = 1;
    int in[] = { x, list(s, 1, &start), list(s, 1, &end), list(s, 1, &one) };

    return sketch_node(s, "Slice", in, COUNT(in), NULL);
}

static int shuffle(struct sketch *s, int x, int64_t channels, int64_t groups)
{
    int64_t perm[] = { 0, 2, 1, 3, 4 };
    struct attribute item = { .name = "perm", .kind = ATTRIBUTE_INTS, .ints = perm, .count = COUNT(perm) };
    const struct attributes attributes = { &item, 1 };
    int apart = sketch_binary(s, "Reshape", x, list(s, 5, (int64_t[]){ -1, groups, channels / groups, SIDE, SIDE }));
    int turned = sketch_node(s, "Transpose", &apart, 1, &attributes);

    return sketch_binary(s, "Reshape", turned, list(s, 4, (int64_t[]){ -1, channels, SIDE, SIDE }));
}

static int dense(struct sketch *s, int x, int64_t channels)
{
    return sketch_gemm(s, sketch_unary(s, "Flatten", sketch_unary(s, "GlobalAveragePool", x)), channels, 5, true);
}

/* An image, and a first convolution that reads its planes. */
static int stem(struct sketch *s, int64_t channels)
{
    sketch_begin(s, 3);
    return sketch_unary(s, "Relu", conv(s, sketch_input(s, 3, SIDE), 3, channels, 3, 1));
}

/* Half the channels go through three convolutions, then all are shuffled. */
static int shuffle_unit(struct sketch *s, int x, int64_t channels, int64_t cut)
{
    int64_t other = channels - cut;
    int left = slice(s, x, 0, cut), right = slice(s, x, cut, channels);

    right = sketch_unary(s, "Relu", conv(s, right, other, other, 1, 1));
    right = conv(s, right, other, other, 3, other);
    right = sketch_unary(s, "Relu", conv(s, right, other, other, 1, 1));
    return shuffle(s, sketch_concat(s, left, right), channels, 2);
}

/* ---- graphs ---- */

static void shuffled_units_move_no_channel_by_themselves(void **state)
{
    static const int64_t cuts[] = { CHANNELS / 2, 8, 5, 24 };

    (void)state;
    for (size_t i = 0; i < COUNT(cuts); i++) {
        struct sketch s;
        struct exec *exec;
        int x = stem(&s, CHANNELS);

        x = shuffle_unit(&s, x, CHANNELS, cuts[i]);
        x = shuffle_unit(&s, x, CHANNELS, CHANNELS / 2);
        output(&s, dense(&s, x, CHANNELS));
        exec = compare(&s);
        expect_count(exec, "Transpose", 0);
        expect_count(exec, "Concat", 0);
        expect_count(exec, "Slice", 0);
        expect_count(exec, "ToBlocks", 0);
        expect_count(exec, "FromBlocks", 1);
        finish(&s, exec);
    }
}

/* Squeeze and excite, the scale on either side of the product. */
static void squeezed_channels_scale_their_pictures(void **state)
{
    (void)state;
    for (int side = 0; side < 2; side++) {
        struct sketch s;
        struct exec *exec;
        int x = stem(&s, 20), scale = sketch_unary(&s, "GlobalAveragePool", x);

        scale = sketch_unary(&s, "Relu", conv(&s, scale, 20, 12, 1, 1));
        scale = sketch_unary(&s, side ? "Sigmoid" : "HardSigmoid", conv(&s, scale, 12, 20, 1, 1));
        x = side ? sketch_binary(&s, "Mul", x, scale) : sketch_binary(&s, "Mul", scale, x);
        output(&s, sketch_unary(&s, "HardSwish", conv(&s, x, 20, 24, 3, 1)));
        exec = compare(&s);
        expect_count(exec, "BlockedScale", 1);
        expect_count(exec, "BlockedGlobalAveragePool", 1);
        expect_count(exec, "FromBlocks", 1);
        finish(&s, exec);
    }
}

/* Odd numbers of channels side by side, asked for as they are and read by a convolution too. */
static void joined_channels_may_be_an_output(void **state)
{
    struct sketch s;
    struct exec *exec;
    int x = stem(&s, 13), y = conv(&s, x, 13, 7, 1, 1), z;

    (void)state;
    z = sketch_concat(&s, sketch_concat(&s, x, y), x);
    output(&s, z);
    output(&s, conv(&s, z, 33, 16, 3, 1));
    output(&s, sketch_unary(&s, "Relu", z));
    exec = compare(&s);
    expect_count(exec, "Concat", 0);
    expect_count(exec, "BlockedGather", 1);
    finish(&s, exec);
}

/* A file of a few doublings could ask for lists of millions: those are Concats again. */
static void long_lists_of_channels_are_not_kept(void **state)
{
    struct sketch s;
    struct exec *exec;
    int z = stem(&s, 16);

    (void)state;
    for (int64_t channels = 16; channels < 16384; channels *= 2)
        z = sketch_concat(&s, z, z);
    output(&s, sketch_unary(&s, "GlobalAveragePool", z));
    exec = compare(&s);
    expect_count(exec, "Concat", 1);
    finish(&s, exec);
}

/* Softmax knows no blocks: the value is there both ways, each made once. */
static void value_is_read_in_blocks_and_plain(void **state)
{
    struct sketch s;
    struct exec *exec;
    int x = stem(&s, 18);

    (void)state;
    output(&s, sketch_unary(&s, "Softmax", x));
    output(&s, sketch_unary(&s, "Exp", x));
    output(&s, conv(&s, x, 18, 16, 3, 1));
    output(&s, sketch_pool(&s, "MaxPool", x));
    output(&s, sketch_pool(&s, "AveragePool", x));
    exec = compare(&s);
    expect_count(exec, "FromBlocks", 4);
    expect_count(exec, "BlockedMaxPool", 1);
    expect_count(exec, "BlockedAveragePool", 1);
    finish(&s, exec);
}

/* Groups that fill whole blocks run in blocks; others stay, and what is around them does not. */
static void groups_run_in_blocks_where_they_fill_them(void **state)
{
    static const int64_t cases[][2] = { { 64, 2 }, { 64, 4 }, { 24, 2 }, { 24, 24 }, { 13, 13 }, { 36, 2 } };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sketch s;
        struct exec *exec;
        int64_t c = cases[i][0], group = c / cases[i][1];
        bool fits = group == 1 || group % (int64_t)sketch_kern.lanes == 0;
        int x = stem(&s, c);

        x = conv(&s, x, c, c, 3, cases[i][1]);

        x = sketch_unary(&s, "LeakyRelu", x);
        output(&s, conv(&s, x, c, 16, 1, 1));
        exec = compare(&s);
        expect_count(exec, "BlockedConv", fits ? 3 : 2);
        expect_count(exec, "Conv", fits ? 0 : 1);
        finish(&s, exec);
    }
}

/* relu(conv(conv(x)) + x), again and again: sum and curve are the second convolution's epilogue. */
static void residuals_are_absorbed_in_blocks(void **state)
{
    struct sketch s;
    struct exec *exec;
    int x = stem(&s, 24), absorbed = 0;

    (void)state;
    for (int i = 0; i < 4; i++) {
        int y = conv(&s, sketch_unary(&s, "Relu", conv(&s, x, 24, 24, 3, 1)), 24, 24, i % 2 ? 1 : 3, 1);
        y = i % 2 ? sketch_binary(&s, "Add", x, y) : sketch_binary(&s, "Add", y, x);
        x = sketch_unary(&s, i < 2 ? "Relu" : "Clip", y);
    }
    output(&s, x);
    exec = compare(&s);
    for (int n = 0; n < exec->graph.node_count; n++)
        absorbed += exec->step[n].absorbed;
    assert_int_equal(absorbed, 1 + 4 * 3);
    finish(&s, exec);
}

/* Slices count from either end, beyond it, and give nothing; parts of parts of joined channels. */
static void slices_of_slices_are_found(void **state)
{
    static const int64_t ranges[][2] = { { -5, INT64_MAX }, { 3, -3 }, { 0, 100 }, { 17, 18 }, { -100, 9 }, { 0, 16 } };

    (void)state;
    for (size_t i = 0; i < COUNT(ranges); i++) {
        struct sketch s;
        int x = stem(&s, CHANNELS), y = sketch_concat(&s, slice(&s, x, 5, 30), x);

        y = slice(&s, slice(&s, y, 1, 50), ranges[i][0], ranges[i][1]);
        output(&s, sketch_unary(&s, "Tanh", y));
        output(&s, sketch_unary(&s, "GlobalAveragePool", y));
        finish(&s, compare(&s));
    }
}

static void nothing_sliced_off_is_nothing(void **state)
{
    struct sketch s;
    int x = stem(&s, CHANNELS), none = slice(&s, x, 9, 9);

    (void)state;
    output(&s, sketch_concat(&s, none, x));
    output(&s, sketch_unary(&s, "Relu", none));
    finish(&s, compare(&s));
}

static void split_parts_are_found(void **state)
{
    struct sketch s;
    struct exec *exec;
    struct attribute axis = { .name = "axis", .kind = ATTRIBUTE_INT, .i = 1 };
    const struct attributes attributes = { &axis, 1 };
    int in[2] = { stem(&s, CHANNELS), 0 }, node;

    (void)state;
    in[1] = list(&s, 3, (int64_t[]){ 5, 16, 11 });
    sketch_must(&s, graph_add_node(&s.graph, "parts", "Split", in, 2, 3, NULL, &attributes, &s.err));
    node = s.graph.node_count - 1;
    output(&s, conv(&s, s.graph.node[node].out[1], 16, 16, 3, 1));
    output(&s, sketch_concat(&s, s.graph.node[node].out[2], s.graph.node[node].out[0]));
    exec = compare(&s);
    expect_count(exec, "Split", 0);
    finish(&s, exec);
}

/* Single numbers on either side, known ones and computed ones; a filter that is computed. */
static void only_known_numbers_are_taken(void **state)
{
    struct sketch s;
    struct exec *exec;
    int x = stem(&s, 16), one, filter;

    (void)state;
    one = sketch_weight(&s, shape_of(1, (int64_t)1), 0.7F, 0.1F, false);
    x = sketch_binary(&s, "Mul", sketch_binary(&s, "Sub", sketch_binary(&s, "Add", x, one), one), one);
    x = sketch_binary(&s, "Sub", one, x);
    filter = sketch_unary(&s, "Tanh", slice(&s, slice(&s, x, 0, 8), 2, 6));
    output(&s, sketch_binary(&s, "Mul", x, sketch_unary(&s, "GlobalAveragePool", slice(&s, x, 3, 4))));
    output(&s, sketch_binary(&s, "Conv", filter, sketch_weight(&s, shape_of(4, 8, 4, 3, 3), 0, 0.1F, false)));
    exec = compare(&s);
    expect_count(exec, "BlockedConv", 2);
    finish(&s, exec);
}

/* What no shape tells before a run comes after what lies in blocks. */
static void late_nodes_read_what_lay_in_blocks(void **state)
{
    struct sketch s;
    struct exec *exec;
    int x = stem(&s, 16), y = conv(&s, x, 16, 16, 3, 1), found;

    (void)state;
    found = sketch_unary(&s, "NonZero", sketch_unary(&s, "Round", y));
    output(&s, sketch_unary(&s, "Relu", sketch_binary(&s, "Add", y, x)));
    output(&s, y);
    output(&s, sketch_node(&s, "Cast", &found, 1,
                           &(const struct attributes){
                               &(struct attribute){ .name = "to", .kind = ATTRIBUTE_INT, .i = 1 }, 1 }));
    exec = compare(&s);
    assert_true(exec_is_late(exec));
    expect_count(exec, "BlockedConv", 2);
    finish(&s, exec);
}

static void random_graphs_stay_close_to_planes(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct sketch s;

        sketch_draw(&s, seed, 26, true);
        finish(&s, compare(&s));
    }
}

#ifdef COEDGE_FAULTS
/* Whichever allocation fails: an error, nothing leaked (asan looks). */
static void every_allocation_may_fail(void **state)
{
    struct sketch s;
    struct exec *exec = NULL;
    int x = stem(&s, CHANNELS);

    (void)state;
    x = shuffle_unit(&s, x, CHANNELS, 5);
    output(&s, dense(&s, x, CHANNELS));
    for (int nth = 1; exec == NULL; nth++) {
        char fault[32];

        snprintf(fault, sizeof(fault), "alloc:%d:ENOMEM", nth);
        setenv("COEDGE_FAULT", fault, 1);
        exec = exec_new(&s.graph, 1, EXEC_INFER, NULL, &s.err);
        unsetenv("COEDGE_FAULT");
        if (exec == NULL)
            assert_int_equal(s.err.kind, ERROR_LIMIT);
    }
    finish(&s, exec);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shuffled_units_move_no_channel_by_themselves),
        cmocka_unit_test(squeezed_channels_scale_their_pictures),
        cmocka_unit_test(joined_channels_may_be_an_output),
        cmocka_unit_test(long_lists_of_channels_are_not_kept),
        cmocka_unit_test(value_is_read_in_blocks_and_plain),
        cmocka_unit_test(groups_run_in_blocks_where_they_fill_them),
        cmocka_unit_test(residuals_are_absorbed_in_blocks),
        cmocka_unit_test(slices_of_slices_are_found),
        cmocka_unit_test(nothing_sliced_off_is_nothing),
        cmocka_unit_test(split_parts_are_found),
        cmocka_unit_test(only_known_numbers_are_taken),
        cmocka_unit_test(late_nodes_read_what_lay_in_blocks),
        cmocka_unit_test(random_graphs_stay_close_to_planes),
#ifdef COEDGE_FAULTS
        cmocka_unit_test(every_allocation_may_fail),
#endif
    };

    return SKETCH_RUN(tests);
}

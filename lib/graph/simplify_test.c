/* simplify_test.c - a graph made plain gives the answers that it gave, and what must not be assumed is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "graph/simplify.h"
#include "graph/sketch.h"

static int input(struct sketch *s, const char *name, struct shape shape)
{
    return sketch_must(s, graph_add_input(&s->graph, name, DTYPE_F32, &shape, &s->err));
}

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

#define LIST(s, ...) list(s, (int)COUNT(((const int64_t[]){ __VA_ARGS__ })), (const int64_t[]){ __VA_ARGS__ })

static int with_ints(struct sketch *s, const char *op, int x, const char *name, int count, const int64_t *ints)
{
    struct attribute item = { .name = name, .kind = ATTRIBUTE_INTS, .ints = ints, .count = count };

    return sketch_node(s, op, &x, 1, &(struct attributes){ &item, 1 });
}

static int with_int(struct sketch *s, const char *op, const int *in, int count, const char *name, int64_t i)
{
    struct attribute item = { .name = name, .kind = ATTRIBUTE_INT, .i = i };

    return sketch_node(s, op, in, count, &(struct attributes){ &item, 1 });
}

static int transpose(struct sketch *s, int x, int64_t a, int64_t b, int64_t c, int64_t d)
{
    return with_ints(s, "Transpose", x, "perm", 4, (const int64_t[]){ a, b, c, d });
}

static void simplify(struct sketch *s, struct graph *plain)
{
    sketch_must(s, graph_check(&s->graph, &s->err));
    sketch_must(s, graph_copy(plain, &s->arena, &s->graph, true, &s->err));
    sketch_must(s, graph_simplify(plain, &s->err));
    sketch_must(s, graph_check(plain, &s->err));
    for (int n = 0; n < plain->node_count; n++)
        assert_int_equal(graph_find_node(plain, plain->node[n].name), n);
    for (int v = 0; v < plain->value_count; v++)
        assert_int_equal(graph_find_value(plain, plain->value[v].name), v);
}

static void expect_close(const struct tensor *a, const struct tensor *b)
{
    assert_int_equal(a->dtype, b->dtype);
    assert_true(shape_equal(&a->shape, &b->shape));
    if (a->dtype != DTYPE_F32) {
        assert_memory_equal(a->data, b->data, tensor_bytes(a));
        return;
    }
    for (int64_t k = 0; k < shape_count(&a->shape); k++) {
        const float x = ((const float *)a->data)[k], y = ((const float *)b->data)[k];

        if (!(fabsf(x - y) <= 1e-4f * (1 + fabsf(x))))
            fail_msg("element %d is %g, was %g", (int)k, (double)y, (double)x);
    }
}

static void expect_same_answers(struct sketch *s, const struct graph *a, const struct graph *b, int64_t batch)
{
    struct exec *one = sketch_exec(s, a, batch, EXEC_INFER, NULL), *two = sketch_exec(s, b, batch, EXEC_INFER, NULL);

    for (uint64_t run = 0; run < 2; run++) {
        sketch_fill(one, a, run);
        sketch_fill(two, b, run);
        sketch_must(s, exec_run(one, &s->err));
        sketch_must(s, exec_run(two, &s->err));
        for (int i = 0; i < a->output_count; i++)
            expect_close(exec_output(one, i), exec_output(two, i));
    }
    exec_free(one);
    exec_free(two);
}

static void finish(struct sketch *s, int output, int64_t batches, struct graph *plain)
{
    sketch_must(s, graph_add_output(&s->graph, output, &s->err));
    simplify(s, plain);
    for (int64_t batch = 1; batch <= batches; batch++)
        expect_same_answers(s, &s->graph, plain, batch);
    sketch_end(s);
}

static bool is_free(const struct graph *graph)
{
    return graph->value[graph->input[0]].tensor.shape.dim[0] == -1;
}

static int count_of(const struct graph *graph, const char *op)
{
    int count = 0;

    for (int n = 0; n < graph->node_count; n++)
        count += strcmp(graph->node[n].op->name, op) == 0;
    return count;
}

/* ---- Transposes ---- */

/* Between two Transposes that undo each other: x is [2, 4, 5, 3] there. */
static int unary_between(struct sketch *s, const char *op, int x)
{
    if (strcmp(op, "BatchNormalization") == 0)
        return sketch_norm(s, x, 4);
    if (strcmp(op, "LRN") == 0)
        return with_int(s, op, &x, 1, "size", 3);
    if (strcmp(op, "LpNormalization") == 0)
        return with_int(s, op, &x, 1, "axis", 1);
    if (strcmp(op, "MeanVarianceNormalization") == 0)
        return with_ints(s, op, x, "axes", 2, (const int64_t[]){ 1, 2 });
    if (strcmp(op, "Softmax") == 0)
        return with_int(s, op, &x, 1, "axis", 1);
    if (strcmp(op, "Add") == 0)
        return sketch_binary(s, op, x, sketch_weight(s, shape_of(2, 5, 3), 0, 1, true));
    if (strcmp(op, "Mul") == 0)
        return sketch_binary(s, op, sketch_weight(s, shape_of(3, 4, 1, 3), 0, 1, true), x);
    if (strcmp(op, "PRelu") == 0)
        return sketch_binary(s, op, x, sketch_weight(s, shape_of(1, 3), 0, 1, true));
    if (strcmp(op, "ReduceMean") == 0)
        return sketch_binary(s, op, x, LIST(s, 1, -1));
    if (strcmp(op, "Pad") == 0)
        return sketch_binary(s, op, x, LIST(s, 0, 1, 2, 0, 0, 0, 3, 1));
    return sketch_unary(s, op, x);
}

static void transposes_pass_what_treats_axes_alike_and_nothing_else(void **state)
{
    static const struct {
        const char *op;
        int left; /* Transposes */
    } rows[] = {
        { "Relu", 0 },
        { "Add", 0 },
        { "Mul", 0 },
        { "PRelu", 0 },
        { "Softmax", 0 },
        { "ReduceMean", 0 },
        { "Pad", 0 },
        { "BatchNormalization", 2 },
        { "LRN", 2 },
        { "LpNormalization", 2 },
        { "MeanVarianceNormalization", 2 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct sketch s;
        struct graph plain;
        int x;

        sketch_begin(&s, i);
        x = transpose(&s, input(&s, "x", shape_of(4, (int64_t)-1, 3, 4, 5)), 0, 2, 3, 1);
        x = unary_between(&s, rows[i].op, x);
        sketch_must(&s, graph_add_output(&s.graph, transpose(&s, x, 0, 3, 1, 2), &s.err));
        simplify(&s, &plain);
        if (count_of(&plain, "Transpose") != rows[i].left)
            fail_msg("%s: %d Transposes are left, expected %d", rows[i].op, count_of(&plain, "Transpose"),
                     rows[i].left);
        expect_same_answers(&s, &s.graph, &plain, 2);
        sketch_end(&s);
    }
}

static void a_transpose_that_repeats_an_axis_is_left_to_be_refused(void **state)
{
    struct sketch s;
    struct graph plain;
    int x;

    (void)state;
    sketch_begin(&s, 0);
    x = transpose(&s, input(&s, "x", shape_of(4, (int64_t)-1, 3, 4, 5)), 0, 2, 2, 1);
    x = sketch_binary(&s, "Add", x, sketch_weight(&s, shape_of(2, 5, 3), 0, 1, true));
    sketch_must(&s, graph_add_output(&s.graph, transpose(&s, x, 0, 3, 1, 2), &s.err));
    simplify(&s, &plain);
    assert_null(exec_new(&plain, 1, EXEC_INFER, NULL, &s.err));
    sketch_end(&s);
}

/* ---- Pads ---- */

static int conv_with(struct sketch *s, int x, const char *auto_pad, int64_t pad)
{
    const int64_t pads[4] = { pad, pad, pad, pad };
    struct attribute items[] = {
        { .name = "pads", .kind = ATTRIBUTE_INTS, .ints = pads, .count = 4 },
        { .name = "auto_pad", .kind = ATTRIBUTE_TEXT, .s = auto_pad },
    };
    int in[2] = { x, sketch_weight(s, shape_of(4, 2, 3, 3, 3), 0, 1, true) };

    return sketch_node(s, "Conv", in, 2, &(struct attributes){ items, 2 });
}

static void zeros_around_an_image_become_the_convolutions_pads(void **state)
{
    static const struct {
        const char *auto_pad;
        int64_t pad;
        int left; /* Pads */
    } rows[] = { { "NOTSET", 0, 0 }, { "NOTSET", 2, 0 }, { "VALID", 0, 0 }, { "VALID", 2, 0 }, { "SAME_UPPER", 0, 1 } };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct sketch s;
        struct graph plain;
        int x;

        sketch_begin(&s, i);
        x = input(&s, "x", shape_of(4, (int64_t)-1, 3, 8, 8));
        x = conv_with(&s, sketch_binary(&s, "Pad", x, LIST(&s, 0, 0, 1, 0, 0, 0, 0, 2)), rows[i].auto_pad, rows[i].pad);
        sketch_must(&s, graph_add_output(&s.graph, x, &s.err));
        simplify(&s, &plain);
        assert_int_equal(count_of(&plain, "Pad"), rows[i].left);
        expect_same_answers(&s, &s.graph, &plain, 2);
        sketch_end(&s);
    }
}

static void pads_that_are_no_plain_zeros_stay(void **state)
{
    static const struct attribute wrong[] = {
        { .name = "mode", .kind = ATTRIBUTE_INT, .i = 1 },
        { .name = "value", .kind = ATTRIBUTE_INT, .i = 1 },
    };

    (void)state;
    for (size_t i = 0; i <= COUNT(wrong); i++) {
        struct sketch s;
        struct graph plain;
        struct attribute item = wrong[i < COUNT(wrong) ? i : 0];
        int in[2];

        sketch_begin(&s, i);
        in[0] = input(&s, "x", shape_of(4, (int64_t)-1, 3, 8, 8));
        in[1] = LIST(&s, 0, 0, 1, 0, 0, 0, 0, 2);
        in[0] = sketch_node(&s, "Pad", in, 2, i < COUNT(wrong) ? &(struct attributes){ &item, 1 } : NULL);
        in[0] = conv_with(&s, in[0], "NOTSET", i < COUNT(wrong) ? 0 : INT64_MAX);
        sketch_must(&s, graph_add_output(&s.graph, in[0], &s.err));
        simplify(&s, &plain);
        assert_int_equal(count_of(&plain, "Pad"), 1);
        sketch_end(&s);
    }
}

/* ---- sizes ---- */

static int number_of(struct sketch *s, int x, int64_t axis)
{
    return sketch_binary(s, "Gather", sketch_unary(s, "Shape", x), LIST(s, axis));
}

static void a_target_that_names_the_batch_keeps_it(void **state)
{
    (void)state;
    for (int64_t allow = 0; allow < 2; allow++) {
        struct sketch s;
        struct graph plain;
        int x, in[2];

        sketch_begin(&s, 0);
        x = input(&s, "x", shape_of(4, (int64_t)-1, 3, 4, 4));
        in[0] = number_of(&s, x, 0);
        in[1] = LIST(&s, 48);
        in[1] = with_int(&s, "Concat", in, 2, "axis", 0);
        in[0] = sketch_unary(&s, "Relu", x);
        x = with_int(&s, "Reshape", in, 2, "allowzero", allow);
        sketch_must(&s, graph_add_output(&s.graph, x, &s.err));
        simplify(&s, &plain);
        assert_int_equal(count_of(&plain, "Shape"), 0);
        for (int64_t batch = 1; batch <= 3; batch++)
            expect_same_answers(&s, &s.graph, &plain, batch);
        sketch_end(&s);
    }
}

/* [N, 0, 3] to [N, 3, 0]: the last 0 is a size, so that none can stand for the batch. */
static void a_zero_that_is_a_size_stays_one(void **state)
{
    struct sketch s;
    struct graph plain;
    int x, in[3];

    (void)state;
    sketch_begin(&s, 0);
    x = input(&s, "x", shape_of(3, (int64_t)-1, 0, 3));
    in[0] = number_of(&s, x, 0);
    in[1] = LIST(&s, 3, 0);
    in[1] = with_int(&s, "Concat", in, 2, "axis", 0);
    in[0] = sketch_unary(&s, "Relu", x);
    finish(&s, with_int(&s, "Reshape", in, 2, "allowzero", 1), 3, &plain);
}

/* x times 1 where the batch is 1, else times 0. */
static void what_asks_whether_the_batch_is_one_is_not_settled(void **state)
{
    struct sketch s;
    struct graph plain;
    int x, one;

    (void)state;
    sketch_begin(&s, 0);
    x = input(&s, "x", shape_of(2, (int64_t)-1, 3));
    one = sketch_binary(&s, "Equal", number_of(&s, x, 0), LIST(&s, 1));
    one = with_int(&s, "Cast", &one, 1, "to", 1);
    finish(&s, sketch_binary(&s, "Mul", x, one), 3, &plain);
}

/* 256 / 128 and 384 / 128 are 2 and 3, and so might the batch be. */
static void a_size_that_looks_like_a_batch_is_none(void **state)
{
    static const int64_t divisors[] = { 32, 64, 128 };

    (void)state;
    for (size_t i = 0; i < COUNT(divisors); i++) {
        struct sketch s;
        struct graph plain;
        int x, in[2];

        sketch_begin(&s, i);
        x = input(&s, "x", shape_of(2, (int64_t)-1, (int64_t)-1));
        in[0] = sketch_binary(&s, "Div", number_of(&s, x, 1), LIST(&s, divisors[i]));
        in[1] = LIST(&s, -1);
        in[1] = with_int(&s, "Concat", in, 2, "axis", 0);
        in[0] = x;
        sketch_must(&s, graph_add_output(&s.graph, sketch_node(&s, "Reshape", in, 2, NULL), &s.err));
        simplify(&s, &plain);
        for (int n = 0; n < plain.node_count; n++)
            if (strcmp(plain.node[n].op->name, "Reshape") == 0)
                assert_int_equal(plain.value[plain.node[n].in[1]].kind, VALUE_COMPUTED);
        sketch_end(&s);
    }
}

/* ---- the batch ---- */

static int mix(struct sketch *s, const char *op, int x)
{
    int y, in[5];

    if (strcmp(op, "Softmax") == 0) { /* of [N] */
        in[0] = x;
        in[1] = LIST(s, 1);
        return sketch_unary(s, op, with_int(s, "ReduceMax", in, 2, "keepdims", 0));
    }
    if (strcmp(op, "Slice") == 0) {
        in[0] = x;
        in[1] = LIST(s, -1);
        in[2] = LIST(s, INT64_MIN);
        in[3] = LIST(s, 0);
        in[4] = LIST(s, -1);
        return sketch_node(s, op, in, 5, NULL);
    }
    if (strcmp(op, "Gather") == 0) {
        in[0] = x;
        in[1] = LIST(s, 1);
        y = with_int(s, "ReduceMax", in, 2, "keepdims", 0);
        y = with_int(s, "Cast", &y, 1, "to", 7);
        y = sketch_binary(s, "Sub", y, y); /* rows 0 */
        return sketch_binary(s, op, x, y);
    }
    return sketch_unary(s, op, x);
}

static void a_batch_of_one_stays_where_samples_would_mix(void **state)
{
    static const struct {
        const char *op;
        bool free;
    } rows[] = { { "Relu", true },
                 { "Softmax1", true },
                 { "Softmax", false },
                 { "Trilu", false },
                 { "Slice", false },
                 { "Gather", false },
                 { "MeanVarianceNormalization", false } };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct sketch s;
        struct graph plain;
        int x;

        sketch_begin(&s, i);
        x = input(&s, "x", shape_of(2, 1, 3));
        x = strcmp(rows[i].op, "Softmax1") == 0 ? sketch_unary(&s, "Softmax", x) : mix(&s, rows[i].op, x);
        sketch_must(&s, graph_add_output(&s.graph, x, &s.err));
        simplify(&s, &plain);
        if (is_free(&plain) != rows[i].free)
            fail_msg("%s: the batch is %s", rows[i].op, is_free(&plain) ? "free" : "fixed");
        sketch_end(&s);
    }
}

/* A vector [N] beside the seven columns of [N, 7]: with seven samples it would pass for a row. */
static void a_size_of_the_net_is_not_taken_for_the_batch(void **state)
{
    struct sketch s;
    struct graph plain;
    int x, v, in[2];

    (void)state;
    sketch_begin(&s, 0);
    x = input(&s, "x", shape_of(2, 1, 7));
    in[0] = x;
    in[1] = LIST(&s, 1);
    v = with_int(&s, "ReduceMax", in, 2, "keepdims", 0);
    sketch_must(&s, graph_add_output(&s.graph, sketch_binary(&s, "Add", x, v), &s.err));
    simplify(&s, &plain);
    assert_false(is_free(&plain));
    sketch_end(&s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(transposes_pass_what_treats_axes_alike_and_nothing_else),
        cmocka_unit_test(a_transpose_that_repeats_an_axis_is_left_to_be_refused),
        cmocka_unit_test(zeros_around_an_image_become_the_convolutions_pads),
        cmocka_unit_test(pads_that_are_no_plain_zeros_stay),
        cmocka_unit_test(a_target_that_names_the_batch_keeps_it),
        cmocka_unit_test(a_zero_that_is_a_size_stays_one),
        cmocka_unit_test(what_asks_whether_the_batch_is_one_is_not_settled),
        cmocka_unit_test(a_size_that_looks_like_a_batch_is_none),
        cmocka_unit_test(a_batch_of_one_stays_where_samples_would_mix),
        cmocka_unit_test(a_size_of_the_net_is_not_taken_for_the_batch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

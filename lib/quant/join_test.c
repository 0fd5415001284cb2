/* Integers that meet: every byte against what the bytes before it stand for, in doubles, node by node. */
#include "quant/tiny.h"

static double real_at(const struct tensor *tensor, int64_t i)
{
    return tensor->quant->scale[0] * (double)(((const uint8_t *)tensor->data)[i] - tensor->quant->zero_point[0]);
}

/* Rounded once: half a step away, or at the end of the range. */
static void assert_byte(const struct tensor *y, int64_t i, double real, const char *what)
{
    double wanted = real / y->quant->scale[0] + y->quant->zero_point[0];
    int found = ((const uint8_t *)y->data)[i];

    wanted = wanted < 0 ? 0 : wanted > 255 ? 255 : wanted;
    if (!(fabs(wanted - found) <= 0.501))
        fail_msg("%s %d: byte %d, its inputs say %g", what, (int)i, found, wanted);
}

static const struct tensor *value_of(const struct exec *exec, const char *name)
{
    const struct tensor *tensor = exec_value(exec, name);

    if (tensor == NULL || tensor->dtype != DTYPE_U8 || tensor->quant == NULL)
        fail_msg("'%s' is no byte", name);
    return tensor;
}

/* One number of a 3x3 convolution with a zero around, of bytes x and I8 filters w. */
static double convolve(const struct tensor *x, const struct tensor *w, const struct tensor *b, int64_t filter,
                       int64_t row, int64_t column)
{
    const int64_t side = x->shape.dim[2], depth = w->shape.dim[1];
    const int64_t first = depth == 1 ? filter : 0; /* one group for each channel, or one for all */
    double sum = ((const int32_t *)b->data)[filter];

    for (int64_t c = 0; c < depth; c++)
        for (int64_t i = 0; i < 9; i++) {
            const int64_t r = row + i / 3 - 1, k = column + i % 3 - 1;

            if (r < 0 || k < 0 || r >= side || k >= side)
                continue;
            sum += (((const uint8_t *)x->data)[((first + c) * side + r) * side + k] - x->quant->zero_point[0]) *
                   (double)((const int8_t *)w->data)[(filter * depth + c) * 9 + i];
        }
    return sum * x->quant->scale[0] * w->quant->scale[filter];
}

static void assert_convolved(const struct tiny *t, const struct tensor *x, const char *name, const struct tensor *y)
{
    const struct tensor *w = tiny_tensor(t, arena_printf((struct arena *)(uintptr_t)&t->model.arena, "%s.w", name));
    const struct tensor *b = tiny_tensor(t, arena_printf((struct arena *)(uintptr_t)&t->model.arena, "%s.b", name));
    const int64_t side = y->shape.dim[2];

    for (int64_t i = 0; i < shape_count(&y->shape); i++)
        assert_byte(y, i, convolve(x, w, b, i / (side * side), i / side % side, i % side), name);
}

static void join(struct tiny *t, const char *name, const char *op, int a, int b)
{
    struct attribute axis = { .name = "axis", .kind = ATTRIBUTE_INT, .i = 1 };

    t->x = a;
    tiny_node(t, name, op, b, -1, &axis, strcmp(op, "Concat") == 0);
}

/* stem 3x3 (4) -> depthwise 3x3 on both sides of a join -> mean -> dense. */
static void make(struct tiny *t, const char *op, double left, double right)
{
    const int64_t joined = strcmp(op, "Concat") == 0 ? 8 : 4;
    int stem, a;

    tiny_begin(t, 2, 6);
    stem = tiny_conv(t, "stem", shape_of(4, 4L, 2L, 3L, 3L), tiny_numbers(t, 72, 1, 0.3), tiny_numbers(t, 4, 2, 0.2),
                     1);
    a = tiny_conv(t, "left", shape_of(4, 4L, 1L, 3L, 3L), tiny_numbers(t, 36, 3, left), tiny_numbers(t, 4, 4, 0.1), 4);
    t->x = stem;
    tiny_conv(t, "right", shape_of(4, 4L, 1L, 3L, 3L), tiny_numbers(t, 36, 5, right), tiny_numbers(t, 4, 6, 0.1), 4);
    join(t, "join", op, a, t->x);
    tiny_node(t, "mean", "GlobalAveragePool", -1, -1, NULL, 0);
    tiny_node(t, "flat", "Flatten", -1, -1, NULL, 0);
    tiny_gemm(t, "fc", 3, joined, tiny_numbers(t, 3 * joined, 7, 0.5), tiny_numbers(t, 3, 8, 0.5));
    tiny_output(t);
    tiny_samples(t, tiny_numbers(t, 72 * 5L, 9, 1), 5);
}

static const struct {
    const char *op;
    double left, right; /* sizes of the filters of both sides: scales that differ */
} joins[] = {
    { "Add", 0.3, 0.3 }, { "Add", 0.01, 1 }, { "Concat", 0.3, 0.3 }, { "Concat", 0.02, 1 }, { "Mul", 0.3, 0.5 },
};

static double joined_at(const char *op, const struct tensor *a, const struct tensor *b, int64_t i)
{
    const int64_t count = shape_count(&a->shape);

    if (strcmp(op, "Concat") == 0)
        return i < count ? real_at(a, i) : real_at(b, i - count);
    return strcmp(op, "Add") == 0 ? real_at(a, i) + real_at(b, i) : real_at(a, i) * real_at(b, i);
}

static void what_is_joined_is_moved_to_the_scale_of_the_whole(void **state)
{
    (void)state;
    for (size_t k = 0; k < COUNT(joins); k++) {
        const struct tensor *a, *b, *y;
        struct exec *exec;
        struct tiny t;

        make(&t, joins[k].op, joins[k].left, joins[k].right);
        tiny_quantize(&t, (struct quant_options){ 0 });
        exec = tiny_run(&t, t.set.values, EXEC_TRACE, NULL);
        a = value_of(exec, "left");
        b = value_of(exec, "right");
        y = value_of(exec, "join");
        for (int64_t i = 0; i < shape_count(&y->shape); i++)
            assert_byte(y, i, joined_at(joins[k].op, a, b, i), joins[k].op);
        exec_free(exec);
        tiny_end(&t);
    }
}

static void whole_and_depthwise_filters_are_exact_sums_rounded_once(void **state)
{
    struct exec *exec;
    struct tiny t;

    (void)state;
    make(&t, "Add", 0.3, 0.5);
    tiny_quantize(&t, (struct quant_options){ 0 });
    exec = tiny_run(&t, t.set.values + 72, EXEC_TRACE, NULL);
    assert_convolved(&t, exec_input(exec, 0), "stem", value_of(exec, "stem"));
    assert_convolved(&t, value_of(exec, "stem"), "left", value_of(exec, "left"));
    assert_convolved(&t, value_of(exec, "stem"), "right", value_of(exec, "right"));
    exec_free(exec);
    tiny_end(&t);
}

static void fused_and_traced_runs_give_the_same_numbers(void **state)
{
    (void)state;
    for (size_t k = 0; k < COUNT(joins); k++) {
        struct exec *fused, *traced;
        struct tiny t;

        make(&t, joins[k].op, joins[k].left, joins[k].right);
        tiny_quantize(&t, (struct quant_options){ 0 });
        fused = tiny_run(&t, t.set.values, EXEC_INFER, NULL);
        traced = tiny_run(&t, t.set.values, EXEC_TRACE, NULL);
        assert_memory_equal(exec_output(fused, 0)->data, exec_output(traced, 0)->data, 3 * sizeof(float));
        exec_free(fused);
        exec_free(traced);
        tiny_end(&t);
    }
}

/* MaxPool hands on the bytes it was given, so before and after must mean the same. */
static void nodes_that_hand_bytes_on_share_the_scale(void **state)
{
    int64_t two[2] = { 2, 2 };
    struct attribute items[] = { { .name = "kernel_shape", .kind = ATTRIBUTE_INTS, .ints = two, .count = 2 },
                                 { .name = "strides", .kind = ATTRIBUTE_INTS, .ints = two, .count = 2 } };
    struct tiny t;

    (void)state;
    tiny_begin(&t, 2, 6);
    tiny_conv(&t, "conv", shape_of(4, 4L, 2L, 3L, 3L), tiny_numbers(&t, 72, 1, 0.3), NULL, 1);
    tiny_node(&t, "pool", "MaxPool", -1, -1, items, 2);
    tiny_node(&t, "flat", "Flatten", -1, -1, NULL, 0);
    tiny_gemm(&t, "fc", 3, 36, tiny_numbers(&t, 108, 7, 0.5), NULL);
    tiny_output(&t);
    tiny_samples(&t, tiny_numbers(&t, 72 * 2L, 9, 1), 2);
    tiny_quantize(&t, (struct quant_options){ .observer = OBSERVE_MSE });
    assert_true(tiny_tensor(&t, "conv")->quant->scale[0] == tiny_tensor(&t, "pool")->quant->scale[0]);
    assert_true(tiny_tensor(&t, "conv")->quant->scale[0] == tiny_tensor(&t, "flat")->quant->scale[0]);
    assert_int_equal(tiny_tensor(&t, "conv")->quant->zero_point[0], tiny_tensor(&t, "flat")->quant->zero_point[0]);
    tiny_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_joined_is_moved_to_the_scale_of_the_whole),
        cmocka_unit_test(whole_and_depthwise_filters_are_exact_sums_rounded_once),
        cmocka_unit_test(fused_and_traced_runs_give_the_same_numbers),
        cmocka_unit_test(nodes_that_hand_bytes_on_share_the_scale),
    };

    return cmocka_run_group_tests_name("join", tests, NULL, NULL);
}

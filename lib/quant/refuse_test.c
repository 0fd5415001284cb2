/* What cannot be quantized is said in one line, or stays real and still answers. */
#include "quant/tiny.h"

/* x [1, 2, 1, 1] -> Conv -> Flatten -> Gemm with this third input -> output. */
static void make(struct tiny *t, struct shape bias, float *data)
{
    static float v[4] = { 1, 2, -1, 0.5F }, w[6] = { 1, -2, 3, 0.5F, -1, 0.25F };
    struct attribute item = { .name = "transB", .kind = ATTRIBUTE_INT, .i = 1 };
    int b = -1;

    tiny_begin(t, 2, 1);
    tiny_conv(t, "conv", shape_of(4, 2L, 2L, 1L, 1L), v, NULL, 1);
    tiny_node(t, "flat", "Flatten", -1, -1, NULL, 0);
    if (data != NULL)
        b = tiny_weight(t, "fc.b", bias, data);
    tiny_node(t, "fc", "Gemm", tiny_weight(t, "fc.w", shape_of(2, 3L, 2L), w), b, &item, 1);
    tiny_output(t);
    tiny_samples(t, tiny_numbers(t, 8, 1, 1), 4);
}

static void assert_refused(struct tiny *t, enum error_kind kind, const char *part)
{
    assert_int_equal(tiny_try(t, (struct quant_options){ 0 }), -1);
    assert_int_equal(t->err.kind, kind);
    if (strstr(t->err.message, part) == NULL)
        fail_msg("'%s' does not say '%s'", t->err.message, part);
}

static void updates_and_parts_are_refused(void **state)
{
    struct update update = { .site = "a" };
    struct part part = { .index = 1, .count = 3 };
    struct tiny t;

    (void)state;
    make(&t, shape_of(1, 3L), NULL);
    t.model.update = &update;
    assert_refused(&t, ERROR_INPUT, "an update cannot be quantized");
    t.model.update = NULL;
    t.model.part = &part;
    assert_refused(&t, ERROR_INPUT, "this is part 2 of 3 of a split model");
    t.model.part = NULL;
    tiny_end(&t);
}

static void what_is_quantized_is_not_quantized_again(void **state)
{
    struct tiny t;

    (void)state;
    make(&t, shape_of(1, 3L), NULL);
    tiny_quantize(&t, (struct quant_options){ 0 });
    assert_refused(&t, ERROR_INPUT, "the model is quantized already: value 'x' is U8");
    tiny_end(&t);
    make(&t, shape_of(1, 3L), NULL);
    tiny_quantize(&t, (struct quant_options){ .weights_only = true });
    assert_refused(&t, ERROR_INPUT, "value 'conv.w' is I8");
    tiny_end(&t);
}

static void a_value_that_is_not_finite_is_named(void **state)
{
    static const float odd[] = { NAN, INFINITY, -INFINITY };

    (void)state;
    for (size_t i = 0; i < COUNT(odd); i++) {
        struct tiny t;

        make(&t, shape_of(1, 3L), NULL);
        t.set.values[5] = odd[i];
        assert_refused(&t, ERROR_INPUT, "value 'x' is not finite during calibration");
        tiny_end(&t);
        make(&t, shape_of(1, 3L), NULL);
        t.set.values[4] = t.set.values[5] = 3e38F; /* the product is none any more */
        assert_refused(&t, ERROR_INPUT, "value 'conv' is not finite during calibration");
        tiny_end(&t);
    }
}

static void calibration_without_samples_is_refused(void **state)
{
    struct tiny t;

    (void)state;
    make(&t, shape_of(1, 3L), NULL);
    t.set.count = 0;
    assert_refused(&t, ERROR_INPUT, "no samples");
    tiny_end(&t);
}

static void samples_of_another_shape_are_refused(void **state)
{
    struct tiny t;

    (void)state;
    make(&t, shape_of(1, 3L), NULL);
    t.set.elements = 3;
    t.set.shape = shape_of(3, 3L, 1L, 1L);
    assert_refused(&t, ERROR_INPUT, "samples are [3, 1, 1], the model's input is [-1, 2, 1, 1]");
    tiny_end(&t);
}

static void a_model_without_weights_has_nothing_to_quantize(void **state)
{
    struct tiny t;

    (void)state;
    tiny_begin(&t, 2, 1);
    tiny_node(&t, "relu", "Relu", -1, -1, NULL, 0);
    tiny_output(&t);
    tiny_samples(&t, tiny_numbers(&t, 8, 1, 1), 4);
    assert_refused(&t, ERROR_INPUT, "nothing to quantize");
    tiny_end(&t);
}

/* The largest difference between a model's output before and after. */
static double error_of(struct tiny *t, int count)
{
    float before[16];
    double most = 0;
    struct exec *exec = tiny_run(t, t->set.values, EXEC_INFER, NULL);

    memcpy(before, exec_output(exec, 0)->data, (size_t)count * sizeof(float));
    exec_free(exec);
    tiny_quantize(t, (struct quant_options){ 0 });
    exec = tiny_run(t, t->set.values, EXEC_INFER, NULL);
    for (int i = 0; i < count; i++)
        most = fmax(most, fabs((double)before[i] - (double)((float *)exec_output(exec, 0)->data)[i]));
    exec_free(exec);
    return most;
}

/* What Gemm may add: none, a row, a row of rank 2, one number. */
static void every_addend_of_a_dense_layer_still_answers(void **state)
{
    static float bias[3] = { 0.5F, -1, 2 };
    const struct shape shapes[] = { shape_of(1, 3L), shape_of(2, 1L, 3L), shape_of(1, 1L), shape_of(2, 1L, 1L),
                                    shape_of(0) };

    (void)state;
    for (size_t i = 0; i <= COUNT(shapes); i++) {
        struct tiny t;

        make(&t, i < COUNT(shapes) ? shapes[i] : shape_of(1, 3L), i < COUNT(shapes) ? bias : NULL);
        assert_true(error_of(&t, 3) < 0.06);
        tiny_end(&t);
    }
}

/* Two layers, of which the first gives the bias of the second. */
static void a_bias_that_is_computed_stays_real(void **state)
{
    struct attribute item = { .name = "transB", .kind = ATTRIBUTE_INT, .i = 1 };
    static float w[6] = { 1, -2, 3, 0.5F, -1, 0.25F };
    struct tiny t;
    int flat, bias;

    (void)state;
    tiny_begin(&t, 2, 1);
    flat = tiny_node(&t, "flat", "Flatten", -1, -1, NULL, 0);
    bias = tiny_gemm(&t, "first", 3, 2, w, NULL);
    t.x = flat;
    tiny_node(&t, "second", "Gemm", tiny_weight(&t, "second.w", shape_of(2, 3L, 2L), w), bias, &item, 1);
    tiny_output(&t);
    tiny_samples(&t, tiny_numbers(&t, 8, 1, 1), 4);
    assert_true(error_of(&t, 3) < 0.05);
    assert_int_equal(t.report.weights, 1);
    tiny_end(&t);
}

/* [2, 1] by [2, 3] turned: transA of a batch of one. */
static void a_turned_input_stays_real(void **state)
{
    struct attribute turn = { .name = "transA", .kind = ATTRIBUTE_INT, .i = 1 };
    static float w[6] = { 1, -2, 3, 0.5F, -1, 0.25F }, v[4] = { 1, 2, -1, 0.5F };
    struct tiny t;

    (void)state;
    tiny_begin(&t, 2, 1);
    tiny_conv(&t, "conv", shape_of(4, 2L, 2L, 1L, 1L), v, NULL, 1);
    tiny_node(&t, "flat", "Flatten", -1, -1, NULL, 0);
    {
        struct attribute perm = { .name = "perm", .kind = ATTRIBUTE_INTS, .ints = (int64_t[]){ 1, 0 }, .count = 2 };

        tiny_node(&t, "column", "Transpose", -1, -1, &perm, 1);
    }
    tiny_node(&t, "fc", "Gemm", tiny_weight(&t, "fc.w", shape_of(2, 2L, 3L), w), -1, &turn, 1);
    tiny_output(&t);
    tiny_samples(&t, tiny_numbers(&t, 8, 1, 1), 4);
    assert_true(error_of(&t, 3) < 0.1);
    tiny_end(&t);
}

/* A layer between weights alone, its result added to that of another. */
static void a_product_of_constants_stays_real(void **state)
{
    static float row[2] = { 1, -1 }, bias[3] = { 1, 2, 3 }, w[6] = { 1, -2, 3, 0.5F, -1, 0.25F };
    struct tiny t;
    int product;

    (void)state;
    make(&t, shape_of(1, 3L), NULL);
    t.model.graph.output_count = 0;
    product = t.x;
    t.x = tiny_weight(&t, "row", shape_of(2, 1L, 2L), row);
    tiny_gemm(&t, "constant", 3, 2, w, bias);
    tiny_node(&t, "sum", "Add", product, -1, NULL, 0);
    tiny_output(&t);
    assert_true(error_of(&t, 3) < 0.1);
    tiny_end(&t);
}

/* As after folding a BatchNormalization whose scale is next to nothing: the bias is all that is left. */
static void a_channel_of_next_to_no_weight_keeps_its_bias(void **state)
{
    static const float sizes[] = { 0, 1e-30F, 1e-12F, 1e-7F };
    static float bias[2] = { 0.33F, -0.77F };

    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        float w[4] = { sizes[i], -sizes[i], sizes[i] / 2, 1 };
        float samples[4] = { 0, 255, 255, 128 }; /* steps as large as the biases */
        struct tiny t;

        tiny_begin(&t, 2, 1);
        tiny_conv(&t, "conv", shape_of(4, 2L, 2L, 1L, 1L), w, bias, 1);
        tiny_output(&t);
        tiny_samples(&t, samples, 2);
        {
            struct exec *exec;
            const float *y;

            tiny_quantize(&t, (struct quant_options){ 0 });
            exec = tiny_run(&t, t.set.values, EXEC_INFER, NULL);
            y = exec_output(exec, 0)->data;
            assert_float_equal(y[0], 0.33, 1e-4 + 255 * (double)sizes[i]);
            exec_free(exec);
        }
        tiny_end(&t);
    }
}

/* The header: outputs stay F32, but one that an integer node reads on is that node's bytes. */
static void an_output_that_is_read_on_is_bytes_with_a_scale(void **state)
{
    static float v[4] = { 1, 2, -1, 0.5F }, sample[2] = { 0.5F, -0.25F };
    const struct tensor *first;
    struct exec *exec;
    struct tiny t;

    (void)state;
    tiny_begin(&t, 2, 1);
    tiny_conv(&t, "first", shape_of(4, 2L, 2L, 1L, 1L), v, NULL, 1);
    tiny_output(&t);
    tiny_conv(&t, "second", shape_of(4, 2L, 2L, 1L, 1L), v, NULL, 1);
    tiny_output(&t);
    tiny_samples(&t, tiny_numbers(&t, 8, 1, 1), 4);
    tiny_quantize(&t, (struct quant_options){ 0 });
    exec = tiny_run(&t, sample, EXEC_INFER, NULL);
    first = exec_output(exec, 0);
    assert_int_equal(first->dtype, DTYPE_U8);
    assert_non_null(first->quant);
    assert_float_equal(first->quant->scale[0] * (((uint8_t *)first->data)[1] - first->quant->zero_point[0]), -0.625,
                       0.02);
    assert_int_equal(exec_output(exec, 1)->dtype, DTYPE_F32);
    exec_free(exec);
    tiny_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(updates_and_parts_are_refused),
        cmocka_unit_test(what_is_quantized_is_not_quantized_again),
        cmocka_unit_test(a_value_that_is_not_finite_is_named),
        cmocka_unit_test(calibration_without_samples_is_refused),
        cmocka_unit_test(samples_of_another_shape_are_refused),
        cmocka_unit_test(a_model_without_weights_has_nothing_to_quantize),
        cmocka_unit_test(every_addend_of_a_dense_layer_still_answers),
        cmocka_unit_test(a_bias_that_is_computed_stays_real),
        cmocka_unit_test(a_turned_input_stays_real),
        cmocka_unit_test(a_product_of_constants_stays_real),
        cmocka_unit_test(a_channel_of_next_to_no_weight_keeps_its_bias),
        cmocka_unit_test(an_output_that_is_read_on_is_bytes_with_a_scale),
    };

    return cmocka_run_group_tests_name("refuse", tests, NULL, NULL);
}

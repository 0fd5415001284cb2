#include "quant/tiny.h"

/* What NumPy's integers give: printed by scripts/make-quant-vectors. */
static const float conv_scale[3] = { 0.00367941068f, 0.000468576987f, 0.0145484744f };
static const float gemm_scale[4] = { 0.00191083292f, 0.00190314345f, 0.00190506582f, 0.00191275529f };
static const int32_t conv_bias[3] = { 2244, 35234, -2270 }, gemm_bias[4] = { -18314, 8375, 21531, -6243 };
static const int8_t filter_1[18] = { 25, 88, -45, 83, -115, 13, 76, -57, 71, -127, 1, 64, -69, 58, 121, -11, 116, -81 };
static const uint8_t input_bytes[32] = { 32,  159, 221, 90,  152, 20,  147, 209, 77,  204, 8,  135, 197, 65,  192, 254,
                                         123, 249, 53,  180, 242, 110, 237, 41,  168, 230, 98, 225, 29,  156, 24,  86 };
static const uint8_t hidden_bytes[48] = { 11, 0,  15, 0,   0, 0, 41, 0, 4,  64, 0,   38, 9, 11,  11, 31,
                                          13, 4,  7,  8,   7, 8, 4,  5, 8,  6,  8,   4,  4, 9,   0,  6,
                                          0,  40, 0,  154, 0, 0, 0,  0, 48, 0,  232, 0,  0, 255, 0,  0 };
static const float wanted_logits[4] = { 0.103616135f, 0.770074128f, 1.63404281f, -0.274285172f };

/* Conv 3x3 of 2 to 3 channels, Relu, Flatten, Gemm to 4; the filters' sizes are 1 : 1/8 : 4. */
static void make_network(struct tiny *t)
{
    static const float size[3] = { 1, 0.125F, 4 };
    static float bias[3] = { 0.0625F, 0.125F, -0.25F };
    float *w;

    tiny_begin(t, 2, 4);
    w = tiny_numbers(t, 3 * 18, 2, 0.5);
    for (int i = 0; i < 3 * 18; i++)
        w[i] *= size[i / 18];
    tiny_conv(t, "conv", shape_of(4, 3L, 2L, 3L, 3L), w, bias, 1);
    tiny_node(t, "hidden", "Relu", -1, -1, NULL, 0);
    tiny_node(t, "flat", "Flatten", -1, -1, NULL, 0);
    tiny_gemm(t, "fc", 4, 48, tiny_numbers(t, 4 * 48L, 4, 0.25), tiny_numbers(t, 4, 5, 1));
    tiny_output(t);
    tiny_samples(t, tiny_numbers(t, 3 * 32L, 1, 1), 3);
}

static void assert_near(const float *found, const float *wanted, int count, double relative)
{
    for (int i = 0; i < count; i++)
        if (!(fabs((double)found[i] - wanted[i]) <= relative * fabs((double)wanted[i])))
            fail_msg("number %d is %.9g, expected %.9g", i, (double)found[i], (double)wanted[i]);
}

static void weights_and_biases_are_numpys_integers(void **state)
{
    struct tiny t;
    const struct tensor *w, *b;

    (void)state;
    make_network(&t);
    tiny_quantize(&t, (struct quant_options){ 0 });
    w = tiny_tensor(&t, "conv.w");
    b = tiny_tensor(&t, "conv.b");
    assert_int_equal(w->dtype, DTYPE_I8);
    assert_int_equal(w->quant->axis, 0);
    assert_int_equal(w->quant->count, 3);
    assert_near(w->quant->scale, conv_scale, 3, 1e-6);
    for (int i = 0; i < 3; i++)
        assert_int_equal(w->quant->zero_point[i], 0);
    assert_memory_equal((const int8_t *)w->data + 18, filter_1, 18);
    assert_int_equal(b->dtype, DTYPE_I32);
    assert_memory_equal(b->data, conv_bias, sizeof(conv_bias));
    for (int i = 0; i < 3; i++)
        assert_float_equal(b->quant->scale[i] / (0.00757123157f * conv_scale[i]), 1, 1e-6);
    assert_near(tiny_tensor(&t, "fc.w")->quant->scale, gemm_scale, 4, 1e-6);
    assert_memory_equal(tiny_tensor(&t, "fc.b")->data, gemm_bias, sizeof(gemm_bias));
    assert_int_equal(t.report.weights, 4);
    assert_int_equal(t.report.samples, 3);
    tiny_end(&t);
}

static void activations_have_the_scale_and_zero_of_their_range(void **state)
{
    struct tiny t;
    const struct quant *x, *conv, *hidden;

    (void)state;
    make_network(&t);
    tiny_quantize(&t, (struct quant_options){ 0 });
    x = tiny_tensor(&t, "x")->quant;
    conv = tiny_tensor(&t, "conv")->quant;
    hidden = tiny_tensor(&t, "hidden")->quant;
    assert_float_equal(x->scale[0], 0.00757123157, 1e-9);
    assert_int_equal(x->zero_point[0], 127);
    assert_float_equal(hidden->scale[0], 0.0188087542, 1e-8);
    assert_int_equal(hidden->zero_point[0], 0);
    assert_true(conv->scale[0] == hidden->scale[0]); /* Relu is the saturation of the convolution */
    assert_null(tiny_tensor(&t, "fc")->quant);       /* the output stays real */
    tiny_end(&t);
}

static void integers_answer_as_numpys_do(void **state)
{
    static const char *const cpus[] = { NULL, "portable" };

    (void)state;
    for (size_t i = 0; i < COUNT(cpus); i++) {
        struct kern kern;
        struct job job = { .kern = &kern };
        struct exec *exec;
        struct tiny t;

        assert_int_equal(kern_init(&kern, cpus[i], NULL), 0);
        make_network(&t);
        tiny_quantize(&t, (struct quant_options){ 0 });
        exec = tiny_run(&t, t.set.values, EXEC_TRACE, &job);
        assert_memory_equal(exec_input(exec, 0)->data, input_bytes, sizeof(input_bytes));
        assert_memory_equal(exec_value(exec, "hidden")->data, hidden_bytes, sizeof(hidden_bytes));
        assert_near(exec_output(exec, 0)->data, wanted_logits, 4, 1e-5);
        exec_free(exec);
        tiny_end(&t);
    }
}

static void per_tensor_has_one_scale_for_the_largest_weight(void **state)
{
    struct tiny t;
    const struct tensor *w;

    (void)state;
    make_network(&t);
    tiny_quantize(&t, (struct quant_options){ .per = QUANT_PER_TENSOR });
    w = tiny_tensor(&t, "conv.w");
    assert_int_equal(w->quant->axis, -1);
    assert_int_equal(w->quant->count, 1);
    assert_near(w->quant->scale, &conv_scale[2], 1, 1e-6);
    for (int i = 0; i < 18; i++) /* 31 times as coarse as its own scale */
        assert_in_range(((const int8_t *)w->data)[18 + i] - filter_1[i] / 31 + 1, 0, 2);
    tiny_end(&t);
}

/* Gemm that reads w [in, out]: a scale for each column. And Clip, which is saturation as Relu is. */
static void weights_on_the_right_have_a_scale_for_each_column(void **state)
{
    static float w[6] = { 128, -0.98F, 0.5F, -254, 2, 0.26F }, ones[1] = { 1 }, zero = 0, six = 6;
    static const double scales[3] = { 2, 2 / 127.0, 0.5 / 127 };
    static const int8_t wanted[6] = { 64, -62, 127, -127, 127, 66 };
    float values[2] = { 1, 9 };
    const struct shape scalar = { 0 };
    struct exec *exec;
    struct tiny t;
    const struct tensor *bytes;
    int low, high;

    (void)state;
    tiny_begin(&t, 1, 1);
    tiny_conv(&t, "conv", shape_of(4, 1L, 1L, 1L, 1L), ones, NULL, 1);
    low = tiny_weight(&t, "low", scalar, &zero);
    high = tiny_weight(&t, "high", scalar, &six);
    tiny_node(&t, "clip", "Clip", low, high, NULL, 0);
    tiny_conv(&t, "two", shape_of(4, 2L, 1L, 1L, 1L), (float[2]){ 1, 1 }, NULL, 1);
    tiny_node(&t, "flat", "Flatten", -1, -1, NULL, 0);
    tiny_node(&t, "fc", "Gemm", tiny_weight(&t, "w", shape_of(2, 2L, 3L), w), -1, NULL, 0);
    tiny_output(&t);
    tiny_samples(&t, values, 2);
    tiny_quantize(&t, (struct quant_options){ 0 });
    bytes = tiny_tensor(&t, "w");
    assert_int_equal(bytes->quant->axis, 1);
    for (int i = 0; i < 3; i++)
        assert_float_equal(bytes->quant->scale[i] / scales[i], 1, 1e-6);
    assert_memory_equal(bytes->data, wanted, sizeof(wanted));
    assert_float_equal(tiny_tensor(&t, "conv")->quant->scale[0], 6.0 / 255, 1e-8);
    exec = tiny_run(&t, &values[1], EXEC_INFER, NULL);
    assert_float_equal(((float *)exec_output(exec, 0)->data)[0], 6 * (128 - 254), 8);
    assert_float_equal(((float *)exec_output(exec, 0)->data)[1], 6.12, 0.1);
    assert_float_equal(((float *)exec_output(exec, 0)->data)[2], 4.56, 0.05);
    exec_free(exec);
    tiny_end(&t);
}

/* The largest error of the logits over the samples of calibration. */
static double error_of(enum quant_per per)
{
    double most = 0;
    struct tiny real, bytes;

    make_network(&real);
    make_network(&bytes);
    tiny_quantize(&bytes, (struct quant_options){ .per = per });
    for (int64_t i = 0; i < real.set.count; i++) {
        struct exec *a = tiny_run(&real, real.set.values + i * 32, EXEC_INFER, NULL);
        struct exec *b = tiny_run(&bytes, real.set.values + i * 32, EXEC_INFER, NULL);

        for (int k = 0; k < 4; k++)
            most = fmax(most, fabs((double)((float *)exec_output(a, 0)->data)[k] -
                                   (double)((float *)exec_output(b, 0)->data)[k]));
        exec_free(a);
        exec_free(b);
    }
    tiny_end(&real);
    tiny_end(&bytes);
    return most;
}

static void a_scale_per_channel_errs_less_than_one_per_tensor(void **state)
{
    const double channel = error_of(QUANT_PER_CHANNEL), tensor = error_of(QUANT_PER_TENSOR);

    (void)state;
    assert_true(channel < 0.05); /* of logits up to 2 */
    assert_true(channel < 0.7 * tensor);
}

static void weights_only_leaves_activations_and_biases_real(void **state)
{
    struct tiny t, real;
    struct exec *a, *b;
    float *w;

    (void)state;
    make_network(&t);
    make_network(&real);
    tiny_quantize(&t, (struct quant_options){ .weights_only = true });
    assert_int_equal(tiny_tensor(&t, "conv.w")->dtype, DTYPE_I8);
    assert_int_equal(tiny_tensor(&t, "conv.b")->dtype, DTYPE_F32);
    assert_null(tiny_tensor(&t, "x")->quant);
    assert_null(tiny_tensor(&t, "hidden")->quant);
    assert_int_equal(t.report.weights, 2);
    assert_int_equal(t.report.nodes_integer, 0);
    for (int k = 0; k < 2; k++) { /* it computes with what the bytes stand for */
        const struct tensor *bytes = tiny_tensor(&t, k ? "fc.w" : "conv.w");
        const int64_t count = shape_count(&bytes->shape), each = count / bytes->shape.dim[0];

        w = tiny_tensor(&real, k ? "fc.w" : "conv.w")->data;
        for (int64_t i = 0; i < count; i++)
            w[i] = (float)((const int8_t *)bytes->data)[i] * bytes->quant->scale[i / each];
    }
    a = tiny_run(&t, real.set.values, EXEC_INFER, NULL);
    b = tiny_run(&real, real.set.values, EXEC_INFER, NULL);
    assert_memory_equal(exec_output(a, 0)->data, exec_output(b, 0)->data, 4 * sizeof(float));
    exec_free(a);
    exec_free(b);
    tiny_end(&t);
    tiny_end(&real);
}

/* Half of the first, no bias; and by weights on the right. */
static void weights_only_stores_those_of_layers_that_integers_do_not_run(void **state)
{
    static float w[4] = { 1, -2, 3, 0.5F }, v[4] = { 1, 2, -1, 0.25F };
    struct attribute half = { .name = "alpha", .kind = ATTRIBUTE_FLOAT, .f = 0.5 };
    const float sample[2] = { 1, 0.5F };
    struct exec *exec;
    struct tiny t;

    (void)state;
    tiny_begin(&t, 2, 1);
    tiny_node(&t, "flat", "Flatten", -1, -1, NULL, 0);
    tiny_node(&t, "half", "Gemm", tiny_weight(&t, "w", shape_of(2, 2L, 2L), w), -1, &half, 1);
    tiny_node(&t, "product", "MatMul", tiny_weight(&t, "v", shape_of(2, 2L, 2L), v), -1, NULL, 0);
    tiny_output(&t);
    tiny_quantize(&t, (struct quant_options){ .weights_only = true });
    assert_int_equal(tiny_tensor(&t, "w")->dtype, DTYPE_I8);
    assert_int_equal(tiny_tensor(&t, "v")->dtype, DTYPE_I8);
    exec = tiny_run(&t, sample, EXEC_INFER, NULL);
    assert_float_equal(((float *)exec_output(exec, 0)->data)[0], 2.125, 0.03);
    assert_float_equal(((float *)exec_output(exec, 0)->data)[1], 2.28125, 0.03);
    exec_free(exec);
    tiny_end(&t);
}

static void assert_same_model(const struct tiny *a, const struct tiny *b)
{
    struct digest first, second;

    assert_int_equal(model_identity(&a->model, &first, NULL), 0);
    assert_int_equal(model_identity(&b->model, &second, NULL), 0);
    assert_true(digest_equal(&first, &second));
}

static void any_number_of_threads_makes_the_same_model_and_answers(void **state)
{
    static const int threads[] = { 2, 7 };
    const struct quant_options options = { .observer = OBSERVE_MSE };
    struct tiny one;
    struct exec *wanted;

    (void)state;
    make_network(&one);
    tiny_quantize(&one, options);
    wanted = tiny_run(&one, one.set.values, EXEC_INFER, NULL);
    for (size_t i = 0; i < COUNT(threads); i++) {
        struct pool *pool = pool_new(threads[i], NULL);
        struct kern kern;
        struct job job = { .pool = pool, .kern = &kern };
        struct exec *exec;
        struct tiny t;

        assert_non_null(pool);
        assert_int_equal(kern_init(&kern, NULL, NULL), 0);
        make_network(&t);
        tiny_must(&t, quantize_model(&t.model, &t.set, &options, &job, &t.report, &t.err));
        assert_same_model(&t, &one);
        exec = tiny_run(&t, t.set.values, EXEC_INFER, &job);
        assert_memory_equal(exec_output(exec, 0)->data, exec_output(wanted, 0)->data, 4 * sizeof(float));
        exec_free(exec);
        tiny_end(&t);
        pool_free(pool);
    }
    exec_free(wanted);
    tiny_end(&one);
}

/* Of six samples, two evenly spread are the first and the fourth. */
static void ranges_come_from_the_samples_that_were_asked_for(void **state)
{
    float values[6] = { 1, 50, 60, 2, 70, 80 }, w = 1;
    struct tiny t;

    (void)state;
    tiny_begin(&t, 1, 1);
    tiny_conv(&t, "conv", shape_of(4, 1L, 1L, 1L, 1L), &w, NULL, 1);
    tiny_output(&t);
    tiny_samples(&t, values, 6);
    tiny_quantize(&t, (struct quant_options){ .samples = 2 });
    assert_float_equal(tiny_tensor(&t, "x")->quant->scale[0], 2.0 / 255, 1e-9);
    assert_int_equal(t.report.samples, 2);
    tiny_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_and_biases_are_numpys_integers),
        cmocka_unit_test(activations_have_the_scale_and_zero_of_their_range),
        cmocka_unit_test(integers_answer_as_numpys_do),
        cmocka_unit_test(per_tensor_has_one_scale_for_the_largest_weight),
        cmocka_unit_test(weights_on_the_right_have_a_scale_for_each_column),
        cmocka_unit_test(a_scale_per_channel_errs_less_than_one_per_tensor),
        cmocka_unit_test(weights_only_leaves_activations_and_biases_real),
        cmocka_unit_test(weights_only_stores_those_of_layers_that_integers_do_not_run),
        cmocka_unit_test(any_number_of_threads_makes_the_same_model_and_answers),
        cmocka_unit_test(ranges_come_from_the_samples_that_were_asked_for),
    };

    return cmocka_run_group_tests_name("quantize", tests, NULL, NULL);
}

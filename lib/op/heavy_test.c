/* What the heavy operators promise beyond their values: bits that depend on nothing they should not, exact integers. */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/rng.h"
#include "kern/each_path.h"
#include "op/spec.h"

static const struct {
    const char *op, *inputs, *attributes;
} cases[] = {
    { "Conv", "F32[%d,3,13,17] F32[16,3,3,3] F32[16]", "pads=1,1,1,1" },
    { "Conv", "F32[%d,16,40,40] F32[70,16,3,3] F32[70]", "pads=1,1,1,1 strides=2,2" },
    { "Conv", "F32[%d,64,7,7] F32[33,64,1,1]", "" },
    { "Conv", "F32[%d,24,9,9] F32[24,1,5,5] F32[24]", "pads=2,2,2,2 group=24" },
    { "Conv", "F32[%d,8,30] F32[6,4,5] F32[6]", "pads=2,2 group=2 dilations=2," },
    { "ConvTranspose", "F32[%d,8,7,6] F32[8,5,4,4] F32[5]", "strides=2,2 pads=1,1,1,1" },
    { "Gemm", "F32[%d,300] F32[70,300] F32[70]", "transB=1" },
    { "Gemm", "F32[%d,300] F32[300,70] F32[70]", "" },
    { "MatMul", "F32[%d,40] F32[40,33]", "" },
    { "MatMul", "F32[%d,3,40] F32[40,33]", "" },
    { "AveragePool", "F32[%d,3,9,9]", "kernel_shape=3,3" },
    { "MaxPool", "F32[%d,3,9,9]", "kernel_shape=3,3 strides=2,2 pads=1,1,1,1" },
    { "GlobalAveragePool", "F32[%d,3,9,9]", "" },
    { "BatchNormalization", "F32[%d,3,5,5] F32[3] F32[3] F32[3] F32[3]{1,2,3}", "" },
};

struct setting {
    const char *cpu;
    int batch, threads;
    bool packs, training;
    const struct epilogue *epilogue;
};

/* A run with inputs that depend on their place alone: sample 0 is the same in every batch. */
static void run_case(struct spec *s, size_t row, const struct setting *set)
{
    char inputs[256];
    struct kern kern;
    struct error err = { 0 };
    struct op_run run = { .kern = &kern, .pool = set->threads > 1 ? pool_new(set->threads, NULL) : NULL };

    snprintf(inputs, sizeof(inputs), cases[row].inputs, set->batch);
    assert_int_equal(kern_init(&kern, set->cpu, NULL), 0);
    if (spec_shape_with(
            s,
            &(struct op_io){
                .workers = set->threads, .packs = set->packs, .training = set->training, .epilogue = set->epilogue },
            cases[row].op, inputs, "", cases[row].attributes, &err) < 0)
        fail_msg("%s %s: %s", cases[row].op, inputs, err.message);
    for (int i = 0; i < s->io.in_count; i++) {
        struct tensor *x = s->pointer[0][i];
        struct rng rng = rng_make(5, (uint64_t)i);

        if (x->data != NULL)
            continue;
        x->data = spec_memory(s, tensor_bytes(x));
        for (int64_t e = 0; e < shape_count(&x->shape); e++)
            ((float *)x->data)[e] = 2 * rng_uniform(&rng) - 1;
    }
    s->tensor[1][0].data = spec_memory(s, tensor_bytes(&s->tensor[1][0]));
    s->io.work = spec_memory(s, s->io.work_bytes);
    s->io.saved = spec_memory(s, s->io.saved_bytes);
    s->io.packed = spec_memory(s, s->io.packed_bytes);
    if (s->io.packed_bytes > 0)
        s->op->pack(&s->io, &run);
    s->op->forward(&s->io, &run);
    pool_free(run.pool);
}

/* The first bytes of two runs' outputs are the same. */
static void assert_same(size_t row, const struct setting *a, const struct setting *b, const char *what)
{
    struct spec first, second;

    run_case(&first, row, a);
    run_case(&second, row, b);
    size_t bytes = tensor_bytes(&first.tensor[1][0]), other = tensor_bytes(&second.tensor[1][0]);
    if (memcmp(first.tensor[1][0].data, second.tensor[1][0].data, bytes < other ? bytes : other) != 0)
        fail_msg("%s %s on %s depends on %s", cases[row].op, cases[row].inputs, a->cpu, what);
    spec_end(&first);
    spec_end(&second);
}

static void a_sample_does_not_depend_on_its_batch(void **state)
{
    const char *cpu = *state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_same(i, &(struct setting){ cpu, 1, 1, 0, 0, 0 }, &(struct setting){ cpu, 3, 1, 0, 0, 0 }, "batch");
        assert_same(i, &(struct setting){ cpu, 1, 1, 0, 0, 0 }, &(struct setting){ cpu, 32, 1, 0, 0, 0 }, "batch");
    }
}

static void outputs_do_not_depend_on_threads_or_packing(void **state)
{
    const char *cpu = *state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_same(i, &(struct setting){ cpu, 1, 1, 0, 0, 0 }, &(struct setting){ cpu, 1, 4, 0, 0, 0 }, "threads");
        assert_same(i, &(struct setting){ cpu, 3, 1, 0, 0, 0 }, &(struct setting){ cpu, 3, 3, 0, 0, 0 }, "threads");
        assert_same(i, &(struct setting){ cpu, 1, 1, 0, 0, 0 }, &(struct setting){ cpu, 1, 2, 1, 0, 0 }, "packing");
    }
}

/* An epilogue's bits are those of Add and of the activation run by themselves. */
static void epilogues_equal_separate_nodes(void **state)
{
    static const struct epilogue endings[] = {
        { .activation = ACTIVATION_RELU },
        { .activation = ACTIVATION_CLIP, .low = -0.25F, .high = 0.5F },
        { .activation = ACTIVATION_LEAKY_RELU, .alpha = 0.1F },
        { .activation = ACTIVATION_HARD_SWISH },
        { .activation = ACTIVATION_SWISH, .alpha = 1.25F },
        { .activation = ACTIVATION_SIGMOID },
        { .activation = ACTIVATION_HARD_SIGMOID, .alpha = 0.2F, .beta = 0.5F },
        { .activation = ACTIVATION_NONE },
    };
    const char *cpu = *state;
    struct kern kern;

    assert_int_equal(kern_init(&kern, cpu, NULL), 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (size_t e = 0; e < COUNT(endings) && (op_find(cases[i].op)->flags & OP_EPILOGUE); e++) {
            struct spec plain, fused;
            struct epilogue ending = endings[e];
            run_case(&plain, i, &(struct setting){ cpu, 3, 1, 0, 0, 0 });
            struct tensor residual = plain.tensor[1][0];
            size_t n = (size_t)shape_count(&residual.shape);
            float *y = plain.tensor[1][0].data;
            residual.data = spec_memory(&plain, n * sizeof(float));
            for (size_t j = 0; j < n; j++)
                ((float *)residual.data)[j] = (float)j / (float)n - 0.3F;
            ending.add = &residual;
            kern.add_f32(y, y, 1, residual.data, 1, n);
            switch (ending.activation) {
            case ACTIVATION_RELU: kern.relu_f32(y, y, n); break;
            case ACTIVATION_CLIP: kern.clip_f32(y, y, ending.low, ending.high, n); break;
            case ACTIVATION_LEAKY_RELU: kern.leaky_relu_f32(y, y, ending.alpha, n); break;
            case ACTIVATION_HARD_SWISH: kern.hard_swish_f32(y, y, n); break;
            case ACTIVATION_SWISH: kern.swish_f32(y, y, ending.alpha, n); break;
            case ACTIVATION_SIGMOID: kern.sigmoid_f32(y, y, n); break;
            case ACTIVATION_HARD_SIGMOID: kern.hard_sigmoid_f32(y, y, ending.alpha, ending.beta, n); break;
            case ACTIVATION_NONE: break;
            }
            run_case(&fused, i, &(struct setting){ cpu, 3, 2, 0, 0, &ending });
            assert_memory_equal(fused.tensor[1][0].data, y, n * sizeof(float));
            spec_end(&plain);
            spec_end(&fused);
        }
    }
}

/* Values 1, 2, 3, 6: mean 3, variance 3.5, unbiased 14/3. */
static void running_statistics_move_as_in_pytorch(void **state)
{
    struct spec s;
    struct kern kern;
    struct op_run run = { .kern = &kern };
    struct error err = { 0 };

    assert_int_equal(kern_init(&kern, *state, NULL), 0);
    assert_int_equal(spec_shape(&s, "BatchNormalization",
                                "F32[2,1,2]{1,2,3,6} F32[1]{1} F32[1]{0} F32[1]{10} F32[1]{20}", "", "momentum=0.75",
                                true, &err),
                     0);
    s.tensor[1][0].data = spec_memory(&s, tensor_bytes(&s.tensor[1][0]));
    s.io.saved = spec_memory(&s, s.io.saved_bytes);
    s.op->forward(&s.io, &run);
    assert_true(fabs((double)*(float *)s.tensor[0][3].data - (10 * 0.75 + 3 * 0.25)) < 1e-5);
    assert_true(fabs((double)*(float *)s.tensor[0][4].data - (20 * 0.75 + 14.0 / 3 * 0.25)) < 1e-5);
    spec_end(&s);
}

/* A mean a thousand times the deviation: squares would cancel, were they not taken around a value of the batch. */
static void batch_statistics_survive_a_large_mean(void **state)
{
    struct spec s;
    struct kern kern;
    struct op_run run = { .kern = &kern };
    struct error err = { 0 };

    assert_int_equal(kern_init(&kern, *state, NULL), 0);
    assert_int_equal(spec_shape(&s, "BatchNormalization",
                                "F32[4,1]{4096,4097,4098,4099} F32[1]{1} F32[1]{0} F32[1]{0} F32[1]{1}", "", "", true,
                                &err),
                     0);
    float *y = s.tensor[1][0].data = spec_memory(&s, tensor_bytes(&s.tensor[1][0]));
    s.io.saved = spec_memory(&s, s.io.saved_bytes);
    s.op->forward(&s.io, &run);
    assert_true(fabs((double)y[0] + 1.341635) < 1e-3 && fabs((double)y[3] - 1.341635) < 1e-3);
    spec_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sample_does_not_depend_on_its_batch),
        cmocka_unit_test(outputs_do_not_depend_on_threads_or_packing),
        cmocka_unit_test(epilogues_equal_separate_nodes),
        cmocka_unit_test(running_statistics_move_as_in_pytorch),
        cmocka_unit_test(batch_statistics_survive_a_large_mean),
    };

    return EACH_PATH_RUN(tests, NULL);
}

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/rng.h"
#include "kern/each_path.h"
#include "op/spec.h"

/* Inputs without data are drawn from low..high; their gradients are compared with central differences. "+": an epilogue. */
static const struct {
    const char *op, *inputs, *attributes;
    float low, high;
} cases[] = {
    { "Relu", "F32[3,7]", "", -2, 2 },
    { "LeakyRelu", "F32[3,7]", "alpha=0.3", -2, 2 },
    { "Clip", "F32[3,7] F32[]{-0.5} F32[]{0.75}", "", -2, 2 },
    { "Clip", "F32[3,7]", "max=0.5", -2, 2 },
    { "HardSwish", "F32[9,7]", "", -4, 4 },
    { "HardSigmoid", "F32[3,7]", "", -4, 4 },
    { "Sigmoid", "F32[3,7]", "", -4, 4 },
    { "Tanh", "F32[3,7]", "", -2, 2 },
    { "Gelu", "F32[3,7]", "", -3, 3 },
    { "Gelu", "F32[3,7]", "approximate=tanh", -3, 3 },
    { "Elu", "F32[3,7]", "alpha=0.7", -2, 2 },
    { "Softplus", "F32[3,7]", "", -4, 4 },
    { "Exp", "F32[3,7]", "", -2, 2 },
    { "Log", "F32[3,7]", "", 0.5F, 3 },
    { "Sqrt", "F32[3,7]", "", 0.5F, 3 },
    { "Neg", "F32[3,7]", "", -2, 2 },
    { "Abs", "F32[3,7]", "", -2, 2 },
    { "Celu", "F32[3,7]", "alpha=0.7", -2, 2 },
    { "Selu", "F32[3,7]", "", -2, 2 },
    { "Shrink", "F32[3,7]", "bias=0.5 lambd=0.5", 0.7F, 2 },
    { "ThresholdedRelu", "F32[3,7]", "", -2, 0.9F },
    { "Erf", "F32[3,7]", "", -2, 2 },
    { "Mish", "F32[3,7]", "", -4, 4 },
    { "Swish", "F32[3,7]", "", -4, 4 },
    { "Swish", "F32[3,7]", "alpha=1.5", -4, 4 },
    { "Reciprocal", "F32[3,7]", "", 0.5F, 3 },
    { "Softsign", "F32[3,7]", "", -2, 2 },
    { "Sin", "F32[3,7]", "", -2, 2 },
    { "Cos", "F32[3,7]", "", -2, 2 },
    { "Cast", "F32[3,7]", "to=1", -2, 2 },

    { "Add", "F32[2,3,4] F32[2,3,4]", "", -2, 2 },
    { "Add", "F32[2,3,4] F32[3,1]", "", -2, 2 },
    { "Sub", "F32[4] F32[2,3,4]", "", -2, 2 },
    { "Sub", "F32[2,1,4] F32[2,3,1]", "", -2, 2 },
    { "Mul", "F32[2,3,4] F32[2,3,4]", "", -2, 2 },
    { "Mul", "F32[2,3,4,5] F32[2,3,1,1]", "", -2, 2 },
    { "Mul", "F32[] F32[2,3]", "", -2, 2 },
    { "Mul", "F32[1,3,1,2] F32[2,1,4,1]", "", -2, 2 },
    { "Div", "F32[2,3,4] F32[1,3,4]", "", 0.5F, 2 },
    { "Div", "F32[2,3] F32[1]", "", 0.5F, 2 },
    { "Pow", "F32[2,3,4] F32[1]{1.5}", "", 0.5F, 2 },
    { "Pow", "F32[2,3,4] F32[3,1]", "", 0.5F, 2 },
    { "PRelu", "F32[2,3,4] F32[3,1]", "", -2, 2 },
    { "Max", "F32[2,3,4] F32[3,1] F32[4]", "", -100, 100 },
    { "Min", "F32[2,3,4] F32[3,1]", "", -100, 100 },
    { "Sum", "F32[2,3,4] F32[3,1] F32[4]", "", -2, 2 },
    { "Mean", "F32[2,3,4] F32[3,1]", "", -2, 2 },
    { "Where", "BOOL[3,1]{1,0,1} F32[2,3,4] F32[4]", "", -2, 2 },

    { "Reshape", "F32[2,3,4] I64[2]{0,-1}", "", -2, 2 },
    { "Flatten", "F32[2,3,4]", "axis=2", -2, 2 },
    { "Squeeze", "F32[2,1,4]", "axes=1,", -2, 2 },
    { "Unsqueeze", "F32[2,4] I64[2]{0,-1}", "", -2, 2 },
    { "Identity", "F32[2,4]", "", -2, 2 },
    { "Concat", "F32[2,3,4] F32[2,1,4] F32[2,2,4]", "axis=1", -2, 2 },

    { "Softmax", "F32[3,5]", "", -2, 2 },
    { "Softmax", "F32[2,5,3]", "axis=1", -2, 2 },
    { "LogSoftmax", "F32[3,5]", "", -2, 2 },
    { "LogSoftmax", "F32[2,5,3]", "axis=-2", -2, 2 },
    { "ReduceMean", "F32[2,3,4,5]", "axes=2,3", -2, 2 },
    { "ReduceMean", "F32[2,3,4] I64[1]{1}", "keepdims=0", -2, 2 },
    { "ReduceMean", "F32[2,3,4]", "", -2, 2 },
    { "ReduceSum", "F32[2,3,4] I64[2]{0,-1}", "", -2, 2 },
    { "ReduceMax", "F32[2,3,4] I64[1]{1}", "", -2, 2 },
    { "ReduceL1", "F32[2,3,4]", "axes=1,", 0.5F, 2 },
    { "ReduceMin", "F32[2,3,4]", "axes=0,2", -2, 2 },
    { "ReduceL2", "F32[2,3,4] I64[1]{-1}", "keepdims=0", 0.5F, 2 },
    { "ReduceSumSquare", "F32[2,3,4]", "", -2, 2 },
    { "LayerNormalization", "F32[3,2,4] F32[4] F32[4]", "", 0.5F, 2 },
    { "LayerNormalization", "F32[3,2,4] F32[2,4]", "axis=1", 0.5F, 2 },
    { "GroupNormalization", "F32[2,4,3,2] F32[4] F32[4]", "num_groups=2", 0.5F, 2 },
    { "InstanceNormalization", "F32[2,3,5] F32[3] F32[3]", "", 0.5F, 2 },

    { "Transpose", "F32[2,3,4]", "", -2, 2 },
    { "Transpose", "F32[2,3,4,2]", "perm=0,2,3,1", -2, 2 },
    { "Slice", "F32[5,6] I64[2]{1,-2} I64[2]{4,-100} I64[2]{0,1} I64[2]{2,-2}", "", -2, 2 },
    { "Slice", "F32[5,6]", "starts=1, ends=3,", -2, 2 },
    { "Split", "F32[2,6,2]", "axis=1 split=1,3,2", -2, 2 },
    { "DepthToSpace", "F32[1,8,2,3]", "blocksize=2", -2, 2 },
    { "SpaceToDepth", "F32[1,2,4,6]", "blocksize=2", -2, 2 },
    { "Gather", "F32[2,4,3] I64[3]{0,-1,0}", "axis=1", -2, 2 },
    { "Expand", "F32[3,1] I64[3]{2,1,4}", "", -2, 2 },
    { "Tile", "F32[2,3] I64[2]{3,2}", "", -2, 2 },
    { "DepthToSpace", "F32[1,8,2,3]", "blocksize=2 mode=CRD", -2, 2 },
    { "Pad", "F32[2,3,4] I64[6]{0,1,2,1,0,3}", "", -2, 2 },
    { "Pad", "F32[2,3,4] I64[4]{1,2,2,1} F32[]{1.5} I64[2]{1,2}", "mode=reflect", -2, 2 },
    { "Pad", "F32[2,3,4]", "mode=wrap pads=1,0,-1,0,2,5", -2, 2 },
    { "Pad", "F32[2,3,4]", "mode=edge pads=1,0,-1,0,2,3", -2, 2 },
    { "Resize", "F32[1,2,3,4] - F32[4]{1,1,2,2}", "", -2, 2 },
    { "Resize", "F32[1,2,3,4] - - I64[4]{1,2,7,5}", "mode=linear", -2, 2 },
    { "Resize", "F32[1,2,3,4] - - I64[2]{2,9}", "mode=linear axes=2,3 coordinate_transformation_mode=align_corners", -2,
      2 },
    { "Resize", "F32[2,4] - - I64[2]{2,1}", "mode=linear coordinate_transformation_mode=pytorch_half_pixel", -2, 2 },
    { "Resize", "F32[1,2,3,4] - F32[4]{1,1,1.7,0.6}", "mode=linear coordinate_transformation_mode=asymmetric", -2, 2 },
    { "Dropout", "F32[5,7] F32[]{0.4}", "", -2, 2 },

    { "BatchNormalization", "F32[3,4,5,3] F32[4] F32[4] F32[4]{1,2,3,4} F32[4]{1,2,3,4}", "", -2, 2 },
    { "BatchNormalization", "F32[6,3] F32[3] F32[3] F32[3]{1,2,3} F32[3]{1,2,3}", "epsilon=0.1 momentum=0.5", -2, 2 },
    { "BatchNormalization+Relu", "F32[2,2,3] F32[2] F32[2] F32[2]{1,2} F32[2]{1,2}", "", -2, 2 },
    { "BatchNormalization+Clip", "F32[2,2,5,3] F32[2] F32[2] F32[2]{1,2} F32[2]{1,2}", "", -2, 2 },
    { "Conv", "F32[2,3,5,6] F32[4,3,3,2] F32[4]", "", -1, 1 },
    { "Conv", "F32[2,2,5,4] F32[3,2,3,3] F32[3]", "pads=1,1,1,1", -1, 1 },
    { "Conv", "F32[2,3,7,8] F32[4,3,3,4]", "pads=2,0,1,3 strides=2,3", -1, 1 },
    { "Conv", "F32[3,4,6,7] F32[6,2,1,1] F32[6]", "strides=2,2 group=2", -1, 1 },
    { "Conv", "F32[1,2,6,7] F32[2,2,3,2]", "dilations=2,3 pads=2,2,2,2", -1, 1 },
    { "Conv", "F32[2,2,9,8] F32[2,2,2,3] F32[2]", "dilations=2,3 strides=3,2 pads=1,2,0,1", -1, 1 },
    { "Conv", "F32[2,3,5,5] F32[3,1,3,3] F32[3]", "group=3 pads=1,1,1,1", -1, 1 },
    { "Conv", "F32[1,20,4,5] F32[20,1,3,3]", "group=20 strides=2,2 pads=1,1,1,1", -1, 1 },
    { "Conv", "F32[1,2,5,6] F32[2,2,3,2]", "auto_pad=SAME_UPPER strides=2,2", -1, 1 },
    { "Conv", "F32[2,3,8] F32[4,3,3] F32[4]", "pads=1,1", -1, 1 },
    { "Gemm", "F32[3,5] F32[5,4]", "", -1, 1 },
    { "Gemm", "F32[3,20] F32[6,20] F32[6]", "transB=1", -1, 1 },
    { "Gemm", "F32[5,3] F32[5,4] F32[3,4]", "transA=1 alpha=0.5 beta=2.0", -1, 1 },
    { "Gemm", "F32[5,3] F32[4,5] F32[3,1]", "transA=1 transB=1 beta=0.5", -1, 1 },
    { "Gemm", "F32[3,2] F32[150,2] F32[150]", "transB=1", -1, 1 },
    { "Gemm", "F32[150,2] F32[3,150]", "transA=1 transB=1 alpha=0.5", -1, 1 },
    { "Gemm", "F32[2,150] F32[150,3]", "", -1, 1 },
    { "Gemm", "F32[150,2] F32[150,3] F32[3]", "transA=1", -1, 1 },
    { "AveragePool", "F32[2,3,6,4]", "kernel_shape=2,2 strides=2,2", -2, 2 },
    { "AveragePool", "F32[2,2,7,6]", "kernel_shape=3,3 strides=2,2 pads=1,1,1,1 count_include_pad=1", -2, 2 },
    { "AveragePool", "F32[1,2,7,8]", "kernel_shape=3,2 pads=1,0,1,1 ceil_mode=1 strides=2,3", -2, 2 },
    { "ConvTranspose", "F32[2,3,4,5] F32[3,4,3,2] F32[4]", "", -1, 1 },
    { "ConvTranspose", "F32[2,3,3,4] F32[3,2,3,3] F32[2]", "pads=1,1,1,1 strides=2,2 output_padding=1,1", -1, 1 },
    { "ConvTranspose", "F32[1,4,3,4] F32[4,3,2,3]", "group=2 strides=3,2 dilations=2,1 pads=0,1,2,0", -1, 1 },
    { "ConvTranspose", "F32[2,2,6] F32[2,3,4] F32[3]", "strides=2, pads=1,1", -1, 1 },
    { "GlobalMaxPool", "F32[2,3,4,5]", "", -100, 100 },
    { "MatMul", "F32[3,4] F32[4,5]", "", -1, 1 },
    { "MatMul", "F32[2,3,4] F32[4,5]", "", -1, 1 },
    { "MatMul", "F32[2,1,3,4] F32[3,4,5]", "", -1, 1 },
    { "MatMul", "F32[4] F32[2,4,3]", "", -1, 1 },
    { "MatMul", "F32[2,3,4] F32[4]", "", -1, 1 },
    { "GlobalAveragePool", "F32[2,3,4,5]", "", -2, 2 },
    { "MaxPool", "F32[2,3,6,4]", "kernel_shape=2,2 strides=2,2", -100, 100 },
    { "MaxPool", "F32[2,2,7,6]", "kernel_shape=3,3 strides=2,2 pads=1,1,1,1", -100, 100 },
    { "MaxPool", "F32[1,2,7,8]", "kernel_shape=2,3 dilations=2,1 pads=1,0,1,2 ceil_mode=1 strides=2,2", -100, 100 },
    { "MaxPool", "F32[2,2,9]", "kernel_shape=3, strides=1, pads=1,1", -100, 100 },
};

static const struct epilogue relu = { .activation = ACTIVATION_RELU };
static const struct epilogue clip = { .activation = ACTIVATION_CLIP, .low = -0.5F, .high = 0.75F };

enum { LARGEST = 512 };

static const float step = 1.0F / 256;

struct check {
    struct spec spec;
    struct kern kern;
    struct pool *pool;
    bool drawn[SPEC_MOST];
    float before[SPEC_MOST][LARGEST]; /* the drawn inputs */
};

static int64_t count(const struct tensor *t)
{
    return shape_count(&t->shape);
}

static const struct epilogue *curve_of(size_t row)
{
    if (strstr(cases[row].op, "+Relu") != NULL)
        return &relu;
    return strstr(cases[row].op, "+Clip") != NULL ? &clip : NULL;
}

static void begin(struct check *c, const char *cpu, size_t row, int threads)
{
    struct spec *s = &c->spec;
    struct rng rng = rng_make(1, row);
    struct error err = { 0 };
    char name[64];

    assert_int_equal(kern_init(&c->kern, cpu, NULL), 0);
    c->pool = threads > 1 ? pool_new(threads, NULL) : NULL;
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(cases[row].op, "+"), cases[row].op);
    if (spec_shape_with(s, &(struct op_io){ .workers = threads, .training = true, .epilogue = curve_of(row) }, name,
                        cases[row].inputs, strcmp(name, "Split") == 0 ? "- - -" : "", cases[row].attributes, &err) < 0)
        fail_msg("%s %s: %s", cases[row].op, cases[row].inputs, err.message);
    memset(c->drawn, 0, sizeof(c->drawn));
    for (int i = 0; i < s->io.in_count; i++) {
        struct tensor *t = s->pointer[0][i];

        c->drawn[i] = t != NULL && t->data == NULL;
        if (!c->drawn[i])
            continue;
        assert_true(count(t) <= LARGEST);
        t->data = spec_memory(s, tensor_bytes(t));
        t->grad = spec_memory(s, tensor_bytes(t));
        for (int64_t e = 0; e < count(t); e++)
            ((float *)t->data)[e] = c->before[i][e] = cases[row].low +
                                                      (cases[row].high - cases[row].low) * rng_uniform(&rng);
    }
    for (int i = 0; i < s->io.out_count; i++) {
        struct tensor *t = s->pointer[1][i];

        t->data = spec_memory(s, tensor_bytes(t));
        t->grad = spec_memory(s, tensor_bytes(t));
        for (int64_t e = 0; e < count(t); e++)
            t->grad[e] = 2 * rng_uniform(&rng) - 1;
    }
    s->io.work = spec_memory(s, s->io.work_bytes);
    s->io.saved = spec_memory(s, s->io.saved_bytes);
}

static void end(struct check *c)
{
    spec_end(&c->spec);
    pool_free(c->pool);
}

static struct op_run run_of(const struct check *c)
{
    return (struct op_run){ .kern = &c->kern, .pool = c->pool, .seed = 7, .step = 3, .node = 5 };
}

/* The sum of all outputs, each weighed with what backward() will get as its gradient. */
static double loss(struct check *c)
{
    struct op_run run = run_of(c);
    double sum = 0;

    c->spec.op->forward(&c->spec.io, &run);
    for (int i = 0; i < c->spec.io.out_count; i++) {
        const struct tensor *t = c->spec.pointer[1][i];

        for (int64_t e = 0; e < count(t); e++)
            sum += (double)((float *)t->data)[e] * (double)t->grad[e];
    }
    return sum;
}

/* What the flags do not promise may have been overwritten by the time backward() runs: here it has. */
static void spoil_unpromised(struct check *c)
{
    struct spec *s = &c->spec;

    for (int i = 0; i < s->io.in_count; i++)
        if (c->drawn[i] && !(s->op->flags & OP_BACKWARD_IN))
            memset(s->pointer[0][i]->data, 0xff, tensor_bytes(s->pointer[0][i]));
    for (int i = 0; i < s->io.out_count; i++)
        if (i > 0 || !(s->op->flags & OP_BACKWARD_OUT))
            memset(s->pointer[1][i]->data, 0xff, tensor_bytes(s->pointer[1][i]));
}

static void backward(struct check *c, bool add, float first)
{
    struct spec *s = &c->spec;
    struct op_run run = run_of(c);

    for (int i = 0; i < s->io.in_count; i++) {
        if (!c->drawn[i])
            continue;
        memcpy(s->pointer[0][i]->data, c->before[i], tensor_bytes(s->pointer[0][i]));
        s->pointer[0][i]->grad_add = add;
        for (int64_t e = 0; s->pointer[0][i]->grad != NULL && e < count(s->pointer[0][i]); e++)
            s->pointer[0][i]->grad[e] = first;
    }
    (void)loss(c);
    spoil_unpromised(c);
    s->op->backward(&s->io, &run);
    for (int i = 0; i < s->io.in_count; i++)
        if (c->drawn[i])
            memcpy(s->pointer[0][i]->data, c->before[i], tensor_bytes(s->pointer[0][i]));
}

static double slope(struct check *c, int input, int64_t element)
{
    float *x = (float *)c->spec.pointer[0][input]->data + element, kept = *x;
    double above, below;

    *x = kept + step;
    above = loss(c);
    *x = kept - step;
    below = loss(c);
    *x = kept;
    return (above - below) / (2 * (double)step);
}

static void compare(struct check *c, size_t row, float first)
{
    for (int i = 0; i < c->spec.io.in_count; i++) {
        for (int64_t e = 0; c->drawn[i] && e < count(c->spec.pointer[0][i]); e++) {
            double want = slope(c, i, e), got = (double)c->spec.pointer[0][i]->grad[e] - (double)first;

            if (!(fabs(want - got) <= 2e-3 + 5e-3 * fabs(want)))
                fail_msg("%s %s %s: input %d element %d: gradient %g, differences say %g", cases[row].op,
                         cases[row].inputs, cases[row].attributes, i, (int)e, got, want);
        }
    }
}

static void gradients_agree_with_differences(void **state)
{
    for (size_t row = 0; row < COUNT(cases); row++) {
        static struct check c;

        begin(&c, *state, row, 1);
        backward(&c, false, NAN);
        compare(&c, row, 0);
        backward(&c, true, 0.5F);
        compare(&c, row, 0.5F);
        end(&c);
    }
}

static void assert_same_gradients(const struct check *a, const struct check *b, size_t row, const char *what)
{
    for (int i = 0; i < a->spec.io.in_count; i++) {
        const struct tensor *x = a->spec.pointer[0][i], *y = b->spec.pointer[0][i];

        if (a->drawn[i] && y->grad != NULL && memcmp(x->grad, y->grad, tensor_bytes(x)) != 0)
            fail_msg("%s %s %s: gradient of input %d depends on %s", cases[row].op, cases[row].inputs,
                     cases[row].attributes, i, what);
    }
}

static void bits_do_not_depend_on_threads(void **state)
{
    for (size_t row = 0; row < COUNT(cases); row++) {
        static struct check one, three;

        begin(&one, *state, row, 1);
        begin(&three, *state, row, 3);
        backward(&one, false, NAN);
        backward(&three, false, NAN);
        assert_same_gradients(&one, &three, row, "threads");
        assert_true(loss(&one) == loss(&three));
        end(&one);
        end(&three);
    }
}

/* Frozen weights have no gradient; that of the others must not notice. */
static void gradients_do_not_depend_on_which_are_wanted(void **state)
{
    for (size_t row = 0; row < COUNT(cases); row++) {
        static struct check all, some;

        for (int lone = 0; lone < SPEC_MOST; lone++) {
            begin(&all, *state, row, 1);
            begin(&some, *state, row, 1);
            backward(&all, false, NAN);
            for (int i = 0; i < SPEC_MOST; i++)
                if (i != lone && some.drawn[i])
                    some.spec.pointer[0][i]->grad = NULL;
            if (some.drawn[lone])
                backward(&some, false, NAN);
            for (int i = 0; i < SPEC_MOST; i++)
                all.drawn[i] = all.drawn[i] && i == lone;
            assert_same_gradients(&all, &some, row, "which others are wanted");
            end(&all);
            end(&some);
        }
    }
}

static void gradients_may_lie_over_those_they_come_from(void **state)
{
    for (size_t row = 0; row < COUNT(cases); row++) {
        static struct check apart, over;
        struct op_run run;

        begin(&apart, *state, row, 1);
        begin(&over, *state, row, 1);
        const struct tensor *out = over.spec.pointer[1][0];
        if ((over.spec.op->flags & OP_GRAD_IN_PLACE) && shape_equal(&over.spec.pointer[0][0]->shape, &out->shape)) {
            backward(&apart, false, NAN);
            (void)loss(&over);
            spoil_unpromised(&over);
            over.spec.pointer[0][0]->grad = out->grad;
            run = run_of(&over);
            over.spec.op->backward(&over.spec.io, &run);
            assert_same_gradients(&apart, &over, row, "where it lies");
        }
        end(&apart);
        end(&over);
    }
}

/* Rows [first, first + n) of the second input's gradient, which alone is asked for. */
static void expect_rows(const struct check *whole, struct check *part, size_t row, int64_t first, int64_t n)
{
    const struct tensor *weight = part->spec.pointer[0][1];
    const int64_t width = shape_span(&weight->shape, 1, weight->shape.rank);
    struct op_run run = run_of(part);

    part->spec.io.grad_first = first;
    part->spec.io.grad_count = n;
    for (int64_t e = 0; e < count(weight); e++)
        weight->grad[e] = NAN;
    part->spec.op->backward(&part->spec.io, &run);
    if (memcmp(weight->grad, whole->spec.pointer[0][1]->grad + first * width, (size_t)(n * width) * sizeof(float)) != 0)
        fail_msg("%s %s: rows from %d on are not the whole's", cases[row].op, cases[row].inputs, (int)first);
    for (int64_t e = n * width; e < count(weight); e++)
        assert_true(isnan(weight->grad[e]));
}

static void gradient_may_come_apart_and_in_rows(void **state)
{
    int apart = 0, divided = 0;

    for (size_t row = 0; row < COUNT(cases); row++) {
        static struct check whole, part;
        struct op_io *io = &part.spec.io;

        begin(&whole, *state, row, 1);
        begin(&part, *state, row, 1);
        const int64_t rows = io->apart ? part.spec.pointer[0][1]->shape.dim[0] : 0;
        const int64_t some = io->grad_rows > 0 && io->grad_rows < rows ? io->grad_rows : rows;
        assert_true(!io->apart || !(part.spec.op->flags & OP_GRAD_IN_PLACE)); /* the first call would be over it */
        backward(&whole, false, NAN);
        (void)loss(&part);
        for (int i = 0; i < io->in_count && io->apart; i++)
            if (part.drawn[i] && i != 1)
                part.spec.pointer[0][i]->grad = NULL;
        io->work = spec_memory(&part.spec, io->apart_bytes);
        for (int64_t first = 0; first < rows; first += some)
            expect_rows(&whole, &part, row, first, rows - first < some ? rows - first : some);
        apart += io->apart;
        divided += some < rows;
        end(&whole);
        end(&part);
    }
    assert_true(apart >= 15 && divided >= 3);
}

/* In one step: no input changes, such as statistics, and what was saved may be what was saved then. */
static void computing_again_gives_the_same_and_changes_nothing_else(void **state)
{
    for (size_t row = 0; row < COUNT(cases); row++) {
        static struct check c;
        static float inputs[SPEC_MOST][LARGEST];
        double first;

        begin(&c, *state, row, 1);
        first = loss(&c);
        for (int i = 0; i < c.spec.io.in_count; i++)
            if (c.drawn[i])
                memcpy(inputs[i], c.spec.pointer[0][i]->data, tensor_bytes(c.spec.pointer[0][i]));
        for (int i = 0; i < c.spec.io.out_count; i++)
            memset(c.spec.pointer[1][i]->data, 0xff, tensor_bytes(c.spec.pointer[1][i]));
        if (!(c.spec.op->flags & OP_AGAIN_SAVED))
            memset(c.spec.io.saved, 0xff, c.spec.io.saved_bytes);
        c.spec.io.again = true;
        if (loss(&c) != first)
            fail_msg("%s %s: not the same again", cases[row].op, cases[row].inputs);
        for (int i = 0; i < c.spec.io.in_count; i++)
            if (c.drawn[i])
                assert_memory_equal(inputs[i], c.spec.pointer[0][i]->data, tensor_bytes(c.spec.pointer[0][i]));
        end(&c);
    }
}

static void every_differentiable_operator_has_a_case(void **state)
{
    (void)state;
    for (const struct op *const *op = op_table; *op != NULL; op++) {
        bool found = (*op)->backward == NULL;

        for (size_t row = 0; row < COUNT(cases); row++)
            found = found || strcmp(cases[row].op, (*op)->name) == 0;
        if (!found)
            fail_msg("%s has a backward() and no case here", (*op)->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_agree_with_differences),
        cmocka_unit_test(bits_do_not_depend_on_threads),
        cmocka_unit_test(gradients_do_not_depend_on_which_are_wanted),
        cmocka_unit_test(gradients_may_lie_over_those_they_come_from),
        cmocka_unit_test(gradient_may_come_apart_and_in_rows),
        cmocka_unit_test(computing_again_gives_the_same_and_changes_nothing_else),
        cmocka_unit_test(every_differentiable_operator_has_a_case),
    };

    return EACH_PATH_RUN(tests, NULL);
}

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/rng.h"
#include "kern/each_path.h"
#include "op/spec.h"

/* Operators on bytes must give what the same operator gives on the reals they stand for, rounded once. */
static const struct {
    const char *op, *inputs, *outputs, *attributes;
} cases[] = {
    { "Relu", "U8[20,20]@0.05:128", "@0.03:0", "" },
    { "Relu", "U8[20,20]@0.05:128", "@0.05:128", "" },
    { "LeakyRelu", "U8[20,20]@0.05:128", "@0.04:30", "alpha=0.25" },
    { "Clip", "U8[20,20]@0.05:100 F32[]{0} F32[]{6}", "@0.05:100", "" },
    { "Clip", "U8[20,20]@0.05:100 F32[]{0} F32[]{6}", "@0.0235294:0", "" },
    { "HardSwish", "U8[20,20]@0.05:128", "@0.03:13", "" },
    { "HardSigmoid", "U8[20,20]@0.05:128", "@0.00392157:0", "" },
    { "Sigmoid", "U8[20,20]@0.05:128", "@0.00392157:0", "" },
    { "Tanh", "U8[20,20]@0.02:128", "@0.0078125:128", "" },
    { "Gelu", "U8[20,20]@0.03:128", "@0.02:20", "" },
    { "Gelu", "U8[20,20]@0.03:128", "@0.02:20", "approximate=tanh" },
    { "Elu", "U8[20,20]@0.03:128", "@0.02:60", "" },
    { "Softplus", "U8[20,20]@0.03:128", "@0.02:0", "" },
    { "Exp", "U8[20,20]@0.01:128", "@0.02:0", "" },
    { "Log", "U8[20,20]@0.02:0", "@0.03:200", "" },
    { "Sqrt", "U8[20,20]@0.02:0", "@0.01:0", "" },
    { "Neg", "U8[20,20]@0.02:100", "@0.02:155", "" },
    { "Abs", "U8[20,20]@0.02:100", "@0.013:0", "" },
    { "Add", "U8[20,20]@0.02:100 U8[20,20]@0.05:7", "@0.06:40", "" },
    { "Add", "U8[4,5,6]@0.02:100 U8[5,1]@0.05:7", "@0.06:40", "" },
    { "Add", "U8[1]@0.02:100 U8[40]@0.0005:7", "@0.01:128", "" },
    { "Add", "U8[400]@0.000002:100 U8[400]@0.000003:7", "@0.5:128", "" },
    { "Sub", "U8[20,20]@0.02:100 U8[20,20]@0.05:7", "@0.06:160", "" },
    { "Sub", "U8[20,1]@0.02:100 U8[20,20]@0.05:7", "@0.06:160", "" },
    { "Mul", "U8[20,20]@0.02:100 U8[20,20]@0.05:7", "@0.06:90", "" },
    { "Mul", "U8[2,3,4,5]@0.02:100 U8[2,3,1,1]@0.00392157:0", "@0.02:90", "" },
    { "Add", "U8[20,20]@0.02:100 U8[20,20]@0.05:7", "@0.0000000001:40", "" },
    { "Mul", "U8[20,20]@0.02:100 U8[20,20]@0.05:7", "@0.0000000001:40", "" },
    { "Mul", "U8[20,20]@0.00002:100 U8[20,1]@0.00005:7", "@0.5:40", "" },
    { "Mul", "U8[20,20]@0.02:0 U8[20,20]@0.05:0", "@0.255:0", "" },
    { "Concat", "U8[3,4]@0.02:100 U8[3,5]@0.05:0 U8[3,6]@0.04:3", "@0.04:3", "axis=1" },
    { "ReduceMean", "U8[2,3,7,7]@0.02:100", "@0.011:99", "axes=2,3" },
    { "ReduceMean", "U8[2,3,4,5]@0.02:100", "@0.02:100", "axes=1," },
    { "ReduceSum", "U8[2,3,4]@0.02:100", "@0.07:128", "axes=0,2 keepdims=0" },
    { "Reshape", "U8[4,6]@0.02:100 I64[2]{8,3}", "@0.02:100", "" },
    { "Flatten", "U8[4,6]@0.02:100", "@0.02:100", "" },
    { "Identity", "U8[4,6]@0.02:100", "@0.02:100", "" },
    { "Transpose", "U8[2,3,4,5]@0.02:100", "@0.02:100", "perm=0,2,3,1" },
    { "Transpose", "U8[20,21]@0.02:100", "@0.03:90", "" },
    { "Slice", "U8[5,20]@0.02:100", "@0.03:90", "starts=1,-1 ends=4,3 axes=0,1 steps=1,-2" },
    { "Split", "U8[5,7]@0.02:100", "@0.02:100 @0.03:90", "axis=1 split=3,4" },
    { "DepthToSpace", "U8[1,8,3,5]@0.02:100", "@0.02:100", "blocksize=2" },
    { "Pad", "U8[3,20]@0.02:100", "@0.02:100", "pads=1,2,0,3 value=0.5" },
    { "Pad", "U8[3,20]@0.02:100", "@0.04:30", "pads=1,2,0,3 mode=reflect" },
    { "Resize", "U8[2,3,5,7]@0.02:100 - F32[4]{1,1,2,2}", "@0.02:100", "" },
    { "Resize", "U8[2,3,5,7]@0.02:100 - F32[4]{1,1,2,2.5}", "@0.02:100", "mode=linear" },
};

static void fill(struct spec *s, uint64_t stream)
{
    struct rng rng = rng_make(2, stream);

    for (int i = 0; i < s->io.in_count; i++) {
        struct tensor *t = s->pointer[0][i];

        if (t == NULL || t->data != NULL)
            continue;
        t->data = spec_memory(s, tensor_bytes(t));
        for (int64_t e = 0; e < shape_count(&t->shape); e++)
            ((uint8_t *)t->data)[e] = (uint8_t)rng_below(&rng, 256);
    }
}

/* The same case with every "U8[...]@scale:zero" as "F32[...]". */
static void as_real(char *to, const char *from)
{
    while (*from != '\0') {
        if (strncmp(from, "U8", 2) == 0) {
            memcpy(to, "F32", 3);
            to += 3;
            from += 2;
        } else if (*from == '@') {
            from += strcspn(from, " ");
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
}

static void shape_case(struct spec *s, size_t row, const char *inputs, const char *outputs)
{
    struct error err = { 0 };

    if (spec_shape(s, cases[row].op, inputs, outputs, cases[row].attributes, false, &err) < 0)
        fail_msg("%s %s: %s", cases[row].op, inputs, err.message);
}

static void run(struct spec *s, const char *cpu)
{
    struct kern kern;
    struct op_run run = { .kern = &kern };

    assert_int_equal(kern_init(&kern, cpu, NULL), 0);
    for (int i = 0; i < s->io.out_count; i++)
        s->pointer[1][i]->data = spec_memory(s, tensor_bytes(s->pointer[1][i]));
    s->io.work = spec_memory(s, s->io.work_bytes);
    s->op->forward(&s->io, &run);
}

static void run_on_reals(struct spec *real, const char *cpu, size_t row, const struct spec *bytes)
{
    char inputs[256], outputs[] = "- - -";

    as_real(inputs, cases[row].inputs);
    outputs[2 * bytes->io.out_count - 1] = '\0';
    shape_case(real, row, inputs, outputs);
    for (int i = 0; i < real->io.in_count; i++) {
        const struct tensor *b = bytes->pointer[0][i];
        struct tensor *t = real->pointer[0][i];

        if (t == NULL || b->dtype != DTYPE_U8)
            continue;
        t->data = spec_memory(real, tensor_bytes(t));
        for (int64_t e = 0; e < shape_count(&t->shape); e++)
            ((float *)t->data)[e] = b->quant->scale[0] * (float)(((uint8_t *)b->data)[e] - b->quant->zero_point[0]);
    }
    run(real, cpu);
}

static void compare(size_t row, const struct tensor *bytes, const struct tensor *real)
{
    assert_true(bytes->dtype == DTYPE_U8 && shape_equal(&bytes->shape, &real->shape));
    for (int64_t e = 0; e < shape_count(&real->shape); e++) {
        double want = (double)((float *)real->data)[e] / (double)bytes->quant->scale[0] + bytes->quant->zero_point[0];
        int got = ((uint8_t *)bytes->data)[e];

        want = want > 0 ? (want < 255 ? want : 255) : 0;
        if (!(fabs(want - got) <= 0.501))
            fail_msg("%s %s element %d: byte %d, reals say %g", cases[row].op, cases[row].inputs, (int)e, got, want);
    }
}

static void bytes_agree_with_reals(void **state)
{
    for (size_t row = 0; row < COUNT(cases); row++) {
        struct spec bytes, real;

        shape_case(&bytes, row, cases[row].inputs, cases[row].outputs);
        assert_true(bytes.op->flags & OP_INTEGER);
        fill(&bytes, row);
        run(&bytes, *state);
        run_on_reals(&real, *state, row, &bytes);
        for (int i = 0; i < real.io.out_count; i++)
            compare(row, bytes.pointer[1][i], real.pointer[1][i]);
        spec_end(&bytes);
        spec_end(&real);
    }
}

static void bytes_are_the_same_on_every_path(void **state)
{
    for (size_t row = 0; row < COUNT(cases); row++) {
        struct spec here, portable;

        shape_case(&here, row, cases[row].inputs, cases[row].outputs);
        shape_case(&portable, row, cases[row].inputs, cases[row].outputs);
        fill(&here, row);
        fill(&portable, row);
        run(&here, *state);
        run(&portable, "portable");
        for (int i = 0; i < here.io.out_count; i++)
            assert_memory_equal(here.pointer[1][i]->data, portable.pointer[1][i]->data,
                                tensor_bytes(here.pointer[1][i]));
        spec_end(&here);
        spec_end(&portable);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_agree_with_reals),
        cmocka_unit_test(bytes_are_the_same_on_every_path),
    };

    return EACH_PATH_RUN(tests, NULL);
}

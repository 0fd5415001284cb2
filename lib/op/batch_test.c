#include <stddef.h>
#include <string.h>

#include "base/rng.h"
#include "kern/each_path.h"
#include "op/spec.h"

/* Large enough for several chunks; N is the batch. What has no data is drawn; only what begins with N is cut in samples. */
static const struct {
    const char *op, *inputs, *outputs, *attributes;
} cases[] = {
    { "Relu", "F32[N,3,61,121]", "", "" },
    { "HardSwish", "F32[N,3,61,121]", "", "" },
    { "Swish", "F32[N,3,61,121]", "", "" },
    { "Sigmoid", "F32[N,3,61,121]", "", "" },
    { "Gelu", "F32[N,3,61,121]", "", "" },
    { "Sigmoid", "U8[N,3,61,121]@0.05:128", "@0.00392157:0", "" },
    { "Relu", "U8[N,3,61,121]@0.05:128", "@0.05:128", "" },
    { "Add", "F32[N,3,61,121] F32[N,3,61,121]", "", "" },
    { "Mul", "F32[N,3,61,121] F32[N,3,1,1]", "", "" },
    { "Div", "F32[N,300,121] F32[1,121]", "", "" },
    { "Add", "U8[N,3,61,121]@0.05:128 U8[N,3,61,121]@0.04:12", "@0.06:100", "" },
    { "Concat", "F32[N,3,61,121] F32[N,1,61,121]", "", "axis=1" },
    { "Softmax", "F32[N,500,43]", "", "axis=2" },
    { "Softmax", "F32[N,43,500]", "", "axis=1" },
    { "LogSoftmax", "F32[N,500,43]", "", "" },
    { "ReduceMean", "F32[N,50,21,23]", "", "axes=2,3" },
    { "ReduceMean", "F32[N,50,21,23]", "", "axes=1," },
    { "ReduceSum", "F32[N,50,21,23]", "", "axes=1,3" },
    { "ReduceMax", "F32[N,50,21,23]", "", "axes=2,3" },
    { "ReduceMean", "U8[N,50,21,23]@0.05:128", "@0.01:128", "axes=2,3" },
    { "LayerNormalization", "F32[N,200,97] F32[97] F32[97]", "", "" },
    { "GroupNormalization", "F32[N,12,50,43] F32[12] F32[12]", "", "num_groups=4" },
    { "InstanceNormalization", "F32[N,12,50,43] F32[12] F32[12]", "", "" },
    { "Transpose", "F32[N,12,50,43]", "", "perm=0,2,3,1" },
    { "Slice", "F32[N,12,50,43]", "", "starts=-1, ends=0, axes=2, steps=-3," },
    { "Split", "F32[N,12,50,43]", "- -", "axis=1 split=5,7" },
    { "Pad", "F32[N,12,50,43]", "", "mode=reflect pads=0,0,3,4,0,0,5,6" },
    { "Resize", "F32[N,6,50,43] - - I64[2]{71,97}", "", "mode=linear axes=2,3" },
    { "QuantizeLinear", "F32[N,12,50,43] F32[]{0.01} U8[]{128}", "", "" },
    { "DequantizeLinear", "U8[N,12,50,43] F32[]{0.01} U8[]{128}", "", "" },
};

enum { BATCH = 3 };

static void with_batch(char *to, const char *from, int batch)
{
    for (; *from != '\0'; from++)
        *to++ = *from == 'N' ? (char)('0' + batch) : *from;
    *to = '\0';
}

/* One sample of `from`, or all of it, as `to`'s data. */
static void take(struct spec *s, int i, const struct spec *from, int sample)
{
    struct tensor *to = s->pointer[0][i], *all = from->pointer[0][i];
    size_t bytes;

    if (to == NULL || to->data != NULL)
        return;
    bytes = tensor_bytes(to);
    to->data = spec_memory(s, bytes);
    memcpy(to->data, (char *)all->data + (bytes == tensor_bytes(all) ? 0 : (size_t)sample * bytes), bytes);
}

static void draw(struct spec *s, uint64_t stream)
{
    struct rng rng = rng_make(3, stream);

    for (int i = 0; i < s->io.in_count; i++) {
        struct tensor *t = s->pointer[0][i];

        if (t == NULL || t->data != NULL)
            continue;
        t->data = spec_memory(s, tensor_bytes(t));
        for (int64_t e = 0; e < shape_count(&t->shape); e++) {
            if (t->dtype == DTYPE_F32)
                ((float *)t->data)[e] = 4 * rng_uniform(&rng) - 2;
            else
                ((uint8_t *)t->data)[e] = (uint8_t)rng_below(&rng, 256);
        }
    }
}

static void shape_case(struct spec *s, size_t row, int batch, int workers)
{
    const struct op_io io = { .workers = workers };
    char inputs[256];
    struct error err = { 0 };

    with_batch(inputs, cases[row].inputs, batch);
    if (spec_shape_with(s, &io, cases[row].op, inputs, cases[row].outputs, cases[row].attributes, &err) < 0)
        fail_msg("%s %s: %s", cases[row].op, inputs, err.message);
}

static void run(struct spec *s, const char *cpu, int threads)
{
    struct pool *pool = threads > 1 ? pool_new(threads, NULL) : NULL;
    struct kern kern;
    struct op_run run = { .kern = &kern, .pool = pool };

    assert_int_equal(kern_init(&kern, cpu, NULL), 0);
    for (int i = 0; i < s->io.out_count; i++)
        s->pointer[1][i]->data = spec_memory(s, tensor_bytes(s->pointer[1][i]));
    s->io.work = spec_memory(s, s->io.work_bytes);
    s->op->forward(&s->io, &run);
    pool_free(pool);
}

static void compare(const struct spec *all, const struct spec *part, int sample, size_t row, const char *what)
{
    for (int i = 0; i < all->io.out_count; i++) {
        size_t bytes = tensor_bytes(part->pointer[1][i]);

        if (memcmp((char *)all->pointer[1][i]->data + (size_t)sample * bytes, part->pointer[1][i]->data, bytes) != 0)
            fail_msg("%s %s: output %d depends on %s", cases[row].op, cases[row].inputs, i, what);
    }
}

static void a_sample_depends_on_neither_batch_nor_threads(void **state)
{
    for (size_t row = 0; row < COUNT(cases); row++) {
        static struct spec all, other;

        shape_case(&all, row, BATCH, 1);
        draw(&all, row);
        run(&all, *state, 1);
        for (int sample = 0; sample < BATCH; sample++) {
            shape_case(&other, row, 1, 1);
            for (int i = 0; i < other.io.in_count; i++)
                take(&other, i, &all, sample);
            run(&other, *state, 1);
            compare(&all, &other, sample, row, "the batch");
            spec_end(&other);
        }
        shape_case(&other, row, BATCH, 3);
        for (int i = 0; i < other.io.in_count; i++)
            take(&other, i, &all, 0);
        run(&other, *state, 3);
        compare(&all, &other, 0, row, "the threads");
        spec_end(&other);
        spec_end(&all);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sample_depends_on_neither_batch_nor_threads),
    };

    return EACH_PATH_RUN(tests, NULL);
}

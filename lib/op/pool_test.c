/* Pools of bytes and of odd floats against their definition. */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/rng.h"
#include "kern/each_path.h"
#include "op/spec.h"

struct window {
    int64_t h, w, kernel[2], stride[2], dilation[2], pad[4];
    bool ceil_mode, count_padding;
};

static const struct window windows[] = {
    { 8, 10, { 2, 2 }, { 2, 2 }, { 1, 1 }, { 0, 0, 0, 0 }, false, false },
    { 7, 9, { 2, 2 }, { 2, 2 }, { 1, 1 }, { 0, 0, 0, 0 }, false, false },
    { 70, 75, { 2, 2 }, { 2, 2 }, { 1, 1 }, { 0, 0, 0, 0 }, false, false },
    { 7, 9, { 2, 2 }, { 2, 2 }, { 1, 1 }, { 0, 0, 0, 0 }, true, false },
    { 9, 11, { 3, 3 }, { 2, 2 }, { 1, 1 }, { 1, 1, 1, 1 }, false, true },
    { 9, 600, { 3, 2 }, { 1, 3 }, { 2, 1 }, { 2, 0, 1, 1 }, true, true },
    { 6, 6, { 1, 5 }, { 3, 1 }, { 1, 1 }, { 0, 2, 0, 2 }, false, false },
};

enum { PLANES = 3, ROOM = PLANES * 75 * 600 };

struct problem {
    struct window w;
    uint8_t x[ROOM];
    float scale_x, scale_y;
    int32_t zero_x, zero_y;
};

static int64_t padded(const struct window *w, int axis)
{
    return (axis ? w->w : w->h) + w->pad[axis] + w->pad[2 + axis];
}

/* One output pixel: the largest, the sum above the zero point, how many pixels count. */
struct found {
    int32_t largest, sum, counted;
};

static struct found look(const struct problem *p, int64_t plane, int64_t row, int64_t column)
{
    const struct window *w = &p->w;
    struct found f = { 0 };

    for (int64_t r = 0; r < w->kernel[0]; r++) {
        for (int64_t s = 0; s < w->kernel[1]; s++) {
            int64_t y = row * w->stride[0] + r * w->dilation[0], x = column * w->stride[1] + s * w->dilation[1];
            bool inside = y >= w->pad[0] && y < w->pad[0] + w->h && x >= w->pad[1] && x < w->pad[1] + w->w;
            f.counted += inside || (w->count_padding && y < padded(w, 0) && x < padded(w, 1));
            if (!inside)
                continue;
            int32_t q = p->x[(plane * w->h + y - w->pad[0]) * w->w + x - w->pad[1]];
            f.largest = q > f.largest ? q : f.largest;
            f.sum += q - p->zero_x;
        }
    }
    return f;
}

static int32_t byte_of(double real, int32_t zero_point)
{
    double q = rint(real) + zero_point;

    return (int32_t)(q < 0 ? 0 : q > 255 ? 255 : q);
}

static void begin(struct spec *s, struct problem *p, struct quant quants[2], const char *op, const char *cpu)
{
    const struct window *w = &p->w;
    char inputs[64], attributes[300];
    struct kern kern;
    struct op_run run = { .kern = &kern };
    struct error err = { 0 };

    assert_int_equal(kern_init(&kern, cpu, NULL), 0);
    snprintf(inputs, sizeof(inputs), "U8[1,%d,%d,%d]", PLANES, (int)w->h, (int)w->w);
    snprintf(attributes, sizeof(attributes),
             "kernel_shape=%d,%d strides=%d,%d dilations=%d,%d pads=%d,%d,%d,%d ceil_mode=%d count_include_pad=%d",
             (int)w->kernel[0], (int)w->kernel[1], (int)w->stride[0], (int)w->stride[1], (int)w->dilation[0],
             (int)w->dilation[1], (int)w->pad[0], (int)w->pad[1], (int)w->pad[2], (int)w->pad[3], w->ceil_mode,
             w->count_padding);
    spec_read(s, &(struct op_io){ .workers = 1 }, op, inputs, "", attributes);
    quants[0] = (struct quant){ -1, 1, &p->scale_x, &p->zero_x };
    quants[1] = (struct quant){ -1, 1, &p->scale_y, &p->zero_y };
    s->tensor[0][0].quant = &quants[0];
    s->tensor[0][0].data = p->x;
    s->tensor[1][0].quant = &quants[1];
    if (s->op->shape(&s->io, &err) < 0)
        fail_msg("%s %s: %s", op, attributes, err.message);
    s->tensor[1][0].data = spec_memory(s, tensor_bytes(&s->tensor[1][0]));
    s->op->forward(&s->io, &run);
}

static void check(struct problem *p, const char *op, bool maximum, const char *cpu)
{
    struct spec s;
    struct quant quants[2];

    begin(&s, p, quants, op, cpu);
    const struct shape *shape = &s.tensor[1][0].shape;
    const uint8_t *y = s.tensor[1][0].data;
    for (int64_t plane = 0; plane < PLANES; plane++) {
        for (int64_t i = 0; i < shape->dim[2]; i++) {
            for (int64_t j = 0; j < shape->dim[3]; j++) {
                struct found f = look(p, plane, i, j);
                double ratio = (double)p->scale_x / (double)p->scale_y;
                int32_t want = maximum ? byte_of((double)p->scale_x * (f.largest - p->zero_x) / (double)p->scale_y,
                                                 p->zero_y)
                                       : byte_of((double)f.sum * ratio / f.counted, p->zero_y);
                assert_int_equal(*y++, want);
            }
        }
    }
    spec_end(&s);
}

static void pools_of_bytes_are_their_definition(void **state)
{
    static struct problem p;
    struct rng rng = rng_make(3, 1);

    for (size_t i = 0; i < ROOM; i++)
        p.x[i] = (uint8_t)rng_below(&rng, 256);
    for (size_t i = 0; i < COUNT(windows) * 4; i++) {
        p.w = windows[i / 4];
        p.scale_x = 0.02F;
        p.scale_y = i & 1 ? 0.02F : 0.013F;
        p.zero_x = (int32_t)(i * 37 % 256);
        p.zero_y = i & 1 ? p.zero_x : 11;
        check(&p, "MaxPool", true, *state);
        check(&p, "AveragePool", false, *state);
    }
}

/* NaN wins and is kept; minus infinity alone gives minus infinity, and its gradient stays inside the picture. */
static void odd_floats_are_pooled(void **state)
{
    static const char *const attributes[] = { "kernel_shape=2,2 strides=2,2",
                                              "kernel_shape=2,2 strides=1,1 pads=1,1,1,1" };
    struct error err = { 0 };

    for (size_t i = 0; i < COUNT(attributes); i++) {
        struct kern kern;
        struct op_run run = { .kern = &kern };
        struct spec s;
        assert_int_equal(kern_init(&kern, *state, NULL), 0);
        assert_int_equal(
            spec_shape(&s, "MaxPool", "F32[1,1,2,4]{nan,1,-inf,-inf,2,3,-inf,-inf}", "", attributes[i], true, &err), 0);
        struct tensor *x = s.pointer[0][0], *y = &s.tensor[1][0];
        int64_t last = shape_count(&y->shape) - 1;
        y->data = spec_memory(&s, tensor_bytes(y));
        y->grad = spec_memory(&s, tensor_bytes(y));
        x->grad = spec_memory(&s, tensor_bytes(x));
        s.io.saved = spec_memory(&s, s.io.saved_bytes);
        for (int64_t j = 0; j <= last; j++)
            y->grad[j] = 1;
        s.op->forward(&s.io, &run);
        s.op->backward(&s.io, &run);
        assert_true(isnan(((float *)y->data)[0]));
        assert_true(((float *)y->data)[last] == -INFINITY);
        assert_true(x->grad[0] >= 1 && x->grad[1] < x->grad[0] + 2);
        spec_end(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pools_of_bytes_are_their_definition),
        cmocka_unit_test(odd_floats_are_pooled),
    };

    return EACH_PATH_RUN(tests, NULL);
}

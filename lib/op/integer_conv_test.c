/* Quantized Conv and Gemm against their definition, byte for byte, on every instruction set that runs here. */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/rng.h"
#include "kern/each_path.h"
#include "op/spec.h"

struct geometry {
    int64_t n, groups, c, k, h, w, r, s, stride, dilation, pad;
};

/* c and k are of one group */
static const struct geometry geometries[] = {
    { 1, 1, 3, 16, 9, 11, 3, 3, 1, 1, 1 }, { 2, 1, 5, 7, 8, 6, 3, 2, 2, 1, 1 },    { 1, 3, 1, 1, 7, 7, 3, 3, 1, 1, 1 },
    { 1, 2, 4, 13, 6, 6, 1, 1, 1, 1, 0 },  { 1, 1, 8, 30, 12, 12, 3, 3, 1, 2, 2 }, { 1, 20, 1, 1, 9, 9, 5, 5, 2, 1, 2 },
    { 3, 1, 64, 64, 7, 7, 3, 3, 1, 1, 1 },
};

enum { ROOM = 1 << 17 };

struct problem {
    struct geometry g;
    uint8_t x[ROOM];
    int8_t w[ROOM];
    int32_t bias[512], zero[512];
    float scale_w[512];
    float scale_x, scale_y;
    int32_t zero_x, zero_y;
    bool to_float;
    struct epilogue epilogue;
};

static void draw(struct problem *p, size_t seed)
{
    struct rng rng = rng_make(seed, 1);

    for (size_t i = 0; i < ROOM; i++) {
        p->x[i] = (uint8_t)rng_below(&rng, 256);
        p->w[i] = (int8_t)((int)rng_below(&rng, 255) - 127);
    }
    for (size_t i = 0; i < COUNT(p->bias); i++) {
        p->bias[i] = (int32_t)rng_below(&rng, 20001) - 10000;
        p->scale_w[i] = 0.001F + 0.01F * rng_uniform(&rng);
        p->zero[i] = 0;
    }
    p->scale_x = 0.02F;
    p->scale_y = 0.05F;
    p->zero_x = (int32_t)rng_below(&rng, 256);
    p->zero_y = (int32_t)rng_below(&rng, 256);
}

static int64_t out_pixels(int64_t in, int64_t kernel, const struct geometry *g)
{
    return (in + 2 * g->pad - g->dilation * (kernel - 1) - 1) / g->stride + 1;
}

/* The definition, a loop an axis. */
static int32_t sum_at(const struct problem *p, int64_t sample, int64_t filter, int64_t row, int64_t column)
{
    const struct geometry *g = &p->g;
    int32_t sum = p->bias[filter];

    for (int64_t c = 0; c < g->c; c++) {
        for (int64_t r = 0; r < g->r; r++) {
            for (int64_t s = 0; s < g->s; s++) {
                int64_t y = row * g->stride - g->pad + r * g->dilation;
                int64_t x = column * g->stride - g->pad + s * g->dilation;
                int64_t channel = sample * g->groups * g->c + filter / g->k * g->c + c;
                if (y >= 0 && y < g->h && x >= 0 && x < g->w)
                    sum += (p->x[(channel * g->h + y) * g->w + x] - p->zero_x) *
                           p->w[((filter * g->c + c) * g->r + r) * g->s + s];
            }
        }
    }
    return sum;
}

static int32_t byte_of(const struct problem *p, int64_t filter, int32_t sum)
{
    float scale = (float)((double)p->scale_x * (double)p->scale_w[filter] / (double)p->scale_y);
    int32_t low = p->epilogue.activation == ACTIVATION_RELU ? p->zero_y : 0;
    int64_t q = lrintf((float)sum * scale) + p->zero_y;

    return (int32_t)(q < low ? low : q > 255 ? 255 : q);
}

static void check_element(const struct problem *p, const void *y, int64_t at, int64_t filter, int32_t sum)
{
    if (p->to_float) {
        float want = (float)sum * (float)((double)p->scale_x * (double)p->scale_w[filter]);
        if (p->epilogue.activation == ACTIVATION_RELU && want < 0)
            want = 0;
        assert_true(((const float *)y)[at] == want);
    } else {
        assert_int_equal(((const uint8_t *)y)[at], byte_of(p, filter, sum));
    }
}

static void bind(struct spec *s, struct problem *p, struct quant quants[3], int64_t filters)
{
    quants[0] = (struct quant){ -1, 1, &p->scale_x, &p->zero_x };
    quants[1] = (struct quant){ 0, (int)filters, p->scale_w, p->zero };
    quants[2] = (struct quant){ -1, 1, &p->scale_y, &p->zero_y };
    s->tensor[0][0].quant = &quants[0];
    s->tensor[0][0].data = p->x;
    s->tensor[0][1].quant = &quants[1];
    s->tensor[0][1].data = p->w;
    s->tensor[0][2].data = p->bias;
    s->tensor[1][0].quant = p->to_float ? NULL : &quants[2];
}

static void *answer(struct spec *s, const char *cpu, int threads)
{
    struct kern kern;
    struct op_run run = { .kern = &kern, .pool = threads > 1 ? pool_new(threads, NULL) : NULL };
    struct error err = { 0 };

    assert_int_equal(kern_init(&kern, cpu, NULL), 0);
    if (s->op->shape(&s->io, &err) < 0)
        fail_msg("%s", err.message);
    s->tensor[1][0].data = spec_memory(s, tensor_bytes(&s->tensor[1][0]));
    s->io.work = spec_memory(s, s->io.work_bytes);
    s->op->forward(&s->io, &run);
    pool_free(run.pool);
    return s->tensor[1][0].data;
}

static void check_conv(struct problem *p, const char *cpu, int threads)
{
    const struct geometry *g = &p->g;
    struct quant quants[3];
    struct spec s;
    char inputs[200], attributes[200];
    int64_t high = out_pixels(g->h, g->r, g), wide = out_pixels(g->w, g->s, g), filters = g->groups * g->k, at = 0;

    snprintf(inputs, sizeof(inputs), "U8[%d,%d,%d,%d] I8[%d,%d,%d,%d] I32[%d]", (int)g->n, (int)(g->groups * g->c),
             (int)g->h, (int)g->w, (int)filters, (int)g->c, (int)g->r, (int)g->s, (int)filters);
    snprintf(attributes, sizeof(attributes), "strides=%d,%d dilations=%d,%d pads=%d,%d,%d,%d group=%d", (int)g->stride,
             (int)g->stride, (int)g->dilation, (int)g->dilation, (int)g->pad, (int)g->pad, (int)g->pad, (int)g->pad,
             (int)g->groups);
    spec_read(&s, &(struct op_io){ .workers = threads, .epilogue = &p->epilogue }, "Conv", inputs, "", attributes);
    bind(&s, p, quants, filters);
    const void *y = answer(&s, cpu, threads);
    for (int64_t n = 0; n < g->n; n++)
        for (int64_t k = 0; k < filters; k++)
            for (int64_t i = 0; i < high; i++)
                for (int64_t j = 0; j < wide; j++)
                    check_element(p, y, at++, k, sum_at(p, n, k, i, j));
    spec_end(&s);
}

static void conv_equals_its_definition(void **state)
{
    static struct problem p;

    for (size_t i = 0; i < COUNT(geometries) * 4; i++) {
        p.g = geometries[i / 4];
        p.to_float = i & 1;
        p.epilogue.activation = i & 2 ? ACTIVATION_RELU : ACTIVATION_NONE;
        draw(&p, i);
        check_conv(&p, *state, 1 + (int)i % 3);
    }
}

static void gemm_equals_its_definition(void **state)
{
    static struct problem p;

    for (int k = 1; k <= 70; k++) {
        struct quant quants[3];
        struct spec s;
        char inputs[200];
        p.g = (struct geometry){ 3, 1, k, 67, 1, 1, 1, 1, 1, 1, 0 };
        p.to_float = k & 1;
        draw(&p, (size_t)k);
        snprintf(inputs, sizeof(inputs), "U8[3,%d] I8[67,%d] I32[67]", k, k);
        spec_read(&s, &(struct op_io){ .workers = 2 }, "Gemm", inputs, "", "transB=1");
        bind(&s, &p, quants, 67);
        const void *y = answer(&s, *state, 2);
        for (int64_t at = 0; at < 3 * 67; at++)
            check_element(&p, y, at, at % 67, sum_at(&p, at / 67, at % 67, 0, 0));
        spec_end(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv_equals_its_definition),
        cmocka_unit_test(gemm_equals_its_definition),
    };

    return EACH_PATH_RUN(tests, NULL);
}

/*
 * Convolutions and pools of bytes in blocks give the bytes of the plain operators,
 * on every instruction set that runs here, and with words of four bytes, whose one
 * instruction of VNNI is written out in C.
 */
#include "kern/kern.h"

static void use_four_bytes(struct kern *kern);
#define BLOCK_INTEGER use_four_bytes
#define WORD_DEPTH 4
#define WORD_LANES 8
#define DOT four_dot
#include <stdint.h>
typedef int32_t four_words __attribute__((vector_size(32)));
static inline four_words four_dot(four_words sum, four_words x, four_words w);
#include "kern/words.h"

#include "base/rng.h"
#include "kern/each_path.h"
#include "op/block_integer.h"
#include "op/spec.h"

static bool both_signed;

/* Unsigned bytes times signed ones, or signed ones both; sums wrap. */
static inline four_words four_dot(four_words sum, four_words x, four_words w)
{
    for (int l = 0; l < 8; l++) {
        uint32_t total = (uint32_t)sum[l];
        for (int i = 0; i < 4; i++) {
            int32_t byte = (int32_t)((uint32_t)x[l] >> 8 * i & 255);
            total += (uint32_t)((both_signed ? (int8_t)byte : byte) * (int8_t)((uint32_t)w[l] >> 8 * i & 255));
        }
        sum[l] = (int32_t)total;
    }
    return sum;
}

struct geometry {
    int n, groups, c, k, h, w, r, s, stride, dilation, pad;
    bool planes;
};

/* c and k are of one group */
static const struct geometry geometries[] = {
    { 1, 1, 3, 16, 9, 11, 3, 3, 1, 1, 1, true },
    { 2, 1, 3, 20, 15, 13, 7, 7, 2, 1, 3, true },
    { 1, 1, 1, 8, 12, 10, 5, 5, 1, 1, 2, true },
    { 1, 1, 4, 9, 11, 9, 3, 3, 1, 2, 2, true },
    { 2, 1, 5, 7, 8, 6, 3, 2, 2, 1, 1, false },
    { 1, 1, 8, 30, 12, 12, 3, 3, 1, 2, 2, false },
    { 3, 1, 64, 64, 7, 7, 3, 3, 1, 1, 1, false },
    { 1, 1, 24, 17, 28, 9, 1, 1, 1, 1, 0, false },
    { 2, 1, 33, 40, 9, 9, 1, 1, 2, 1, 0, false },
    { 1, 1, 16, 16, 7, 8, 1, 1, 2, 1, 1, false },
    { 1, 1, 19, 48, 13, 31, 3, 3, 1, 1, 1, false },
    { 1, 1, 40, 24, 5, 14, 3, 3, 2, 1, 1, false },
    { 1, 2, 16, 16, 6, 6, 3, 3, 1, 1, 1, false },
    { 1, 20, 1, 1, 9, 9, 5, 5, 2, 1, 2, false },
    { 2, 13, 1, 1, 17, 30, 3, 3, 1, 1, 1, false },
    { 1, 8, 1, 1, 7, 7, 3, 3, 2, 1, 1, false },
    { 1, 9, 1, 1, 11, 12, 3, 3, 3, 1, 1, false },
    { 1, 16, 1, 1, 12, 9, 3, 3, 1, 2, 2, false },
    { 1, 12, 1, 1, 10, 27, 7, 7, 1, 1, 3, false },
    { 1, 1, 20, 70, 1, 1, 1, 1, 1, 1, 0, false },
    { 2, 1, 97, 100, 11, 10, 3, 3, 1, 1, 1, false },
    /* Few channels for one, two, three and six blocks; pixels that no strip divides. */
    { 2, 1, 17, 16, 9, 14, 1, 1, 1, 1, 0, false },
    { 1, 1, 32, 32, 11, 13, 1, 1, 1, 1, 0, false },
    { 2, 1, 24, 48, 7, 7, 1, 1, 1, 1, 0, false },
    { 1, 1, 40, 90, 10, 10, 1, 1, 1, 1, 0, false },
    { 1, 1, 16, 144, 3, 3, 1, 1, 1, 1, 0, false },
    /* Depthwise at edges: wide, far over them, nothing over them, and hardly a picture. */
    { 1, 13, 1, 1, 26, 47, 3, 3, 2, 1, 1, false },
    { 1, 16, 1, 1, 6, 27, 3, 3, 1, 1, 2, false },
    { 1, 17, 1, 1, 9, 30, 3, 3, 2, 1, 2, false },
    { 1, 16, 1, 1, 5, 14, 3, 3, 1, 1, 0, false },
    { 2, 9, 1, 1, 1, 1, 3, 3, 1, 1, 1, false },
    { 1, 16, 1, 1, 2, 3, 3, 3, 2, 1, 1, false },
    { 1, 16, 1, 1, 40, 112, 3, 3, 1, 1, 1, false },
    /* Winograd's: no border, an odd one, tiles that end beyond the picture, many tiles, and sums beyond what is exact. */
    { 2, 1, 16, 24, 14, 18, 3, 3, 1, 1, 0, false },
    { 1, 1, 17, 30, 9, 26, 3, 3, 1, 1, 2, false },
    { 1, 1, 32, 16, 37, 41, 3, 3, 1, 1, 1, false },
    { 3, 1, 115, 19, 8, 8, 3, 3, 1, 1, 1, false },
    { 1, 1, 130, 16, 12, 9, 3, 3, 1, 1, 1, false },
};

enum { ROOM = 1 << 17, FILTERS = 256 };

struct problem {
    struct geometry g;
    uint8_t x[ROOM];
    int8_t w[ROOM];
    int32_t bias[FILTERS], zero[FILTERS];
    float scale_w[FILTERS], scale_x, scale_y;
    int32_t zero_x, zero_y;
    struct epilogue epilogue;
    struct quant quants[3];
};

static void draw(struct problem *p, const struct geometry *g, size_t seed)
{
    static const int32_t zeros[] = { 0, 128, 255, 7 };
    struct rng rng = rng_make(seed, 1);

    *p = (struct problem){
        .g = *g, .scale_x = 0.02F, .scale_y = 0.4F, .zero_x = zeros[seed % 4], .zero_y = zeros[seed / 3 % 4]
    };
    p->scale_y = seed % 7 == 5 ? 5e-4F : seed % 7 == 6 ? 1e-8F : p->scale_y; /* far beyond bytes, and beyond 32 bits */
    for (size_t i = 0; i < ROOM; i++) {
        p->x[i] = (uint8_t)(seed % 5 == 4 ? rng_below(&rng, 2) * 255 : rng_below(&rng, 256));
        p->w[i] = (int8_t)(seed % 5 == 4 ? 127 : (int)rng_below(&rng, 256) - 128);
    }
    for (size_t i = 0; i < FILTERS; i++) {
        p->bias[i] = (int32_t)rng_below(&rng, 20001) - 10000;
        p->scale_w[i] = 0.001F + 0.01F * rng_uniform(&rng);
    }
    p->epilogue.activation = seed % 3 == 0 ? ACTIVATION_NONE : seed % 3 == 1 ? ACTIVATION_RELU : ACTIVATION_CLIP;
    p->epilogue.low = -3;
    p->epilogue.high = 20;
    p->quants[0] = (struct quant){ -1, 1, &p->scale_x, &p->zero_x };
    p->quants[1] = (struct quant){ 0, g->groups * g->k, p->scale_w, p->zero };
    p->quants[2] = (struct quant){ -1, 1, &p->scale_y, &p->zero_y };
}

/* Blocks of `lanes` channels; those beyond C hold anything. */
static uint8_t *to_blocks(struct spec *s, const uint8_t *x, const struct shape *shape, int64_t lanes)
{
    int64_t blocks = block_up(shape->dim[1], lanes), pixels = shape->dim[2] * shape->dim[3];
    uint8_t *y = spec_memory(s, (size_t)(shape->dim[0] * blocks * pixels * lanes)), *to = y;

    for (int64_t i = 0; i < shape->dim[0] * blocks; i++)
        for (int64_t p = 0; p < pixels; p++)
            for (int64_t l = 0; l < lanes; l++) {
                int64_t n = i / blocks, c = i % blocks * lanes + l;
                *to++ = c < shape->dim[1] ? x[(n * shape->dim[1] + c) * pixels + p] : (uint8_t)(p * 7 + l);
            }
    return y;
}

static void check_blocks(const uint8_t *y, const uint8_t *want, const struct shape *shape, int64_t lanes)
{
    int64_t blocks = block_up(shape->dim[1], lanes), pixels = shape->dim[2] * shape->dim[3];

    for (int64_t n = 0; n < shape->dim[0]; n++)
        for (int64_t c = 0; c < shape->dim[1]; c++)
            for (int64_t p = 0; p < pixels; p++)
                assert_int_equal(y[((n * blocks + c / lanes) * pixels + p) * lanes + c % lanes],
                                 want[(n * shape->dim[1] + c) * pixels + p]);
}

static const uint8_t *answer(struct spec *s, const struct kern *kern, int threads)
{
    struct op_run run = { .kern = kern, .pool = threads > 1 ? pool_new(threads, NULL) : NULL };
    struct error err = { 0 };

    s->io.kern = kern;
    if (s->op->shape(&s->io, &err) < 0)
        fail_msg("%s", err.message);
    s->tensor[1][0].data = spec_memory(s, tensor_bytes(&s->tensor[1][0]));
    s->io.work = spec_memory(s, s->io.work_bytes);
    s->io.packed = spec_memory(s, s->io.packed_bytes);
    if (s->io.packed_bytes > 0)
        s->op->pack(&s->io, &run);
    s->op->forward(&s->io, &run);
    pool_free(run.pool);
    return s->tensor[1][0].data;
}

static void use_op(struct spec *s, const struct op *op, const uint8_t *x, bool blocked, int64_t lanes)
{
    struct shape *shape = &s->tensor[0][0].shape;

    s->op = op;
    s->io.plan = spec_memory(s, op->plan_bytes);
    memset(s->io.plan, 0, op->plan_bytes);
    s->tensor[0][0].data = (void *)(uintptr_t)x;
    if (!blocked)
        return;
    s->tensor[0][0].data = to_blocks(s, x, shape, lanes);
    *shape = shape_of(5, shape->dim[0], block_up(shape->dim[1], lanes), shape->dim[2], shape->dim[3], lanes);
}

static void check_conv(struct problem *p, const struct kern *kern, enum op_way way, int threads)
{
    const struct geometry *g = &p->g;
    char inputs[200], attributes[200];
    const uint8_t *want = NULL;
    struct spec s[2];

    snprintf(inputs, sizeof(inputs), "U8[%d,%d,%d,%d] I8[%d,%d,%d,%d] I32[%d]", g->n, g->groups * g->c, g->h, g->w,
             g->groups * g->k, g->c, g->r, g->s, g->groups * g->k);
    snprintf(attributes, sizeof(attributes), "strides=%d,%d dilations=%d,%d pads=%d,%d,%d,%d group=%d", g->stride,
             g->stride, g->dilation, g->dilation, g->pad, g->pad, g->pad, g->pad, g->groups);
    for (int i = 0; i < 2; i++) {
        spec_read(&s[i], &(struct op_io){ .workers = threads, .epilogue = &p->epilogue, .way = way }, "Conv", inputs,
                  "", attributes);
        s[i].tensor[0][0].data = p->x;
        s[i].tensor[0][1].data = p->w;
        s[i].tensor[0][2].data = p->bias;
        for (int j = 0; j < 2; j++)
            s[i].tensor[0][j].quant = &p->quants[j];
        s[i].tensor[1][0].quant = &p->quants[2];
        if (i == 1)
            use_op(&s[i], &op_blocked_integer_conv, p->x, !g->planes, (int64_t)kern->lanes);
        const uint8_t *y = answer(&s[i], kern, threads);
        if (i == 0)
            want = y;
        else
            check_blocks(y, want, &s[0].tensor[1][0].shape, (int64_t)kern->lanes);
    }
    spec_end(&s[0]);
    spec_end(&s[1]);
}

static void check_all_convs(const struct kern *kern)
{
    static struct problem p;

    for (size_t i = 0; i < COUNT(geometries) * 5; i++) {
        draw(&p, &geometries[i / 5], i);
        check_conv(&p, kern, (enum op_way)((i + i / 5) % OP_WAYS), 1 + (int)i % 3);
    }
}

static void convolutions_in_blocks_give_the_bytes_of_plain_ones(void **state)
{
    struct kern kern;

    assert_int_equal(kern_init(&kern, *state, NULL), 0);
    check_all_convs(&kern);
}

static struct block_integer square_3x3(int64_t lanes, int64_t side, int64_t channels, int64_t filters)
{
    struct block_integer c = { .batch = 1, .groups = 1, .workers = 1, .depth = 2, .lanes = lanes };

    for (int i = 0; i < 2; i++)
        c.win[i] = (struct window){ .kernel = 3, .stride = 1, .dilation = 1, .in = side, .out = side };
    c.channels = channels;
    c.filters = filters;
    c.in_blocks = block_up(channels, lanes);
    c.out_blocks = block_up(filters, lanes);
    return c;
}

/* What coedge profile --tune found with AVX2 (8 lanes) and AVX-512, for weights that caches hold and for others. */
static void tiles_are_as_large_as_pays(void **state)
{
    static const struct {
        int64_t lanes, side, channels, filters, m; /* 1: directly */
    } cases[] = {
        { 16, 56, 64, 64, 4 },   { 16, 28, 128, 128, 4 }, { 16, 20, 256, 256, 4 }, { 16, 14, 256, 256, 2 },
        { 16, 12, 256, 256, 2 }, { 16, 10, 512, 512, 2 }, { 16, 8, 512, 512, 2 },  { 16, 7, 512, 512, 1 },
        { 16, 5, 512, 512, 1 },  { 16, 13, 48, 192, 4 },  { 16, 13, 64, 256, 4 },  { 16, 7, 64, 64, 2 },
        { 8, 56, 64, 64, 4 },    { 8, 28, 128, 128, 4 },  { 8, 14, 256, 256, 4 },  { 8, 7, 512, 512, 2 },
        { 8, 13, 64, 256, 4 },   { 4, 13, 64, 256, 4 },   { 4, 7, 512, 512, 2 },
    };
    static const int8_t w[9 * 512 * 512];

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct block_integer c = square_3x3(cases[i].lanes, cases[i].side, cases[i].channels, cases[i].filters);

        assert_int_equal(block_integer_winograd_fits(&c, w), cases[i].m > 1);
        assert_int_equal(c.m, cases[i].m);
        c.batch = 16; /* weights serve many */
        assert_true(block_integer_winograd_fits(&c, w));
        c.batch = 1;
        c.workers = 2;
        assert_true(block_integer_winograd_fits(&c, w));
        assert_int_equal(c.m, cases[i].side < 10 ? 2 : 4);
        c.way = OP_WAY_WINOGRAD_4;
        assert_true(block_integer_winograd_fits(&c, w));
        assert_int_equal(c.m, 4);
    }
}

/* All weights and pixels at their most: 576-fold sums of 115 channels fit 32 bits, fourfold ones of 1841. */
static void winograd_is_for_sums_that_stay_exact(void **state)
{
    static int8_t w[9 * 1842 * 16];
    struct block_integer c = square_3x3(8, 16, 115, 16);

    (void)state;
    memset(w, 127, sizeof w);
    assert_true(block_integer_winograd_fits(&c, w));
    assert_int_equal(c.m, 4);
    assert_false(block_integer_winograd_fits(&c, NULL));
    c.way = OP_WAY_WINOGRAD_2;
    assert_true(block_integer_winograd_fits(&c, w));
    assert_int_equal(c.m, 2);
    c.channels = 116;
    c.way = OP_WAY_WINOGRAD_4; /* asked for, but not exact */
    assert_true(block_integer_winograd_fits(&c, w));
    assert_int_equal(c.m, 2);
    c.channels = 1841;
    assert_true(block_integer_winograd_fits(&c, w));
    c.channels = 1842;
    assert_false(block_integer_winograd_fits(&c, w));
}

static void words_of_four_bytes_give_the_same(void **state)
{
    struct kern kern;

    (void)state;
    assert_int_equal(kern_init(&kern, "portable", NULL), 0);
    use_four_bytes(&kern);
    kern.lanes = 8;
    assert_int_equal(kern.word_depth, 4);
    check_all_convs(&kern);
    both_signed = true;
    kern.byte_zero = 128;
    check_all_convs(&kern);
    both_signed = false;
}

static const struct {
    const char *op, *input, *output, *attributes;
    const struct op *blocked;
} pools[] = {
    { "MaxPool", "U8[2,20,11,9]@0.5:7", "@0.5:7", "kernel_shape=3,3 strides=2,2 pads=1,1,1,1",
      &op_blocked_integer_max_pool },
    { "MaxPool", "U8[1,9,12,12]@0.5:7", "@0.7:128", "kernel_shape=2,2 strides=2,2", &op_blocked_integer_max_pool },
    { "MaxPool", "U8[1,16,13,7]@0.5:7", "@0.5:7", "kernel_shape=3,2 dilations=2,1 ceil_mode=1 strides=3,1 pads=1,0,1,1",
      &op_blocked_integer_max_pool },
    { "AveragePool", "U8[1,17,9,11]@0.5:7", "@0.4:30", "kernel_shape=3,3 strides=2,2 pads=1,1,1,1",
      &op_blocked_integer_average_pool },
    { "AveragePool", "U8[2,8,9,11]@0.5:7", "@0.5:7", "kernel_shape=2,3 pads=0,1,1,1 count_include_pad=1 ceil_mode=1",
      &op_blocked_integer_average_pool },
    { "GlobalAveragePool", "U8[2,21,7,7]@0.5:7", "@0.3:100", "", &op_blocked_integer_global_average_pool },
    { "GlobalAveragePool", "U8[1,16,30,41]@0.5:7", "@0.5:0", "", &op_blocked_integer_global_average_pool },
};

static void pools_in_blocks_give_the_bytes_of_plain_ones(void **state)
{
    static struct problem p;
    struct kern kern;

    assert_int_equal(kern_init(&kern, *state, NULL), 0);
    draw(&p, &geometries[0], 1);
    for (size_t i = 0; i < COUNT(pools); i++) {
        const uint8_t *want = NULL;
        struct spec s[2];
        for (int j = 0; j < 2; j++) {
            spec_read(&s[j], &(struct op_io){ .workers = 2 }, pools[i].op, pools[i].input, pools[i].output,
                      pools[i].attributes);
            s[j].tensor[0][0].data = p.x;
            if (j == 1)
                use_op(&s[j], pools[i].blocked, p.x, true, (int64_t)kern.lanes);
            const uint8_t *y = answer(&s[j], &kern, 2);
            if (j == 0)
                want = y;
            else
                check_blocks(y, want, &s[0].tensor[1][0].shape, (int64_t)kern.lanes);
        }
        spec_end(&s[0]);
        spec_end(&s[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolutions_in_blocks_give_the_bytes_of_plain_ones),
        cmocka_unit_test(pools_in_blocks_give_the_bytes_of_plain_ones),
        cmocka_unit_test(tiles_are_as_large_as_pays),
        cmocka_unit_test(winograd_is_for_sums_that_stay_exact),
        cmocka_unit_test(words_of_four_bytes_give_the_same),
    };

    return EACH_PATH_RUN(tests, NULL);
}

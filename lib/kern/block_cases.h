/*
 * block_cases.h - kernels on pictures in blocks against loops that say what they
 * mean (kern.h), on numbers whose sums are exact in any order. Every buffer ends
 * at a page that must not be touched. `kern` is under test; the file that
 * includes this fills it. For tests alone.
 */
#ifndef KERN_BLOCK_CASES_H
#define KERN_BLOCK_CASES_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "kern/guard.h"
#include "kern/kern.h"

static struct kern kern;
static struct rng draws;

enum { WIDEST = 40 };

static void draw_afresh(uint64_t seed)
{
    draws = rng_make(seed, rng_stream("blocks", kern.lanes, 0));
}

static size_t below(uint32_t bound)
{
    return rng_below(&draws, bound);
}

/* Small whole numbers. */
static float *whole_floats(struct guard *g, size_t count)
{
    float *x = guard_floats(g, count);

    for (size_t i = 0; i < count; i++)
        x[i] = (float)below(9) - 4;
    return x;
}

static bool same(float a, float b)
{
    return a == b || (isnan(a) && isnan(b));
}

static void expect_same(const float *got, const float *want, size_t count, const char *what)
{
    for (size_t i = 0; i < count; i++)
        if (!same(got[i], want[i]))
            fail_msg("%s: element %zu of %zu is %.9g, expected %.9g", what, i, count, (double)got[i], (double)want[i]);
}

/* NaN passes. */
static float clamped(double x, float low, float high)
{
    return x < (double)low ? low : x > (double)high ? high : (float)x;
}

/* ---- convolutions ---- */

enum form { BLOCKS, PLANES };

/* One call: sizes, then buffers. */
struct conv_call {
    enum form form;
    size_t n, blocks;
    struct kern_block_conv c;
    int32_t offset[64];
    struct guard guard[6];
    float *x, *w, *bias, *add, *y, *want;
};

/* Floats that segment s gives a pixel. */
static size_t run_of(const struct conv_call *call, size_t s)
{
    if (call->form == PLANES)
        return 1;
    return s < call->c.whole ? kern.lanes : call->c.rest;
}

static void draw_sizes(struct conv_call *call)
{
    struct kern_block_conv *c = &call->c;
    size_t step = call->form == PLANES ? 1 : kern.lanes;

    c->segments = 1 + below(12);
    c->whole = below((uint32_t)c->segments + 1);
    c->rest = 1 + below((uint32_t)kern.lanes - 1);
    for (size_t s = 0; s < c->segments; s++)
        call->offset[s] = (int32_t)(below(12) * step);
    c->offset = call->offset;
    c->y_block = call->n * kern.lanes + below(20);
    c->low = below(2) ? (float)below(20) - 30 : -INFINITY;
    c->high = below(2) ? (float)below(20) : INFINITY;
}

static void draw_buffers(struct conv_call *call)
{
    const struct kern_block_conv *c = &call->c;
    size_t step = call->form == PLANES ? 1 : kern.lanes, x = 0, w = 0;
    size_t y = (call->blocks - 1) * c->y_block + call->n * kern.lanes;

    for (size_t s = 0; s < c->segments; s++) {
        size_t end = (size_t)c->offset[s] + (call->n - 1) * step + run_of(call, s);
        x = end > x ? end : x;
        w += run_of(call, s) * call->blocks * kern.lanes;
    }
    call->x = whole_floats(&call->guard[0], x);
    call->w = whole_floats(&call->guard[1], w);
    call->bias = whole_floats(&call->guard[2], call->blocks * kern.lanes);
    call->add = whole_floats(&call->guard[3], y);
    call->y = guard_floats(&call->guard[4], y);
    call->want = guard_floats(&call->guard[5], y);
    call->c.next = call->w;
    call->c.next_floats = below(2) * w;
    if (below(2))
        call->bias = NULL;
    if (below(2))
        call->add = NULL;
}

static float naive_number(const struct conv_call *call, size_t b, size_t j, size_t l)
{
    const struct kern_block_conv *c = &call->c;
    double sum = call->bias ? (double)call->bias[b * kern.lanes + l] : 0;
    const float *w = call->w;

    for (size_t s = 0; s < c->segments; s++) {
        const float *from = call->x + c->offset[s] + j * (call->form == PLANES ? 1 : kern.lanes);
        for (size_t k = 0; k < run_of(call, s); k++, w += call->blocks * kern.lanes)
            sum += (double)w[b * kern.lanes + l] * (double)from[k];
    }
    sum += call->add ? (double)call->add[b * c->y_block + j * kern.lanes + l] : 0;
    return clamped(sum, c->low, c->high);
}

static void run_call(const struct conv_call *call)
{
    if (call->form == BLOCKS)
        kern.block_conv_f32(&call->c, call->n, call->blocks, call->x, call->w, call->bias, call->add, call->y);
    else
        kern.block_planes_f32(&call->c, call->n, call->blocks, call->x, call->w, call->bias, call->add, call->y);
}

static void check_call(enum form form, size_t n, size_t blocks)
{
    struct conv_call call = { .form = form, .n = n, .blocks = blocks };
    char what[96];

    draw_sizes(&call);
    draw_buffers(&call);
    for (size_t b = 0; b < blocks; b++)
        for (size_t j = 0; j < n; j++)
            for (size_t l = 0; l < kern.lanes; l++)
                call.want[b * call.c.y_block + j * kern.lanes + l] = naive_number(&call, b, j, l);
    run_call(&call);
    snprintf(what, sizeof(what), "form %d, %zu pixels, %zu blocks, %zu segments", form, n, blocks, call.c.segments);
    expect_same(call.y, call.want, (blocks - 1) * call.c.y_block + n * kern.lanes, what);
    for (size_t i = 0; i < COUNT(call.guard); i++)
        guard_free(&call.guard[i]);
}

static void sweep(enum form form)
{
    draw_afresh((uint64_t)form);
    for (size_t blocks = 1; blocks <= KERN_BLOCKS; blocks++)
        for (size_t n = 1; n <= WIDEST && kern_block_pixels(kern.registers, blocks) > 0; n++)
            for (int i = 0; i < 4; i++)
                check_call(form, n, blocks);
}

static void strips_of_blocks_are_their_definition(void **state)
{
    (void)state;
    sweep(BLOCKS);
}

static void strips_of_planes_are_their_definition(void **state)
{
    (void)state;
    sweep(PLANES);
}

/* What a clamp makes of numbers that are none, too large or on its edge; a clamp of zero keeps the zero's sign. */
static void clamp_lets_nan_pass(void **state)
{
    static const float in[] = { NAN, INFINITY, -INFINITY, -1, 7, 6.5F };
    static const float want[] = { NAN, 6, 0, 0, 6, 6 };
    static const float zero[16] = { 0 };
    static const int32_t offset[1] = { 0 };
    struct kern_block_conv c = { .segments = 1, .rest = 1, .offset = offset, .low = 0, .high = 6 };
    struct kern_winograd g = { .m = 2, .row = 2 * kern.lanes, .number = kern.lanes, .high = 6 };
    float bias[16], y[16], v[16 * 16] = { 0 }, tile[4 * 16];

    (void)state;
    for (size_t i = 0; i < COUNT(in); i++) {
        for (size_t l = 0; l < kern.lanes; l++)
            bias[l] = in[i];
        kern.block_conv_f32(&c, 1, 1, zero, zero, bias, NULL, y);
        expect_same(y, &want[i], 1, "clamp of a convolution");
        kern.winograd_out_f32(&g, 1, v, bias, NULL, tile);
        expect_same(tile, &want[i], 1, "clamp of a tile");
    }
}

/* ---- around them ---- */

enum around { LAY, ADD, SCALE };

static void run_around(enum around what, float *y, const float *x, const float *scale, size_t step, size_t n)
{
    switch (what) {
    case LAY: kern.block_lay_f32(y, x, step, n); break;
    case ADD: kern.block_add_f32(y, x, step, n); break;
    case SCALE: kern.block_scale_f32(y, x, scale, n); break;
    }
}

static float naive_around(enum around what, float y, float x, float scale)
{
    switch (what) {
    case LAY: return x;
    case ADD: return y + x;
    case SCALE: break;
    }
    return x * scale;
}

static void check_around(enum around what, size_t step, size_t n)
{
    size_t lanes = kern.lanes, floats = n == 0 ? 0 : ((n - 1) * step + 1) * lanes;
    struct guard guard[4];
    float *x = whole_floats(&guard[0], floats), *y = whole_floats(&guard[1], n * lanes);
    float *want = guard_floats(&guard[2], n * lanes), *scale = whole_floats(&guard[3], lanes);

    for (size_t i = 0; i < n * lanes; i++)
        want[i] = naive_around(what, y[i], x[i / lanes * step * lanes + i % lanes], scale[i % lanes]);
    run_around(what, y, x, scale, step, n);
    expect_same(y, want, n * lanes, "lay, add or scale");
    for (size_t i = 0; i < COUNT(guard); i++)
        guard_free(&guard[i]);
}

static void laying_sum_and_scale_are_their_definition(void **state)
{
    (void)state;
    draw_afresh(7);
    for (size_t n = 0; n <= WIDEST; n++) {
        for (size_t step = 1; step <= 3; step++)
            for (int what = LAY; what <= ADD; what++)
                check_around((enum around)what, step, n);
        check_around(SCALE, 1, n);
    }
}

static void check_gather(size_t n, size_t sources)
{
    size_t lanes = kern.lanes, count = n * lanes;
    struct guard guard[20];
    int32_t *lane = guard_new(&guard[0], sources * lanes * sizeof(int32_t));
    float *y = guard_floats(&guard[1], count), *want = guard_floats(&guard[2], count), *x[16];

    for (size_t s = 0; s < sources; s++)
        x[s] = whole_floats(&guard[3 + s], count);
    for (size_t l = 0; l < lanes; l++) {
        size_t from = below((uint32_t)sources + 1), at = below((uint32_t)lanes);
        for (size_t s = 0; s < sources; s++)
            lane[s * lanes + l] = s == from ? (int32_t)at : -1;
        for (size_t i = 0; i < n; i++)
            want[i * lanes + l] = from < sources ? x[from][i * lanes + at] : 0;
    }
    kern.block_gather_f32(y, n, sources, (const float *const *)x, lane);
    expect_same(y, want, count, "gather");
    for (size_t i = 0; i < 3 + sources; i++)
        guard_free(&guard[i]);
}

static void gather_picks_any_lane_of_any_source(void **state)
{
    (void)state;
    draw_afresh(8);
    for (size_t n = 0; n < 10; n++)
        for (size_t sources = 1; sources <= kern.lanes; sources++)
            check_gather(n, sources);
}

/* So that a mean's bits do not depend on how the picture lies. */
static void sum_of_a_channel_has_the_bits_of_its_plane(void **state)
{
    (void)state;
    draw_afresh(9);
    for (size_t n = 1; n <= 3 * WIDEST; n++) {
        struct guard guard[2];
        float *x = guard_floats(&guard[0], n * kern.lanes), *plane = guard_floats(&guard[1], n);
        double sum[16];

        for (size_t i = 0; i < n * kern.lanes; i++)
            x[i] = rng_normal(&draws);
        kern.block_sum_f32(sum, x, n);
        for (size_t l = 0; l < kern.lanes; l++) {
            for (size_t i = 0; i < n; i++)
                plane[i] = x[i * kern.lanes + l];
            assert_true(sum[l] == kern.sum_f32(plane, n));
        }
        guard_free(&guard[0]);
        guard_free(&guard[1]);
    }
}

#define BLOCK_CASES                                                                                                    \
    cmocka_unit_test(strips_of_blocks_are_their_definition), cmocka_unit_test(strips_of_planes_are_their_definition),  \
        cmocka_unit_test(clamp_lets_nan_pass), cmocka_unit_test(laying_sum_and_scale_are_their_definition),            \
        cmocka_unit_test(gather_picks_any_lane_of_any_source),                                                         \
        cmocka_unit_test(sum_of_a_channel_has_the_bits_of_its_plane)

#endif

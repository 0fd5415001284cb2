/*
 * block.h - operators on pictures in blocks of channels: [N, C / lanes, H, W, lanes],
 * lanes being the kernels' (kern/kern.h). Lanes beyond C hold anything and are
 * nobody's: weights end with the channels, and nothing else mixes lanes. The
 * graph's own pass puts these operators in the place of ONNX's; no file can name
 * them. For lib/op and lib/graph alone.
 */
#ifndef OP_BLOCK_H
#define OP_BLOCK_H

#include <math.h>

#include "op/window.h"

/* QUADS: of bytes alone, block_integer_quads.c. */
enum block_kernel { BLOCK_DIRECT, BLOCK_PLANES, BLOCK_DEPTHWISE, BLOCK_QUADS, BLOCK_WINOGRAD };

/* y [N, G*K, P, Q] = x [N, G*C, H, W] * w [G*K, C, R, S] + bias [G*K], all in blocks but w, bias and the x of PLANES. */
struct block_conv {
    enum block_kernel kernel;
    enum op_way way; /* asked for */
    struct window win[2];
    int64_t batch, groups, channels, filters; /* N, G, C, K */
    int64_t lanes, in_blocks, out_blocks;     /* of a group; PLANES has a plane for a block */
    int workers;

    /* DIRECT, PLANES: */
    bool laid;                   /* the input is copied with its borders, strides taken apart into phases */
    int64_t phases[2], shift[2]; /* phases of the input that taps use, and the farthest tap in them */
    int64_t rows, wide;          /* of a phase, PLANES: in a band, which each task lays for itself */
    int64_t bundles;             /* output blocks go together in so many bundles */
    bool flat;                   /* rows lie end to end: a run may cross them */
    int64_t images;              /* as many are laid together, and run */
    int64_t bands, parts;        /* tasks an image: bands of rows times parts of the bundles */
    bool parts_first;            /* a part runs for all images before the next: its weights are more than its input */

    /* WINOGRAD: */
    int64_t m, tiles[2], run; /* pixels of a tile; tiles down and across; tiles that go together */
    bool shared;              /* threads share each run */
};

static inline int64_t block_least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t block_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static inline size_t block_round(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

/* Rows are read side by side soon: one after the other they come from memory several times as fast. */
static inline void block_fetch(const void *rows, size_t bytes)
{
    const volatile char *at = rows;

    for (size_t i = 0; i < bytes; i += 64)
        (void)at[i];
}

/* The window as kernels see it, without a clamp. */
static inline struct kern_depth block_depth(const struct window win[2])
{
    struct kern_depth d = { .low = -INFINITY, .high = INFINITY };

    for (int i = 0; i < 2; i++) {
        d.in[i] = (size_t)win[i].in;
        d.out[i] = (size_t)win[i].out;
        d.kernel[i] = (size_t)win[i].kernel;
        d.stride[i] = (size_t)win[i].stride;
        d.dilation[i] = (size_t)win[i].dilation;
        d.begin[i] = (size_t)win[i].begin;
    }
    return d;
}

/* Tiles of F(m x m, 3 x 3) that need no border, in a row of them: first..last. */
static inline void block_inner_tiles(const struct window win[2], int64_t m, int64_t down, int64_t *first, int64_t *last)
{
    int64_t y = down * m - win[0].begin;

    *first = *last = 0;
    if (y < 0 || y + m + 2 > win[0].in)
        return;
    *first = block_up(win[1].begin, m);
    *last = (win[1].in - 2 + win[1].begin) / m;
    *last = *last > *first ? *last : *first;
}

/* Floats of one picture's block, in and out. */
static inline int64_t block_in(const struct block_conv *c)
{
    return c->win[0].in * c->win[1].in * c->lanes;
}

static inline int64_t block_out(const struct block_conv *c)
{
    return c->win[0].out * c->win[1].out * c->lanes;
}

/* First output block of a bundle. */
static inline int64_t block_bundle(const struct block_conv *c, int64_t bundle)
{
    return c->out_blocks * bundle / c->bundles;
}

/* Where a convolution's packed parts lie, and what stores its results. */
struct block_run {
    const struct block_conv *c;
    const struct op_run *run;
    const struct epilogue *epilogue; /* or NULL */
    const float *x, *bias, *weights; /* bias [G * out_blocks * lanes] */
    const int32_t *offset;
    float *y;
    char *work;
    float low, high;
    int64_t first, images; /* DIRECT, PLANES: those at work */
    const char *ahead;     /* DIRECT: what to fetch for a later node */
    int64_t ahead_bytes;
};

/* Weights of [G*K, C, R, S]: bytes, and the kernel's order. */
size_t block_direct_packed(const struct block_conv *c);
void block_direct_pack(const struct block_conv *c, const struct op_run *run, const float *w, float *packed);
void block_direct_offsets(const struct block_conv *c, int32_t *offset);
int64_t block_direct_segments(const struct block_conv *c);
size_t block_direct_work(const struct block_conv *c);
/* Chooses how output blocks go together, and how the work is cut. */
void block_direct_plan(struct block_conv *c, size_t registers);
void block_direct(const struct block_run *r);
/* Bytes of a later node's that the kernel can fetch beside its work: its own weights do not come from far away. */
size_t block_direct_fetches(const struct block_conv *c);

size_t block_depthwise_work(const struct block_conv *c);
void block_depthwise_plan(struct block_conv *c);
void block_depthwise(const struct block_run *r);

/* 3 x 3, stride 1, dilation 1, one group, enough channels on either side. */
bool block_winograd_fits(const struct block_conv *c);
void block_winograd_plan(struct block_conv *c, size_t registers);
size_t block_winograd_packed(const struct block_conv *c);
void block_winograd_pack(const struct block_conv *c, const struct op_run *run, const float *w, float *packed);
size_t block_winograd_work(const struct block_conv *c);
void block_winograd(const struct block_run *r);

/* How many output blocks a bundle has at most, for runs of n pixels. */
int64_t block_bundle_size(int64_t out_blocks, int64_t n, size_t registers);
/* Where the epilogue adds: the place in its tensor of a place in y; NULL: nothing is added. */
const float *block_add(const struct block_run *r, const float *y);
bool block_finishes(const struct block_run *r); /* block_finish() has something to do */
/* The activation, where it is not the kernels' clamp, on n finished floats. */
void block_finish(const struct block_run *r, float *y, int64_t n);

extern const struct op op_to_blocks, op_from_blocks, op_blocked_conv, op_blocked_max_pool, op_blocked_average_pool,
    op_blocked_global_average_pool, op_blocked_scale, op_blocked_gather;

#endif

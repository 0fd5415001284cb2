/*
 * winograd.h - convolutions of 3 by 3 and 5 by 5 taps and their gradients by
 * Winograd's algorithm (kern/transform.h): a quarter to a third of the
 * multiplications. For training: sums are of another order than convolve.h's,
 * and a little less exact. Pictures are turned so that channels lie side by
 * side, a block of tiles at a time. Bits depend on no thread. For lib/op alone.
 */
#ifndef OP_WINOGRAD_H
#define OP_WINOGRAD_H

#include "op/convolve.h"

/* One group, stride 1, and enough of everything to be worth it. */
bool winograd_fits(const struct convolve *c);

/* Scratch of the three together, and of the last alone. */
size_t winograd_bytes(const struct convolve *c);
size_t winograd_weight_bytes(const struct convolve *c);

/* As convolve_*, but weights are not packed. */
void winograd_forward(const struct convolve *c, const struct op_run *run, const float *x, const float *w,
                      const float *bias, float *y, void *work);
void winograd_input(const struct convolve *c, const struct op_run *run, const float *dy, const float *w, float *dx,
                    bool add, void *work);
void winograd_weight(const struct convolve *c, const struct op_run *run, const float *x, const float *dy, float *dw,
                     void *work); /* never adds */

/* ---- for winograd*.c alone ---- */

enum {
    WINOGRAD_SIDE = 6,
    WINOGRAD_POINTS = 36,
    WINOGRAD_CHANNELS = 64, /* the most of a block that a product makes */
    WINOGRAD_STRIP = 16,    /* channels whose filters are turned at once */
};

/* A convolution from a picture [batch, channels, in] to [batch, filters, out], forward or on the way back. */
struct winograd {
    const struct op_run *run;
    int64_t batch, channels, filters;
    int64_t in[2], out[2], begin[2]; /* begin: padding; may be negative */
    int64_t taps, side;              /* of a filter, of a tile's result */
    enum kern_transform filter, pixels;
    bool back; /* w is [channels, filters, taps, taps], turned around */

    int64_t tiles[2];
    int64_t images, rows;    /* of a block: whole images, or rows of tiles of one */
    int64_t blocks, most;    /* blocks in all, tiles of the largest */
    int64_t strips, workers; /* strips: blocks of filters */
    bool shares;             /* the filters' transforms are made once for all blocks */
};

struct winograd winograd_of(const struct convolve *c, const struct op_run *run, bool back);

/* Floats between rows or planes: whole cache lines, an odd number, so that they spread over a cache's sets. */
int64_t winograd_stride(int64_t floats);

/* A block of tiles. */
struct winograd_block {
    int64_t image, images, row, rows; /* rows of tiles */
    int64_t first[2], high[2];        /* rows of pixels: of the input, of the result */
};
struct winograd_block winograd_block_of(const struct winograd *w, int64_t index);
int64_t winograd_tiles(const struct winograd *w, const struct winograd_block *block);

/* Rows of a picture [batch, channels, h, w] of the block's images, channels `from` on, into pixels `stride` apart. */
void winograd_turn(const struct winograd *w, const struct winograd_block *block, const float *picture,
                   const int64_t size[2], int axis, int64_t channels, int64_t from, int64_t count, float *pixels,
                   int64_t stride);
/* The block's tiles of turned pixels, transformed to v [36, tiles, stride], `step` apart; `zero` is a pixel of zeros. */
void winograd_data(const struct winograd *w, const struct winograd_block *block, const float *pixels, int64_t stride,
                   int64_t count, const float *zero, float *v, int64_t step);
/* Addresses of a tile's pixels of the result, `beside` where it has none. */
void winograd_result(const struct winograd *w, const struct winograd_block *block, int64_t tile, float *pixels,
                     int64_t stride, float *beside, float **address);

#endif

/*
 * block_integer.h - convolutions of bytes on pictures in blocks: what integer.h
 * says of Conv, the same bytes. Before a band of rows runs, its input is laid
 * with borders in the kernels' words (kern.h, struct kern_block_bytes). For
 * lib/op alone.
 */
#ifndef OP_BLOCK_INTEGER_H
#define OP_BLOCK_INTEGER_H

#include "op/block.h"
#include "op/integer.h"

/* y [N, G*K, P, Q] = x [N, G*C, H, W] * w [G*K, C, R, S], all in blocks but w, bias and the x of PLANES. */
struct block_integer {
    enum block_kernel kernel;
    enum op_way way; /* asked for */
    struct integer how;
    struct window win[2];
    int64_t batch, groups, channels, filters;    /* N, G, C, K */
    int64_t lanes, depth, in_blocks, out_blocks; /* depth: channels of a word; blocks of a group */
    int64_t step[2];                             /* pixels of the input this far apart are laid side by side */
    int64_t pixel, wide, rows;                   /* laid: bytes of a pixel, pixels of a row, rows of a band */
    int64_t segments, whole, words, rest;        /* as in struct kern_block_bytes */
    int64_t bundles, bands, parts;               /* as in struct block_conv */
    int64_t m, tiles[2], run;                    /* WINOGRAD: pixels of a tile; down and across; so many go together */
    bool shared;                                 /* WINOGRAD: threads share each run */
    int64_t short_blocks;                        /* as in struct kern */
    bool saturates;                              /* as in struct kern_block_bytes */
    bool apart;                                  /* word_apart of struct kern */
    bool laid;                                   /* else the kernels read the input as it is */
    uint8_t turned;                              /* bits of each laid byte: what words of four have as byte_zero */
    int workers;
};

/* A convolution under way. */
struct block_integer_run {
    const struct block_integer *c;
    const struct kern *kern;
    const uint8_t *x;
    const int32_t *offset, *weights, *bias; /* bias, scale [G * out_blocks * lanes] */
    const float *scale;
    uint8_t *y;
    char *work;
};

void block_integer_direct_plan(struct block_integer *c, size_t registers);
void block_integer_depthwise_plan(struct block_integer *c);
/* Bytes: scratch of all workers; and weights in the kernel's order. */
size_t block_integer_work(const struct block_integer *c);
size_t block_integer_packed(const struct block_integer *c);
void block_integer_offsets(const struct block_integer *c, int32_t *offset);
/* Weights [G*K, C, R, S]; those of words of four bytes go into the bias, too. */
void block_integer_pack(const struct block_integer *c, struct pool *pool, const int8_t *w, void *packed);

/* Depthwise in words of four pixels: dilation 1, no more than 7 columns, and kernels that can. */
bool block_integer_quads_fit(const struct block_integer *c, const struct kern *kern);
void block_integer_quads_plan(struct block_integer *c, const struct kern *kern);
size_t block_integer_quads_work(const struct block_integer *c);
void block_integer_quads_offsets(const struct block_integer *c, int32_t *offset);
/* Where an element of a segment's words is among its filter's weights; -1: it is 0. */
int64_t block_integer_quads_place(const struct block_integer *c, int64_t segment, int64_t element);
void block_integer_quads(struct block_integer_run *r, struct pool *pool);

/* How many output blocks go together at most, for runs of n pixels. */
int64_t block_integer_bundle(int64_t out_blocks, int64_t n, size_t registers);

/* 3 x 3, stride 1, one group, weights w whose sums stay exact, NULL where not known yet, and no dearer than directly. Sets m. */
bool block_integer_winograd_fits(struct block_integer *c, const int8_t *w);
void block_integer_winograd_plan(struct block_integer *c, size_t registers);
size_t block_integer_winograd_work(const struct block_integer *c);
size_t block_integer_winograd_packed(const struct block_integer *c);
void block_integer_winograd_offsets(const struct block_integer *c, int32_t *offset);
void block_integer_winograd_pack(const struct block_integer *c, struct pool *pool, const int8_t *w, void *packed);
void block_integer_winograd(const struct block_integer_run *r, struct pool *pool);

/* What the kernels are told of it. */
struct kern_block_bytes block_integer_how(const struct block_integer_run *r);
/* The band of output rows from `first` on: all that it reads of image n, or of that block of all. */
void block_integer_lay(const struct block_integer_run *r, int64_t n, int64_t first, char *laid);
void block_integer_lay_block(const struct block_integer_run *r, int64_t block, int64_t first, char *laid);
/* Laid bytes as the kernels multiply them. */
void block_integer_turn(const struct block_integer *c, char *laid, int64_t bytes);
void block_integer_lay_pairs(const struct block_integer_run *r, int64_t block, int64_t first, char *laid);
void block_integer_forward(struct block_integer_run *r, struct pool *pool);

/* Numbers of a tile of WINOGRAD. */
static inline int64_t block_integer_points(const struct block_integer *c)
{
    return (c->m + 2) * (c->m + 2);
}

/* Words of one output lane's weights. */
static inline int64_t block_integer_words(const struct block_integer *c)
{
    return c->kernel == BLOCK_DEPTHWISE ? c->segments : c->whole * c->words + (c->segments - c->whole) * c->rest;
}

/* Bytes of a band, and of what is read beyond it. */
static inline size_t block_integer_band(const struct block_integer *c)
{
    int64_t blocks = c->kernel == BLOCK_DIRECT ? c->groups * c->in_blocks : 1;

    return block_round((size_t)(blocks * c->rows * c->wide * c->pixel) + 64);
}

extern const struct op op_blocked_integer_conv, op_blocked_integer_max_pool, op_blocked_integer_average_pool,
    op_blocked_integer_global_average_pool;

#endif

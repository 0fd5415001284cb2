/*
 * planes.h - the parts that the three convolutions of convolve.h share:
 * scratch and planes with borders. For convolve*.c alone.
 */
#ifndef OP_PLANES_H
#define OP_PLANES_H

#include "op/convolve.h"

/* Floats that one task's input, and as many again that its output may take: an L2 cache holds both. */
enum { PLANES_FLOATS = 49152 };

/* Scratch is handed out in pieces that start on a cache line. */
static inline size_t planes_round(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

static inline void *planes_take(char **at, size_t bytes)
{
    void *taken = *at;

    *at = (char *)((uintptr_t)*at + planes_round(bytes)); /* from NULL on it measures */
    return taken;
}

/* Floats of planes of rows * wide, spread so that channels do not fall on the same cache sets. */
int64_t planes_stride(int64_t floats);
/*
 * planes_fill - a plane [rows, wide] of a picture [h, w]: element (i, j) is
 * pixel (y + i * step_y, x + j * step_x), zero outside. Up to KERN_SLACK - 1
 * floats behind it may be overwritten: planes are filled in order.
 */
void planes_fill(const struct kern *kern, float *plane, int64_t rows, int64_t wide, const float *picture, int64_t h,
                 int64_t w, int64_t y, int64_t x, int64_t step_y, int64_t step_x);
/* Makes what lies behind the last plane readable: a kernel's vectors may end there. */
void planes_end(float *end);
/* As many rows of an output as planes of PLANES_FLOATS allow, evenly divided. */
int64_t planes_rows(int64_t rows, int64_t in_channels, int64_t in_wide, int64_t in_extra_rows, int64_t out_channels);

/* Elements of a row [wide], starting at pixel x of w with this step, that lie on the picture: first..last. */
void planes_reach(int64_t wide, int64_t w, int64_t x, int64_t step, int64_t *first, int64_t *last);
/* Where each tap finds its pixel in planes of rows + shift rows: the phase it falls on, and how far in. */
void planes_taps(const struct convolve *c, int64_t rows, int32_t *tap);
/* The input of output rows first..first + rows in c->channels planes, `plane` floats apart; x is its first channel. */
void planes_lay(const struct convolve *c, const struct kern *kern, const float *x, int64_t first, int64_t rows,
                int64_t plane, float *planes);

/* What one call of a kernel does in a forward pass. */
struct piece {
    int64_t sample, group, chunk, part;
    char *scratch; /* of this worker */
};

typedef void planes_task(const void *context, const struct piece *piece);

/* All pieces of a forward pass, on all threads; scratch_bytes a worker. */
void planes_walk(const struct convolve *c, struct pool *pool, planes_task *task, const void *context, char *scratch,
                 size_t scratch_bytes);
/* Scratch of a forward worker: planes first, then room for c->rows rows of each filter where output goes aside. */
size_t planes_bytes(const struct convolve *c);
size_t planes_piece_bytes(const struct convolve *c);

static inline int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static inline int64_t divide_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

#endif

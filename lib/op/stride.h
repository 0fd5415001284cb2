/*
 * stride.h - elements picked from a dense tensor by steps: Transpose, Slice,
 * Split, DepthToSpace. No element is picked twice. For lib/op alone.
 */
#ifndef OP_STRIDE_H
#define OP_STRIDE_H

#include "op/internal.h"

/* Element [i, j, ...] of the result is x[base + i * step[0] + j * step[1] + ...]. */
struct stride {
    int rank;
    int64_t dim[SHAPE_MAX_RANK], step[SHAPE_MAX_RANK];
    int64_t base;
};

/* All of x, in its own order. */
struct stride stride_all(const struct shape *x);
void stride_gather(const struct stride *stride, const struct op_run *run, void *y, const void *x, size_t element_bytes);
/* The way back, adding to gx. */
void stride_scatter_add(const struct stride *stride, const struct op_run *run, float *gx, const float *gy);
/* Zeroes a gradient that is not added to. */
void stride_clear(const struct tensor *x);

/* ---- an operator that is one stride: plan_bytes is sizeof(struct stride) ---- */
void stride_forward(const struct op_io *io, const struct op_run *run);
void stride_backward(const struct op_io *io, const struct op_run *run);

#endif

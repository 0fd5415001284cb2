/*
 * pool_any.h - pools over one to three axes of any element type, pixel by
 * pixel: what the fast ones on [N, C, H, W] of F32 and quantized bytes leave. For lib/op alone.
 */
#ifndef OP_POOL_ANY_H
#define OP_POOL_ANY_H

#include "op/window.h"

struct pool_any {
    struct window win[WINDOW_AXES];
    int64_t planes, in, out; /* pixels of a plane */
    bool column_major;       /* of the indices that MaxPool gives */
    bool count_padding;
    int64_t p; /* LpPool */
};

/* Three axes, another type, or indices wanted. */
bool pool_is_other(const struct op_io *io);
/* Windows and the first output; more outputs are I64 of the same shape. */
MUST_CHECK int pool_any_shape(struct op_io *io, struct pool_any *plan, struct error *err);
void pool_any_max(const struct op_io *io, const struct pool_any *plan, const struct op_run *run);
void pool_any_average(const struct op_io *io, const struct pool_any *plan, const struct op_run *run);

/* Of whole channels, reals but F32: the mean, or the largest of `pixels`. */
void pool_any_global(const struct op_io *io, int64_t pixels, bool largest, const struct op_run *run);

/* Pixels of the window of output pixel `out`: calls `visit` with each one's number in the plane; -1 on padding that counts. */
struct pool_pixels {
    const struct window *win;
    int64_t at[WINDOW_AXES]; /* the window's first pixel on each axis */
    int64_t tap[WINDOW_AXES];
    bool done;
};
struct pool_pixels pool_pixels_of(const struct window *win, int64_t out);
/* The next tap's pixel in the plane, or -1 beside the image; *padded: still within the padding. False at the end. */
bool pool_pixels_next(struct pool_pixels *pixels, int64_t *pixel, bool *padded);

#endif

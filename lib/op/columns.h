/*
 * columns.h - convolutions over one to three axes as products of rows: the
 * pixels under each window, side by side. For element types and axes that the
 * fast convolutions do not know. For lib/op alone.
 */
#ifndef OP_COLUMNS_H
#define OP_COLUMNS_H

#include "op/window.h"

struct columns {
    struct window win[WINDOW_AXES];
    int64_t batch, groups, channels, filters; /* channels and filters of a group */
    int64_t taps, in, out;                    /* of a window; pixels of a plane before and after */
};

/* `x` [N, C, ...] and `w` [M, C/group, ...] as a convolution; out[0]'s shape is set. */
MUST_CHECK int columns_read(struct columns *c, struct op_io *io, const struct tensor *x, const struct tensor *w,
                            struct error *err);
/* Where each tap of the window of output pixel `out` lies in a plane; -1: beside it. at[tap * step]. */
void columns_pixels(const struct columns *c, int64_t out, int64_t *at, int64_t step);

/* ---- integers: sums of (x - zero_x) * (w - zero_w), exact ---- */
struct columns_sums {
    const struct columns *c;
    const struct tensor *x, *w;
    const struct op_io *io;
    const struct tensor *zero_x, *zero_w; /* one number, or one a filter; NULL: 0 */
    void *packed;                         /* columns_packed_bytes(), w as columns_pack() lays it out */
    /* takes, and may spoil, `count` sums of one filter; out[0]'s elements from `at` on are theirs */
    void (*take)(const struct op_io *io, const struct kern *kern, int64_t filter, int64_t at, int64_t count,
                 int32_t *sum);
};
size_t columns_packed_bytes(const struct columns *c);
void columns_pack(const struct columns_sums *sums, const struct op_run *run);
/* Scratch for columns_integers() with so many workers. It reads w packed alone. */
size_t columns_bytes(const struct columns *c, int workers);
void columns_integers(const struct columns_sums *sums, const struct op_run *run, void *work);

#endif

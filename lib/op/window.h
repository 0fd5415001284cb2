/*
 * window.h - how a window slides over an image: what Conv, ConvTranspose and
 * the pools share. Rows first, then columns; one-dimensional data are images
 * of one row. For lib/op alone.
 */
#ifndef OP_WINDOW_H
#define OP_WINDOW_H

#include "op/internal.h"

enum { WINDOW_AXES = 3 };

struct window {
    int64_t in, out; /* pixels before and after */
    int64_t kernel, stride, dilation;
    int64_t begin, end; /* padding before the first and after the last pixel; cropping for ConvTranspose */
};

/*
 * window_read - kernel_shape, strides, pads, dilations, auto_pad and
 * ceil_mode into win[2], in and out included, for images of shape x
 * [N, C, W] or [N, C, H, W]. `weights`, if given, is [K, C, R, S] or [K, C, S],
 * and kernel_shape must agree with it or be absent.
 *
 * Errors: ERROR_INPUT for another rank, attributes out of range, or a window
 * that does not fit.
 *
 * Source: ONNX operators Conv and MaxPool; Dumoulin & Visin, "A guide to
 * convolution arithmetic", sec. 2 and 5.1.
 */
MUST_CHECK int window_read(struct window win[2], const struct op_io *io, const struct shape *x,
                           const struct shape *weights, struct error *err);
/* As window_read but upside down, with output_padding and output_shape: in is what ConvTranspose reads. */
MUST_CHECK int window_read_transposed(struct window win[2], const struct op_io *io, const struct shape *x,
                                      const struct shape *weights, struct error *err);
/* The same for [N, C, W], [N, C, H, W] and [N, C, D, H, W]: axes that are not there are of one pixel. */
MUST_CHECK int window_read_all(struct window win[WINDOW_AXES], const struct op_io *io, const struct shape *x,
                               const struct shape *weights, struct error *err);
MUST_CHECK int window_read_transposed_all(struct window win[WINDOW_AXES], const struct op_io *io, const struct shape *x,
                                          const struct shape *weights, struct error *err);
struct shape window_shape_all(const struct window win[WINDOW_AXES], const struct shape *x, int64_t channels);
/* x with `channels` channels and win's output pixels. */
struct shape window_shape(const struct window win[2], const struct shape *x, int64_t channels);

#endif

/*
 * convolve.h - convolution of floats and its two gradients, for Conv and
 * ConvTranspose. Images are cut into chunks of rows; each chunk's input is laid
 * out in planes with borders, strides taken apart into phases, so that a tap
 * is a constant offset (kern/kern.h, conv_f32). Nothing is as large as an
 * unfolded image. Bits depend on no thread and on no other image of the batch.
 * For lib/op alone.
 */
#ifndef OP_CONVOLVE_H
#define OP_CONVOLVE_H

#include "op/window.h"

/*
 * Geometry of   y [N, G*K, P, Q] = x [N, G*C, H, W] * w [G*K, C, R, S] + bias [G*K].
 * The rest is what convolve_plan() works out.
 */
struct convolve {
    struct window win[2];
    int64_t batch, groups, channels, filters; /* N, G, C, K */
    int workers;
    bool forward_adds; /* y grows instead of being overwritten: the way back of ConvTranspose */

    bool bare;                   /* 1 x 1 without borders: pictures are planes as they are */
    int64_t phases[2], shift[2]; /* phases of the input that taps use, and the farthest tap in them */
    int64_t wide;                /* columns of a plane: Q + shift */
    int64_t rows, chunks;        /* output rows in a chunk */
    int64_t plane;               /* floats of one channel's planes */
    int64_t group_span, parts;   /* groups a task; parts of the filters a task */

    /* For the weights' gradient: parts of the batch, filters a task, chunks of an image, floats of a channel's planes,
     * floats of a filter's part of dy, images a call. */
    int64_t grad_parts, grad_rows, grad_chunks, grad_plane, grad_stride, grad_images;
};

/* Fills in the rest. ERROR_INPUT when the planes of one row would be absurdly large. */
MUST_CHECK int convolve_plan(struct convolve *c, struct error *err);
int64_t convolve_weights(const struct convolve *c); /* floats of w, in any order */

/* Scratch of each, packed weights not included. */
size_t convolve_forward_bytes(const struct convolve *c);
size_t convolve_input_bytes(const struct convolve *c);
size_t convolve_weight_bytes(const struct convolve *c);
size_t convolve_table_bytes(const struct convolve *c); /* what convolve_input_pack needs */

/* What happens to the finished elements [from, from + n) of the output: the epilogue. NULL: nothing. */
struct finish {
    void (*run)(const void *context, float *y, int64_t from, int64_t n);
    const void *context;
};

/* packed: convolve_weights() floats. */
void convolve_pack(const struct convolve *c, const struct op_run *run, const float *w, float *packed);
void convolve_forward(const struct convolve *c, const struct op_run *run, const float *x, const float *packed,
                      const float *bias, float *y, const struct finish *finish, void *work);
/* The gradient of x out of that of y, or a transposed convolution with bias [G*C]. */
void convolve_input_pack(const struct convolve *c, const struct op_run *run, const float *w, float *packed, void *work);
void convolve_input(const struct convolve *c, const struct op_run *run, const float *dy, const float *packed,
                    const float *bias, float *dx, bool add, void *work);
void convolve_weight(const struct convolve *c, const struct op_run *run, const float *x, const float *dy, float *dw,
                     bool add, void *work);
/* db [channels] (+)= sums over dy [batch, channels, pixels]. */
void convolve_bias(const struct op_run *run, int64_t batch, int64_t channels, int64_t pixels, const float *dy,
                   float *db, bool add);

#endif

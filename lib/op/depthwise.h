/*
 * depthwise.h - convolutions of one filter a channel, and their gradients, in
 * training. Pictures are turned so that KERN_SLACK channels lie side by side
 * (kern/depthwise.h). Bits depend on no thread. For lib/op alone.
 */
#ifndef OP_DEPTHWISE_H
#define OP_DEPTHWISE_H

#include "op/convolve.h"

/* One channel and one filter a group, 3 or 5 taps and the same stride on both axes, no dilation. */
bool depthwise_fits(const struct convolve *c);
size_t depthwise_bytes(const struct convolve *c);

/* As convolve_*, but weights are not packed. */
void depthwise_forward(const struct convolve *c, const struct op_run *run, const float *x, const float *w,
                       const float *bias, float *y, void *work);
/* Both gradients; each may be NULL. */
void depthwise_backward(const struct convolve *c, const struct op_run *run, const float *x, const float *w,
                        const float *dy, float *dx, bool add_x, float *dw, bool add_w, void *work);

#endif

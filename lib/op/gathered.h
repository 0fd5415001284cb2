/*
 * gathered.h - convolutions as products in training, for what neither
 * winograd.h nor depthwise.h takes: 1 by 1, and strides. Pictures are turned so
 * that channels lie side by side; the pixels that a tap meets are gathered, a
 * few images at a time, and multiplied by the tap's filters (kern.h,
 * panels_f32). Small pictures share a product. Bits depend on no thread. For lib/op alone.
 */
#ifndef OP_GATHERED_H
#define OP_GATHERED_H

#include "op/convolve.h"

/* One group, and enough channels and filters. */
bool gathered_fits(const struct convolve *c);
size_t gathered_bytes(const struct convolve *c);

/* As convolve_*, but weights are not packed. */
void gathered_forward(const struct convolve *c, const struct op_run *run, const float *x, const float *w,
                      const float *bias, float *y, void *work);
void gathered_input(const struct convolve *c, const struct op_run *run, const float *dy, const float *w, float *dx,
                    bool add, void *work);
void gathered_weight(const struct convolve *c, const struct op_run *run, const float *x, const float *dy, float *dw,
                     void *work); /* never adds */

#endif

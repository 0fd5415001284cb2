/*
 * pointwise.h - convolutions of 1 by 1 in training, where a picture's pixels
 * fill vectors: pictures are multiplied as they lie, by channel, and nothing is
 * turned but the narrower side for the filters' gradient. Bits depend on no
 * thread. For lib/op alone.
 */
#ifndef OP_POINTWISE_H
#define OP_POINTWISE_H

#include "op/convolve.h"

/* One group without strides or borders, pictures of whole vectors, filters that a cache holds. */
bool pointwise_fits(const struct convolve *c);
size_t pointwise_bytes(const struct convolve *c);

/* As convolve_*, but weights are not packed. */
void pointwise_forward(const struct convolve *c, const struct op_run *run, const float *x, const float *w,
                       const float *bias, float *y, void *work);
void pointwise_input(const struct convolve *c, const struct op_run *run, const float *dy, const float *w, float *dx,
                     bool add, void *work);
void pointwise_weight(const struct convolve *c, const struct op_run *run, const float *x, const float *dy, float *dw,
                      void *work); /* never adds */

#endif

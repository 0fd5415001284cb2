/* conv_any.h - convolutions on three axes, and of other reals than F32, one product after the other. For lib/op alone. */
#ifndef OP_CONV_ANY_H
#define OP_CONV_ANY_H

#include "op/columns.h"

/* [N, C, D, H, W], or another type than F32 (not quantized). */
bool conv_is_other(const struct op_io *io);
/* Sets out[0] and work_bytes; forward only. */
MUST_CHECK int conv_any_shape(struct op_io *io, struct columns *c, struct error *err);
void conv_any_forward(const struct op_io *io, const struct columns *c, const struct op_run *run);
/* The same upside down; c is of the convolution that goes the other way. */
MUST_CHECK int conv_any_transposed_shape(struct op_io *io, struct columns *c, struct error *err);
void conv_any_transposed_forward(const struct op_io *io, const struct columns *c, const struct op_run *run);

#endif

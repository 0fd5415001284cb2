/*
 * epilogue.h - what is done to an output's elements as soon as they are there.
 * The kernels are those of Add and of the activations, so that the bits are
 * theirs too. For lib/op alone.
 */
#ifndef OP_EPILOGUE_H
#define OP_EPILOGUE_H

#include "op/internal.h"

/* Elements [from, from + n) of the float output y. */
void epilogue_run(const struct epilogue *epilogue, const struct kern *kern, float *y, int64_t from, int64_t n);
/*
 * epilogue_check - the residual has the output's shape; on integers there is
 * none, and the activation is RELU or CLIP. ERROR_INPUT.
 */
MUST_CHECK int epilogue_check(const struct op_io *io, struct error *err);

#endif

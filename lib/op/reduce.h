/* reduce.h - what the reductions over axes share. For lib/op alone. */
#ifndef OP_REDUCE_H
#define OP_REDUCE_H

#include "op/internal.h"
#include "op/walk.h"

struct reduce_plan {
    struct walk walk; /* the whole is in[0] and operand 1; operand 0 is out[0] */
    int64_t count;    /* elements of in[0] for one of out[0] */
};

/* Reads axes (attribute or in[1]), keepdims and noop_with_empty_axes; sets out[0]. */
MUST_CHECK int reduce_shape(struct op_io *io, struct reduce_plan *plan, bool quantized, struct error *err);

/* The same without a walk: out[0] is set, *kept is its shape with all axes, *count the elements of in[0] for one of it. */
MUST_CHECK int reduce_axes(struct op_io *io, struct shape *kept, int64_t *count, struct error *err);

#endif

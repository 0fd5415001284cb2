/* reduce_any.h - reductions in any element type, where the fast ones on F32 do not serve. For lib/op alone. */
#ifndef OP_REDUCE_ANY_H
#define OP_REDUCE_ANY_H

#include "op/internal.h"

enum reduction {
    REDUCE_L1,
    REDUCE_L2,
    REDUCE_LOG_SUM,
    REDUCE_LOG_SUM_EXP,
    REDUCE_MAX,
    REDUCE_MEAN,
    REDUCE_MIN,
    REDUCE_PROD,
    REDUCE_SUM,
    REDUCE_SUM_SQUARE,
};

/* Room in a plan for these; a larger plan_bytes is fine. */
enum { REDUCE_ANY_BYTES = 128 };

/* Not F32 with elements, and not quantized. */
bool reduce_is_other(const struct op_io *io);
MUST_CHECK int reduce_any_shape(struct op_io *io, struct error *err);
void reduce_any_forward(const struct op_io *io, enum reduction reduction);

#endif

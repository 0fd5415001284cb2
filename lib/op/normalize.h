/*
 * normalize.h - rows brought to mean 0 and variance 1, then scaled and shifted:
 * LayerNormalization, GroupNormalization, InstanceNormalization. For lib/op alone.
 *
 * A row is `parts` runs of `span` elements; each run has one scale and one
 * bias. Row r's first is number r % groups * parts.
 */
#ifndef OP_NORMALIZE_H
#define OP_NORMALIZE_H

#include "op/internal.h"

struct normalize_plan {
    size_t rows, parts, span, groups;
    float epsilon;
};

/* in[1] scale and in[2] bias (may be absent) have parts * groups elements. Reads epsilon, sets out[0] and saved_bytes. */
MUST_CHECK int normalize_shape(struct op_io *io, struct error *err);
void normalize_forward(const struct op_io *io, const struct op_run *run);
void normalize_backward(const struct op_io *io, const struct op_run *run);

#endif

/* index.h - lists of indices as inputs: I32 or I64, negative ones count from the end. For lib/op alone. */
#ifndef OP_INDEX_H
#define OP_INDEX_H

#include "op/internal.h"

/* in[input] is I32 or I64; where its values are known, each lies in -size..size-1. */
MUST_CHECK int index_check(const struct op_io *io, int input, int64_t size, struct error *err);
/* in[input] is I64, and the same of each of its last axis's `depth` columns: column k lies in sizes[k]. */
MUST_CHECK int index_check_places(const struct op_io *io, int input, const int64_t *sizes, int depth,
                                  struct error *err);
/* The i-th index, counted from the start. One that only the run brings and that lies outside is moved to the nearest
 * end: forward() cannot fail, and nothing outside is read or written. */
int64_t index_at(const struct tensor *indices, int64_t i, int64_t size);

#endif

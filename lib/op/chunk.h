/*
 * chunk.h - long rows of work cut in pieces of a fixed size, so that what a
 * piece computes never depends on the number of threads. For lib/op alone.
 */
#ifndef OP_CHUNK_H
#define OP_CHUNK_H

#include "op/op.h"

enum { CHUNK_ELEMENTS = 16384 };

typedef void chunk_task(const void *context, size_t begin, size_t end, int worker);

/* Calls task for consecutive ranges of 0..count-1; each item is `elements` of work. */
void chunk_run(struct pool *pool, size_t count, size_t elements, chunk_task *task, const void *context);

#endif

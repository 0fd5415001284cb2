/*
 * bands.h - planes of pictures in bands of rows, shared among threads so that each keeps to its part of the picture
 * from node to node: what one thread wrote another's cache has far away. For lib/op alone.
 */
#ifndef OP_BANDS_H
#define OP_BANDS_H

#include "op/op.h"

/* Pictures of `planes` each, all of the same rows; `elements` of work a row. */
struct bands {
    int64_t images, planes, rows, elements;
};

/* Rows first..last - 1 of a plane, counted through all images. What it computes must not depend on where bands end. */
typedef void band_task(const void *context, int64_t plane, int64_t first, int64_t last, int worker);

/* Calls task for all rows of all planes, each once. */
void bands_run(struct pool *pool, struct bands all, band_task *task, const void *context);

#endif

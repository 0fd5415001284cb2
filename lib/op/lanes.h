/*
 * lanes.h - a tensor seen along one axis: `lanes` rows of `size` elements that
 * lie `step` apart. For lib/op alone.
 */
#ifndef OP_LANES_H
#define OP_LANES_H

#include "op/internal.h"

struct lanes {
    int64_t lanes, size, step;
};

/* The whole as rows along the axis. */
struct lanes lanes_of(const struct shape *shape, int axis);
/* The first element of a lane. */
int64_t lanes_begin(const struct lanes *lanes, int64_t lane);

#endif

#include "op/lanes.h"

struct lanes lanes_of(const struct shape *shape, int axis)
{
    const int64_t step = shape_span(shape, axis + 1, shape->rank);

    return (struct lanes){ shape_span(shape, 0, axis) * step, shape->dim[axis], step };
}

int64_t lanes_begin(const struct lanes *l, int64_t lane)
{
    return lane / l->step * l->size * l->step + lane % l->step;
}

/* flatten.c - two axes out of many: those before `axis` and the rest. */
#include <inttypes.h>

#include "op/view.h"

static int shape(struct op_io *io, struct error *err)
{
    const struct shape *x = &io->in[0]->shape;
    struct shape shape = { .rank = 2 };
    int64_t axis;

    if (attribute_int(io->attributes, "axis", 1, &axis, err) < 0)
        return -1;
    if (axis < -x->rank || axis > x->rank)
        return error_set(err, ERROR_INPUT, "axis is %" PRId64 ", expected %d to %d", axis, -x->rank, x->rank);
    axis += axis < 0 ? x->rank : 0;
    shape.dim[0] = shape_span(x, 0, (int)axis);
    shape.dim[1] = shape_span(x, (int)axis, x->rank);
    return view_shape(io, &shape, err);
}

const struct op op_flatten = {
    .name = "Flatten",
    .formula = "y = x as [axes before axis, the rest]",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .attributes = "axis",
    .flags = OP_EMPTY | OP_VIEW | OP_INTEGER,
    .shape = shape,
    .forward = view_forward,
    .backward = view_backward,
};

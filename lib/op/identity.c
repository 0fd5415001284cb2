/* identity.c - what goes in comes out. */
#include "op/view.h"

static int shape(struct op_io *io, struct error *err)
{
    return view_shape(io, &io->in[0]->shape, err);
}

const struct op op_identity = {
    .name = "Identity",
    .formula = "y = x",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .flags = OP_EMPTY | OP_VIEW | OP_INTEGER,
    .shape = shape,
    .forward = view_forward,
    .backward = view_backward,
};

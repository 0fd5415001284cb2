/* squeeze.c - Squeeze drops axes of length 1, Unsqueeze puts them in. */
#include <inttypes.h>

#include "op/argument.h"
#include "op/view.h"

static int shape_squeeze(struct op_io *io, struct error *err)
{
    const struct shape *x = &io->in[0]->shape;
    struct argument_list list;
    struct shape shape = { 0 };
    bool axes[SHAPE_MAX_RANK];
    char text[160];

    if (argument_ints(io, 1, "axes", &list, err) < 0 || argument_axes(&list, x->rank, axes, err) < 0)
        return -1;
    for (int i = 0; i < x->rank; i++) {
        if (axes[i] && x->dim[i] != 1)
            return error_set(err, ERROR_INPUT, "input has shape %s, expected length 1 at axis %d", shape_text(x, text),
                             i);
        if (!(list.given ? axes[i] : x->dim[i] == 1))
            shape.dim[shape.rank++] = x->dim[i];
    }
    return view_shape(io, &shape, err);
}

static int shape_unsqueeze(struct op_io *io, struct error *err)
{
    const struct shape *x = &io->in[0]->shape;
    struct argument_list list;
    struct shape shape = { 0 };
    bool axes[SHAPE_MAX_RANK];

    if (argument_ints(io, 1, "axes", &list, err) < 0)
        return -1;
    if (!list.given || list.count > SHAPE_MAX_RANK - x->rank)
        return error_set(err, ERROR_INPUT, "axes has %d entries, expected at most %d", list.given ? list.count : -1,
                         SHAPE_MAX_RANK - x->rank);
    shape.rank = x->rank + list.count;
    if (argument_axes(&list, shape.rank, axes, err) < 0)
        return -1;
    for (int i = 0, from = 0; i < shape.rank; i++)
        shape.dim[i] = axes[i] ? 1 : x->dim[from++];
    return view_shape(io, &shape, err);
}

const struct op op_squeeze = {
    .name = "Squeeze",
    .formula = "y = x without axes of length 1",
    .min_inputs = 1,
    .max_inputs = 2,
    .outputs = 1,
    .attributes = "axes",
    .arguments = 1U << 1,
    .flags = OP_EMPTY | OP_VIEW | OP_INTEGER,
    .shape = shape_squeeze,
    .forward = view_forward,
    .backward = view_backward,
};

const struct op op_unsqueeze = {
    .name = "Unsqueeze",
    .formula = "y = x with axes of length 1 put in",
    .min_inputs = 1,
    .max_inputs = 2,
    .outputs = 1,
    .attributes = "axes",
    .arguments = 1U << 1,
    .flags = OP_EMPTY | OP_VIEW | OP_INTEGER,
    .shape = shape_unsqueeze,
    .forward = view_forward,
    .backward = view_backward,
};

/* transpose.c - axes in another order. */
#include <inttypes.h>

#include "op/argument.h"
#include "op/stride.h"

static int shape(struct op_io *io, struct error *err)
{
    const struct shape *x = &io->in[0]->shape;
    struct stride all = stride_all(x), *plan = io->plan;
    struct argument_list perm;
    bool axes[SHAPE_MAX_RANK];

    if (argument_moves(io, err) < 0 || argument_ints(io, -1, "perm", &perm, err) < 0)
        return -1;
    if (perm.given && perm.count != x->rank)
        return error_set(err, ERROR_INPUT, "perm has %d entries, expected %d", perm.count, x->rank);
    if (argument_axes(&perm, x->rank, axes, err) < 0)
        return -1;
    *plan = (struct stride){ .rank = x->rank };
    io->out[0]->dtype = io->in[0]->dtype;
    io->out[0]->shape.rank = x->rank;
    for (int i = 0; i < x->rank; i++) {
        int64_t from = perm.given ? perm.value[i] : x->rank - 1 - i;

        from += from < 0 ? x->rank : 0;
        plan->dim[i] = io->out[0]->shape.dim[i] = all.dim[from];
        plan->step[i] = all.step[from];
    }
    return 0;
}

const struct op op_transpose = {
    .name = "Transpose",
    .formula = "y = x with its axes in the order of perm",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .attributes = "perm",
    .flags = OP_EMPTY | OP_INTEGER,
    .plan_bytes = sizeof(struct stride),
    .shape = shape,
    .forward = stride_forward,
    .backward = stride_backward,
};

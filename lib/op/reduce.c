#include "op/reduce.h"

#include "op/argument.h"

/* No axes at all means every axis, unless noop_with_empty_axes says none. */
static int find_axes(const struct op_io *io, bool axes[SHAPE_MAX_RANK], struct error *err)
{
    struct argument_list list;
    int64_t noop;

    if (argument_ints(io, 1, "axes", &list, err) < 0 ||
        attribute_int(io->attributes, "noop_with_empty_axes", 0, &noop, err) < 0 ||
        argument_axes(&list, io->in[0]->shape.rank, axes, err) < 0)
        return -1;
    for (int i = 0; list.count == 0 && noop == 0 && i < io->in[0]->shape.rank; i++)
        axes[i] = true;
    return 0;
}

int reduce_axes(struct op_io *io, struct shape *kept, int64_t *count, struct error *err)
{
    const struct shape *x = &io->in[0]->shape;
    struct shape dropped = { 0 };
    bool axes[SHAPE_MAX_RANK];
    int64_t keepdims;

    if (find_axes(io, axes, err) < 0 || attribute_int(io->attributes, "keepdims", 1, &keepdims, err) < 0)
        return -1;
    *kept = *x;
    *count = 1;
    for (int i = 0; i < x->rank; i++) {
        if (!axes[i]) {
            dropped.dim[dropped.rank++] = x->dim[i];
            continue;
        }
        *count *= x->dim[i];
        kept->dim[i] = 1;
    }
    io->out[0]->dtype = io->in[0]->dtype;
    io->out[0]->shape = keepdims != 0 ? *kept : dropped;
    return 0;
}

int reduce_shape(struct op_io *io, struct reduce_plan *plan, bool quantized, struct error *err)
{
    const struct shape *x = &io->in[0]->shape;
    struct shape kept;
    char text[160];

    if (argument_numeric(io, 0, quantized, err) < 0 || reduce_axes(io, &kept, &plan->count, err) < 0)
        return -1;
    if (plan->count == 0)
        return error_set(err, ERROR_INPUT, "input has shape %s, expected elements along the reduced axes",
                         shape_text(x, text));
    plan->walk = walk_of(x, &kept, x);
    return 0;
}

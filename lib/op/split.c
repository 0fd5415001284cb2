/* split.c - consecutive parts along an axis; the sizes of the parts are the outputs' shapes. */
#include <inttypes.h>

#include "op/argument.h"
#include "op/stride.h"
#include "op/unary.h"

struct plan {
    int axis;
};

/* Without sizes all parts are alike but for a shorter last one. */
static int64_t part_size(const struct argument_list *sizes, int64_t dim, int parts, int i)
{
    int64_t each = (dim + parts - 1) / parts, left = dim - each * i;

    if (sizes->given)
        return sizes->value[i];
    return left < each ? left : each;
}

static int shape(struct op_io *io, struct error *err)
{
    const struct tensor *x = io->in[0];
    struct plan *plan = io->plan;
    struct argument_list sizes;
    int64_t left;

    if (argument_moves(io, err) < 0 || argument_axis(io, "axis", 0, x->shape.rank, &plan->axis, err) < 0 ||
        argument_ints(io, 1, "split", &sizes, err) < 0)
        return -1;
    if (sizes.given && sizes.count != io->out_count)
        return error_set(err, ERROR_INPUT, "split has %d entries, expected %d, one an output", sizes.count,
                         io->out_count);
    left = x->shape.dim[plan->axis];
    for (int i = 0; i < io->out_count; i++) {
        int64_t size = part_size(&sizes, x->shape.dim[plan->axis], io->out_count, i);

        if (size < 0 || size > left)
            return error_set(err, ERROR_INPUT, "part %d has %" PRId64 " of axis %d, expected 0 to %" PRId64, i, size,
                             plan->axis, left);
        left -= size;
        io->out[i]->dtype = x->dtype;
        io->out[i]->shape = x->shape;
        io->out[i]->shape.dim[plan->axis] = size;
    }
    if (left != 0)
        return error_set(err, ERROR_INPUT, "%" PRId64 " of axis %d are left over, expected none", left, plan->axis);
    return 0;
}

static struct stride part(const struct op_io *io, int i)
{
    const struct plan *plan = io->plan;
    struct stride s = stride_all(&io->in[0]->shape);

    for (int j = 0; j < i; j++)
        s.base += io->out[j]->shape.dim[plan->axis] * s.step[plan->axis];
    s.dim[plan->axis] = io->out[i]->shape.dim[plan->axis];
    return s;
}

static void forward(const struct op_io *io, const struct op_run *run)
{
    for (int i = 0; i < io->out_count; i++) {
        struct stride s = part(io, i);

        stride_gather(&s, run, io->out[i]->data, io->in[0]->data, dtype_bytes(io->in[0]->dtype));
        unary_rescale(io->out[i], io->in[0]->quant, run);
    }
}

static void backward(const struct op_io *io, const struct op_run *run)
{
    if (io->in[0]->grad == NULL)
        return;
    stride_clear(io->in[0]);
    for (int i = 0; i < io->out_count; i++) {
        struct stride s = part(io, i);

        if (io->out[i]->grad != NULL)
            stride_scatter_add(&s, run, io->in[0]->grad, io->out[i]->grad);
    }
}

const struct op op_split = {
    .name = "Split",
    .formula = "y = consecutive parts of x along axis",
    .min_inputs = 1,
    .max_inputs = 2,
    .outputs = -1,
    .attributes = "axis num_outputs split",
    .arguments = 1U << 1,
    .flags = OP_EMPTY | OP_INTEGER,
    .plan_bytes = sizeof(struct plan),
    .shape = shape,
    .forward = forward,
    .backward = backward,
};

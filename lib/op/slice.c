/* slice.c - a range of indices along some axes, forwards or backwards. */
#include <inttypes.h>

#include "op/argument.h"
#include "op/stride.h"

enum { STARTS, ENDS, AXES, STEPS, LISTS };

static int read_lists(const struct op_io *io, struct argument_list list[LISTS], struct error *err)
{
    static const char *const names[LISTS] = { "starts", "ends", "axes", "steps" };

    for (int i = 0; i < LISTS; i++) {
        if (argument_ints(io, i + 1, names[i], &list[i], err) < 0)
            return -1;
        if (!list[i].given && i <= ENDS)
            return error_set(err, ERROR_INPUT, "%s is absent, expected a list", names[i]);
        if (list[i].given && list[i].count != list[STARTS].count)
            return error_set(err, ERROR_INPUT, "%s has %d entries, expected %d", names[i], list[i].count,
                             list[STARTS].count);
    }
    if (list[STARTS].count > io->in[0]->shape.rank)
        return error_set(err, ERROR_INPUT, "starts has %d entries, expected at most %d", list[STARTS].count,
                         io->in[0]->shape.rank);
    return 0;
}

/* Negative indices count from the end; what lies outside is moved to the nearest bound. */
static int64_t within(int64_t index, int64_t dim, int64_t low, int64_t high)
{
    int64_t i = index < 0 ? index + dim : index;

    return i < low ? low : i > high ? high : i;
}

/* Narrows one axis. A step longer than the axis picks one element, whatever its length. */
static void narrow(struct stride *plan, int axis, int64_t start, int64_t end, int64_t step)
{
    int64_t dim = plan->dim[axis], first, past, count;

    step = step > dim + 1 ? dim + 1 : step < -dim - 1 ? -dim - 1 : step;
    first = within(start, dim, 0, step > 0 ? dim : dim - 1);
    past = within(end, dim, step > 0 ? 0 : -1, step > 0 ? dim : dim - 1);
    count = step > 0 ? (past - first + step - 1) / step : (first - past - step - 1) / -step;
    plan->dim[axis] = count > 0 && dim > 0 ? count : 0;
    plan->base += count > 0 && dim > 0 ? first * plan->step[axis] : 0;
    plan->step[axis] *= step;
}

static int shape(struct op_io *io, struct error *err)
{
    struct argument_list list[LISTS];
    struct stride *plan = io->plan;
    int rank = io->in[0]->shape.rank;
    bool axes[SHAPE_MAX_RANK];

    if (argument_moves(io, err) < 0 || read_lists(io, list, err) < 0 || argument_axes(&list[AXES], rank, axes, err) < 0)
        return -1;
    *plan = stride_all(&io->in[0]->shape);
    for (int i = 0; i < list[STARTS].count; i++) {
        int64_t axis = list[AXES].given ? list[AXES].value[i] : i, step = list[STEPS].given ? list[STEPS].value[i] : 1;

        if (step == 0)
            return error_set(err, ERROR_INPUT, "steps is 0 for axis %" PRId64 ", expected another number", axis);
        narrow(plan, (int)(axis < 0 ? axis + rank : axis), list[STARTS].value[i], list[ENDS].value[i], step);
    }
    io->out[0]->dtype = io->in[0]->dtype;
    io->out[0]->shape.rank = rank;
    for (int i = 0; i < rank; i++)
        io->out[0]->shape.dim[i] = plan->dim[i];
    return 0;
}

const struct op op_slice = {
    .name = "Slice",
    .formula = "y = x[starts:ends:steps] along axes",
    .min_inputs = 1,
    .max_inputs = 5,
    .outputs = 1,
    .attributes = "axes ends starts steps",
    .arguments = 1U << 1 | 1U << 2 | 1U << 3 | 1U << 4,
    .flags = OP_EMPTY | OP_INTEGER,
    .plan_bytes = sizeof(struct stride),
    .shape = shape,
    .forward = stride_forward,
    .backward = stride_backward,
};

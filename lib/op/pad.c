/* pad.c - more at the ends of axes: a constant, a mirror image, the edge again or the other end. Negative pads cut. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "op/argument.h"
#include "op/chunk.h"
#include "op/stride.h"
#include "op/unary.h"
#include "tensor/element.h"

enum mode { CONSTANT, REFLECT, EDGE, WRAP };
static const char *const modes[] = { "constant", "reflect", "edge", "wrap", NULL };

struct plan {
    int mode;
    int64_t before[SHAPE_MAX_RANK], after[SHAPE_MAX_RANK];
    uint8_t value[8]; /* the constant, as an element */
};

/* Pads come as all befores, then all afters, of all axes or of those in `axes`. */
static int read_pads(const struct op_io *io, struct plan *plan, struct error *err)
{
    const int64_t most = (int64_t)1 << 31;
    struct argument_list pads, axes;
    int rank = io->in[0]->shape.rank, count;
    bool flags[SHAPE_MAX_RANK];

    if (argument_ints(io, 1, "pads", &pads, err) < 0 || argument_ints(io, 3, "axes", &axes, err) < 0 ||
        argument_axes(&axes, rank, flags, err) < 0)
        return -1;
    count = axes.given ? axes.count : rank;
    if (pads.count != 2 * count)
        return error_set(err, ERROR_INPUT, "pads has %d entries, expected %d", pads.count, 2 * count);
    for (int i = 0; i < count; i++) {
        int64_t axis = axes.given ? axes.value[i] : i, before = pads.value[i], after = pads.value[count + i];

        if (before < -most || before > most || after < -most || after > most)
            return error_set(err, ERROR_INPUT, "pads has %" PRId64 " and %" PRId64 ", expected less than 2^31", before,
                             after);
        axis += axis < 0 ? rank : 0;
        plan->before[axis] = before;
        plan->after[axis] = after;
    }
    return 0;
}

/* How much of the axis negative pads leave, which is what goes round when it wraps. */
static int64_t left_of(const struct plan *plan, const struct shape *x, int axis)
{
    const int64_t before = plan->before[axis], after = plan->after[axis];

    return x->dim[axis] + (before < 0 ? before : 0) + (after < 0 ? after : 0);
}

static int pad_axis(const struct op_io *io, const struct plan *plan, int axis, struct error *err)
{
    int64_t dim = io->in[0]->shape.dim[axis], before = plan->before[axis], after = plan->after[axis];
    int64_t most = before > after ? before : after, length = dim + before + after;

    if (length < 0 || -before > dim || -after > dim)
        return error_set(err, ERROR_INPUT, "pads are %" PRId64 " and %" PRId64 " on axis %d, which has %" PRId64,
                         before, after, axis, dim);
    if ((plan->mode == REFLECT && most > 0 && most >= dim) || (plan->mode == EDGE && dim == 0 && length > 0) ||
        (plan->mode == WRAP && length > 0 && left_of(plan, &io->in[0]->shape, axis) <= 0))
        return error_set(err, ERROR_INPUT,
                         "pads are %" PRId64 " and %" PRId64 " on axis %d, expected less than %" PRId64, before, after,
                         axis, dim);
    io->out[0]->shape.dim[axis] = length;
    return 0;
}

/* Of any type: the constant is an element like the others. */
static int read_element(const struct op_io *io, struct plan *plan, struct error *err)
{
    const struct tensor *x = io->in[0], *value = op_input(io, 2);
    double fallback;

    if (attribute_float(io->attributes, "value", 0, &fallback, err) < 0)
        return -1;
    element_set_real(x->dtype, plan->value, 0, fallback);
    if (value == NULL)
        return 0;
    if (op_expect_dtype(io, 2, x->dtype, err) < 0)
        return -1;
    if (value->data == NULL || shape_count(&value->shape) != 1)
        return error_set(err, ERROR_INPUT, "constant_value is computed or of %" PRId64 " elements, expected a constant",
                         shape_count(&value->shape));
    memcpy(plan->value, value->data, dtype_bytes(x->dtype));
    return 0;
}

static int read_value(const struct op_io *io, struct plan *plan, struct error *err)
{
    const struct tensor *x = io->in[0];
    double value;
    float f;

    if (x->dtype != DTYPE_F32 && x->quant == NULL)
        return read_element(io, plan, err);
    if (argument_real(io, 2, op_input(io, 2) != NULL ? "constant_value" : "value", 0, &value, err) < 0)
        return -1;
    f = (float)value;
    memcpy(plan->value, &f, sizeof(f));
    if (x->quant != NULL) {
        double q = rint(value / (double)x->quant->scale[0]) + x->quant->zero_point[0];

        plan->value[0] = (uint8_t)(q > 0 ? (q < 255 ? q : 255) : 0);
    }
    return 0;
}

static int shape(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    int rank = io->in[0]->shape.rank;

    if (argument_moves(io, err) < 0 || argument_choice(io, "mode", modes, CONSTANT, &plan->mode, err) < 0 ||
        read_pads(io, plan, err) < 0 || read_value(io, plan, err) < 0)
        return -1;
    io->out[0]->dtype = io->in[0]->dtype;
    io->out[0]->shape.rank = rank;
    for (int i = 0; i < rank; i++)
        if (pad_axis(io, plan, i, err) < 0)
            return -1;
    return shape_check(&io->out[0]->shape, (int64_t)limit_get(LIMIT_ACTIVATION_BYTES), err);
}

/* Which index of the input an index of the output shows; -1: the constant. */
static int64_t source(const struct plan *plan, const struct shape *x, int axis, int64_t index)
{
    int64_t i = index - plan->before[axis], last = x->dim[axis] - 1;

    if (i >= 0 && i <= last)
        return i;
    if (plan->mode == CONSTANT)
        return -1;
    if (plan->mode == EDGE)
        return i < 0 ? 0 : last;
    if (plan->mode == WRAP) {
        const int64_t first = plan->before[axis] < 0 ? -plan->before[axis] : 0, size = left_of(plan, x, axis);

        return first + ((i - first) % size + size) % size;
    }
    return i < 0 ? -i : 2 * last - i;
}

/* The input's row that row number `row` of the output shows; -1: none. */
static int64_t source_row(const struct op_io *io, size_t row)
{
    const struct shape *x = &io->in[0]->shape, *y = &io->out[0]->shape;
    int64_t from = 0, rows = 1;

    for (int i = x->rank - 2; i >= 0; i--) {
        int64_t index = source(io->plan, x, i, (int64_t)(row % (size_t)y->dim[i]));

        if (index < 0)
            return -1;
        from += index * rows;
        rows *= x->dim[i];
        row /= (size_t)y->dim[i];
    }
    return from;
}

static void forward_rows(const void *context, size_t begin, size_t end, int worker)
{
    const struct op_io *io = context;
    const struct plan *plan = io->plan;
    const struct shape *x = &io->in[0]->shape;
    size_t bytes = dtype_bytes(io->in[0]->dtype);
    int axis = x->rank - 1;
    int64_t width = x->dim[axis], wide = io->out[0]->shape.dim[axis], before = plan->before[axis];
    int64_t first = before > 0 ? before : 0, past = width + before < wide ? width + before : wide;

    (void)worker;
    for (size_t r = begin; r < end; r++) {
        int64_t from = source_row(io, r);
        const uint8_t *row = (const uint8_t *)io->in[0]->data + (from < 0 ? 0 : from * width) * (int64_t)bytes;
        uint8_t *y = (uint8_t *)io->out[0]->data + r * (size_t)wide * bytes;

        for (int64_t i = 0; i < wide; i++) {
            int64_t at = from < 0 ? -1 : source(plan, x, axis, i);

            if (from >= 0 && i == first && past > first) {
                memcpy(y + i * (int64_t)bytes, row + at * (int64_t)bytes, (size_t)(past - first) * bytes);
                i = past - 1;
            } else {
                memcpy(y + i * (int64_t)bytes, at < 0 ? plan->value : row + at * (int64_t)bytes, bytes);
            }
        }
    }
}

/* A scalar has no row to pad. */
static size_t row_count(const struct shape *y)
{
    return y->rank == 0 || shape_count(y) == 0 ? 0 : (size_t)shape_span(y, 0, y->rank - 1);
}

static void forward(const struct op_io *io, const struct op_run *run)
{
    const struct tensor *x = io->in[0], *y = io->out[0];

    if (x->shape.rank == 0)
        memcpy(y->data, x->data, dtype_bytes(x->dtype));
    chunk_run(run->pool, row_count(&y->shape), y->shape.rank == 0 ? 1 : (size_t)y->shape.dim[y->shape.rank - 1],
              forward_rows, io);
    unary_rescale(y, x->quant, run);
}

/* In one thread: mirrored rows meet in the same place. */
static void backward(const struct op_io *io, const struct op_run *run)
{
    const struct tensor *x = io->in[0], *y = io->out[0];
    int axis = x->shape.rank - 1;

    (void)run;
    if (x->grad == NULL)
        return;
    stride_clear(x);
    if (x->shape.rank == 0)
        x->grad[0] += y->grad[0];
    for (size_t r = 0; r < row_count(&y->shape); r++) {
        const float *gy = y->grad + r * (size_t)y->shape.dim[axis];
        int64_t from = source_row(io, r);

        for (int64_t i = 0; from >= 0 && i < y->shape.dim[axis]; i++) {
            int64_t at = source(io->plan, &x->shape, axis, i);

            if (at >= 0)
                x->grad[from * x->shape.dim[axis] + at] += gy[i];
        }
    }
}

const struct op op_pad = {
    .name = "Pad",
    .formula = "y = x with pads before and after each axis",
    .min_inputs = 1,
    .max_inputs = 4,
    .outputs = 1,
    .attributes = "axes mode pads value",
    .arguments = 1U << 1 | 1U << 2 | 1U << 3,
    .flags = OP_EMPTY | OP_INTEGER,
    .plan_bytes = sizeof(struct plan),
    .shape = shape,
    .forward = forward,
    .backward = backward,
};

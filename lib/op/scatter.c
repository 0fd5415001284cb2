/* scatter.c - a copy of x with some elements or slices replaced, or joined with what is there. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "op/argument.h"
#include "op/index.h"
#include "op/odometer.h"
#include "tensor/element.h"

enum { NONE, ADD, MUL, MAX, MIN };
static const char *const reductions[] = { "none", "add", "mul", "max", "min", NULL };

struct plan {
    int axis, reduction, depth;
    int64_t rows, inner;
};

/* As NumPy's maximum and minimum, NaN stays. */
static double join_real(int how, double a, double b)
{
    switch (how) {
    case ADD: return a + b;
    case MUL: return a * b;
    case MAX: return a > b || isnan(a) ? a : b;
    case MIN: return a < b || isnan(a) ? a : b;
    default: return b;
    }
}

static int64_t join_whole(int how, int64_t a, int64_t b, bool by_bits)
{
    switch (how) {
    case ADD: return (int64_t)((uint64_t)a + (uint64_t)b);
    case MUL: return (int64_t)((uint64_t)a * (uint64_t)b);
    case MAX: return (by_bits ? (uint64_t)a > (uint64_t)b : a > b) ? a : b;
    case MIN: return (by_bits ? (uint64_t)a < (uint64_t)b : a < b) ? a : b;
    default: return b;
    }
}

static void join(const struct tensor *y, int64_t at, const struct tensor *from, int64_t i, int how)
{
    const size_t bytes = dtype_bytes(y->dtype);

    if (how == NONE)
        memcpy((unsigned char *)y->data + (size_t)at * bytes, (const unsigned char *)from->data + (size_t)i * bytes,
               bytes);
    else if (dtype_is_float(y->dtype))
        element_set_real(y->dtype, y->data, at,
                         join_real(how, element_real(y->dtype, y->data, at), element_real(y->dtype, from->data, i)));
    else
        element_set_int(y->dtype, y->data, at,
                        join_whole(how, element_int(y->dtype, y->data, at), element_int(y->dtype, from->data, i),
                                   y->dtype == DTYPE_U64));
}

static int shape_both(struct op_io *io, struct plan *plan, struct error *err)
{
    if (op_expect_dtype(io, 2, io->in[0]->dtype, err) < 0 ||
        argument_choice(io, "reduction", reductions, NONE, &plan->reduction, err) < 0)
        return -1;
    if (io->in[0]->quant != NULL || io->in[2]->quant != NULL)
        return error_set(err, ERROR_INPUT, "an input is quantized, expected plain numbers");
    io->out[0]->dtype = io->in[0]->dtype;
    io->out[0]->shape = io->in[0]->shape;
    return 0;
}

/* ---- ScatterElements ---- */

static int shape_elements(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    const struct shape *x = &io->in[0]->shape, *list = &io->in[1]->shape;

    if (shape_both(io, plan, err) < 0 || op_expect_rank(io, 1, x->rank, err) < 0 ||
        op_expect_shape(io, 2, list, err) < 0 || argument_axis(io, "axis", 0, x->rank, &plan->axis, err) < 0 ||
        index_check(io, 1, x->dim[plan->axis], err) < 0)
        return -1;
    for (int i = 0; i < x->rank; i++)
        if ((i != plan->axis && list->dim[i] > x->dim[i]) || (x->dim[i] == 0 && list->dim[i] > 0))
            return error_set(err, ERROR_INPUT, "axis %d of the indices has %" PRId64 ", the input has %" PRId64, i,
                             list->dim[i], x->dim[i]);
    return 0;
}

static void forward_elements(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    const struct tensor *x = io->in[0], *y = io->out[0];
    const int64_t size = x->shape.dim[plan->axis], along = shape_span(&x->shape, plan->axis + 1, x->shape.rank);
    int64_t step[SHAPE_MAX_RANK];
    struct odometer o;

    (void)run;
    memcpy(y->data, x->data, tensor_bytes(x));
    for (int i = 0; i < x->shape.rank; i++)
        step[i] = i == plan->axis ? 0 : shape_span(&x->shape, i + 1, x->shape.rank);
    o = odometer_steps(&io->in[1]->shape, step);
    odometer_seek(&o, 0);
    for (int64_t i = 0; i < shape_count(&io->in[1]->shape); i++, odometer_next(&o))
        join(y, o.at[0] + along * index_at(io->in[1], i, size), io->in[2], i, plan->reduction);
}

const struct op op_scatter_elements = {
    .name = "ScatterElements",
    .formula = "y = x with the updates at their indices along axis",
    .min_inputs = 3,
    .max_inputs = 3,
    .outputs = 1,
    .attributes = "axis reduction",
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct plan),
    .shape = shape_elements,
    .forward = forward_elements,
};

/* ---- ScatterND ---- */

static int shape_nd(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    const struct shape *x = &io->in[0]->shape, *list = &io->in[1]->shape;
    struct shape updates = { 0 };

    if (shape_both(io, plan, err) < 0)
        return -1;
    if (x->rank < 1 || list->rank < 1 || list->dim[list->rank - 1] < 1 || list->dim[list->rank - 1] > x->rank)
        return error_set(err, ERROR_INPUT, "indices do not name a place in the input");
    plan->depth = (int)list->dim[list->rank - 1];
    if (index_check_places(io, 1, x->dim, plan->depth, err) < 0)
        return -1;
    plan->rows = shape_span(list, 0, list->rank - 1);
    plan->inner = shape_span(x, plan->depth, x->rank);
    if (list->rank - 1 + x->rank - plan->depth > SHAPE_MAX_RANK)
        return error_set(err, ERROR_INPUT, "the updates have more than %d axes", SHAPE_MAX_RANK);
    for (int i = 0; i < list->rank - 1; i++)
        updates.dim[updates.rank++] = list->dim[i];
    for (int i = plan->depth; i < x->rank; i++)
        updates.dim[updates.rank++] = x->dim[i];
    for (int i = 0; i < plan->depth; i++)
        if (x->dim[i] == 0 && plan->rows > 0)
            return error_set(err, ERROR_INPUT, "no place to write to: axis %d is empty", i);
    return op_expect_shape(io, 2, &updates, err);
}

static void forward_nd(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    const struct tensor *x = io->in[0], *y = io->out[0];

    (void)run;
    memcpy(y->data, x->data, tensor_bytes(x));
    for (int64_t r = 0; r < plan->rows; r++) {
        int64_t place = 0;

        for (int i = 0; i < plan->depth; i++)
            place = place * x->shape.dim[i] + index_at(io->in[1], r * plan->depth + i, x->shape.dim[i]);
        for (int64_t k = 0; k < plan->inner; k++)
            join(y, place * plan->inner + k, io->in[2], r * plan->inner + k, plan->reduction);
    }
}

const struct op op_scatter_nd = {
    .name = "ScatterND",
    .formula = "y = x with the updates at the places that the rows of the indices name",
    .min_inputs = 3,
    .max_inputs = 3,
    .outputs = 1,
    .attributes = "reduction",
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct plan),
    .shape = shape_nd,
    .forward = forward_nd,
};

/* gather.c - slices picked by a list of indices along one axis, or elements picked one by one. */
#include <inttypes.h>
#include <string.h>

#include "base/limits.h"
#include "op/argument.h"
#include "op/chunk.h"
#include "op/index.h"
#include "op/odometer.h"

struct plan {
    int axis;
    int64_t before, count, inner; /* x as [before, size, inner]; count of indices */
};

static int check_result(const struct shape *shape, struct error *err)
{
    if (shape->rank > SHAPE_MAX_RANK)
        return error_set(err, ERROR_INPUT, "the result has %d axes, expected at most %d", shape->rank, SHAPE_MAX_RANK);
    return shape_check(shape, (int64_t)limit_get(LIMIT_ACTIVATION_BYTES) / 8, err);
}

/* ---- Gather ---- */

static int shape_gather(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    const struct shape *x = &io->in[0]->shape, *list = &io->in[1]->shape;
    struct shape shape = { 0 };

    if (argument_moves(io, err) < 0)
        return -1;
    if (x->rank < 1 || x->rank - 1 + list->rank > SHAPE_MAX_RANK)
        return error_set(err, ERROR_INPUT, "inputs have %d and %d axes, expected 1 or more, and at most %d left",
                         x->rank, list->rank, SHAPE_MAX_RANK);
    if (argument_axis(io, "axis", 0, x->rank, &plan->axis, err) < 0 || index_check(io, 1, x->dim[plan->axis], err) < 0)
        return -1;
    plan->before = shape_span(x, 0, plan->axis);
    plan->inner = shape_span(x, plan->axis + 1, x->rank);
    plan->count = shape_count(list);
    for (int i = 0; i < plan->axis; i++)
        shape.dim[shape.rank++] = x->dim[i];
    for (int i = 0; i < list->rank; i++)
        shape.dim[shape.rank++] = list->dim[i];
    for (int i = plan->axis + 1; i < x->rank; i++)
        shape.dim[shape.rank++] = x->dim[i];
    io->out[0]->dtype = io->in[0]->dtype;
    io->out[0]->shape = shape;
    if (x->dim[plan->axis] == 0 && plan->count > 0)
        return error_set(err, ERROR_INPUT, "nothing to pick from: axis %d is empty", plan->axis);
    return check_result(&shape, err);
}

static void gather_piece(const void *context, size_t begin, size_t end, int worker)
{
    const struct op_io *io = context;
    const struct plan *plan = io->plan;
    const struct tensor *x = io->in[0];
    const int64_t size = x->shape.dim[plan->axis];
    const size_t bytes = (size_t)plan->inner * dtype_bytes(x->dtype);

    (void)worker;
    for (size_t i = begin; i < end; i++) {
        const int64_t row = (int64_t)i / plan->count, index = index_at(io->in[1], (int64_t)i % plan->count, size);

        memcpy((unsigned char *)io->out[0]->data + i * bytes,
               (const unsigned char *)x->data + (size_t)(row * size + index) * bytes, bytes);
    }
}

static void forward_gather(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;

    chunk_run(run->pool, (size_t)(plan->before * plan->count), (size_t)plan->inner + 1, gather_piece, io);
}

static void backward_gather(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    const struct tensor *x = io->in[0];
    const int64_t size = x->shape.dim[plan->axis];

    (void)run;
    for (int64_t i = 0; x->grad != NULL && !x->grad_add && i < shape_count(&x->shape); i++)
        x->grad[i] = 0;
    for (int64_t i = 0; x->grad != NULL && i < plan->before * plan->count; i++) {
        float *to = x->grad + (i / plan->count * size + index_at(io->in[1], i % plan->count, size)) * plan->inner;

        for (int64_t k = 0; k < plan->inner; k++)
            to[k] += io->out[0]->grad[i * plan->inner + k];
    }
}

const struct op op_gather = {
    .name = "Gather",
    .formula = "y = slices of x along axis, as the indices say",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .attributes = "axis",
    .flags = OP_EMPTY | OP_BACKWARD_IN,
    .plan_bytes = sizeof(struct plan),
    .shape = shape_gather,
    .forward = forward_gather,
    .backward = backward_gather,
};

/* ---- GatherElements: y[i][j] = x[index[i][j]][j] ---- */

static int shape_elements(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    const struct shape *x = &io->in[0]->shape, *list = &io->in[1]->shape;

    if (argument_moves(io, err) < 0 || op_expect_rank(io, 1, x->rank, err) < 0 ||
        argument_axis(io, "axis", 0, x->rank, &plan->axis, err) < 0 || index_check(io, 1, x->dim[plan->axis], err) < 0)
        return -1;
    for (int i = 0; i < x->rank; i++)
        if (i != plan->axis && list->dim[i] > x->dim[i])
            return error_set(err, ERROR_INPUT, "axis %d of the indices has %" PRId64 ", the input has %" PRId64, i,
                             list->dim[i], x->dim[i]);
    if (x->dim[plan->axis] == 0 && shape_count(list) > 0)
        return error_set(err, ERROR_INPUT, "nothing to pick from: axis %d is empty", plan->axis);
    io->out[0]->dtype = io->in[0]->dtype;
    io->out[0]->shape = *list;
    return 0;
}

static void forward_elements(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    const struct tensor *x = io->in[0], *y = io->out[0];
    const size_t bytes = dtype_bytes(x->dtype);
    const int64_t size = x->shape.dim[plan->axis];
    int64_t step[SHAPE_MAX_RANK], along = shape_span(&x->shape, plan->axis + 1, x->shape.rank);
    struct odometer o;

    (void)run;
    for (int i = 0; i < x->shape.rank; i++)
        step[i] = i == plan->axis ? 0 : shape_span(&x->shape, i + 1, x->shape.rank);
    o = odometer_steps(&y->shape, step);
    odometer_seek(&o, 0);
    for (int64_t i = 0; i < shape_count(&y->shape); i++, odometer_next(&o))
        memcpy((unsigned char *)y->data + (size_t)i * bytes,
               (const unsigned char *)x->data + (size_t)(o.at[0] + along * index_at(io->in[1], i, size)) * bytes,
               bytes);
}

const struct op op_gather_elements = {
    .name = "GatherElements",
    .formula = "y = elements of x, each index replacing its place along axis",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .attributes = "axis",
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct plan),
    .shape = shape_elements,
    .forward = forward_elements,
};

/* ---- GatherND: the last axis of the indices is a place in x ---- */

struct nd {
    int batch, depth;             /* axes in common, axes that an index names */
    int64_t batches, rows, inner; /* indices as [batches, rows, depth] */
};

static int shape_nd(struct op_io *io, struct error *err)
{
    struct nd *nd = io->plan;
    const struct shape *x = &io->in[0]->shape, *list = &io->in[1]->shape;
    struct shape shape = { 0 };
    int64_t batch;

    if (argument_moves(io, err) < 0 || attribute_int(io->attributes, "batch_dims", 0, &batch, err) < 0)
        return -1;
    if (x->rank < 1 || list->rank < 1 || batch < 0 || batch >= list->rank || batch >= x->rank ||
        list->dim[list->rank - 1] < 1 || list->dim[list->rank - 1] > x->rank - batch)
        return error_set(err, ERROR_INPUT,
                         "indices do not name a place in the input: ranks %d and %d, batch_dims %" PRId64, list->rank,
                         x->rank, batch);
    nd->batch = (int)batch;
    nd->depth = (int)list->dim[list->rank - 1];
    if (index_check_places(io, 1, x->dim + nd->batch, nd->depth, err) < 0)
        return -1;
    for (int i = 0; i < nd->batch; i++)
        if (x->dim[i] != list->dim[i])
            return error_set(err, ERROR_INPUT, "axis %d has %" PRId64 " and %" PRId64 ", expected the same", i,
                             x->dim[i], list->dim[i]);
    for (int i = 0; i < nd->depth; i++)
        if (x->dim[nd->batch + i] == 0 && shape_count(list) > 0)
            return error_set(err, ERROR_INPUT, "nothing to pick from: axis %d is empty", nd->batch + i);
    nd->batches = shape_span(list, 0, nd->batch);
    nd->rows = shape_span(list, nd->batch, list->rank - 1);
    nd->inner = shape_span(x, nd->batch + nd->depth, x->rank);
    if (list->rank - 1 + x->rank - nd->batch - nd->depth > SHAPE_MAX_RANK)
        return error_set(err, ERROR_INPUT, "the result has more than %d axes", SHAPE_MAX_RANK);
    for (int i = 0; i < list->rank - 1; i++)
        shape.dim[shape.rank++] = list->dim[i];
    for (int i = nd->batch + nd->depth; i < x->rank; i++)
        shape.dim[shape.rank++] = x->dim[i];
    io->out[0]->dtype = io->in[0]->dtype;
    io->out[0]->shape = shape;
    return check_result(&shape, err);
}

static void forward_nd(const struct op_io *io, const struct op_run *run)
{
    const struct nd *nd = io->plan;
    const struct tensor *x = io->in[0];
    const size_t bytes = (size_t)nd->inner * dtype_bytes(x->dtype);
    const int64_t whole = shape_span(&x->shape, nd->batch, nd->batch + nd->depth);

    (void)run;
    for (int64_t r = 0; r < nd->batches * nd->rows; r++) {
        int64_t place = 0;

        for (int i = 0; i < nd->depth; i++)
            place = place * x->shape.dim[nd->batch + i] +
                    index_at(io->in[1], r * nd->depth + i, x->shape.dim[nd->batch + i]);
        memcpy((unsigned char *)io->out[0]->data + (size_t)r * bytes,
               (const unsigned char *)x->data + (size_t)(r / nd->rows * whole + place) * bytes, bytes);
    }
}

const struct op op_gather_nd = {
    .name = "GatherND",
    .formula = "y = slices of x at the places that the rows of the indices name",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .attributes = "batch_dims",
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct nd),
    .shape = shape_nd,
    .forward = forward_nd,
};

/* expand.c - a tensor repeated: by broadcasting to a shape (Expand), or whole, so many times along each axis (Tile). */
#include <inttypes.h>
#include <string.h>

#include "base/limits.h"
#include "op/argument.h"
#include "op/chunk.h"
#include "op/odometer.h"

/* Expand goes by rows, which are the result's last axis. */
struct plan {
    struct odometer rows;
    int64_t width, step; /* of a row; 0 where one element fills it */
};

static int64_t row_width(const struct shape *y)
{
    return y->rank > 0 ? y->dim[y->rank - 1] : 1;
}

/* `first` bytes are there; behind them the same again, until there are `all`. */
static void repeat(unsigned char *y, size_t first, size_t all)
{
    for (size_t have = first; have < all;) {
        const size_t more = have < all - have ? have : all - have;

        memcpy(y + have, y, more);
        have += more;
    }
}

static int check_result(const struct shape *shape, struct error *err)
{
    return shape_check(shape, (int64_t)limit_get(LIMIT_ACTIVATION_BYTES) / 8, err);
}

static int shape_expand(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    const struct tensor *x = io->in[0];
    const struct shape *operand[] = { &x->shape };
    struct shape wanted = { 0 };
    struct argument_list list;

    if (argument_moves(io, err) < 0 || argument_ints(io, 1, "shape", &list, err) < 0)
        return -1;
    if (list.count > SHAPE_MAX_RANK)
        return error_set(err, ERROR_INPUT, "shape has %d axes, expected 0 to %d", list.count, SHAPE_MAX_RANK);
    wanted.rank = list.count;
    memcpy(wanted.dim, list.value, (size_t)list.count * sizeof(list.value[0]));
    if (check_result(&wanted, err) < 0 || shape_broadcast(&io->out[0]->shape, &x->shape, &wanted, err) < 0)
        return -1;
    io->out[0]->dtype = x->dtype;
    plan->rows = odometer_of(&io->out[0]->shape, operand, 1);
    plan->width = row_width(&io->out[0]->shape);
    if (plan->rows.rank > 0)
        plan->step = plan->rows.step[0][--plan->rows.rank];
    return check_result(&io->out[0]->shape, err);
}

static void expand_piece(const void *context, size_t begin, size_t end, int worker)
{
    const struct op_io *io = context;
    const struct plan *plan = io->plan;
    const size_t bytes = dtype_bytes(io->in[0]->dtype);
    const size_t row = bytes * (size_t)plan->width, first = plan->step == 0 ? bytes : row;
    struct odometer o = plan->rows;

    (void)worker;
    odometer_seek(&o, (int64_t)begin);
    for (size_t i = begin; i < end; i++, odometer_next(&o)) {
        unsigned char *y = (unsigned char *)io->out[0]->data + i * row;

        memcpy(y, (const unsigned char *)io->in[0]->data + (size_t)o.at[0] * bytes, first);
        repeat(y, first, row);
    }
}

static void forward_expand(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;

    chunk_run(run->pool, (size_t)(shape_count(&io->out[0]->shape) / plan->width), (size_t)plan->width + 4, expand_piece,
              io);
}

static void backward_expand(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    const struct tensor *x = io->in[0];
    struct odometer o = plan->rows;

    (void)run;
    for (int64_t i = 0; x->grad != NULL && !x->grad_add && i < shape_count(&x->shape); i++)
        x->grad[i] = 0;
    odometer_seek(&o, 0);
    for (int64_t i = 0; x->grad != NULL && i < shape_count(&io->out[0]->shape); i += plan->width, odometer_next(&o))
        for (int64_t k = 0; k < plan->width; k++)
            x->grad[o.at[0] + k * plan->step] += io->out[0]->grad[i + k];
}

const struct op op_expand = {
    .name = "Expand",
    .formula = "y = x broadcast to a shape",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .arguments = 1U << 1,
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct plan),
    .shape = shape_expand,
    .forward = forward_expand,
    .backward = backward_expand,
};

/* ---- Tile ---- */

static int shape_tile(struct op_io *io, struct error *err)
{
    const struct tensor *x = io->in[0];
    struct tensor *y = io->out[0];
    struct argument_list list;

    if (argument_moves(io, err) < 0 || argument_ints(io, 1, "repeats", &list, err) < 0)
        return -1;
    if (list.count != x->shape.rank)
        return error_set(err, ERROR_INPUT, "repeats has %d entries, expected %d", list.count, x->shape.rank);
    y->dtype = x->dtype;
    y->shape = x->shape;
    for (int i = 0; i < list.count; i++) {
        if (list.value[i] < 0 || list.value[i] > INT32_MAX || x->shape.dim[i] > INT32_MAX)
            return error_set(err, ERROR_INPUT, "repeats has %" PRId64 " at axis %d", list.value[i], i);
        y->shape.dim[i] *= list.value[i];
    }
    return check_result(&y->shape, err);
}

/* The element of x that stands at element i of the result. */
static int64_t tile_source(const struct shape *x, const struct shape *y, int64_t i)
{
    int64_t from = 0, run = 1;

    for (int k = y->rank - 1; k >= 0; k--) {
        from += i % y->dim[k] % x->dim[k] * run;
        i /= y->dim[k];
        run *= x->dim[k];
    }
    return from;
}

static void tile_piece(const void *context, size_t begin, size_t end, int worker)
{
    const struct op_io *io = context;
    const struct shape *x = &io->in[0]->shape, *y = &io->out[0]->shape;
    const size_t bytes = dtype_bytes(io->in[0]->dtype);
    const size_t first = bytes * (size_t)row_width(x), row = bytes * (size_t)row_width(y);

    (void)worker;
    for (size_t i = begin; i < end; i++) {
        unsigned char *to = (unsigned char *)io->out[0]->data + i * row;

        memcpy(to,
               (const unsigned char *)io->in[0]->data + bytes * (size_t)tile_source(x, y, (int64_t)i * row_width(y)),
               first);
        repeat(to, first, row);
    }
}

static void forward_tile(const struct op_io *io, const struct op_run *run)
{
    const struct shape *y = &io->out[0]->shape;

    chunk_run(run->pool, (size_t)(shape_count(y) / row_width(y)), (size_t)row_width(y) + 8, tile_piece, io);
}

static void backward_tile(const struct op_io *io, const struct op_run *run)
{
    const struct tensor *x = io->in[0], *y = io->out[0];

    (void)run;
    for (int64_t i = 0; x->grad != NULL && !x->grad_add && i < shape_count(&x->shape); i++)
        x->grad[i] = 0;
    for (int64_t i = 0; x->grad != NULL && i < shape_count(&y->shape); i++)
        x->grad[tile_source(&x->shape, &y->shape, i)] += y->grad[i];
}

const struct op op_tile = {
    .name = "Tile",
    .formula = "y = x again and again along each axis",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .arguments = 1U << 1,
    .flags = OP_EMPTY,
    .shape = shape_tile,
    .forward = forward_tile,
    .backward = backward_tile,
};

/* where.c - for each element one of two, as a truth value says. */
#include <string.h>

#include "base/limits.h"
#include "op/argument.h"
#include "op/chunk.h"
#include "op/odometer.h"

struct plan {
    struct odometer odometer;
};

static int shape_where(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    const struct tensor *a = io->in[1], *b = io->in[2];
    const struct shape *operand[] = { &io->in[0]->shape, &a->shape, &b->shape };
    struct tensor *y = io->out[0];
    struct shape pair;

    if (op_expect_dtype(io, 0, DTYPE_BOOL, err) < 0 || op_expect_dtype(io, 2, a->dtype, err) < 0 ||
        shape_broadcast(&pair, &a->shape, &b->shape, err) < 0 ||
        shape_broadcast(&y->shape, &pair, &io->in[0]->shape, err) < 0 ||
        shape_check(&y->shape, (int64_t)limit_get(LIMIT_ACTIVATION_BYTES), err) < 0)
        return -1;
    if (a->quant != NULL || b->quant != NULL)
        return error_set(err, ERROR_INPUT, "an input is quantized, expected plain numbers");
    y->dtype = a->dtype;
    plan->odometer = odometer_of(&y->shape, operand, 3);
    return 0;
}

static void where_piece(const void *context, size_t begin, size_t end, int worker)
{
    const struct op_io *io = context;
    const struct plan *plan = io->plan;
    const size_t bytes = dtype_bytes(io->out[0]->dtype);
    struct odometer o = plan->odometer;
    unsigned char *y = io->out[0]->data;

    (void)worker;
    odometer_seek(&o, (int64_t)begin);
    for (size_t i = begin; i < end; i++, odometer_next(&o)) {
        const int from = ((const uint8_t *)io->in[0]->data)[o.at[0]] ? 1 : 2;

        memcpy(y + i * bytes, (const unsigned char *)io->in[from]->data + (size_t)o.at[from] * bytes, bytes);
    }
}

static void forward_where(const struct op_io *io, const struct op_run *run)
{
    chunk_run(run->pool, (size_t)shape_count(&io->out[0]->shape), 4, where_piece, io);
}

static void clear(const struct tensor *x)
{
    for (int64_t i = 0; x->grad != NULL && !x->grad_add && i < shape_count(&x->shape); i++)
        x->grad[i] = 0;
}

static void backward_where(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    struct odometer o = plan->odometer;

    (void)run;
    clear(io->in[1]);
    clear(io->in[2]);
    odometer_seek(&o, 0);
    for (int64_t i = 0; i < shape_count(&io->out[0]->shape); i++, odometer_next(&o)) {
        const int to = ((const uint8_t *)io->in[0]->data)[o.at[0]] ? 1 : 2;

        if (io->in[to]->grad != NULL)
            io->in[to]->grad[o.at[to]] += io->out[0]->grad[i];
    }
}

const struct op op_where = {
    .name = "Where",
    .formula = "y = condition ? a : b",
    .min_inputs = 3,
    .max_inputs = 3,
    .outputs = 1,
    .flags = OP_EMPTY | OP_BACKWARD_IN,
    .plan_bytes = sizeof(struct plan),
    .shape = shape_where,
    .forward = forward_where,
    .backward = backward_where,
};

/* concat.c - inputs one behind another along an axis; quantized ones are moved to the output's scale. */
#include <inttypes.h>
#include <string.h>

#include "base/limits.h"
#include "op/argument.h"
#include "op/unary.h"

struct plan {
    int axis;
};

static int check_input(const struct op_io *io, int i, int axis, struct error *err)
{
    const struct tensor *first = io->in[0], *x = op_input(io, i);
    char found[160], expected[160];
    bool fits;

    if (x == NULL)
        return error_set(err, ERROR_INPUT, "input %d is absent, expected %d inputs", i, io->in_count);
    if (op_expect_dtype(io, i, first->dtype, err) < 0)
        return -1;
    fits = x->shape.rank == first->shape.rank;
    for (int a = 0; fits && a < x->shape.rank; a++)
        fits = a == axis || x->shape.dim[a] == first->shape.dim[a];
    if (!fits)
        return error_set(err, ERROR_INPUT, "input %d has shape %s, expected %s but for axis %d", i,
                         shape_text(&x->shape, found), shape_text(&first->shape, expected), axis);
    return io->out[0]->quant == NULL && x->quant == NULL ? 0 : argument_numeric(io, i, true, err);
}

static int shape(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    struct shape shape = io->in[0]->shape;

    if (attribute_find(io->attributes, "axis") == NULL)
        return error_set(err, ERROR_INPUT, "attribute 'axis' is absent, expected an axis");
    if (argument_axis(io, "axis", 0, shape.rank, &plan->axis, err) < 0)
        return -1;
    shape.dim[plan->axis] = 0;
    for (int i = 0; i < io->in_count; i++) {
        if (check_input(io, i, plan->axis, err) < 0)
            return -1;
        shape.dim[plan->axis] += io->in[i]->shape.dim[plan->axis];
        if (shape_check(&shape, (int64_t)limit_get(LIMIT_ACTIVATION_BYTES), err) < 0)
            return -1;
    }
    io->out[0]->dtype = io->in[0]->dtype;
    io->out[0]->shape = shape;
    return 0;
}

static void forward(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    const struct tensor *y = io->out[0];
    size_t rows = (size_t)shape_span(&y->shape, 0, plan->axis), element = dtype_bytes(y->dtype);
    size_t pitch = element * (size_t)shape_span(&y->shape, plan->axis, y->shape.rank);
    uint8_t *to = y->data;

    for (int i = 0; i < io->in_count; i++) {
        const struct tensor *x = io->in[i];
        const uint8_t *from = x->data;
        size_t width = element * (size_t)shape_span(&x->shape, plan->axis, x->shape.rank);
        bool same = argument_same_quant(x->quant, y->quant);
        uint8_t table[256];

        if (!same)
            unary_table(table, x->quant, y->quant, unary_same, NULL);
        for (size_t r = 0; r < rows; r++) {
            if (same)
                memcpy(to + r * pitch, from + r * width, width);
            else
                run->kern->map_u8(to + r * pitch, from + r * width, table, width);
        }
        to += width;
    }
}

static void backward(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    const struct tensor *y = io->out[0];
    size_t rows = (size_t)shape_span(&y->shape, 0, plan->axis);
    size_t pitch = (size_t)shape_span(&y->shape, plan->axis, y->shape.rank);
    const float *from = y->grad;

    for (int i = 0; i < io->in_count; i++) {
        const struct tensor *x = io->in[i];
        size_t width = (size_t)shape_span(&x->shape, plan->axis, x->shape.rank);

        for (size_t r = 0; x->grad != NULL && r < rows; r++) {
            float *to = x->grad + r * width;

            if (x->grad_add)
                run->kern->add_f32(to, to, 1, from + r * pitch, 1, width);
            else
                memcpy(to, from + r * pitch, width * sizeof(*to));
        }
        from += width;
    }
}

static bool joins(const struct op_io *io)
{
    const struct plan *plan = io->plan;

    for (int i = 0; i < io->in_count; i++)
        if (!argument_same_quant(io->in[i]->quant, io->out[0]->quant))
            return false;
    return shape_span(&io->out[0]->shape, 0, plan->axis) == 1;
}

const struct op op_concat = {
    .name = "Concat",
    .formula = "y = inputs one behind another along axis",
    .min_inputs = 1,
    .max_inputs = -1,
    .outputs = 1,
    .attributes = "axis",
    .flags = OP_EMPTY | OP_INTEGER,
    .plan_bytes = sizeof(struct plan),
    .shape = shape,
    .forward = forward,
    .backward = backward,
    .joins = joins,
};

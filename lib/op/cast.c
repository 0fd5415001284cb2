/* cast.c - the same numbers in another element type. Floats are cut towards zero to integers, and rounded to narrower floats. */
#include <inttypes.h>
#include <string.h>

#include "op/argument.h"
#include "op/chunk.h"
#include "tensor/element.h"

static int shape_to(struct op_io *io, enum dtype dtype, struct error *err)
{
    if (io->in[0]->quant != NULL)
        return error_set(err, ERROR_INPUT, "input 0 is quantized, expected plain numbers");
    io->out[0]->dtype = dtype;
    io->out[0]->shape = io->in[0]->shape;
    return 0;
}

static int shape_cast(struct op_io *io, struct error *err)
{
    enum dtype dtype;
    int64_t to;

    if (attribute_int(io->attributes, "to", 0, &to, err) < 0)
        return -1;
    if (!dtype_of_onnx(&dtype, to))
        return error_set(err, ERROR_INPUT, "to is ONNX's data type %" PRId64 ", which is not known here", to);
    return shape_to(io, dtype, err);
}

static int shape_cast_like(struct op_io *io, struct error *err)
{
    return shape_to(io, io->in[1]->dtype, err);
}

static void forward_piece(const void *context, size_t begin, size_t end, int worker)
{
    const struct op_io *io = context;
    const struct tensor *x = io->in[0], *y = io->out[0];

    (void)worker;
    for (int64_t i = (int64_t)begin; i < (int64_t)end; i++)
        element_convert(y->dtype, y->data, i, x->dtype, x->data, i);
}

static void forward(const struct op_io *io, const struct op_run *run)
{
    const struct tensor *x = io->in[0], *y = io->out[0];

    if (x->dtype == y->dtype)
        memcpy(y->data, x->data, tensor_bytes(x));
    else
        chunk_run(run->pool, (size_t)shape_count(&x->shape), 4, forward_piece, io);
}

/* Only reals have a gradient: from F32 to F32. */
static void backward(const struct op_io *io, const struct op_run *run)
{
    const struct tensor *x = io->in[0], *y = io->out[0];

    (void)run;
    for (int64_t i = 0; x->grad != NULL && i < shape_count(&x->shape); i++)
        x->grad[i] = x->grad_add ? x->grad[i] + y->grad[i] : y->grad[i];
}

const struct op op_cast = {
    .name = "Cast",
    .formula = "y = x in the element type `to`",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .attributes = "round_mode saturate to",
    .flags = OP_EMPTY,
    .shape = shape_cast,
    .forward = forward,
    .backward = backward,
};

const struct op op_cast_like = {
    .name = "CastLike",
    .formula = "y = x in the element type of the second input",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .attributes = "round_mode saturate",
    .flags = OP_EMPTY,
    .shape = shape_cast_like,
    .forward = forward,
};

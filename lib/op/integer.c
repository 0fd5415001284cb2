#include "op/integer.h"

#include <inttypes.h>
#include <math.h>

#include "op/argument.h"
#include "op/epilogue.h"

static int32_t clamp_byte(double q)
{
    return (int32_t)(q < 0 ? 0 : q > 255 ? 255 : q);
}

static int read_weights(const struct op_io *io, int axis, struct error *err)
{
    const struct tensor *w = io->in[1];
    const struct quant *quant = w->quant;

    if (op_expect_dtype(io, 1, DTYPE_I8, err) < 0 || op_expect_dtype(io, 2, DTYPE_I32, err) < 0)
        return -1;
    if (!quant || quant->count < 1)
        return error_set(err, ERROR_INPUT, "input 1 is I8 without a scale");
    if (quant->count > 1 && (quant->axis != axis || quant->count != w->shape.dim[axis]))
        return error_set(err, ERROR_INPUT, "input 1 has %d scales along axis %d, expected %" PRId64 " along axis %d",
                         quant->count, quant->axis, w->shape.dim[axis], axis);
    for (int i = 0; i < quant->count; i++) {
        if (quant->zero_point[i] != 0)
            return error_set(err, ERROR_INPUT, "input 1 has zero point %d, expected 0", (int)quant->zero_point[i]);
        if (!(quant->scale[i] >= 0 && quant->scale[i] < 1e30F))
            return error_set(err, ERROR_INPUT, "input 1 has scale %g", (double)quant->scale[i]);
    }
    return 0;
}

/* Where the activation clamps, in the output's bytes. */
static void read_activation(struct integer *integer, const struct op_io *io)
{
    const struct epilogue *epilogue = io->epilogue;
    double scale = (double)io->out[0]->quant->scale[0];

    integer->low = 0;
    integer->high = 255;
    if (epilogue && epilogue->activation == ACTIVATION_RELU)
        integer->low = integer->zero_out;
    if (epilogue && epilogue->activation == ACTIVATION_CLIP) {
        integer->low = clamp_byte(rint((double)epilogue->low / scale) + integer->zero_out);
        integer->high = clamp_byte(rint((double)epilogue->high / scale) + integer->zero_out);
    }
}

int integer_read(struct integer *integer, struct op_io *io, int axis, int64_t depth, struct error *err)
{
    const struct quant *in = io->in[0]->quant;
    struct tensor *y = io->out[0];

    integer->to_float = y->quant == NULL;
    y->dtype = integer->to_float ? DTYPE_F32 : DTYPE_U8;
    if (integer->to_float && (!in || in->count != 1))
        return error_set(err, ERROR_INPUT, "input 0 is U8, expected one scale");
    if ((!integer->to_float && argument_numeric(io, 0, true, err) < 0) || read_weights(io, axis, err) < 0 ||
        epilogue_check(io, err) < 0)
        return -1;
    if (depth > KERN_DEPTH_I8)
        return error_set(err, ERROR_INPUT, "sums of %" PRId64 " products do not fit 32 bits, at most %d do", depth,
                         KERN_DEPTH_I8);
    integer->zero_in = in->zero_point[0];
    integer->zero_out = integer->to_float ? 0 : y->quant->zero_point[0];
    if (!integer->to_float)
        read_activation(integer, io);
    return 0;
}

float integer_scale(const struct op_io *io, int64_t channel)
{
    const struct quant *w = io->in[1]->quant, *y = io->out[0]->quant;
    double scale = (double)io->in[0]->quant->scale[0] * (double)w->scale[w->count > 1 ? channel : 0];

    return (float)(y ? scale / (double)y->scale[0] : scale);
}

/*
 * quantize_linear.c - QuantizeLinear and DequantizeLinear: reals to U8 or I8
 * and back, with one scale for all or one for each index of an axis.
 */
#include <inttypes.h>

#include "op/argument.h"
#include "op/chunk.h"

struct plan {
    size_t inner;    /* elements that follow each other with one scale */
    size_t channels; /* scales */
};

static int read_scales(const struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    const struct shape *x = &io->in[0]->shape, *scale = &io->in[1]->shape;
    const struct tensor *zero = op_input(io, 2);
    int axis;

    int64_t block;

    if (op_expect_dtype(io, 1, DTYPE_F32, err) < 0 || attribute_int(io->attributes, "block_size", 0, &block, err) < 0)
        return -1;
    if (block != 0)
        return error_set(err, ERROR_INPUT, "block_size is %" PRId64 ", expected 0", block);
    if (zero != NULL && shape_count(&zero->shape) != shape_count(scale))
        return error_set(err, ERROR_INPUT, "there are %" PRId64 " zero points, expected %" PRId64,
                         shape_count(&zero->shape), shape_count(scale));
    *plan = (struct plan){ (size_t)shape_count(x), 1 };
    if (shape_count(scale) == 1)
        return 0;
    if (argument_axis(io, "axis", 1, x->rank, &axis, err) < 0)
        return -1;
    if (scale->rank != 1 || scale->dim[0] != x->dim[axis])
        return error_set(err, ERROR_INPUT, "there are %" PRId64 " scales, expected 1 or %" PRId64 " for axis %d",
                         shape_count(scale), x->dim[axis], axis);
    *plan = (struct plan){ (size_t)shape_span(x, axis + 1, x->rank), (size_t)x->dim[axis] };
    return 0;
}

enum { ONNX_UINT8 = 2, ONNX_INT8 = 3 };

static int shape_quantize(struct op_io *io, struct error *err)
{
    const struct tensor *zero = op_input(io, 2);
    int64_t output_dtype;

    if (op_expect_dtype(io, 0, DTYPE_F32, err) < 0 || read_scales(io, err) < 0)
        return -1;
    if (zero != NULL && zero->dtype != DTYPE_U8 && zero->dtype != DTYPE_I8)
        return error_set(err, ERROR_INPUT, "the zero point is %s, expected U8 or I8", dtype_name(zero->dtype));
    if (attribute_int(io->attributes, "output_dtype", 0, &output_dtype, err) < 0)
        return -1;
    if (output_dtype != 0 && output_dtype != ONNX_UINT8 && output_dtype != ONNX_INT8)
        return error_set(err, ERROR_INPUT, "output_dtype is %" PRId64 ", expected %d (U8) or %d (I8)", output_dtype,
                         ONNX_UINT8, ONNX_INT8);
    io->out[0]->dtype = zero != NULL ? zero->dtype : output_dtype == ONNX_INT8 ? DTYPE_I8 : DTYPE_U8;
    io->out[0]->shape = io->in[0]->shape;
    return 0;
}

static int shape_dequantize(struct op_io *io, struct error *err)
{
    const struct tensor *x = io->in[0];

    if (x->dtype != DTYPE_U8 && x->dtype != DTYPE_I8 && x->dtype != DTYPE_I32)
        return error_set(err, ERROR_INPUT, "input 0 is %s, expected U8, I8 or I32", dtype_name(x->dtype));
    if (op_expect_dtype(io, 2, x->dtype, err) < 0 || read_scales(io, err) < 0)
        return -1;
    io->out[0]->dtype = DTYPE_F32;
    io->out[0]->shape = x->shape;
    return 0;
}

static int32_t integer_at(const struct tensor *t, size_t i)
{
    if (t == NULL)
        return 0;
    if (t->dtype == DTYPE_I32)
        return ((const int32_t *)t->data)[i];
    return t->dtype == DTYPE_U8 ? ((const uint8_t *)t->data)[i] : ((const int8_t *)t->data)[i];
}

struct pass {
    const struct op_io *io;
    const struct kern *kern;
};

/* I8 is U8 with the first bit turned over: 128 more, quantized, 128 less. */
static void quantize_run(const struct pass *pass, size_t begin, size_t n, size_t channel)
{
    const struct tensor *y = pass->io->out[0];
    bool is_signed = y->dtype == DTYPE_I8;
    int32_t zero = integer_at(op_input(pass->io, 2), channel) + (is_signed ? 128 : 0);
    uint8_t *to = (uint8_t *)y->data + begin;

    pass->kern->quantize_u8_f32(to, (const float *)pass->io->in[0]->data + begin,
                                ((const float *)pass->io->in[1]->data)[channel], zero, n);
    for (size_t i = 0; is_signed && i < n; i++)
        to[i] ^= 0x80;
}

static void dequantize_run(const struct pass *pass, size_t begin, size_t n, size_t channel)
{
    const struct tensor *x = pass->io->in[0];
    float scale = ((const float *)pass->io->in[1]->data)[channel], *y = (float *)pass->io->out[0]->data + begin;
    int32_t zero = integer_at(op_input(pass->io, 2), channel);

    if (x->dtype == DTYPE_U8)
        pass->kern->dequantize_f32_u8(y, (const uint8_t *)x->data + begin, scale, zero, n);
    else
        for (size_t i = 0; i < n; i++)
            y[i] = scale * (float)(integer_at(x, begin + i) - (int64_t)zero);
}

/* From begin to end in runs that share a scale. */
static void for_runs(const struct pass *pass, size_t begin, size_t end,
                     void (*run)(const struct pass *pass, size_t begin, size_t n, size_t channel))
{
    const struct plan *plan = pass->io->plan;

    while (begin < end) {
        size_t left = plan->inner - begin % plan->inner, n = left < end - begin ? left : end - begin;

        run(pass, begin, n, begin / plan->inner % plan->channels);
        begin += n;
    }
}

static void quantize_piece(const void *context, size_t begin, size_t end, int worker)
{
    (void)worker;
    for_runs(context, begin, end, quantize_run);
}

static void dequantize_piece(const void *context, size_t begin, size_t end, int worker)
{
    (void)worker;
    for_runs(context, begin, end, dequantize_run);
}

static void quantize(const struct op_io *io, const struct op_run *run)
{
    struct pass pass = { io, run->kern };

    chunk_run(run->pool, (size_t)shape_count(&io->in[0]->shape), 1, quantize_piece, &pass);
}

static void dequantize(const struct op_io *io, const struct op_run *run)
{
    struct pass pass = { io, run->kern };

    chunk_run(run->pool, (size_t)shape_count(&io->in[0]->shape), 1, dequantize_piece, &pass);
}

const struct op op_quantize_linear = {
    .name = "QuantizeLinear",
    .formula = "y = saturate(round(x / scale) + zero_point), half to even",
    .min_inputs = 2,
    .max_inputs = 3,
    .outputs = 1,
    .attributes = "axis block_size output_dtype saturate",
    .flags = OP_ELEMENTWISE,
    .plan_bytes = sizeof(struct plan),
    .shape = shape_quantize,
    .forward = quantize,
};

const struct op op_dequantize_linear = {
    .name = "DequantizeLinear",
    .formula = "y = scale * (x - zero_point)",
    .min_inputs = 2,
    .max_inputs = 3,
    .outputs = 1,
    .attributes = "axis block_size",
    .flags = OP_ELEMENTWISE,
    .plan_bytes = sizeof(struct plan),
    .shape = shape_dequantize,
    .forward = dequantize,
};

/*
 * quantize_linear.c - QuantizeLinear and DequantizeLinear: reals to
 * integers of 8 or 16 bits and back, with one scale for all, for each index of
 * an axis, or for each block of them.
 */
#include <inttypes.h>
#include <math.h>

#include "op/argument.h"
#include "op/chunk.h"
#include "tensor/element.h"

struct plan {
    size_t inner;    /* elements that follow each other with one scale */
    size_t channels; /* scales along the axis */
    size_t size;     /* of the axis */
    size_t block;    /* indices of the axis that share a scale, where all other axes have their own; else 0 */
};

static int read_blocks(const struct op_io *io, int axis, int64_t block, struct error *err)
{
    struct plan *plan = io->plan;
    const struct shape *x = &io->in[0]->shape;
    struct shape want = *x;
    char found[160], expected[160];

    want.dim[axis] = x->dim[axis] / block + (x->dim[axis] % block != 0);
    if (!shape_equal(&io->in[1]->shape, &want))
        return error_set(err, ERROR_INPUT, "scales have shape %s, expected %s for blocks of %" PRId64 " along axis %d",
                         shape_text(&io->in[1]->shape, found), shape_text(&want, expected), block, axis);
    plan->channels = (size_t)want.dim[axis];
    plan->block = (size_t)block;
    return 0;
}

static int read_scales(const struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    const struct shape *x = &io->in[0]->shape, *scale = &io->in[1]->shape;
    const struct tensor *zero = op_input(io, 2);
    int64_t block;
    int axis;

    if (attribute_int(io->attributes, "block_size", 0, &block, err) < 0)
        return -1;
    if (block < 0)
        return error_set(err, ERROR_INPUT, "block_size is %" PRId64 ", expected 0 or more", block);
    if (zero != NULL && shape_count(&zero->shape) != shape_count(scale))
        return error_set(err, ERROR_INPUT, "there are %" PRId64 " zero points, expected %" PRId64,
                         shape_count(&zero->shape), shape_count(scale));
    *plan = (struct plan){ .inner = (size_t)shape_count(x), .channels = 1, .size = 1 };
    if (block == 0 && shape_count(scale) == 1)
        return 0;
    if (argument_axis(io, "axis", 1, x->rank, &axis, err) < 0)
        return -1;
    *plan = (struct plan){ .inner = (size_t)shape_span(x, axis + 1, x->rank),
                           .channels = (size_t)x->dim[axis],
                           .size = (size_t)x->dim[axis] };
    if (block != 0)
        return read_blocks(io, axis, block, err);
    if (scale->rank != 1 || scale->dim[0] != x->dim[axis])
        return error_set(err, ERROR_INPUT, "there are %" PRId64 " scales, expected 1 or %" PRId64 " for axis %d",
                         shape_count(scale), x->dim[axis], axis);
    return 0;
}

static int check_real(const struct op_io *io, int i, struct error *err)
{
    const enum dtype dtype = io->in[i]->dtype;

    if (dtype == DTYPE_F32 || dtype == DTYPE_F16 || dtype == DTYPE_BF16 || dtype == DTYPE_I32)
        return 0;
    return error_set(err, ERROR_INPUT, "input %d is %s, expected F32, F16, BF16 or I32", i, dtype_name(dtype));
}

/* What output_dtype may name, by ONNX's numbers. */
static const struct {
    int64_t number;
    enum dtype dtype;
} kinds[] = { { 2, DTYPE_U8 }, { 3, DTYPE_I8 }, { 4, DTYPE_U16 }, { 5, DTYPE_I16 } };

static int read_dtype(const struct op_io *io, enum dtype *dtype, struct error *err)
{
    const struct tensor *zero = op_input(io, 2);
    int64_t number;

    if (attribute_int(io->attributes, "output_dtype", 0, &number, err) < 0)
        return -1;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        if (zero != NULL ? zero->dtype != kinds[i].dtype : number != kinds[i].number && (number != 0 || i != 0))
            continue;
        if (number != 0 && number != kinds[i].number)
            return error_set(err, ERROR_INPUT, "output_dtype is %" PRId64 ", expected that of the zero point, %s",
                             number, dtype_name(zero->dtype));
        *dtype = kinds[i].dtype;
        return 0;
    }
    if (zero != NULL)
        return error_set(err, ERROR_INPUT, "the zero point is %s, expected U8, I8, U16 or I16",
                         dtype_name(zero->dtype));
    return error_set(err, ERROR_INPUT, "output_dtype is %" PRId64 ", expected 2 to 5 (U8, I8, U16, I16)", number);
}

static int shape_quantize(struct op_io *io, struct error *err)
{
    if (check_real(io, 0, err) < 0 || check_real(io, 1, err) < 0 || read_scales(io, err) < 0 ||
        read_dtype(io, &io->out[0]->dtype, err) < 0)
        return -1;
    io->out[0]->shape = io->in[0]->shape;
    return 0;
}

static int shape_dequantize(struct op_io *io, struct error *err)
{
    const struct tensor *x = io->in[0];

    if (x->dtype != DTYPE_U8 && x->dtype != DTYPE_I8 && x->dtype != DTYPE_U16 && x->dtype != DTYPE_I16 &&
        x->dtype != DTYPE_I32)
        return error_set(err, ERROR_INPUT, "input 0 is %s, expected U8, I8, U16, I16 or I32", dtype_name(x->dtype));
    if (!dtype_is_float(io->in[1]->dtype) || io->in[1]->dtype == DTYPE_F64)
        return error_set(err, ERROR_INPUT, "input 1 is %s, expected F32, F16 or BF16", dtype_name(io->in[1]->dtype));
    if (op_expect_dtype(io, 2, x->dtype, err) < 0 || read_scales(io, err) < 0)
        return -1;
    io->out[0]->dtype = io->in[1]->dtype;
    io->out[0]->shape = x->shape;
    return 0;
}

static int64_t zero_at(const struct op_io *io, size_t channel)
{
    const struct tensor *zero = op_input(io, 2);

    return zero == NULL ? 0 : element_int(zero->dtype, zero->data, (int64_t)channel);
}

static float scale_at(const struct op_io *io, size_t channel)
{
    return (float)element_real(io->in[1]->dtype, io->in[1]->data, (int64_t)channel);
}

struct pass {
    const struct op_io *io;
    const struct kern *kern;
};

/* Types that need not be fast. What F32 does not hold, an I32, is divided as F64. */
static void quantize_any(const struct op_io *io, size_t begin, size_t n, size_t channel)
{
    const struct tensor *x = io->in[0], *y = io->out[0];
    const bool is_signed = y->dtype == DTYPE_I8 || y->dtype == DTYPE_I16;
    const double span = y->dtype == DTYPE_U8 || y->dtype == DTYPE_I8 ? 256 : 65536;
    const double low = is_signed ? -span / 2 : 0, high = low + span - 1, zero = (double)zero_at(io, channel);
    const float scale = scale_at(io, channel);

    for (size_t i = begin; i < begin + n; i++) {
        const double v = element_real(x->dtype, x->data, (int64_t)i);
        const double steps = x->dtype == DTYPE_I32 ? v / (double)scale : (double)((float)v / scale);
        const double q = rint(steps) + zero;

        element_set_int(y->dtype, y->data, (int64_t)i, (int64_t)(!(q > low) ? low : q > high ? high : q));
    }
}

/* I8 is U8 with the first bit turned over: 128 more, quantized, 128 less. */
static void quantize_run(const struct pass *pass, size_t begin, size_t n, size_t channel)
{
    const struct tensor *x = pass->io->in[0], *y = pass->io->out[0];
    const bool is_signed = y->dtype == DTYPE_I8;
    uint8_t *to = (uint8_t *)y->data + begin;

    if (x->dtype != DTYPE_F32 || (y->dtype != DTYPE_U8 && !is_signed)) {
        quantize_any(pass->io, begin, n, channel);
        return;
    }
    pass->kern->quantize_u8_f32(to, (const float *)x->data + begin, scale_at(pass->io, channel),
                                (int32_t)zero_at(pass->io, channel) + (is_signed ? 128 : 0), n);
    for (size_t i = 0; is_signed && i < n; i++)
        to[i] ^= 0x80;
}

static void dequantize_run(const struct pass *pass, size_t begin, size_t n, size_t channel)
{
    const struct tensor *x = pass->io->in[0], *y = pass->io->out[0];
    const float scale = scale_at(pass->io, channel);
    const int64_t zero = zero_at(pass->io, channel);

    if (x->dtype == DTYPE_U8 && y->dtype == DTYPE_F32) {
        pass->kern->dequantize_f32_u8((float *)y->data + begin, (const uint8_t *)x->data + begin, scale, (int32_t)zero,
                                      n);
        return;
    }
    for (size_t i = begin; i < begin + n; i++)
        element_set_real(y->dtype, y->data, (int64_t)i,
                         (double)(scale * (float)(element_int(x->dtype, x->data, (int64_t)i) - zero)));
}

/* From begin to end in runs that share a scale. */
static void for_runs(const struct pass *pass, size_t begin, size_t end,
                     void (*run)(const struct pass *pass, size_t begin, size_t n, size_t channel))
{
    const struct plan *plan = pass->io->plan;

    while (begin < end) {
        const size_t lane = begin / plan->inner, outer = lane / plan->size, at = lane % plan->size;
        size_t left = plan->inner - begin % plan->inner, channel = at;

        if (plan->block != 0) {
            const size_t in_block = plan->block - at % plan->block, in_axis = plan->size - at;

            channel = (outer * plan->channels + at / plan->block) * plan->inner + begin % plan->inner;
            left = plan->inner > 1 ? 1 : in_block < in_axis ? in_block : in_axis;
        }
        const size_t n = left < end - begin ? left : end - begin;
        run(pass, begin, n, channel);
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
    .flags = OP_EMPTY | OP_ELEMENTWISE,
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
    .flags = OP_EMPTY | OP_ELEMENTWISE,
    .plan_bytes = sizeof(struct plan),
    .shape = shape_dequantize,
    .forward = dequantize,
};

/* dynamic_quantize_linear.c - DynamicQuantizeLinear: U8 over the range that x has, and that range. */
#include <math.h>

#include "op/internal.h"

static int shape(struct op_io *io, struct error *err)
{
    if (op_expect_dtype(io, 0, DTYPE_F32, err) < 0)
        return -1;
    for (int i = 0; i < io->out_count; i++) {
        io->out[i]->dtype = i == 1 ? DTYPE_F32 : DTYPE_U8;
        io->out[i]->shape = i == 0 ? io->in[0]->shape : (struct shape){ 0 };
    }
    return 0;
}

/* 0 is in the range, so that it has a byte of its own; NaN is in none. */
static void forward(const struct op_io *io, const struct op_run *run)
{
    const float *x = io->in[0]->data;
    const int64_t count = shape_count(&io->in[0]->shape);
    float low = 0, high = 0, scale, zero;

    for (int64_t i = 0; i < count; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    scale = (high - low) / 255;
    zero = scale > 0 ? rintf(0 - low / scale) : 0;
    zero = !(zero > 0) ? 0 : zero > 255 ? 255 : zero;
    run->kern->quantize_u8_f32(io->out[0]->data, x, scale > 0 ? scale : 1, (int32_t)zero, (size_t)count);
    if (io->out_count > 1)
        *(float *)io->out[1]->data = scale;
    if (io->out_count > 2)
        *(uint8_t *)io->out[2]->data = (uint8_t)zero;
}

const struct op op_dynamic_quantize_linear = {
    .name = "DynamicQuantizeLinear",
    .formula = "x as bytes over its own range with 0, the scale and the zero point",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 3,
    .shape = shape,
    .forward = forward,
};

/* linear_conv.c - ConvInteger and QLinearConv: ONNX's own convolutions of bytes. */
#include <inttypes.h>
#include <string.h>

#include "op/columns.h"
#include "op/exact.h"

struct conv {
    struct columns columns;
    size_t packed_bytes; /* as scratch, when nobody packs ahead */
};

static int finish_conv(struct op_io *io, struct conv *plan, struct error *err)
{
    if (plan->columns.channels > INT32_MAX / plan->columns.taps)
        return error_set(err, ERROR_LIMIT, "a window of more than %d numbers", INT32_MAX);
    plan->packed_bytes = io->packs ? 0 : columns_packed_bytes(&plan->columns);
    io->packed_bytes = io->packs ? columns_packed_bytes(&plan->columns) : 0;
    io->work_bytes = plan->packed_bytes + columns_bytes(&plan->columns, io->workers);
    return 0;
}

static void run_conv(struct columns_sums *sums, const struct op_run *run)
{
    const struct op_io *io = sums->io;
    const struct conv *plan = io->plan;

    sums->packed = io->packed_bytes ? io->packed : io->work;
    if (!io->packed_bytes)
        columns_pack(sums, run);
    columns_integers(sums, run, (char *)io->work + plan->packed_bytes);
}

static void pack_conv(struct columns_sums *sums, const struct op_run *run)
{
    sums->packed = sums->io->packed;
    columns_pack(sums, run);
}

static int shape_conv_integer(struct op_io *io, struct error *err)
{
    struct conv *plan = io->plan;

    if (exact_need_bytes(io, 0, err) < 0 || exact_need_bytes(io, 1, err) < 0 ||
        columns_read(&plan->columns, io, io->in[0], io->in[1], err) < 0 || exact_need_zeros(io, 2, 0, 1, 1, err) < 0 ||
        exact_need_zeros(io, 3, 1, io->in[1]->shape.dim[0], 1, err) < 0)
        return -1;
    io->out[0]->dtype = DTYPE_I32;
    return finish_conv(io, plan, err);
}

static void take_sums(const struct op_io *io, const struct kern *kern, int64_t filter, int64_t at, int64_t count,
                      int32_t *sum)
{
    (void)kern;
    (void)filter;
    memcpy((int32_t *)io->out[0]->data + at, sum, (size_t)count * sizeof(*sum));
}

static struct columns_sums sums_conv_integer(const struct op_io *io)
{
    const struct conv *plan = io->plan;

    return (struct columns_sums){ .c = &plan->columns,
                                  .x = io->in[0],
                                  .w = io->in[1],
                                  .io = io,
                                  .zero_x = op_input(io, 2),
                                  .zero_w = op_input(io, 3),
                                  .take = take_sums };
}

static void pack_conv_integer(const struct op_io *io, const struct op_run *run)
{
    struct columns_sums sums = sums_conv_integer(io);

    pack_conv(&sums, run);
}

static void forward_conv_integer(const struct op_io *io, const struct op_run *run)
{
    struct columns_sums sums = sums_conv_integer(io);

    run_conv(&sums, run);
}

static void cost_conv(const struct op_io *io, struct op_cost *cost)
{
    const struct conv *plan = io->plan;

    cost->macs = (double)shape_count(&io->out[0]->shape) * (double)(plan->columns.channels * plan->columns.taps);
}

const struct op op_conv_integer = {
    .name = "ConvInteger",
    .formula = "y = convolution of (x - zero) with (w - zero), 32-bit integers",
    .min_inputs = 2,
    .max_inputs = 4,
    .outputs = 1,
    .attributes = "auto_pad dilations group kernel_shape pads strides",
    .plan_bytes = sizeof(struct conv),
    .shape = shape_conv_integer,
    .forward = forward_conv_integer,
    .pack = pack_conv_integer,
    .packs = 1U << 1,
    .cost = cost_conv,
};

/* x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, bias */
static int shape_qlinear_conv(struct op_io *io, struct error *err)
{
    struct conv *plan = io->plan;
    int64_t filters;

    if (exact_need_bytes(io, 0, err) < 0 || exact_need_bytes(io, 3, err) < 0 || exact_need_bytes(io, 7, err) < 0 ||
        columns_read(&plan->columns, io, io->in[0], io->in[3], err) < 0)
        return -1;
    filters = io->in[3]->shape.dim[0];
    if (exact_need_scales(io, 1, 1, 1, err) < 0 || exact_need_scales(io, 4, filters, 1, err) < 0 ||
        exact_need_scales(io, 6, 1, 1, err) < 0 || exact_need_zeros(io, 2, 0, 1, 1, err) < 0 ||
        exact_need_zeros(io, 5, 3, filters, 1, err) < 0 || exact_need_zeros(io, 7, 7, 1, 1, err) < 0 ||
        op_expect_dtype(io, 8, DTYPE_I32, err) < 0)
        return -1;
    if (op_input(io, 8) != NULL && shape_count(&io->in[8]->shape) != filters)
        return error_set(err, ERROR_INPUT, "bias has %" PRId64 " numbers, expected %" PRId64,
                         shape_count(&io->in[8]->shape), filters);
    io->out[0]->dtype = io->in[7]->dtype;
    return finish_conv(io, plan, err);
}

static void take_bytes(const struct op_io *io, const struct kern *kern, int64_t filter, int64_t at, int64_t count,
                       int32_t *sum)
{
    const struct tensor *bias = op_input(io, 8);
    const float factor = exact_scale(io->in[1], 0) * exact_scale(io->in[4], filter) / exact_scale(io->in[6], 0);
    const uint32_t more = bias == NULL ? 0 : (uint32_t)((const int32_t *)bias->data)[filter];

    for (int64_t i = 0; i < count; i++)
        sum[i] = (int32_t)((uint32_t)sum[i] + more);
    exact_store(kern, io->out[0], at, sum, factor, io->in[7], count);
}

static struct columns_sums sums_qlinear_conv(const struct op_io *io)
{
    const struct conv *plan = io->plan;

    return (struct columns_sums){ .c = &plan->columns,
                                  .x = io->in[0],
                                  .w = io->in[3],
                                  .io = io,
                                  .zero_x = io->in[2],
                                  .zero_w = io->in[5],
                                  .take = take_bytes };
}

static void pack_qlinear_conv(const struct op_io *io, const struct op_run *run)
{
    struct columns_sums sums = sums_qlinear_conv(io);

    pack_conv(&sums, run);
}

static void forward_qlinear_conv(const struct op_io *io, const struct op_run *run)
{
    struct columns_sums sums = sums_qlinear_conv(io);

    run_conv(&sums, run);
}

const struct op op_qlinear_conv = {
    .name = "QLinearConv",
    .formula = "y = convolution of quantized x and w, as bytes of y's scale",
    .min_inputs = 8,
    .max_inputs = 9,
    .outputs = 1,
    .attributes = "auto_pad dilations group kernel_shape pads strides",
    .plan_bytes = sizeof(struct conv),
    .shape = shape_qlinear_conv,
    .forward = forward_qlinear_conv,
    .pack = pack_qlinear_conv,
    .packs = 1U << 3,
    .cost = cost_conv,
};

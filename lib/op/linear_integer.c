/*
 * linear_integer.c - ONNX's own integer operators: ConvInteger, QLinearConv,
 * MatMulInteger, QLinearMatMul and DynamicQuantizeLinear. Sums are exact in 32 bits; what
 * becomes bytes is rounded half to even and saturated.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "op/argument.h"
#include "op/chunk.h"
#include "op/columns.h"
#include "tensor/element.h"

static int need_bytes(const struct op_io *io, int i, struct error *err)
{
    const struct tensor *t = io->in[i];

    if (t->quant == NULL && (t->dtype == DTYPE_U8 || t->dtype == DTYPE_I8))
        return 0;
    return error_set(err, ERROR_INPUT, "input %d is %s, expected U8 or I8", i, dtype_name(t->dtype));
}

/* A zero point of the type of `of`: one, or `most`. */
static int need_zero(const struct op_io *io, int i, int of, int64_t most, struct error *err)
{
    const struct tensor *t = op_input(io, i);

    if (t == NULL)
        return 0;
    if (op_expect_dtype(io, i, io->in[of]->dtype, err) < 0)
        return -1;
    if (shape_count(&t->shape) != 1 && shape_count(&t->shape) != most)
        return error_set(err, ERROR_INPUT, "input %d has %" PRId64 " zero points, expected 1 or %" PRId64, i,
                         shape_count(&t->shape), most);
    return 0;
}

static int need_scale(const struct op_io *io, int i, int64_t most, struct error *err)
{
    const int64_t count = shape_count(&io->in[i]->shape);

    if (op_expect_dtype(io, i, DTYPE_F32, err) < 0)
        return -1;
    if (count != 1 && count != most)
        return error_set(err, ERROR_INPUT, "input %d has %" PRId64 " scales, expected 1 or %" PRId64, i, count, most);
    return 0;
}

static float scale_at(const struct tensor *t, int64_t i)
{
    return ((const float *)t->data)[shape_count(&t->shape) > 1 ? i : 0];
}

static int64_t zero_at(const struct tensor *t, int64_t i)
{
    return t == NULL ? 0 : element_int(t->dtype, t->data, shape_count(&t->shape) > 1 ? i : 0);
}

/* A real in the steps of the output, as its byte. */
static void store_byte(const struct tensor *y, int64_t i, double steps, int64_t zero)
{
    const double low = y->dtype == DTYPE_U8 ? 0 : -128, high = y->dtype == DTYPE_U8 ? 255 : 127;
    const double q = rint(steps) + (double)zero;

    element_set_int(y->dtype, y->data, i, (int64_t)(!(q > low) ? low : q > high ? high : q));
}

/* ---- convolutions ---- */

struct conv {
    struct columns columns;
};

static int finish_conv(struct op_io *io, struct conv *plan, struct error *err)
{
    /* 2^15 products of 2^16 each would not fit 32 bits; ONNX lets them wrap, and so does this */
    if (plan->columns.channels > INT32_MAX / plan->columns.taps)
        return error_set(err, ERROR_LIMIT, "a window of more than %d numbers", INT32_MAX);
    io->work_bytes = columns_bytes(&plan->columns, io->workers);
    return 0;
}

static int shape_conv_integer(struct op_io *io, struct error *err)
{
    struct conv *plan = io->plan;

    if (need_bytes(io, 0, err) < 0 || need_bytes(io, 1, err) < 0 ||
        columns_read(&plan->columns, io, io->in[0], io->in[1], err) < 0 || need_zero(io, 2, 0, 1, err) < 0 ||
        need_zero(io, 3, 1, io->in[1]->shape.dim[0], err) < 0)
        return -1;
    io->out[0]->dtype = DTYPE_I32;
    return finish_conv(io, plan, err);
}

static void take_sums(const void *context, int64_t batch, int64_t filter, int64_t pixel, int64_t count,
                      const int32_t *sum)
{
    const struct op_io *io = context;
    const struct conv *plan = io->plan;
    const int64_t filters = plan->columns.groups * plan->columns.filters;

    memcpy((int32_t *)io->out[0]->data + (batch * filters + filter) * plan->columns.out + pixel, sum,
           (size_t)count * sizeof(*sum));
}

static void forward_conv_integer(const struct op_io *io, const struct op_run *run)
{
    const struct conv *plan = io->plan;
    const struct columns_sums sums = { &plan->columns,  io->in[0], io->in[1], op_input(io, 2),
                                       op_input(io, 3), NULL,      take_sums, io };

    columns_integers(&sums, run, io->work);
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
};

/* x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, bias */
static int shape_qlinear_conv(struct op_io *io, struct error *err)
{
    struct conv *plan = io->plan;
    int64_t filters;

    if (need_bytes(io, 0, err) < 0 || need_bytes(io, 3, err) < 0 || need_bytes(io, 7, err) < 0 ||
        columns_read(&plan->columns, io, io->in[0], io->in[3], err) < 0)
        return -1;
    filters = io->in[3]->shape.dim[0];
    if (need_scale(io, 1, 1, err) < 0 || need_scale(io, 4, filters, err) < 0 || need_scale(io, 6, 1, err) < 0 ||
        need_zero(io, 2, 0, 1, err) < 0 || need_zero(io, 5, 3, filters, err) < 0 || need_zero(io, 7, 7, 1, err) < 0 ||
        op_expect_dtype(io, 8, DTYPE_I32, err) < 0)
        return -1;
    if (op_input(io, 8) != NULL && shape_count(&io->in[8]->shape) != filters)
        return error_set(err, ERROR_INPUT, "bias has %" PRId64 " numbers, expected %" PRId64,
                         shape_count(&io->in[8]->shape), filters);
    io->out[0]->dtype = io->in[7]->dtype;
    return finish_conv(io, plan, err);
}

static void take_bytes(const void *context, int64_t batch, int64_t filter, int64_t pixel, int64_t count,
                       const int32_t *sum)
{
    const struct op_io *io = context;
    const struct conv *plan = io->plan;
    const struct tensor *bias = op_input(io, 8);
    const int64_t filters = plan->columns.groups * plan->columns.filters;
    const int64_t at = (batch * filters + filter) * plan->columns.out + pixel;
    const float factor = scale_at(io->in[1], 0) * scale_at(io->in[4], filter) / scale_at(io->in[6], 0);
    const int32_t more = bias == NULL ? 0 : ((const int32_t *)bias->data)[filter];

    for (int64_t i = 0; i < count; i++)
        store_byte(io->out[0], at + i, (double)((float)(int32_t)((uint32_t)sum[i] + (uint32_t)more) * factor),
                   zero_at(io->in[7], 0));
}

static void forward_qlinear_conv(const struct op_io *io, const struct op_run *run)
{
    const struct conv *plan = io->plan;
    const struct columns_sums sums = {
        &plan->columns, io->in[0], io->in[3], io->in[2], io->in[5], NULL, take_bytes, io
    };

    columns_integers(&sums, run, io->work);
}

static void cost_conv(const struct op_io *io, struct op_cost *cost)
{
    const struct conv *plan = io->plan;

    cost->macs = (double)shape_count(&io->out[0]->shape) * (double)(plan->columns.channels * plan->columns.taps);
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
    .cost = cost_conv,
};

/* ---- products ---- */

struct product {
    struct shape batch; /* of the result, without its last two axes */
    int64_t m, n, k;
    int64_t step_a[SHAPE_MAX_RANK], step_b[SHAPE_MAX_RANK]; /* matrices apart, by axis of the batch */
};

static void steps_of(int64_t *step, const struct shape *x, const struct shape *batch, int64_t matrix)
{
    const int shift = batch->rank - (x->rank - 2);

    for (int i = 0; i < batch->rank; i++)
        step[i] = 0;
    for (int i = x->rank - 3; i >= 0; i--) {
        step[i + shift] = x->dim[i] == 1 ? 0 : matrix;
        matrix *= x->dim[i];
    }
}

static struct shape without_matrix(const struct shape *x)
{
    struct shape batch = *x;

    batch.rank -= 2;
    return batch;
}

static int shape_product(struct op_io *io, int ia, int ib, struct error *err)
{
    struct product *plan = io->plan;
    const struct shape *a = &io->in[ia]->shape, *b = &io->in[ib]->shape;
    struct shape batch_a, batch_b;
    char text_a[160], text_b[160];

    if (need_bytes(io, ia, err) < 0 || need_bytes(io, ib, err) < 0)
        return -1;
    if (a->rank < 2 || b->rank < 2 || a->dim[a->rank - 1] != b->dim[b->rank - 2])
        return error_set(err, ERROR_INPUT, "cannot multiply %s by %s", shape_text(a, text_a), shape_text(b, text_b));
    batch_a = without_matrix(a);
    batch_b = without_matrix(b);
    if (shape_broadcast(&plan->batch, &batch_a, &batch_b, err) < 0)
        return -1;
    plan->m = a->dim[a->rank - 2];
    plan->k = a->dim[a->rank - 1];
    plan->n = b->dim[b->rank - 1];
    steps_of(plan->step_a, a, &plan->batch, plan->m * plan->k);
    steps_of(plan->step_b, b, &plan->batch, plan->k * plan->n);
    io->out[0]->shape = plan->batch;
    io->out[0]->shape.dim[io->out[0]->shape.rank++] = plan->m;
    io->out[0]->shape.dim[io->out[0]->shape.rank++] = plan->n;
    return shape_check(&io->out[0]->shape, (int64_t)limit_get(LIMIT_ACTIVATION_BYTES) / 8, err);
}

struct rows {
    const struct op_io *io;
    const struct tensor *a, *b, *zero_a, *zero_b;
    void (*take)(const struct op_io *io, int64_t row, int64_t column, int64_t at, int32_t sum);
};

static int32_t byte_at(const struct tensor *t, int64_t i)
{
    return t->dtype == DTYPE_U8 ? ((const uint8_t *)t->data)[i] : ((const int8_t *)t->data)[i];
}

/* zero_a is one number or one a row; zero_b one or one a column. */
static void multiply_rows(const void *context, size_t begin, size_t end, int worker)
{
    const struct rows *rows = context;
    const struct product *p = rows->io->plan;

    (void)worker;
    for (size_t r = begin; r < end; r++) {
        int64_t rest = (int64_t)r / p->m, row = (int64_t)r % p->m, from_a = 0, from_b = 0;

        for (int i = p->batch.rank - 1; i >= 0; i--) {
            from_a += rest % p->batch.dim[i] * p->step_a[i];
            from_b += rest % p->batch.dim[i] * p->step_b[i];
            rest /= p->batch.dim[i];
        }
        for (int64_t j = 0; j < p->n; j++) {
            const int32_t za = (int32_t)zero_at(rows->zero_a, row), zb = (int32_t)zero_at(rows->zero_b, j);
            uint32_t sum = 0;

            for (int64_t i = 0; i < p->k; i++)
                sum += (uint32_t)((byte_at(rows->a, from_a + row * p->k + i) - za) *
                                  (byte_at(rows->b, from_b + i * p->n + j) - zb));
            rows->take(rows->io, row, j, (int64_t)r * p->n + j, (int32_t)sum);
        }
    }
}

static void run_product(const struct rows *rows, const struct op_run *run)
{
    const struct product *p = rows->io->plan;

    chunk_run(run->pool, (size_t)(shape_count(&p->batch) * p->m), (size_t)(p->n * p->k) + 1, multiply_rows, rows);
}

static int shape_matmul_integer(struct op_io *io, struct error *err)
{
    struct product *plan = io->plan;

    if (shape_product(io, 0, 1, err) < 0 || need_zero(io, 2, 0, plan->m, err) < 0 ||
        need_zero(io, 3, 1, plan->n, err) < 0)
        return -1;
    io->out[0]->dtype = DTYPE_I32;
    return 0;
}

static void take_sum(const struct op_io *io, int64_t row, int64_t column, int64_t at, int32_t sum)
{
    (void)row;
    (void)column;
    ((int32_t *)io->out[0]->data)[at] = sum;
}

static void forward_matmul_integer(const struct op_io *io, const struct op_run *run)
{
    const struct rows rows = { io, io->in[0], io->in[1], op_input(io, 2), op_input(io, 3), take_sum };

    run_product(&rows, run);
}

static void cost_product(const struct op_io *io, struct op_cost *cost)
{
    const struct product *p = io->plan;

    cost->macs = (double)shape_count(&io->out[0]->shape) * (double)p->k;
}

const struct op op_matmul_integer = {
    .name = "MatMulInteger",
    .formula = "y = (a - zero) (b - zero), 32-bit integers",
    .min_inputs = 2,
    .max_inputs = 4,
    .outputs = 1,
    .plan_bytes = sizeof(struct product),
    .shape = shape_matmul_integer,
    .forward = forward_matmul_integer,
    .cost = cost_product,
};

/* a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero */
static int shape_qlinear_matmul(struct op_io *io, struct error *err)
{
    struct product *plan = io->plan;

    if (shape_product(io, 0, 3, err) < 0 || need_scale(io, 1, plan->m, err) < 0 ||
        need_zero(io, 2, 0, plan->m, err) < 0 || need_scale(io, 4, plan->n, err) < 0 ||
        need_zero(io, 5, 3, plan->n, err) < 0 || need_scale(io, 6, 1, err) < 0 || need_bytes(io, 7, err) < 0 ||
        need_zero(io, 7, 7, 1, err) < 0)
        return -1;
    io->out[0]->dtype = io->in[7]->dtype;
    return 0;
}

static void take_byte(const struct op_io *io, int64_t row, int64_t column, int64_t at, int32_t sum)
{
    const float factor = scale_at(io->in[1], row) * scale_at(io->in[4], column) / scale_at(io->in[6], 0);

    store_byte(io->out[0], at, (double)((float)sum * factor), zero_at(io->in[7], 0));
}

static void forward_qlinear_matmul(const struct op_io *io, const struct op_run *run)
{
    const struct rows rows = { io, io->in[0], io->in[3], io->in[2], io->in[5], take_byte };

    run_product(&rows, run);
}

const struct op op_qlinear_matmul = {
    .name = "QLinearMatMul",
    .formula = "y = product of quantized a and b, as bytes of y's scale",
    .min_inputs = 8,
    .max_inputs = 8,
    .outputs = 1,
    .plan_bytes = sizeof(struct product),
    .shape = shape_qlinear_matmul,
    .forward = forward_qlinear_matmul,
    .cost = cost_product,
};

/* ---- DynamicQuantizeLinear: bytes, scale, zero point ---- */

static int shape_dynamic(struct op_io *io, struct error *err)
{
    if (op_expect_dtype(io, 0, DTYPE_F32, err) < 0)
        return -1;
    for (int i = 0; i < io->out_count; i++) {
        io->out[i]->dtype = i == 1 ? DTYPE_F32 : DTYPE_U8;
        io->out[i]->shape = i == 0 ? io->in[0]->shape : (struct shape){ 0 };
    }
    return 0;
}

static void forward_dynamic(const struct op_io *io, const struct op_run *run)
{
    const float *x = io->in[0]->data;
    const int64_t count = shape_count(&io->in[0]->shape);
    float low = 0, high = 0, scale, zero;

    (void)run;
    for (int64_t i = 0; i < count; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    scale = (high - low) / 255;
    zero = scale > 0 ? rintf(0 - low / scale) : 0;
    zero = zero < 0 ? 0 : zero > 255 ? 255 : zero;
    for (int64_t i = 0; i < count; i++) {
        const float q = scale > 0 ? rintf(x[i] / scale) + zero : zero;

        ((uint8_t *)io->out[0]->data)[i] = (uint8_t)(!(q > 0) ? 0 : q > 255 ? 255 : q);
    }
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
    .shape = shape_dynamic,
    .forward = forward_dynamic,
};

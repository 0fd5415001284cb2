/* select.c - places and slices that a condition picks: NonZero, Compress, OneHot, Trilu, ReverseSequence. */
#include <inttypes.h>
#include <string.h>

#include "base/limits.h"
#include "op/argument.h"
#include "op/index.h"
#include "op/lanes.h"
#include "tensor/element.h"

static int check_result(const struct shape *shape, struct error *err)
{
    return shape_check(shape, (int64_t)limit_get(LIMIT_ACTIVATION_BYTES) / 8, err);
}

static int need_values(const struct op_io *io, int i, const char *name, struct error *err)
{
    if (io->in[i]->data != NULL || shape_count(&io->in[i]->shape) == 0)
        return 0;
    return error_set(err, ERROR_INPUT, "%s is computed, expected a constant", name);
}

/* ---- NonZero: [rank, count], places in order; a scalar's are [0, count], as ONNX wants it ---- */

static int shape_non_zero(struct op_io *io, struct error *err)
{
    const struct tensor *x = io->in[0];
    int64_t count = 0;

    if (need_values(io, 0, "input 0", err) < 0)
        return -1;
    for (int64_t i = 0; i < shape_count(&x->shape); i++)
        count += element_real(x->dtype, x->data, i) != 0;
    io->out[0]->dtype = DTYPE_I64;
    io->out[0]->shape = shape_of(2, (int64_t)x->shape.rank, count);
    return 0;
}

static void forward_non_zero(const struct op_io *io, const struct op_run *run)
{
    const struct tensor *x = io->in[0];
    const int64_t most = io->out[0]->shape.dim[1];
    int64_t *y = io->out[0]->data, found = 0;

    (void)run;
    for (int64_t i = 0; i < shape_count(&x->shape) && found < most; i++) {
        int64_t rest = i;

        if (element_real(x->dtype, x->data, i) == 0)
            continue;
        for (int k = x->shape.rank - 1; k >= 0; k--) {
            y[k * most + found] = rest % x->shape.dim[k];
            rest /= x->shape.dim[k];
        }
        found++;
    }
}

const struct op op_non_zero = {
    .name = "NonZero",
    .formula = "y = places where x is not 0, one a column",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .arguments = 1U << 0,
    .flags = OP_EMPTY,
    .shape = shape_non_zero,
    .forward = forward_non_zero,
};

/* ---- Compress: slices along axis, or elements of the flat whole ---- */

struct compress {
    struct lanes lanes;
    int64_t kept;
};

static int shape_compress(struct op_io *io, struct error *err)
{
    struct compress *plan = io->plan;
    const struct tensor *x = io->in[0], *condition = io->in[1];
    const int64_t whole = shape_count(&x->shape);
    struct tensor *y = io->out[0];
    int axis = -1;

    if (argument_moves(io, err) < 0 || op_expect_dtype(io, 1, DTYPE_BOOL, err) < 0 ||
        op_expect_rank(io, 1, 1, err) < 0 || need_values(io, 1, "condition", err) < 0)
        return -1;
    if (attribute_find(io->attributes, "axis") != NULL && argument_axis(io, "axis", 0, x->shape.rank, &axis, err) < 0)
        return -1;
    plan->lanes = axis < 0 ? (struct lanes){ 1, whole, 1 } : lanes_of(&x->shape, axis);
    plan->kept = 0;
    for (int64_t i = 0; i < condition->shape.dim[0] && i < plan->lanes.size; i++)
        plan->kept += ((const uint8_t *)condition->data)[i] != 0;
    y->dtype = x->dtype;
    y->shape = axis < 0 ? shape_of(1, plan->kept) : x->shape;
    if (axis >= 0)
        y->shape.dim[axis] = plan->kept;
    return 0;
}

static void forward_compress(const struct op_io *io, const struct op_run *run)
{
    const struct compress *plan = io->plan;
    const struct tensor *x = io->in[0], *condition = io->in[1];
    const size_t bytes = dtype_bytes(x->dtype) * (size_t)plan->lanes.step;
    unsigned char *y = io->out[0]->data;

    (void)run;
    for (int64_t block = 0; block < plan->lanes.lanes / (plan->lanes.step > 0 ? plan->lanes.step : 1); block++) {
        for (int64_t i = 0; i < condition->shape.dim[0] && i < plan->lanes.size; i++) {
            if (!((const uint8_t *)condition->data)[i])
                continue;
            memcpy(y, (const unsigned char *)x->data + (size_t)(block * plan->lanes.size + i) * bytes, bytes);
            y += bytes;
        }
    }
}

const struct op op_compress = {
    .name = "Compress",
    .formula = "y = slices of x where the condition is true",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .attributes = "axis",
    .arguments = 1U << 1,
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct compress),
    .shape = shape_compress,
    .forward = forward_compress,
};

/* ---- OneHot ---- */

struct one_hot {
    struct lanes lanes; /* of the result */
};

static int shape_one_hot(struct op_io *io, struct error *err)
{
    struct one_hot *plan = io->plan;
    const struct shape *list = &io->in[0]->shape;
    const struct tensor *depth = io->in[1];
    struct shape shape = { 0 };
    double size;
    int axis;

    if (need_values(io, 1, "depth", err) < 0)
        return -1;
    if (list->rank >= SHAPE_MAX_RANK || shape_count(&depth->shape) != 1 || io->in[0]->dtype == DTYPE_BOOL ||
        shape_count(&io->in[2]->shape) != 2)
        return error_set(err, ERROR_INPUT, "expected numbers, one depth and two values");
    size = element_real(depth->dtype, depth->data, 0);
    if (!(size >= 1 && size <= INT32_MAX))
        return error_set(err, ERROR_INPUT, "depth is %g, expected 1 or more", size);
    if (argument_axis(io, "axis", -1, list->rank + 1, &axis, err) < 0)
        return -1;
    for (int i = 0; i <= list->rank; i++)
        shape.dim[shape.rank++] = i == axis ? (int64_t)size : list->dim[i < axis ? i : i - 1];
    io->out[0]->dtype = io->in[2]->dtype;
    io->out[0]->shape = shape;
    if (check_result(&shape, err) < 0)
        return -1;
    plan->lanes = lanes_of(&shape, axis);
    return 0;
}

static void forward_one_hot(const struct op_io *io, const struct op_run *run)
{
    const struct one_hot *plan = io->plan;
    const size_t bytes = dtype_bytes(io->out[0]->dtype);
    const unsigned char *values = io->in[2]->data;
    unsigned char *y = io->out[0]->data;

    (void)run;
    for (int64_t lane = 0; lane < plan->lanes.lanes; lane++) {
        const int64_t begin = lanes_begin(&plan->lanes, lane);
        int64_t hot = element_int(io->in[0]->dtype, io->in[0]->data, lane);

        hot += hot < 0 ? plan->lanes.size : 0; /* outside: nowhere */
        for (int64_t i = 0; i < plan->lanes.size; i++)
            memcpy(y + (size_t)(begin + i * plan->lanes.step) * bytes, values + (i == hot ? bytes : 0), bytes);
    }
}

const struct op op_one_hot = {
    .name = "OneHot",
    .formula = "y = on at the index, off elsewhere, along a new axis",
    .min_inputs = 3,
    .max_inputs = 3,
    .outputs = 1,
    .attributes = "axis",
    .arguments = 1U << 1,
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct one_hot),
    .shape = shape_one_hot,
    .forward = forward_one_hot,
};

/* ---- Trilu ---- */

struct triangle {
    int64_t k;
    bool upper;
};

static int shape_trilu(struct op_io *io, struct error *err)
{
    struct triangle *plan = io->plan;
    struct argument_list k;
    int64_t upper;

    if (argument_moves(io, err) < 0 || argument_rank(io->in[0], 2, SHAPE_MAX_RANK, err) < 0 ||
        argument_ints(io, 1, "k", &k, err) < 0 || attribute_int(io->attributes, "upper", 1, &upper, err) < 0)
        return -1;
    plan->k = k.count > 0 ? k.value[0] : 0;
    plan->k = plan->k > INT32_MAX ? INT32_MAX : plan->k < INT32_MIN ? INT32_MIN : plan->k;
    plan->upper = upper != 0;
    io->out[0]->dtype = io->in[0]->dtype;
    io->out[0]->shape = io->in[0]->shape;
    return 0;
}

static void forward_trilu(const struct op_io *io, const struct op_run *run)
{
    const struct triangle *plan = io->plan;
    const struct tensor *x = io->in[0];
    const int64_t columns = x->shape.dim[x->shape.rank - 1], rows = x->shape.dim[x->shape.rank - 2];
    const size_t bytes = dtype_bytes(x->dtype);

    (void)run;
    memcpy(io->out[0]->data, x->data, tensor_bytes(x));
    for (int64_t i = 0; i < shape_count(&x->shape); i++) {
        const int64_t column = i % columns, row = i / columns % rows;

        if (plan->upper ? column < row + plan->k : column > row + plan->k)
            memset((unsigned char *)io->out[0]->data + (size_t)i * bytes, 0, bytes);
    }
}

const struct op op_trilu = {
    .name = "Trilu",
    .formula = "y = the upper or lower triangle of x, else 0",
    .min_inputs = 1,
    .max_inputs = 2,
    .outputs = 1,
    .attributes = "upper",
    .arguments = 1U << 1,
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct triangle),
    .shape = shape_trilu,
    .forward = forward_trilu,
};

/* ---- ReverseSequence ---- */

struct reverse {
    int64_t time_axis, batch_axis;
};

static int shape_reverse(struct op_io *io, struct error *err)
{
    struct reverse *plan = io->plan;
    const struct shape *x = &io->in[0]->shape;

    if (argument_moves(io, err) < 0 || argument_rank(io->in[0], 2, SHAPE_MAX_RANK, err) < 0 ||
        attribute_int(io->attributes, "time_axis", 0, &plan->time_axis, err) < 0 ||
        attribute_int(io->attributes, "batch_axis", 1, &plan->batch_axis, err) < 0 ||
        op_expect_dtype(io, 1, DTYPE_I64, err) < 0)
        return -1;
    if (plan->time_axis < 0 || plan->time_axis > 1 || plan->batch_axis != 1 - plan->time_axis)
        return error_set(err, ERROR_INPUT, "time_axis and batch_axis are not 0 and 1");
    if (io->in[1]->shape.rank != 1 || io->in[1]->shape.dim[0] != x->dim[plan->batch_axis])
        return error_set(err, ERROR_INPUT, "sequence_lens has another length than the batch, %" PRId64,
                         x->dim[plan->batch_axis]);
    io->out[0]->dtype = io->in[0]->dtype;
    io->out[0]->shape = *x;
    return 0;
}

static void forward_reverse(const struct op_io *io, const struct op_run *run)
{
    const struct reverse *plan = io->plan;
    const struct tensor *x = io->in[0];
    const int64_t times = x->shape.dim[plan->time_axis], batches = x->shape.dim[plan->batch_axis];
    const int64_t time_step = plan->time_axis == 0 ? batches : 1, batch_step = plan->time_axis == 0 ? 1 : times;
    const size_t bytes = dtype_bytes(x->dtype) * (size_t)shape_span(&x->shape, 2, x->shape.rank);

    (void)run;
    for (int64_t b = 0; b < batches; b++) {
        int64_t length = ((const int64_t *)io->in[1]->data)[b];

        length = length < 0 ? 0 : length > times ? times : length;
        for (int64_t t = 0; t < times; t++)
            memcpy((unsigned char *)io->out[0]->data + (size_t)(t * time_step + b * batch_step) * bytes,
                   (const unsigned char *)x->data +
                       (size_t)((t < length ? length - 1 - t : t) * time_step + b * batch_step) * bytes,
                   bytes);
    }
}

const struct op op_reverse_sequence = {
    .name = "ReverseSequence",
    .formula = "y = x with the first so many steps of each sequence turned round",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .attributes = "batch_axis time_axis",
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct reverse),
    .shape = shape_reverse,
    .forward = forward_reverse,
};

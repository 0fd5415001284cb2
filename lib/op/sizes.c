/* sizes.c - what follows from shapes (Shape, Size) and what is made to a size (ConstantOfShape, Range, EyeLike). */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "op/argument.h"
#include "tensor/element.h"

static int check_result(const struct tensor *y, struct error *err)
{
    return shape_check(&y->shape, (int64_t)limit_get(LIMIT_ACTIVATION_BYTES) / 8, err);
}

/* ---- Shape, Size ---- */

struct span {
    int64_t start, count;
};

static int64_t within(int64_t axis, int64_t rank)
{
    axis += axis < 0 ? rank : 0;
    return axis < 0 ? 0 : axis > rank ? rank : axis;
}

static int shape_shape(struct op_io *io, struct error *err)
{
    struct span *span = io->plan;
    const int64_t rank = io->in[0]->shape.rank;
    int64_t start, end;

    if (attribute_int(io->attributes, "start", 0, &start, err) < 0 ||
        attribute_int(io->attributes, "end", rank, &end, err) < 0)
        return -1;
    span->start = within(start, rank);
    end = within(end, rank);
    span->count = end > span->start ? end - span->start : 0;
    io->out[0]->dtype = DTYPE_I64;
    io->out[0]->shape = shape_of(1, span->count);
    return 0;
}

static void forward_shape(const struct op_io *io, const struct op_run *run)
{
    const struct span *span = io->plan;

    (void)run;
    for (int64_t i = 0; i < span->count; i++)
        ((int64_t *)io->out[0]->data)[i] = io->in[0]->shape.dim[span->start + i];
}

const struct op op_shape = {
    .name = "Shape",
    .formula = "y = sizes of x's axes",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .attributes = "end start",
    .flags = OP_EMPTY | OP_OF_SHAPE,
    .plan_bytes = sizeof(struct span),
    .shape = shape_shape,
    .forward = forward_shape,
};

static int shape_size(struct op_io *io, struct error *err)
{
    (void)err;
    io->out[0]->dtype = DTYPE_I64;
    io->out[0]->shape = (struct shape){ 0 };
    return 0;
}

static void forward_size(const struct op_io *io, const struct op_run *run)
{
    (void)run;
    *(int64_t *)io->out[0]->data = shape_count(&io->in[0]->shape);
}

const struct op op_size = {
    .name = "Size",
    .formula = "y = number of x's elements",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .flags = OP_EMPTY | OP_OF_SHAPE,
    .shape = shape_size,
    .forward = forward_size,
};

/* ---- ConstantOfShape ---- */

static int shape_fill(struct op_io *io, struct error *err)
{
    const struct attribute *value = attribute_find(io->attributes, "value");
    struct argument_list list;
    struct tensor *y = io->out[0];
    int64_t number;

    if (argument_ints(io, 0, "shape", &list, err) < 0 || attribute_int(io->attributes, "dtype", 1, &number, err) < 0)
        return -1;
    if (!dtype_of_onnx(&y->dtype, number))
        return error_set(err, ERROR_INPUT, "dtype is ONNX's data type %" PRId64 ", which is not known here", number);
    if (list.count > SHAPE_MAX_RANK)
        return error_set(err, ERROR_INPUT, "shape has %d axes, expected 0 to %d", list.count, SHAPE_MAX_RANK);
    if (value != NULL && value->kind != ATTRIBUTE_INT && value->kind != ATTRIBUTE_FLOAT)
        return error_set(err, ERROR_INPUT, "attribute 'value' is no number");
    y->shape = (struct shape){ .rank = list.count };
    memcpy(y->shape.dim, list.value, (size_t)list.count * sizeof(list.value[0]));
    return check_result(y, err);
}

static void forward_fill(const struct op_io *io, const struct op_run *run)
{
    const struct attribute *value = attribute_find(io->attributes, "value");
    const struct tensor *y = io->out[0];

    (void)run;
    for (int64_t i = 0; i < shape_count(&y->shape); i++) {
        if (value == NULL || value->kind == ATTRIBUTE_INT)
            element_set_int(y->dtype, y->data, i, value == NULL ? 0 : value->i);
        else
            element_set_real(y->dtype, y->data, i, value->f);
    }
}

const struct op op_constant_of_shape = {
    .name = "ConstantOfShape",
    .formula = "y = value at each place of the shape x",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .attributes = "dtype value",
    .arguments = 1U << 0,
    .flags = OP_EMPTY,
    .shape = shape_fill,
    .forward = forward_fill,
};

/* ---- Range ---- */

static int one_number(const struct op_io *io, int i, struct error *err)
{
    static const char *const names[] = { "start", "limit", "delta" };
    const struct tensor *t = io->in[i];

    if (op_expect_dtype(io, i, io->in[0]->dtype, err) < 0)
        return -1;
    if (shape_count(&t->shape) != 1 || t->dtype == DTYPE_BOOL)
        return error_set(err, ERROR_INPUT, "%s is not one number", names[i]);
    if (t->data == NULL)
        return error_set(err, ERROR_INPUT, "%s is computed, expected a constant", names[i]);
    return 0;
}

/* Of integers, exactly: the way from start to limit fits 64 bits without a sign. U64 by its bits. */
static double count_whole(const struct op_io *io)
{
    const enum dtype dtype = io->in[0]->dtype;
    const int64_t from = element_int(dtype, io->in[0]->data, 0), to = element_int(dtype, io->in[1]->data, 0);
    const int64_t step = element_int(dtype, io->in[2]->data, 0);
    const bool down = dtype != DTYPE_U64 && step < 0;
    const bool none = dtype == DTYPE_U64 ? (uint64_t)to <= (uint64_t)from : down ? to >= from : to <= from;
    const uint64_t way = down ? (uint64_t)from - (uint64_t)to : (uint64_t)to - (uint64_t)from;
    const uint64_t size = down ? 0 - (uint64_t)step : (uint64_t)step;

    uint64_t count;

    if (none)
        return 0;
    if (size == 0)
        return INFINITY;
    count = way / size + (way % size != 0);
    return (double)count;
}

static int shape_range(struct op_io *io, struct error *err)
{
    struct tensor *y = io->out[0];
    double from, to, step, count;

    for (int i = 0; i < 3; i++)
        if (one_number(io, i, err) < 0)
            return -1;
    y->dtype = io->in[0]->dtype;
    from = element_real(io->in[0]->dtype, io->in[0]->data, 0);
    to = element_real(io->in[1]->dtype, io->in[1]->data, 0);
    step = element_real(io->in[2]->dtype, io->in[2]->data, 0);
    count = dtype_is_float(y->dtype) ? ceil((to - from) / step) : count_whole(io);
    if (!(count < 1e12) || step == 0)
        return error_set(err, ERROR_INPUT, "a range from %g to %g by %g has no end", from, to, step);
    y->shape = shape_of(1, (int64_t)(count > 0 ? count : 0));
    return check_result(y, err);
}

static void forward_range(const struct op_io *io, const struct op_run *run)
{
    const struct tensor *from = io->in[0], *step = io->in[2], *y = io->out[0];

    (void)run;
    for (int64_t i = 0; i < shape_count(&y->shape); i++) {
        if (dtype_is_float(y->dtype))
            element_set_real(y->dtype, y->data, i,
                             element_real(y->dtype, from->data, 0) + (double)i * element_real(y->dtype, step->data, 0));
        else
            element_set_int(y->dtype, y->data, i,
                            (int64_t)((uint64_t)element_int(y->dtype, from->data, 0) +
                                      (uint64_t)i * (uint64_t)element_int(y->dtype, step->data, 0)));
    }
}

const struct op op_range = {
    .name = "Range",
    .formula = "y = start, start + delta, ... below limit",
    .min_inputs = 3,
    .max_inputs = 3,
    .outputs = 1,
    .arguments = 1U << 0 | 1U << 1 | 1U << 2,
    .flags = OP_EMPTY,
    .shape = shape_range,
    .forward = forward_range,
};

/* ---- EyeLike ---- */

static int shape_eye(struct op_io *io, struct error *err)
{
    struct tensor *y = io->out[0];
    int64_t number;

    if (op_expect_rank(io, 0, 2, err) < 0 ||
        attribute_int(io->attributes, "dtype", dtype_onnx(io->in[0]->dtype), &number, err) < 0 ||
        attribute_int(io->attributes, "k", 0, &(int64_t){ 0 }, err) < 0)
        return -1;
    if (!dtype_of_onnx(&y->dtype, number))
        return error_set(err, ERROR_INPUT, "dtype is ONNX's data type %" PRId64 ", which is not known here", number);
    y->shape = io->in[0]->shape;
    return 0;
}

static void forward_eye(const struct op_io *io, const struct op_run *run)
{
    const struct attribute *k = attribute_find(io->attributes, "k");
    const struct tensor *y = io->out[0];

    (void)run;
    memset(y->data, 0, tensor_bytes(y));
    for (int64_t i = 0; i < y->shape.dim[0]; i++) {
        const int64_t shift = k == NULL ? 0 : k->i;

        if (shift < y->shape.dim[1] && shift > -y->shape.dim[0] && i + shift >= 0 && i + shift < y->shape.dim[1])
            element_set_int(y->dtype, y->data, i * y->shape.dim[1] + i + shift, 1);
    }
}

const struct op op_eye_like = {
    .name = "EyeLike",
    .formula = "y = ones on a diagonal, of x's shape",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .attributes = "dtype k",
    .flags = OP_EMPTY,
    .shape = shape_eye,
    .forward = forward_eye,
};

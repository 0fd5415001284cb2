/*
 * max_unpool.c - the way back of MaxPool: each pixel to where its index says,
 * zeros elsewhere. Indices count in the shape that kernel, strides and pads
 * lead to; output_shape, where it is larger, adds zeros behind (so do ONNX's own
 * tests, though the specification's words could also mean otherwise).
 */
#include <inttypes.h>
#include <string.h>

#include "base/limits.h"
#include "op/argument.h"
#include "op/window.h"

static int read_shape(const struct argument_list *list, struct shape *y, struct error *err)
{
    char text[160];

    if (list->count != y->rank)
        return error_set(err, ERROR_INPUT, "output_shape has %d entries, expected %d", list->count, y->rank);
    for (int i = 0; i < y->rank; i++) {
        if (list->value[i] < 1 || (i < 2 && list->value[i] != y->dim[i]))
            return error_set(err, ERROR_INPUT, "output_shape has %" PRId64 " at axis %d, the input has shape %s",
                             list->value[i], i, shape_text(y, text));
        y->dim[i] = list->value[i];
    }
    return 0;
}

/* The shape that indices count in: plan. */
static int shape(struct op_io *io, struct error *err)
{
    struct shape *counted = io->plan;
    const struct tensor *x = io->in[0];
    struct window win[WINDOW_AXES];
    struct argument_list list;
    struct shape *y = &io->out[0]->shape;

    if (argument_any_real(io, 0, err) < 0 || op_expect_dtype(io, 1, DTYPE_I64, err) < 0 ||
        op_expect_shape(io, 1, &x->shape, err) < 0 || argument_rank(x, 3, 2 + WINDOW_AXES, err) < 0 ||
        argument_ints(io, 2, "output_shape", &list, err) < 0)
        return -1;
    io->out[0]->dtype = x->dtype;
    *y = x->shape;
    if (window_read_transposed_all(win, io, &x->shape, NULL, err) < 0)
        return -1;
    *counted = window_shape_all(win, &x->shape, x->shape.dim[1]);
    if (shape_check(counted, INT64_MAX, err) < 0)
        return -1;
    if (!list.given)
        *y = *counted;
    else if (read_shape(&list, y, err) < 0)
        return -1;
    return shape_check(y, (int64_t)limit_get(LIMIT_ACTIVATION_BYTES), err);
}

/* Where the element of that number in `counted` lies in y; -1: nowhere. */
static int64_t place_of(const struct shape *counted, const struct shape *y, int64_t index)
{
    int64_t place = 0, step = 1;

    if (index < 0 || index >= shape_count(counted))
        return -1;
    for (int i = y->rank - 1; i >= 0; i--) {
        const int64_t at = index % counted->dim[i];

        if (at >= y->dim[i])
            return -1;
        place += at * step;
        step *= y->dim[i];
        index /= counted->dim[i];
    }
    return place;
}

/* An index beside the output, which only the run shows, goes nowhere. */
static void forward(const struct op_io *io, const struct op_run *run)
{
    const struct tensor *x = io->in[0], *y = io->out[0];
    const int64_t *index = io->in[1]->data;
    const size_t bytes = dtype_bytes(x->dtype);

    (void)run;
    memset(y->data, 0, tensor_bytes(y));
    for (int64_t i = 0; i < shape_count(&x->shape); i++) {
        const int64_t place = place_of(io->plan, &y->shape, index[i]);

        if (place >= 0)
            memcpy((unsigned char *)y->data + (size_t)place * bytes, (const unsigned char *)x->data + (size_t)i * bytes,
                   bytes);
    }
}

const struct op op_max_unpool = {
    .name = "MaxUnpool",
    .formula = "y[index[i]] = x[i], 0 elsewhere",
    .min_inputs = 2,
    .max_inputs = 3,
    .outputs = 1,
    .attributes = "kernel_shape pads strides",
    .arguments = 1U << 2,
    .plan_bytes = sizeof(struct shape),
    .shape = shape,
    .forward = forward,
};

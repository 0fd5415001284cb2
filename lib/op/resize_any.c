/*
 * resize_any.c - one axis after the other: each output element is a sum of a
 * few inputs along the axis. Source: ONNX's operator Resize, opset 19; Keys
 * (1981) for the cubic weights.
 */
#include "op/resize_any.h"

#include <math.h>
#include <string.h>

#include "op/chunk.h"
#include "op/lanes.h"
#include "tensor/element.h"

double resize_position(const struct resize_plan *plan, const struct op_io *io, int axis, int64_t i)
{
    const int64_t n = io->in[0]->shape.dim[axis], out = io->out[0]->shape.dim[axis];
    const double scale = plan->scale[axis], x = (double)i;
    const double start = (double)plan->start[axis], end = (double)plan->end[axis];

    switch (plan->place) {
    case ASYMMETRIC: return x / scale;
    case ALIGN_CORNERS: return i == 0 ? 0 : x * (double)(n - 1) / (plan->length[axis] - 1);
    case PYTORCH_HALF_PIXEL: return out == 1 ? 0 : (x + 0.5) / scale - 0.5;
    case HALF_PIXEL_SYMMETRIC: return (double)n / 2 * (1 - (double)out / plan->length[axis]) + (x + 0.5) / scale - 0.5;
    case TF_CROP_AND_RESIZE:
        return out == 1 ? (start + end) / 2 * (double)(n - 1)
                        : start * (double)(n - 1) + x * (end - start) * (double)(n - 1) / (double)(out - 1);
    case TF_HALF_PIXEL_FOR_NN: return (x + 0.5) / scale;
    default: return (x + 0.5) / scale - 0.5;
    }
}

static double rounded(double v, int rounding)
{
    switch (rounding) {
    case PREFER_FLOOR: return ceil(v - 0.5);
    case PREFER_CEIL: return floor(v + 0.5);
    case FLOOR: return floor(v);
    default: return ceil(v);
    }
}

int64_t resize_nearest(const struct resize_plan *plan, double position, int64_t n)
{
    const double v = rounded((double)(float)position, plan->rounding), last = (double)(n - 1);

    return (int64_t)(v > 0 ? (v < last ? v : last) : 0);
}

static bool moves(const struct op_io *io, const struct resize_plan *plan, int axis)
{
    return io->in[0]->shape.dim[axis] != io->out[0]->shape.dim[axis] || plan->scale[axis] != 1 ||
           plan->place == TF_CROP_AND_RESIZE;
}

/* ---- weights along an axis ---- */

/* Inputs that one output reaches, on either side of its position. */
static int64_t reach(const struct resize_plan *plan, int axis)
{
    const double widest = plan->mode == MODE_CUBIC ? 2 : 1;
    const double shrink = plan->antialias && plan->scale[axis] < 1 ? plan->scale[axis] : 1;

    return (int64_t)ceil(widest / shrink);
}

double resize_cubic(double distance, double a)
{
    const double d = fabs(distance);

    if (d <= 1)
        return ((a + 2) * d - (a + 3)) * d * d + 1;
    return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

static double weight_of(const struct resize_plan *plan, int axis, double distance)
{
    const double shrink = plan->antialias && plan->scale[axis] < 1 ? plan->scale[axis] : 1;
    const double d = fabs(distance) * shrink;

    if (plan->mode == MODE_LINEAR)
        return d < 1 ? 1 - d : 0;
    return resize_cubic(d, (double)plan->cubic);
}

/* One output as a sum over first .. first + count - 1 of the axis, held within it; weight has room for 2 * reach. */
static int64_t fill_weights(const struct resize_plan *plan, const struct op_io *io, int axis, int64_t i, double *weight,
                            int64_t *count)
{
    const int64_t n = io->in[0]->shape.dim[axis], side = reach(plan, axis);
    const double position = resize_position(plan, io, axis, i), base = floor(position);
    const int64_t first = (int64_t)base - side + 1;
    const bool normalize = plan->exclude_outside || plan->antialias;
    double sum = 0;

    *count = 2 * side;
    for (int64_t k = 0; k < *count; k++) {
        const bool outside = first + k < 0 || first + k >= n;

        weight[k] = outside && plan->exclude_outside ? 0 : weight_of(plan, axis, (double)(first + k) - position);
        sum += weight[k];
    }
    for (int64_t k = 0; k < *count && normalize && sum != 0; k++)
        weight[k] /= sum;
    return first;
}

static int64_t within(int64_t i, int64_t n)
{
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

/* ---- the passes ---- */

static size_t rounded_up(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

/* The largest that lies between two passes. */
static size_t between_bytes(const struct op_io *io)
{
    const struct shape *x = &io->in[0]->shape, *y = &io->out[0]->shape;
    double count = 1;

    for (int i = 0; i < x->rank; i++)
        count *= (double)(x->dim[i] > y->dim[i] ? x->dim[i] : y->dim[i]);
    return count < 1e12 ? rounded_up((size_t)count * sizeof(double)) : SIZE_MAX / 4;
}

static size_t weight_bytes(const struct op_io *io, const struct resize_plan *plan)
{
    int64_t most = 2;

    for (int i = 0; i < io->in[0]->shape.rank; i++)
        most = 2 * reach(plan, i) > most ? 2 * reach(plan, i) : most;
    return rounded_up((size_t)most * sizeof(double));
}

void resize_any_size(struct op_io *io, struct resize_plan *plan)
{
    io->work_bytes = plan->mode == MODE_NEAREST ? 0 : 2 * between_bytes(io) + weight_bytes(io, plan);
}

/* y, of the shape that x has but for the axis, from x along that axis. */
static void resample(const struct op_io *io, const struct resize_plan *plan, int axis, double *y, const double *x,
                     struct shape *shape, double *weight)
{
    const struct lanes from = lanes_of(shape, axis);
    const int64_t n = shape->dim[axis];
    struct lanes to;

    shape->dim[axis] = io->out[0]->shape.dim[axis];
    to = lanes_of(shape, axis);
    for (int64_t i = 0; i < to.size; i++) {
        int64_t count = 0, first = fill_weights(plan, io, axis, i, weight, &count);

        for (int64_t lane = 0; lane < to.lanes; lane++) {
            const double *in = x + lanes_begin(&from, lane);
            double sum = 0;

            for (int64_t k = 0; k < count; k++)
                if (weight[k] != 0)
                    sum += weight[k] * in[within(first + k, n) * from.step];
            y[lanes_begin(&to, lane) + i * to.step] = sum;
        }
    }
}

static void smooth(const struct op_io *io, const struct resize_plan *plan)
{
    const struct tensor *x = io->in[0], *y = io->out[0];
    const size_t between = between_bytes(io);
    double *a = io->work, *b = (double *)(void *)((char *)io->work + between);
    double *weight = (double *)(void *)((char *)io->work + 2 * between);
    struct shape shape = x->shape;

    for (int64_t i = 0; i < shape_count(&x->shape); i++)
        a[i] = element_real(x->dtype, x->data, i);
    for (int axis = 0; axis < shape.rank; axis++) {
        double *swap = a;

        if (!moves(io, plan, axis))
            continue;
        resample(io, plan, axis, b, a, &shape, weight);
        a = b;
        b = swap;
    }
    for (int64_t i = 0; i < shape_count(&y->shape); i++)
        element_set_real(y->dtype, y->data, i, a[i]);
}

static void nearest(const struct op_io *io, const struct resize_plan *plan)
{
    const struct tensor *x = io->in[0], *y = io->out[0];
    const size_t bytes = dtype_bytes(x->dtype);

    for (int64_t i = 0; i < shape_count(&y->shape); i++) {
        int64_t rest = i, from = 0, run = 1;

        for (int k = y->shape.rank - 1; k >= 0; k--) {
            const int64_t index = rest % y->shape.dim[k];

            from += run * (moves(io, plan, k)
                               ? resize_nearest(plan, resize_position(plan, io, k, index), x->shape.dim[k])
                               : index);
            rest /= y->shape.dim[k];
            run *= x->shape.dim[k];
        }
        memcpy((unsigned char *)y->data + (size_t)i * bytes, (const unsigned char *)x->data + (size_t)from * bytes,
               bytes);
    }
}

/* What a crop shows from beside the image is one value. */
static void fill_outside(const struct op_io *io, const struct resize_plan *plan)
{
    const struct tensor *y = io->out[0];

    for (int64_t i = 0; i < shape_count(&y->shape); i++) {
        int64_t rest = i;
        bool outside = false;

        for (int k = y->shape.rank - 1; k >= 0; k--) {
            const double at = resize_position(plan, io, k, rest % y->shape.dim[k]);

            outside = outside || at < 0 || at > (double)(io->in[0]->shape.dim[k] - 1);
            rest /= y->shape.dim[k];
        }
        if (outside)
            element_set_real(y->dtype, y->data, i, (double)plan->outside);
    }
}

void resize_any_forward(const struct op_io *io, const struct resize_plan *plan, const struct op_run *run)
{
    (void)run;
    if (plan->mode == MODE_NEAREST)
        nearest(io, plan);
    else
        smooth(io, plan);
    if (plan->place == TF_CROP_AND_RESIZE)
        fill_outside(io, plan);
}

/*
 * resize.c - axes to another size. The last two, by the nearest pixel or by straight
 * lines between two, are done here, fast, with their gradient; other forms in resize_any.c.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "op/argument.h"
#include "op/chunk.h"
#include "op/resize_any.h"
#include "op/stride.h"
#include "op/typed.h"
#include "op/unary.h"

static const char *const modes[] = { "nearest", "linear", "cubic", NULL };
static const char *const places[] = { "half_pixel",           "pytorch_half_pixel",
                                      "align_corners",        "asymmetric",
                                      "half_pixel_symmetric", "tf_crop_and_resize",
                                      "tf_half_pixel_for_nn", NULL };
static const char *const roundings[] = { "round_prefer_floor", "round_prefer_ceil", "floor", "ceil", NULL };
enum { STRETCH, NOT_LARGER, NOT_SMALLER };
static const char *const policies[] = { "stretch", "not_larger", "not_smaller", NULL };

/* One output index along an axis: x[low] + share * (x[high] - x[low]). */
struct tap {
    int32_t low, high;
    float share;
};

/* What is said of each axis: all of them, or those in `axes`. */
struct wanted {
    float scale[SHAPE_MAX_RANK], roi[2 * SHAPE_MAX_RANK];
    struct argument_list size, axes;
    int scale_count, roi_count, count;
    double kept; /* the one scale of all axes; 0: each has its own */
};

static int read_roi(const struct op_io *io, struct wanted *w, struct error *err)
{
    const struct tensor *roi = op_input(io, 1);

    w->roi_count = roi == NULL ? 0 : (int)shape_count(&roi->shape);
    if (w->roi_count == 0)
        return 0;
    if (!dtype_is_float(roi->dtype) || roi->data == NULL || w->roi_count != 2 * w->count)
        return error_set(err, ERROR_INPUT, "roi is no list of %d constant reals", 2 * w->count);
    for (int i = 0; i < w->roi_count; i++) {
        w->roi[i] = (float)typed_real(roi, i);
        if (!(fabsf(w->roi[i]) < 1e6F))
            return error_set(err, ERROR_INPUT, "roi has %g, expected numbers that are near 0 to 1", (double)w->roi[i]);
    }
    return 0;
}

static int read_wanted(const struct op_io *io, struct wanted *w, struct error *err)
{
    const int rank = io->in[0]->shape.rank;
    bool flags[SHAPE_MAX_RANK];

    if (argument_reals(io, 2, "scales", w->scale, &w->scale_count, err) < 0 ||
        argument_ints(io, 3, "sizes", &w->size, err) < 0 || argument_ints(io, -1, "axes", &w->axes, err) < 0 ||
        argument_axes(&w->axes, rank, flags, err) < 0)
        return -1;
    w->count = w->axes.given ? w->axes.count : rank;
    if ((w->scale_count > 0) == (w->size.count > 0) || w->scale_count + w->size.count != w->count)
        return error_set(err, ERROR_INPUT, "there are %d scales and %d sizes, expected %d of one kind", w->scale_count,
                         w->size.count, w->count);
    return 0;
}

static int axis_of(const struct wanted *w, int i, int rank)
{
    return (int)(w->axes.given ? w->axes.value[i] + (w->axes.value[i] < 0 ? rank : 0) : i);
}

/* Sizes that keep the picture's proportions: one scale for all axes, the smallest or the largest. */
static void keep_proportions(const struct shape *x, struct wanted *w, int policy)
{
    double scale = policy == NOT_LARGER ? INFINITY : 0;

    w->kept = 0;
    if (policy == STRETCH || w->scale_count > 0)
        return;
    for (int i = 0; i < w->count; i++) {
        const double own = (double)w->size.value[i] / (double)x->dim[axis_of(w, i, x->rank)];

        scale = policy == NOT_LARGER ? (own < scale ? own : scale) : (own > scale ? own : scale);
    }
    for (int i = 0; i < w->count; i++) {
        const double size = floor(scale * (double)x->dim[axis_of(w, i, x->rank)] + 0.5);

        w->size.value[i] = size > 0 ? (int64_t)fmin(size, INT32_MAX + 1.0) : 0; /* beyond: refused by the caller */
    }
    w->kept = scale;
}

static int read_sizes(struct op_io *io, struct resize_plan *plan, int policy, struct shape *y, struct error *err)
{
    const struct shape *x = &io->in[0]->shape;
    struct wanted w;

    if (read_wanted(io, &w, err) < 0 || read_roi(io, &w, err) < 0)
        return -1;
    *y = *x;
    for (int i = 0; i < x->rank; i++) {
        if (x->dim[i] < 1 || x->dim[i] > INT32_MAX)
            return error_set(err, ERROR_INPUT, "axis %d has %" PRId64, i, x->dim[i]);
        plan->scale[i] = plan->end[i] = 1;
        plan->start[i] = 0;
        plan->length[i] = (double)x->dim[i];
    }
    keep_proportions(x, &w, policy);
    for (int i = 0; i < w.count; i++) {
        const int axis = axis_of(&w, i, x->rank);
        /* In single precision, as ONNX's shape inference: 10 times 0.7F are 7. */
        const double real = (double)((float)x->dim[axis] * w.scale[i]);
        const double size = w.scale_count > 0 ? floor(real) : (double)w.size.value[i];

        if (!(size >= 1 && size <= INT32_MAX))
            return error_set(err, ERROR_INPUT, "axis %d has %" PRId64 " and would get %g, expected at least 1", axis,
                             x->dim[axis], size);
        y->dim[axis] = (int64_t)size;
        plan->length[axis] = w.scale_count > 0 ? real : size;
        plan->scale[axis] = w.scale_count > 0 ? (double)w.scale[i] : w.kept > 0 ? w.kept : size / (double)x->dim[axis];
        if (w.roi_count > 0) {
            plan->start[axis] = w.roi[i];
            plan->end[axis] = w.roi[w.count + i];
        }
    }
    return shape_check(y, (int64_t)limit_get(LIMIT_ACTIVATION_BYTES), err);
}

static int read_how(const struct op_io *io, struct resize_plan *plan, int *policy, struct error *err)
{
    int64_t antialias, exclude;
    double cubic, outside;

    if (argument_choice(io, "mode", modes, 0, &plan->mode, err) < 0 ||
        argument_choice(io, "coordinate_transformation_mode", places, HALF_PIXEL, &plan->place, err) < 0 ||
        argument_choice(io, "nearest_mode", roundings, PREFER_FLOOR, &plan->rounding, err) < 0 ||
        argument_choice(io, "keep_aspect_ratio_policy", policies, 0, policy, err) < 0 ||
        attribute_int(io->attributes, "antialias", 0, &antialias, err) < 0 ||
        attribute_int(io->attributes, "exclude_outside", 0, &exclude, err) < 0 ||
        attribute_float(io->attributes, "cubic_coeff_a", -0.75, &cubic, err) < 0 ||
        attribute_float(io->attributes, "extrapolation_value", 0, &outside, err) < 0)
        return -1;
    plan->antialias = antialias != 0;
    plan->exclude_outside = exclude != 0;
    plan->cubic = (float)cubic;
    plan->outside = (float)outside;
    return 0;
}

/* More than the nearest or a line between two on the last two axes of F32 or quantized bytes. */
static bool is_other(const struct op_io *io, const struct resize_plan *plan, const struct shape *y)
{
    const struct tensor *x = io->in[0];
    bool other = plan->mode == MODE_CUBIC || plan->antialias || plan->exclude_outside || plan->place > ASYMMETRIC ||
                 (x->dtype != DTYPE_F32 && x->quant == NULL);

    for (int i = 0; i < y->rank - 2; i++)
        other = other || y->dim[i] != x->shape.dim[i] || plan->scale[i] != 1;
    return other;
}

static int shape(struct op_io *io, struct error *err)
{
    struct resize_plan *plan = io->plan;
    const struct tensor *x = io->in[0];
    struct shape y;
    int policy;

    if (argument_moves(io, err) < 0 || argument_rank(x, 1, SHAPE_MAX_RANK, err) < 0 ||
        read_how(io, plan, &policy, err) < 0 || read_sizes(io, plan, policy, &y, err) < 0)
        return -1;
    io->out[0]->dtype = x->dtype;
    io->out[0]->shape = y;
    plan->other = is_other(io, plan, &y);
    if (plan->other && (x->quant != NULL || io->training))
        return error_set(err, ERROR_INPUT, "this form of Resize neither trains nor runs on quantized bytes");
    if (plan->other)
        resize_any_size(io, plan);
    else
        io->work_bytes = (size_t)(y.dim[y.rank - 1] + (y.rank > 1 ? y.dim[y.rank - 2] : 1)) * sizeof(struct tap);
    return 0;
}

static void fill_taps(struct tap *tap, const struct resize_plan *plan, const struct op_io *io, int axis)
{
    const int64_t n = axis < 0 ? 1 : io->in[0]->shape.dim[axis], out = axis < 0 ? 1 : io->out[0]->shape.dim[axis];
    const double last = (double)(n - 1);
    const bool linear = plan->mode == MODE_LINEAR;

    for (int64_t i = 0; i < out; i++) {
        double v = axis < 0 ? 0 : resize_position(plan, io, axis, i);
        int64_t low;

        v = v > 0 ? (v < last ? v : last) : 0;
        low = linear ? (int64_t)floor(v) : resize_nearest(plan, v, n);
        tap[i].low = (int32_t)low;
        tap[i].high = low < n - 1 ? tap[i].low + 1 : tap[i].low;
        tap[i].share = linear ? (float)(v - (double)low) : 0;
    }
}

/* What all planes [H, W] of a call have in common. */
struct pass {
    const struct op_io *io;
    size_t h, w, p, q; /* rows and columns in, rows and columns out */
    const struct tap *rows, *columns;
    bool linear;
};

static struct pass begin_pass(const struct op_io *io)
{
    const struct shape *x = &io->in[0]->shape, *y = &io->out[0]->shape;
    const struct resize_plan *plan = io->plan;
    struct tap *taps = io->work;
    int rank = x->rank;
    struct pass pass = { .io = io, .h = 1, .p = 1, .linear = plan->mode == MODE_LINEAR };

    pass.w = (size_t)x->dim[rank - 1];
    pass.q = (size_t)y->dim[rank - 1];
    if (rank > 1) {
        pass.h = (size_t)x->dim[rank - 2];
        pass.p = (size_t)y->dim[rank - 2];
    }
    fill_taps(taps, plan, io, rank - 1);
    fill_taps(taps + pass.q, plan, io, rank - 2);
    pass.columns = taps;
    pass.rows = taps + pass.q;
    return pass;
}

/* The nearest is copied: arithmetic with a share of 0 would turn infinity into NaN. */
static void row_f32(const struct pass *pass, float *y, const float *low, const float *high, float share)
{
    for (size_t j = 0; j < pass->q && !pass->linear; j++)
        y[j] = low[pass->columns[j].low];
    for (size_t j = 0; j < pass->q && pass->linear; j++) {
        struct tap c = pass->columns[j];
        float top = low[c.low] + c.share * (low[c.high] - low[c.low]);
        float bottom = high[c.low] + c.share * (high[c.high] - high[c.low]);

        y[j] = top + share * (bottom - top);
    }
}

/* In floats without fused operations, so the bytes are the same everywhere. */
static void row_u8(const struct pass *pass, uint8_t *y, const uint8_t *low, const uint8_t *high, float share)
{
    for (size_t j = 0; j < pass->q && !pass->linear; j++)
        y[j] = low[pass->columns[j].low];
    for (size_t j = 0; j < pass->q && pass->linear; j++) {
        struct tap c = pass->columns[j];
        float top = (float)low[c.low] + c.share * (float)(low[c.high] - low[c.low]);
        float bottom = (float)high[c.low] + c.share * (float)(high[c.high] - high[c.low]);

        y[j] = (uint8_t)rintf(top + share * (bottom - top));
    }
}

static void forward_planes(const void *context, size_t begin, size_t end, int worker)
{
    const struct pass *pass = context;
    const struct tensor *x = pass->io->in[0], *y = pass->io->out[0];

    (void)worker;
    for (size_t r = begin * pass->p; r < end * pass->p; r++) {
        struct tap tap = pass->rows[r % pass->p];
        size_t low = (r / pass->p * pass->h + (size_t)tap.low) * pass->w;
        size_t high = (r / pass->p * pass->h + (size_t)tap.high) * pass->w;

        if (x->dtype == DTYPE_F32)
            row_f32(pass, (float *)y->data + r * pass->q, (const float *)x->data + low, (const float *)x->data + high,
                    tap.share);
        else
            row_u8(pass, (uint8_t *)y->data + r * pass->q, (const uint8_t *)x->data + low,
                   (const uint8_t *)x->data + high, tap.share);
    }
}

static void backward_planes(const void *context, size_t begin, size_t end, int worker)
{
    const struct pass *pass = context;

    (void)worker;
    for (size_t r = begin * pass->p; r < end * pass->p; r++) {
        struct tap row = pass->rows[r % pass->p];
        const float *gy = pass->io->out[0]->grad + r * pass->q;
        float *low = pass->io->in[0]->grad + (r / pass->p * pass->h + (size_t)row.low) * pass->w;
        float *high = pass->io->in[0]->grad + (r / pass->p * pass->h + (size_t)row.high) * pass->w;

        for (size_t j = 0; j < pass->q; j++) {
            struct tap c = pass->columns[j];
            float bottom = row.share * gy[j], top = gy[j] - bottom;

            low[c.low] += top - c.share * top;
            low[c.high] += c.share * top;
            high[c.low] += bottom - c.share * bottom;
            high[c.high] += c.share * bottom;
        }
    }
}

static size_t plane_count(const struct shape *x)
{
    return x->rank > 2 ? (size_t)shape_span(x, 0, x->rank - 2) : 1;
}

static void forward(const struct op_io *io, const struct op_run *run)
{
    const struct resize_plan *plan = io->plan;
    struct pass pass;

    if (plan->other) {
        resize_any_forward(io, plan, run);
        return;
    }
    pass = begin_pass(io);
    chunk_run(run->pool, plane_count(&io->in[0]->shape), pass.p * pass.q, forward_planes, &pass);
    unary_rescale(io->out[0], io->in[0]->quant, run);
}

static void backward(const struct op_io *io, const struct op_run *run)
{
    struct pass pass;

    if (io->in[0]->grad == NULL)
        return;
    pass = begin_pass(io);
    stride_clear(io->in[0]);
    chunk_run(run->pool, plane_count(&io->in[0]->shape), pass.p * pass.q, backward_planes, &pass);
}

const struct op op_resize = {
    .name = "Resize",
    .formula = "y = x resampled along its axes: nearest, linear or cubic",
    .min_inputs = 1,
    .max_inputs = 4,
    .outputs = 1,
    .attributes = "antialias axes coordinate_transformation_mode cubic_coeff_a exclude_outside extrapolation_value "
                  "keep_aspect_ratio_policy mode nearest_mode scales sizes",
    .arguments = 1U << 1 | 1U << 2 | 1U << 3,
    .flags = OP_INTEGER,
    .plan_bytes = sizeof(struct resize_plan),
    .shape = shape,
    .forward = forward,
    .backward = backward,
};

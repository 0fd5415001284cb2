/*
 * resize.c - the last two axes to another size, by the nearest pixel or by
 * straight lines between two along each axis. What lies outside is the edge.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "op/argument.h"
#include "op/chunk.h"
#include "op/stride.h"
#include "op/unary.h"

enum { HALF_PIXEL, PYTORCH_HALF_PIXEL, ALIGN_CORNERS, ASYMMETRIC };
enum { PREFER_FLOOR, PREFER_CEIL, FLOOR, CEIL };
static const char *const modes[] = { "nearest", "linear", NULL };
static const char *const places[] = { "half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", NULL };
static const char *const policies[] = { "stretch", NULL };
static const char *const roundings[] = { "round_prefer_floor", "round_prefer_ceil", "floor", "ceil", NULL };

struct plan {
    int linear, place, rounding;
    float scale[SHAPE_MAX_RANK];
};

/* One output index along an axis: x[low] + share * (x[high] - x[low]). */
struct tap {
    int32_t low, high;
    float share;
};

/* Scales and sizes name all axes, or those in `axes`. */
static int read_sizes(struct op_io *io, struct plan *plan, struct shape *y, struct error *err)
{
    const struct shape *x = &io->in[0]->shape;
    float scales[SHAPE_MAX_RANK];
    struct argument_list sizes, axes;
    bool flags[SHAPE_MAX_RANK];
    int scale_count, count;

    if (argument_reals(io, 2, "scales", scales, &scale_count, err) < 0 ||
        argument_ints(io, 3, "sizes", &sizes, err) < 0 || argument_ints(io, -1, "axes", &axes, err) < 0 ||
        argument_axes(&axes, x->rank, flags, err) < 0)
        return -1;
    count = axes.given ? axes.count : x->rank;
    if ((scale_count > 0) == (sizes.count > 0) || scale_count + sizes.count != count)
        return error_set(err, ERROR_INPUT, "there are %d scales and %d sizes, expected %d of one kind", scale_count,
                         sizes.count, count);
    *y = *x;
    for (int i = 0; i < x->rank; i++)
        plan->scale[i] = 1;
    for (int i = 0; i < count; i++) {
        int axis = (int)(axes.given ? axes.value[i] + (axes.value[i] < 0 ? x->rank : 0) : i);
        double size = scale_count > 0 ? floor((double)x->dim[axis] * (double)scales[i]) : (double)sizes.value[i];

        if (!(size >= 1 && size <= INT32_MAX) || x->dim[axis] < 1 || x->dim[axis] > INT32_MAX)
            return error_set(err, ERROR_INPUT, "axis %d has %" PRId64 " and would get %g, expected at least 1", axis,
                             x->dim[axis], size);
        y->dim[axis] = (int64_t)size;
        plan->scale[axis] = scale_count > 0 ? scales[i] : (float)(size / (double)x->dim[axis]);
    }
    return shape_check(y, (int64_t)limit_get(LIMIT_ACTIVATION_BYTES), err);
}

static int refuse(const struct op_io *io, const char *name, struct error *err)
{
    int64_t value;

    if (attribute_int(io->attributes, name, 0, &value, err) < 0)
        return -1;
    return value == 0 ? 0 : error_set(err, ERROR_INPUT, "%s is %" PRId64 ", expected 0", name, value);
}

static int shape(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    const struct tensor *x = io->in[0];
    struct shape y;
    int stretch;
    char from[160], to[160];

    if (argument_numeric(io, 0, true, err) < 0 || argument_rank(x, 1, SHAPE_MAX_RANK, err) < 0 ||
        argument_choice(io, "mode", modes, 0, &plan->linear, err) < 0 ||
        argument_choice(io, "coordinate_transformation_mode", places, HALF_PIXEL, &plan->place, err) < 0 ||
        argument_choice(io, "nearest_mode", roundings, PREFER_FLOOR, &plan->rounding, err) < 0 ||
        argument_choice(io, "keep_aspect_ratio_policy", policies, 0, &stretch, err) < 0 ||
        refuse(io, "antialias", err) < 0 || refuse(io, "exclude_outside", err) < 0 || read_sizes(io, plan, &y, err) < 0)
        return -1;
    for (int i = 0; i < y.rank - 2; i++)
        if (y.dim[i] != x->shape.dim[i])
            return error_set(err, ERROR_INPUT, "%s would become %s, expected a change of the last two axes",
                             shape_text(&x->shape, from), shape_text(&y, to));
    io->out[0]->dtype = x->dtype;
    io->out[0]->shape = y;
    io->work_bytes = (size_t)(y.dim[y.rank - 1] + (y.rank > 1 ? y.dim[y.rank - 2] : 1)) * sizeof(struct tap);
    return 0;
}

/* Where output index i lies among n inputs, as real index. */
static double position(const struct plan *plan, int64_t i, int64_t n, int64_t out, double scale)
{
    if (plan->place == ASYMMETRIC)
        return (double)i / scale;
    if (plan->place == ALIGN_CORNERS)
        return out == 1 ? 0 : (double)i * (double)(n - 1) / (double)(out - 1);
    if (plan->place == PYTORCH_HALF_PIXEL && out == 1)
        return 0;
    return ((double)i + 0.5) / scale - 0.5;
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

static void fill_taps(struct tap *tap, const struct plan *plan, int64_t n, int64_t out, double scale)
{
    double last = (double)(n - 1);

    for (int64_t i = 0; i < out; i++) {
        double v = position(plan, i, n, out, scale), low;

        v = v > 0 ? (v < last ? v : last) : 0;
        low = plan->linear ? floor(v) : rounded(v, plan->rounding);
        tap[i].low = (int32_t)low;
        tap[i].high = low < last ? tap[i].low + 1 : tap[i].low;
        tap[i].share = plan->linear ? (float)(v - low) : 0;
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
    const struct plan *plan = io->plan;
    struct tap *taps = io->work;
    int rank = x->rank;
    struct pass pass = { .io = io, .h = 1, .p = 1, .linear = plan->linear };

    pass.w = (size_t)x->dim[rank - 1];
    pass.q = (size_t)y->dim[rank - 1];
    if (rank > 1) {
        pass.h = (size_t)x->dim[rank - 2];
        pass.p = (size_t)y->dim[rank - 2];
    }
    fill_taps(taps, plan, (int64_t)pass.w, (int64_t)pass.q, (double)plan->scale[rank - 1]);
    fill_taps(taps + pass.q, plan, (int64_t)pass.h, (int64_t)pass.p, rank > 1 ? (double)plan->scale[rank - 2] : 1);
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
    struct pass pass = begin_pass(io);

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
    .formula = "y = x with its last two axes resampled: nearest or linear",
    .min_inputs = 1,
    .max_inputs = 4,
    .outputs = 1,
    .attributes = "antialias axes coordinate_transformation_mode cubic_coeff_a exclude_outside extrapolation_value "
                  "keep_aspect_ratio_policy mode nearest_mode scales sizes",
    .arguments = 1U << 1 | 1U << 2 | 1U << 3,
    .flags = OP_INTEGER,
    .plan_bytes = sizeof(struct plan),
    .shape = shape,
    .forward = forward,
    .backward = backward,
};

/*
 * roi_align.c - pieces of x brought to one size, each output pixel from samples
 * between the pixels of its bin (He et al., "Mask R-CNN", 2017, sec. 3).
 */
#include <inttypes.h>
#include <math.h>

#include "base/limits.h"
#include "op/argument.h"
#include "op/chunk.h"
#include "op/index.h"
#include "op/typed.h"
#include "tensor/element.h"

/* Samples of a bin along an axis: no region asks for more. */
enum { MOST_SAMPLES = 1024 };

enum mode { AVERAGE, LARGEST };
static const char *const modes[] = { "avg", "max", NULL };
enum place { HALF_PIXEL, OUTPUT_HALF_PIXEL };
static const char *const places[] = { "half_pixel", "output_half_pixel", NULL };

struct plan {
    int mode, place;
    int64_t out[2], samples; /* 0 samples: as many as a bin has pixels */
    double scale;
    int64_t channels, in[2];
};

static int read_how(const struct op_io *io, struct plan *plan, struct error *err)
{
    if (argument_choice(io, "mode", modes, AVERAGE, &plan->mode, err) < 0 ||
        argument_choice(io, "coordinate_transformation_mode", places, HALF_PIXEL, &plan->place, err) < 0 ||
        attribute_int(io->attributes, "output_height", 1, &plan->out[0], err) < 0 ||
        attribute_int(io->attributes, "output_width", 1, &plan->out[1], err) < 0 ||
        attribute_int(io->attributes, "sampling_ratio", 0, &plan->samples, err) < 0 ||
        attribute_float(io->attributes, "spatial_scale", 1, &plan->scale, err) < 0)
        return -1;
    if (plan->samples < 0 || plan->samples > MOST_SAMPLES)
        return error_set(err, ERROR_INPUT, "sampling_ratio is %" PRId64 ", expected 0 to %d", plan->samples,
                         MOST_SAMPLES);
    for (int i = 0; i < 2; i++)
        if (plan->out[i] < 1 || plan->out[i] > INT32_MAX)
            return error_set(err, ERROR_INPUT, "output_%s is %" PRId64 ", expected 1 or more",
                             i == 0 ? "height" : "width", plan->out[i]);
    return 0;
}

static int shape(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    const struct shape *x = &io->in[0]->shape, *rois = &io->in[1]->shape;
    const struct shape each = shape_of(1, rois->rank > 0 ? rois->dim[0] : 0);
    char text[160];

    if (argument_any_real(io, 0, err) < 0 || argument_any_real(io, 1, err) < 0 ||
        argument_rank(io->in[0], 4, 4, err) < 0 || op_expect_rank(io, 1, 2, err) < 0 ||
        op_expect_shape(io, 2, &each, err) < 0 || read_how(io, plan, err) < 0)
        return -1;
    if (rois->dim[1] != 4)
        return error_set(err, ERROR_INPUT, "regions have shape %s, expected 4 numbers each", shape_text(rois, text));
    if (x->dim[0] < 1 || x->dim[2] < 1 || x->dim[3] < 1)
        return error_set(err, ERROR_INPUT, "input has shape %s, expected pixels", shape_text(x, text));
    if (index_check(io, 2, x->dim[0], err) < 0)
        return -1;
    plan->channels = x->dim[1];
    plan->in[0] = x->dim[2];
    plan->in[1] = x->dim[3];
    io->out[0]->dtype = io->in[0]->dtype;
    io->out[0]->shape = shape_of(4, rois->dim[0], x->dim[1], plan->out[0], plan->out[1]);
    io->work_bytes = (size_t)io->workers * (size_t)plan->channels * sizeof(double);
    return shape_check(&io->out[0]->shape, (int64_t)limit_get(LIMIT_ACTIVATION_BYTES), err);
}

/* Along one axis of a region: its samples lie `step` apart. */
struct side {
    double first, bin, step;
    int64_t samples; /* of a bin */
};

static int64_t samples_of(double bin)
{
    if (!(bin > 0))
        return 0;
    return bin < MOST_SAMPLES ? (int64_t)ceil(bin) : MOST_SAMPLES;
}

/* Axis 0 is the height: [x1, y1, x2, y2] of the region. */
static struct side side_of(const struct plan *plan, const struct tensor *rois, int64_t region, int axis)
{
    const double shift = plan->place == HALF_PIXEL ? 0.5 : 0;
    const double begin = typed_real(rois, region * 4 + 1 - axis) * plan->scale - shift;
    double length = typed_real(rois, region * 4 + 3 - axis) * plan->scale - shift - begin;
    struct side side = { .first = begin };

    if (plan->place == OUTPUT_HALF_PIXEL && length < 1)
        length = 1;
    side.bin = length / (double)plan->out[axis];
    side.samples = plan->samples > 0 ? plan->samples : samples_of(side.bin);
    side.step = side.samples > 0 ? side.bin / (double)side.samples : 0;
    return side;
}

static double sample_of(const struct side *side, int64_t bin, int64_t sample)
{
    return side->first + (double)bin * side->bin + ((double)sample + 0.5) * side->step;
}

/* The four pixels around a place. */
struct around {
    int64_t at[4];
    double weight[4];
};

/* The pixel before and the way from it to the next; false more than a pixel beside the image. */
static bool between(double v, int64_t n, int64_t at[2], double *share)
{
    if (!(v >= -1 && v <= (double)n))
        return false;
    v = v > 0 ? v : 0;
    at[0] = (int64_t)v < n - 1 ? (int64_t)v : n - 1;
    at[1] = at[0] < n - 1 ? at[0] + 1 : at[0];
    *share = at[0] < n - 1 ? v - (double)at[0] : 0;
    return true;
}

static bool around_of(const struct plan *plan, double y, double x, struct around *around)
{
    int64_t row[2], column[2];
    double down, right;

    if (!between(y, plan->in[0], row, &down) || !between(x, plan->in[1], column, &right))
        return false;
    for (int i = 0; i < 4; i++) {
        around->at[i] = row[i / 2] * plan->in[1] + column[i % 2];
        around->weight[i] = (i / 2 ? down : 1 - down) * (i % 2 ? right : 1 - right);
    }
    return true;
}

/* The largest is that of the weighted pixels, not of their sums: so has it ONNX's own reference. */
static double taken(const struct plan *plan, const struct tensor *x, int64_t plane, const struct around *around,
                    double so_far)
{
    for (int i = 0; i < 4; i++) {
        const double v = around->weight[i] * typed_real(x, plane + around->at[i]);

        if (plan->mode == AVERAGE)
            so_far += v;
        else if (v > so_far)
            so_far = v;
    }
    return so_far;
}

/* Every channel of one bin: the samples of its rows and columns. */
static void one_bin(const struct op_io *io, const struct side *rows, const struct side *columns, const int64_t at[2],
                    int64_t image, double *sum)
{
    const struct plan *plan = io->plan;
    const int64_t pixels = plan->in[0] * plan->in[1], count = rows->samples * columns->samples;

    for (int64_t c = 0; c < plan->channels; c++)
        sum[c] = plan->mode == LARGEST && count > 0 ? -INFINITY : 0;
    for (int64_t i = 0; i < count; i++) {
        const int64_t row = i / columns->samples, column = i % columns->samples;
        struct around around = { { 0 }, { 0 } };

        if (!around_of(plan, sample_of(rows, at[0], row), sample_of(columns, at[1], column), &around) &&
            plan->mode == AVERAGE)
            continue;
        for (int64_t c = 0; c < plan->channels; c++)
            sum[c] = taken(plan, io->in[0], (image * plan->channels + c) * pixels, &around, sum[c]);
    }
    for (int64_t c = 0; c < plan->channels && plan->mode == AVERAGE && count > 0; c++)
        sum[c] /= (double)count;
}

static void bins(const void *context, size_t begin, size_t end, int worker)
{
    const struct op_io *io = context;
    const struct plan *plan = io->plan;
    const struct tensor *y = io->out[0];
    const int64_t out = plan->out[0] * plan->out[1];
    double *sum = (double *)io->work + (int64_t)worker * plan->channels;

    for (size_t i = begin; i < end; i++) {
        const int64_t region = (int64_t)i / out, bin = (int64_t)i % out;
        const int64_t at[2] = { bin / plan->out[1], bin % plan->out[1] };
        const struct side rows = side_of(plan, io->in[1], region, 0), columns = side_of(plan, io->in[1], region, 1);

        one_bin(io, &rows, &columns, at, index_at(io->in[2], region, io->in[0]->shape.dim[0]), sum);
        for (int64_t c = 0; c < plan->channels; c++)
            element_set_real(y->dtype, y->data, (region * plan->channels + c) * out + bin, sum[c]);
    }
}

static void forward(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;

    chunk_run(run->pool, (size_t)(io->in[1]->shape.dim[0] * plan->out[0] * plan->out[1]), (size_t)plan->channels * 16,
              bins, io);
}

const struct op op_roi_align = {
    .name = "RoiAlign",
    .formula = "y[r] = region r of x, brought to one size",
    .min_inputs = 3,
    .max_inputs = 3,
    .outputs = 1,
    .attributes = "coordinate_transformation_mode mode output_height output_width sampling_ratio spatial_scale",
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct plan),
    .shape = shape,
    .forward = forward,
};

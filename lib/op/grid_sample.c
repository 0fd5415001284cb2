/*
 * grid_sample.c - x looked up between its pixels, where a grid says (Jaderberg et
 * al., 2015). A grid's last axis names a place: the last axis of x first, -1 to 1
 * from one end to the other.
 */
#include <math.h>

#include "base/limits.h"
#include "op/argument.h"
#include "op/chunk.h"
#include "op/resize_any.h"
#include "op/typed.h"
#include "tensor/element.h"

enum { AXES = 3, TAPS = 4, MOST = TAPS * TAPS * TAPS };

enum mode { LINEAR, CUBIC, NEAREST, MODES };
/* The two last are what opsets before 20 call the first two. */
static const char *const modes[] = { "linear", "cubic", "nearest", "bilinear", "bicubic", NULL };
enum padding { ZEROS, BORDER, REFLECTION };
static const char *const paddings[] = { "zeros", "border", "reflection", NULL };

struct plan {
    int mode, padding, axes;
    bool align;                /* -1 and 1 are the middles of the first and last pixel, not their outer edges */
    int64_t channels, in, out; /* pixels of a plane, places of a sample */
};

static int read_how(const struct op_io *io, struct plan *plan, struct error *err)
{
    int64_t align;

    if (argument_choice(io, "mode", modes, LINEAR, &plan->mode, err) < 0 ||
        argument_choice(io, "padding_mode", paddings, ZEROS, &plan->padding, err) < 0 ||
        attribute_int(io->attributes, "align_corners", 0, &align, err) < 0)
        return -1;
    plan->mode %= MODES;
    plan->align = align != 0;
    return 0;
}

static int shape(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    const struct shape *x = &io->in[0]->shape, *grid = &io->in[1]->shape;
    struct shape *y = &io->out[0]->shape;
    char text[160];

    if (argument_any_real(io, 0, err) < 0 || argument_any_real(io, 1, err) < 0 ||
        argument_rank(io->in[0], 3, 2 + AXES, err) < 0 || op_expect_rank(io, 1, x->rank, err) < 0 ||
        read_how(io, plan, err) < 0)
        return -1;
    plan->axes = x->rank - 2;
    if (grid->dim[0] != x->dim[0] || grid->dim[x->rank - 1] != plan->axes)
        return error_set(err, ERROR_INPUT, "grid has shape %s, expected places of %d numbers for each sample",
                         shape_text(grid, text), plan->axes);
    plan->channels = x->dim[1];
    plan->in = shape_span(x, 2, x->rank);
    plan->out = shape_span(grid, 1, x->rank - 1);
    if (plan->in < 1)
        return error_set(err, ERROR_INPUT, "input has shape %s, expected pixels", shape_text(x, text));
    io->out[0]->dtype = io->in[0]->dtype;
    *y = *x;
    for (int i = 0; i < plan->axes; i++)
        y->dim[2 + i] = grid->dim[1 + i];
    return shape_check(y, (int64_t)limit_get(LIMIT_ACTIVATION_BYTES), err);
}

/* ---- along one axis ---- */

/* Pixels that a place lies between; at -1 there is a zero. */
struct taps {
    int count;
    int64_t at[TAPS];
    double weight[TAPS];
};

/* NaN becomes 0. */
static double hold(double v, int64_t n)
{
    const double last = (double)(n - 1);

    return v > 0 ? (v < last ? v : last) : 0;
}

/* Thrown back at either end, as often as needed. */
static double reflect(double v, int64_t n, bool align)
{
    const double low = align ? 0 : -0.5, span = align ? (double)(n - 1) : (double)n;
    const double beyond = fabs(v - low);
    const double rest = span > 0 ? fmod(beyond, span) : 0;

    return span > 0 && fmod(floor(beyond / span), 2) != 0 ? low + span - rest : low + rest;
}

static double padded(const struct plan *plan, double v, int64_t n)
{
    switch (plan->padding) {
    case BORDER: return hold(v, n);
    case REFLECTION: return hold(reflect(v, n, plan->align), n);
    default: return v >= -1 && v <= (double)n ? v : -1;
    }
}

static int64_t pixel_of(const struct plan *plan, double v, int64_t n)
{
    v = padded(plan, v, n);
    return v < (double)n ? (int64_t)v : -1;
}

static struct taps taps_of(const struct plan *plan, double coordinate, int64_t n)
{
    const double v = plan->align ? (coordinate + 1) / 2 * (double)(n - 1) : ((coordinate + 1) * (double)n - 1) / 2;
    const double place = plan->mode == CUBIC ? v : padded(plan, v, n);
    struct taps taps = { 1, { 0 }, { 1 } };
    double first = floor(place);

    if (plan->mode == NEAREST) {
        taps.at[0] = pixel_of(plan, rint(place), n);
        return taps;
    }
    taps.count = plan->mode == CUBIC ? 4 : 2;
    first -= plan->mode == CUBIC;
    for (int k = 0; k < taps.count; k++) {
        const double distance = first + k - place;

        taps.at[k] = pixel_of(plan, first + k, n);
        taps.weight[k] = plan->mode == CUBIC ? resize_cubic(distance, -0.75) : 1 - fabs(distance);
    }
    return taps;
}

/* ---- in a plane ---- */

struct places {
    int count;
    int64_t at[MOST];
    double weight[MOST];
};

static void places_of(struct places *places, const struct plan *plan, const struct op_io *io, int64_t sample)
{
    const struct shape *x = &io->in[0]->shape;

    *places = (struct places){ 1, { 0 }, { 1 } };
    for (int axis = 0; axis < plan->axes; axis++) {
        const int64_t n = x->dim[2 + axis];
        const struct taps taps = taps_of(plan, typed_real(io->in[1], sample * plan->axes + plan->axes - 1 - axis), n);
        struct places next = { 0 };

        for (int i = 0; i < places->count; i++) {
            for (int k = 0; k < taps.count; k++) {
                if (taps.at[k] < 0 || taps.weight[k] == 0)
                    continue;
                next.at[next.count] = places->at[i] * n + taps.at[k];
                next.weight[next.count++] = places->weight[i] * taps.weight[k];
            }
        }
        *places = next;
    }
}

static void samples(const void *context, size_t begin, size_t end, int worker)
{
    const struct op_io *io = context;
    const struct plan *plan = io->plan;
    const struct tensor *x = io->in[0], *y = io->out[0];

    (void)worker;
    for (size_t i = begin; i < end; i++) {
        const int64_t plane = (int64_t)i / plan->out * plan->channels;
        struct places places;

        places_of(&places, plan, io, (int64_t)i);
        for (int64_t c = plane; c < plane + plan->channels; c++) {
            double sum = 0;

            for (int k = 0; k < places.count; k++)
                sum += places.weight[k] * typed_real(x, c * plan->in + places.at[k]);
            element_set_real(y->dtype, y->data, c * plan->out + (int64_t)i % plan->out, sum);
        }
    }
}

static void forward(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;

    chunk_run(run->pool, (size_t)(io->in[0]->shape.dim[0] * plan->out), (size_t)plan->channels * 8 + 64, samples, io);
}

const struct op op_grid_sample = {
    .name = "GridSample",
    .formula = "y[p] = x at the place grid[p], between its pixels",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .attributes = "align_corners mode padding_mode",
    .plan_bytes = sizeof(struct plan),
    .shape = shape,
    .forward = forward,
};

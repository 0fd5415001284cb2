/*
 * The gradient of a convolution's input is a convolution of the output's
 * gradient, one for each phase of the stride: pixels of a phase meet the same
 * taps, so none of the zeros that a stride would put between them is multiplied.
 */
#include <string.h>

#include "op/planes.h"

/* Pixels stride*v + phase - begin of an axis, v = first..first + count - 1. */
struct axis_phase {
    int64_t first, count, shift; /* shift: of the farthest tap */
};

struct phase {
    struct axis_phase axis[2];
    int64_t offset[2]; /* of its first pixel in the picture */
    int64_t taps, first_tap;
    int64_t wide, rows, chunks, plane;
};

static bool on_phase(const struct window *w, int64_t phase, int64_t tap)
{
    return tap * w->dilation % w->stride == phase;
}

static struct axis_phase axis_phase(const struct window *w, int64_t phase)
{
    struct axis_phase p = { 0 };
    int64_t end = w->begin + w->in - 1 - phase;

    p.first = w->begin > phase ? divide_up(w->begin - phase, w->stride) : 0;
    p.count = end < 0 ? 0 : most(0, end / w->stride - p.first + 1);
    for (int64_t r = 0; r < w->kernel; r++) {
        if (on_phase(w, phase, r))
            p.shift = r * w->dilation / w->stride;
    }
    return p;
}

static int64_t axis_taps(const struct window *w, int64_t phase)
{
    int64_t taps = 0;

    for (int64_t r = 0; r < w->kernel; r++)
        taps += on_phase(w, phase, r);
    return taps;
}

/* `first_tap` is left to the caller, who walks the phases in order. */
static struct phase phase_of(const struct convolve *c, int64_t index)
{
    const struct window *h = &c->win[0], *w = &c->win[1];
    int64_t i = index / w->stride, j = index % w->stride;
    struct phase p = { .axis = { axis_phase(h, i), axis_phase(w, j) }, .taps = axis_taps(h, i) * axis_taps(w, j) };

    p.offset[0] = p.axis[0].first * h->stride + i - h->begin;
    p.offset[1] = p.axis[1].first * w->stride + j - w->begin;
    p.wide = p.axis[1].count + p.axis[1].shift;
    if (p.axis[0].count == 0 || p.axis[1].count == 0)
        return p;
    p.rows = planes_rows(p.axis[0].count, c->filters, p.wide, p.axis[0].shift, c->channels);
    p.chunks = divide_up(p.axis[0].count, p.rows);
    p.plane = planes_stride((p.rows + p.axis[0].shift) * p.wide);
    return p;
}

static int64_t phase_count(const struct convolve *c)
{
    return c->win[0].stride * c->win[1].stride;
}

static int64_t tap_count(const struct convolve *c)
{
    return c->win[0].kernel * c->win[1].kernel;
}

/* Indices of a phase's taps in w, and their offsets in planes of dy (offset may be NULL). */
static void lay_taps(const struct convolve *c, const struct phase *p, int64_t index, int32_t *tap, int32_t *offset)
{
    const struct window *h = &c->win[0], *w = &c->win[1];

    for (int64_t r = 0; r < h->kernel; r++) {
        for (int64_t s = 0; s < w->kernel; s++) {
            if (!on_phase(h, index / w->stride, r) || !on_phase(w, index % w->stride, s))
                continue;
            *tap++ = (int32_t)(r * w->kernel + s);
            if (offset)
                *offset++ = (int32_t)((p->axis[0].shift - r * h->dilation / h->stride) * p->wide + p->axis[1].shift -
                                      s * w->dilation / w->stride);
        }
    }
}

struct layout {
    struct phase *phase;
    int32_t *tap, *offset;
    char *scratch;
    size_t planes_bytes, piece_bytes;
    int64_t chunks; /* the most of any phase */
};

static struct layout lay_out(const struct convolve *c, void *work)
{
    struct layout lay = { 0 };
    char *at = work;
    int64_t aside = 0, planes = 0, first_tap = 0;

    lay.phase = planes_take(&at, (size_t)phase_count(c) * sizeof *lay.phase);
    lay.tap = planes_take(&at, (size_t)tap_count(c) * sizeof *lay.tap);
    lay.offset = planes_take(&at, (size_t)tap_count(c) * sizeof *lay.offset);
    lay.scratch = at;
    for (int64_t i = 0; i < phase_count(c); i++) {
        struct phase p = phase_of(c, i);
        p.first_tap = first_tap;
        first_tap += p.taps;
        aside = most(aside, c->channels * p.rows * p.wide);
        planes = most(planes, c->filters * p.plane);
        lay.chunks = most(lay.chunks, p.chunks);
        if (!work)
            continue;
        lay.phase[i] = p;
        lay_taps(c, &p, i, lay.tap + p.first_tap, lay.offset + p.first_tap);
    }
    lay.planes_bytes = planes_round((size_t)(planes + KERN_SLACK) * sizeof(float));
    lay.piece_bytes = lay.planes_bytes + planes_round((size_t)aside * sizeof(float));
    return lay;
}

size_t convolve_input_bytes(const struct convolve *c)
{
    struct layout lay = lay_out(c, NULL);

    return convolve_table_bytes(c) + lay.piece_bytes * (size_t)c->workers;
}

size_t convolve_table_bytes(const struct convolve *c)
{
    return planes_round((size_t)phase_count(c) * sizeof(struct phase)) +
           2 * planes_round((size_t)tap_count(c) * sizeof(int32_t));
}

struct backward {
    const struct convolve *c;
    const struct op_run *run;
    const float *dy, *packed, *bias;
    float *dx;
    bool add;
    struct layout lay;
};

/* Where a group's weights of a phase begin: phases lie one after the other. */
static int64_t packed_at(const struct convolve *c, const struct phase *p, int64_t group)
{
    int64_t pairs = c->channels * c->filters;

    return pairs * (c->groups * p->first_tap + group * p->taps);
}

static void scatter(const struct backward *b, const struct phase *p, const float *aside, int64_t first, int64_t rows,
                    float *dx)
{
    const struct window *h = &b->c->win[0], *w = &b->c->win[1];
    int64_t count = p->axis[1].count, step = w->stride;

    for (int64_t i = 0; i < rows; i++, aside += p->wide) {
        float *row = dx + (p->offset[0] + (first + i) * h->stride) * w->in + p->offset[1];
        if (b->add) {
            for (int64_t j = 0; j < count; j++)
                row[j * step] += aside[j];
        } else if (step == 1) {
            memcpy(row, aside, (size_t)count * sizeof *row);
        } else {
            for (int64_t j = 0; j < count; j++)
                row[j * step] = aside[j];
        }
    }
}

/* dy of one group around rows first.. of a phase, zeros where there is none. */
static void lay_planes(const struct convolve *c, const struct kern *kern, const struct phase *p, const float *dy,
                       int64_t first, float *planes)
{
    int64_t h = c->win[0].out, w = c->win[1].out;

    for (int64_t k = 0; k < c->filters; k++)
        planes_fill(kern, planes + k * p->plane, p->rows + p->axis[0].shift, p->wide, dy + k * h * w, h, w,
                    p->axis[0].first + first - p->axis[0].shift, p->axis[1].first - p->axis[1].shift, 1, 1);
    planes_end(planes + c->filters * p->plane);
}

static void backward_group(const struct backward *b, const struct phase *p, int64_t sample, int64_t group,
                           int64_t chunk, float *planes, float *aside)
{
    const struct convolve *c = b->c;
    int64_t first = chunk * p->rows, rows = least(p->rows, p->axis[0].count - first);
    int64_t pixels = c->win[0].in * c->win[1].in, channel = (sample * c->groups + group) * c->channels;
    bool direct = phase_count(c) == 1 && p->axis[1].shift == 0 && !b->add;
    float *dx = b->dx + channel * pixels, *out = direct ? dx + first * c->win[1].in : aside;
    int64_t stride = direct ? pixels : rows * p->wide;

    lay_planes(c, b->run->kern, p, b->dy + (sample * c->groups + group) * c->filters * c->win[0].out * c->win[1].out,
               first, planes);
    b->run->kern->conv_f32((size_t)c->channels, (size_t)(rows * p->wide - p->axis[1].shift), (size_t)c->filters,
                           (size_t)p->taps, b->lay.offset + p->first_tap, (size_t)p->plane,
                           b->packed + packed_at(c, p, group), planes, b->bias ? b->bias + group * c->channels : NULL,
                           out, (size_t)stride);
    for (int64_t ch = 0; !direct && ch < c->channels; ch++)
        scatter(b, p, aside + ch * stride, first, rows, dx + ch * pixels);
}

static void backward_task(void *context, size_t index, int worker)
{
    const struct backward *b = context;
    const struct convolve *c = b->c;
    int64_t spans = divide_up(c->groups, c->group_span), i = (int64_t)index;
    int64_t chunk = i % b->lay.chunks, phase = i / b->lay.chunks % phase_count(c);
    int64_t span = i / b->lay.chunks / phase_count(c) % spans, sample = i / b->lay.chunks / phase_count(c) / spans;
    const struct phase *p = &b->lay.phase[phase];
    char *piece = b->lay.scratch + (size_t)worker * b->lay.piece_bytes;

    if (chunk >= p->chunks)
        return;
    for (int64_t g = span * c->group_span; g < least(c->groups, (span + 1) * c->group_span); g++)
        backward_group(b, p, sample, g, chunk, (float *)(void *)piece, (float *)(void *)(piece + b->lay.planes_bytes));
}

void convolve_input(const struct convolve *c, const struct op_run *run, const float *dy, const float *packed,
                    const float *bias, float *dx, bool add, void *work)
{
    struct backward b = { c, run, dy, packed, bias, dx, add, lay_out(c, work) };
    int64_t tasks = c->batch * divide_up(c->groups, c->group_span) * phase_count(c) * b.lay.chunks;

    pool_run(run->pool, (size_t)tasks, backward_task, &b);
}

/* w [G*K, C, R, S] as filters of the way back: rows are channels, depth is filters and the phase's taps. */
void convolve_input_pack(const struct convolve *c, const struct op_run *run, const float *w, float *packed, void *work)
{
    struct layout lay = lay_out(c, work);
    int64_t taps = tap_count(c);

    for (int64_t i = 0; i < phase_count(c); i++) {
        const struct phase *p = &lay.phase[i];
        for (int64_t g = 0; g < c->groups; g++)
            run->kern->conv_pack_f32(packed + packed_at(c, p, g), (size_t)c->channels, (size_t)c->filters,
                                     (size_t)p->taps, w + g * c->filters * c->channels * taps, (size_t)taps,
                                     (size_t)(c->channels * taps), lay.tap + p->first_tap);
    }
}

#include <inttypes.h>
#include <string.h>

#include "op/planes.h"

/* Phases of an axis that taps fall on: all of them where dilation and stride mix. */
static int64_t phases_of(const struct window *w)
{
    if (w->dilation % w->stride == 0)
        return 1;
    return w->dilation == 1 ? least(w->stride, w->kernel) : w->stride;
}

static int64_t taps_of(const struct convolve *c)
{
    return c->win[0].kernel * c->win[1].kernel;
}

int64_t convolve_weights(const struct convolve *c)
{
    return c->groups * c->filters * c->channels * taps_of(c);
}

/* Groups of a few channels go together in a task; large ones are cut by filters where images are too few. */
static void plan_tasks(struct convolve *c)
{
    c->group_span = c->groups >= 16 ? divide_up(c->groups, 8) : 1;
    int64_t tasks = c->batch * c->chunks * divide_up(c->groups, c->group_span);
    c->parts = c->workers == 1 ? 1 : most(1, least(c->filters / 16, divide_up(2 * c->workers, most(1, tasks))));
}

static void plan_grad(struct convolve *c)
{
    int64_t floats = convolve_weights(c);
    int64_t phases = c->phases[0] * c->phases[1];

    c->grad_chunks = divide_up(c->win[0].out,
                               planes_rows(c->win[0].out, c->channels, c->wide * phases, c->shift[0], c->filters));
    int64_t rows = divide_up(c->win[0].out, c->grad_chunks);
    c->grad_plane = planes_stride(phases * (rows + c->shift[0]) * c->wide);
    c->grad_stride = (rows * c->wide + KERN_SLACK - 1) / KERN_SLACK * KERN_SLACK;
    /* Small images go together, so that a tile of sums has something to add up. */
    int64_t fit = 2 * PLANES_FLOATS / (c->channels * c->grad_plane + c->filters * c->grad_stride);
    c->grad_images = c->grad_chunks > 1 ? 1 : most(1, least(fit, 1024 / c->grad_stride));
    /* Parts of the batch have sums of their own; how many must not depend on threads. */
    c->grad_parts = c->groups < 8 && floats <= 32768 ? least(8, c->batch) : 1;
    int64_t tasks = most(1, c->grad_parts * c->groups);
    c->grad_rows = c->workers == 1 ? c->filters
                                   : divide_up(c->filters, least(c->filters, divide_up(2 * c->workers, tasks)));
}

int convolve_plan(struct convolve *c, struct error *err)
{
    for (int i = 0; i < 2; i++) {
        const struct window *w = &c->win[i];
        c->phases[i] = phases_of(w);
        c->shift[i] = (w->kernel - 1) * w->dilation / w->stride;
    }
    c->wide = c->win[1].out + c->shift[1];
    int64_t phases = c->phases[0] * c->phases[1];
    /* Each factor is below 2^22 or a dimension that fits in memory; offsets of taps are 32 bits. */
    double floats = (double)phases * (double)(c->shift[0] + c->win[0].out) * (double)c->wide;
    if (floats > 1 << 28 || floats * (double)c->channels > 1e11)
        return error_set(err, ERROR_INPUT, "a picture with its borders would have %.0f pixels", floats);
    c->bare = taps_of(c) == 1 && c->win[0].stride == 1 && c->win[1].stride == 1 && c->win[0].in == c->win[0].out &&
              c->win[1].in == c->win[1].out && c->win[0].begin == 0 && c->win[1].begin == 0 && !c->forward_adds;
    c->rows = planes_rows(c->win[0].out, c->channels, c->wide * phases, c->shift[0], c->filters);
    c->chunks = divide_up(c->win[0].out, c->rows);
    c->plane = planes_stride(phases * (c->rows + c->shift[0]) * c->wide);
    plan_tasks(c);
    plan_grad(c);
    return 0;
}

struct packing {
    const struct convolve *c;
    const struct op_run *run;
    const float *w;
    float *packed;
};

static void pack_group(void *context, size_t group, int worker)
{
    const struct packing *p = context;
    const struct convolve *c = p->c;
    int64_t depth = c->channels * taps_of(c);

    (void)worker;
    for (int64_t part = 0; part < c->parts; part++) {
        int64_t first = c->filters * part / c->parts, last = c->filters * (part + 1) / c->parts;
        int64_t at = ((int64_t)group * c->filters + first) * depth;
        p->run->kern->conv_pack_f32(p->packed + at, (size_t)(last - first), (size_t)c->channels, (size_t)taps_of(c),
                                    p->w + at, (size_t)depth, (size_t)taps_of(c), NULL);
    }
}

void convolve_pack(const struct convolve *c, const struct op_run *run, const float *w, float *packed)
{
    struct packing packing = { c, run, w, packed };

    pool_run(run->pool, (size_t)c->groups, pack_group, &packing);
}

/* ---- forward ---- */

struct forward {
    const struct convolve *c;
    const struct op_run *run;
    const float *x, *packed, *bias;
    float *y;
    const struct finish *finish;
    int32_t *tap;
};

/* Output is written in place unless rows have borders between them, or something is there already. */
static bool goes_aside(const struct convolve *c)
{
    return c->shift[1] > 0 || c->forward_adds;
}

size_t convolve_forward_bytes(const struct convolve *c)
{
    return planes_round((size_t)taps_of(c) * sizeof(int32_t)) + planes_piece_bytes(c) * (size_t)c->workers;
}

/* A filter's finished rows out of `aside`, borders dropped. */
static void copy_out(const struct convolve *c, const struct kern *kern, const float *aside, int64_t rows, float *y)
{
    if (!c->forward_adds) {
        kern->pick_rows_f32(y, (size_t)rows, (size_t)c->win[1].out, aside, (size_t)c->wide);
        return;
    }
    for (int64_t i = 0; i < rows; i++, y += c->win[1].out, aside += c->wide)
        for (int64_t j = 0; j < c->win[1].out; j++)
            y[j] += aside[j];
}

/* What one call of the kernel is about. */
struct range {
    int64_t filter, filters, rows, stride;
    float *out;
};

/* Pictures that are planes already: all but the last pixels, whose vector would end behind them, are read in place. */
static void convolve_bare(const struct forward *f, const struct range *r, const float *x, float *planes)
{
    const struct convolve *c = f->c;
    int64_t pixels = c->win[0].in * c->win[1].in, n = r->rows * c->wide, whole = n / KERN_SLACK * KERN_SLACK;
    const float *packed = f->packed + r->filter * c->channels, *bias = f->bias ? f->bias + r->filter : NULL;

    f->run->kern->conv_f32((size_t)r->filters, (size_t)whole, (size_t)c->channels, 1, f->tap, (size_t)pixels, packed, x,
                           bias, r->out, (size_t)r->stride);
    if (whole == n)
        return;
    for (int64_t ch = 0; ch < c->channels; ch++) {
        memset(planes + ch * KERN_SLACK, 0, KERN_SLACK * sizeof *planes);
        memcpy(planes + ch * KERN_SLACK, x + ch * pixels + whole, (size_t)(n - whole) * sizeof *planes);
    }
    f->run->kern->conv_f32((size_t)r->filters, (size_t)(n - whole), (size_t)c->channels, 1, f->tap, KERN_SLACK, packed,
                           planes, bias, r->out + whole, (size_t)r->stride);
}

static void convolve_planes(const struct forward *f, const struct range *r, const float *x, int64_t first,
                            float *planes)
{
    const struct convolve *c = f->c;

    planes_lay(c, f->run->kern, x, first, c->rows, c->plane, planes);
    f->run->kern->conv_f32((size_t)r->filters, (size_t)(r->rows * c->wide - c->shift[1]), (size_t)c->channels,
                           (size_t)taps_of(c), f->tap, (size_t)c->plane,
                           f->packed + r->filter * c->channels * taps_of(c), planes,
                           f->bias ? f->bias + r->filter : NULL, r->out, (size_t)r->stride);
}

static void forward_piece(const void *context, const struct piece *piece)
{
    const struct forward *f = context;
    const struct convolve *c = f->c;
    int64_t pixels = c->win[0].out * c->win[1].out, first = piece->chunk * c->rows;
    int64_t from = c->filters * piece->part / c->parts, to = c->filters * (piece->part + 1) / c->parts;
    struct range r = { piece->group * c->filters + from, to - from, least(c->rows, c->win[0].out - first), pixels,
                       NULL };
    int64_t channel = (piece->sample * c->groups + piece->group) * c->channels;
    int64_t at = (piece->sample * c->groups * c->filters + r.filter) * pixels + first * c->win[1].out;
    float *planes = (float *)(void *)piece->scratch, *aside = (float *)(void *)(piece->scratch + planes_bytes(c));
    const float *x = f->x + channel * c->win[0].in * c->win[1].in;

    r.out = goes_aside(c) ? aside : f->y + at;
    r.stride = goes_aside(c) ? r.rows * c->wide : pixels;
    if (c->bare)
        convolve_bare(f, &r, x + first * c->win[1].in, planes);
    else
        convolve_planes(f, &r, x, first, planes);
    for (int64_t k = 0; k < r.filters; k++) {
        if (goes_aside(c))
            copy_out(c, f->run->kern, aside + k * r.stride, r.rows, f->y + at + k * pixels);
        if (f->finish)
            f->finish->run(f->finish->context, f->y, at + k * pixels, r.rows * c->win[1].out);
    }
}

void convolve_forward(const struct convolve *c, const struct op_run *run, const float *x, const float *packed,
                      const float *bias, float *y, const struct finish *finish, void *work)
{
    char *at = work;
    struct forward f = { c, run, x, packed, bias, y, finish, NULL };

    f.tap = planes_take(&at, (size_t)taps_of(c) * sizeof *f.tap);
    planes_taps(c, c->rows, f.tap);
    planes_walk(c, run->pool, forward_piece, &f, at, planes_piece_bytes(c));
}

/* winograd_weight.c - the gradient of the filters: sums over tiles of products of transforms, turned back at the end. */
#include <string.h>

#include "op/planes.h"
#include "op/winograd.h"

/* Channels and filters of a task, and parts of the batch with sums of their own: their number depends on no thread. */
struct cut {
    int64_t channels, filters, parts;
    int64_t stride, result_stride; /* between pixels: of the input, of the result's gradient */
    int64_t step, result_step, sum_step;
    int64_t v, d, pixels, sums, turned;
};

static struct cut cut_of(const struct winograd *w)
{
    int64_t wide = least(w->channels, WINOGRAD_CHANNELS), deep = least(w->filters, WINOGRAD_CHANNELS);
    int64_t high = least(w->in[0], w->rows * w->side + w->taps - 1);
    struct cut c = {
        .channels = divide_up(w->channels, WINOGRAD_CHANNELS),
        .filters = divide_up(w->filters, WINOGRAD_CHANNELS),
        .parts = 1,
        .stride = winograd_stride(wide),
        .result_stride = winograd_stride(deep),
    };

    if (c.channels * c.filters < 4)
        c.parts = least(4, w->blocks);
    c.step = winograd_stride(w->most * c.stride);
    c.result_step = winograd_stride(w->most * c.result_stride);
    c.sum_step = winograd_stride(wide * c.result_stride);
    c.v = WINOGRAD_POINTS * c.step;
    c.d = WINOGRAD_POINTS * c.result_step;
    c.pixels = w->images * most(high * w->in[1] * c.stride, w->rows * w->side * w->out[1] * c.result_stride);
    c.sums = WINOGRAD_POINTS * c.sum_step;
    c.turned = WINOGRAD_STRIP * w->taps * w->taps * c.result_stride + most(c.stride, c.result_stride);
    return c;
}

static int64_t weights_of(const struct winograd *w)
{
    return w->filters * w->channels * w->taps * w->taps;
}

static int64_t worker_floats(const struct cut *c)
{
    return c->v + c->d + c->pixels + c->sums + c->turned;
}

/* Sums of all parts but the first, which lie where the gradient shall. */
static int64_t part_floats(const struct winograd *w, const struct cut *c)
{
    return divide_up((c->parts - 1) * weights_of(w), KERN_SLACK) * KERN_SLACK;
}

size_t winograd_weight_bytes(const struct convolve *c)
{
    struct winograd w = winograd_of(c, NULL, false);
    struct cut cut = cut_of(&w);

    return (size_t)(part_floats(&w, &cut) + worker_floats(&cut) * w.workers) * sizeof(float) + 64;
}

struct pass {
    const struct winograd *w;
    struct cut cut;
    const float *x, *dy;
    float *dw, *parts, *scratch;
};

struct slice {
    int64_t channel, channels, filter, filters, panels;
    float *v, *d, *pixels, *sums, *turned, *zero;
};

/* The block's tiles of the result's gradient, transformed. */
static void spread_result(const struct pass *p, const struct slice *s, const struct winograd_block *b)
{
    const struct winograd *w = p->w;
    int64_t stride = p->cut.result_stride;

    winograd_turn(w, b, p->dy, w->out, 1, w->filters, s->filter, s->filters, s->pixels, stride);
    for (int64_t tile = 0; tile < winograd_tiles(w, b); tile++) {
        float *address[WINOGRAD_POINTS];
        winograd_result(w, b, tile, s->pixels, stride, s->zero, address);
        w->run->kern->transform_spread_f32(s->d + tile * stride, (size_t)p->cut.result_step,
                                           (const float *const *)address, w->pixels, (size_t)(s->panels * KERN_SLACK));
    }
}

static void add_block(const struct pass *p, const struct slice *s, int64_t index, bool first)
{
    const struct winograd *w = p->w;
    struct winograd_block b = winograd_block_of(w, index);

    winograd_turn(w, &b, p->x, w->in, 0, w->channels, s->channel, s->channels, s->pixels, p->cut.stride);
    winograd_data(w, &b, s->pixels, p->cut.stride, s->channels, s->zero, s->v, p->cut.step);
    spread_result(p, s, &b);
    for (int64_t point = 0; point < WINOGRAD_POINTS; point++) {
        const struct kern_panels panels = {
            .m = (size_t)s->channels,
            .depth = (size_t)winograd_tiles(w, &b),
            .panels = (size_t)s->panels,
            .a = s->v + point * p->cut.step,
            .row = 1,
            .column = (size_t)p->cut.stride,
            .b = s->d + point * p->cut.result_step,
            .ldb = (size_t)p->cut.result_stride,
            .step_b = KERN_SLACK,
            .c = s->sums + point * p->cut.sum_step,
            .ldc = (size_t)p->cut.result_stride,
            .add = !first,
        };
        w->run->kern->panels_f32(&panels);
    }
}

/* The slice's sums as filters [filter, channel, tap, tap]. */
static void put_filters(const struct pass *p, const struct slice *s, float *dw)
{
    const struct winograd *w = p->w;
    int64_t taps = w->taps * w->taps, stride = p->cut.result_stride;

    for (int64_t c = 0; c < s->channels; c += WINOGRAD_STRIP) {
        int64_t count = least(WINOGRAD_STRIP, s->channels - c);
        for (int64_t i = 0; i < count; i++) {
            float *address[WINOGRAD_POINTS];
            for (int64_t t = 0; t < taps; t++)
                address[t] = s->turned + (i * taps + t) * stride;
            w->run->kern->transform_gather_f32(address, s->sums + (c + i) * stride, (size_t)p->cut.sum_step, w->filter,
                                               (size_t)(s->panels * KERN_SLACK));
        }
        w->run->kern->transpose_f32(dw + (s->filter * w->channels + s->channel + c) * taps,
                                    (size_t)(w->channels * taps), s->turned, (size_t)stride, (size_t)(count * taps),
                                    (size_t)s->filters);
    }
}

static void slice_task(void *context, size_t index, int worker)
{
    const struct pass *p = context;
    const struct winograd *w = p->w;
    const struct cut *c = &p->cut;
    int64_t i = (int64_t)index, part = i / c->filters / c->channels;
    int64_t first = w->blocks * part / c->parts, last = w->blocks * (part + 1) / c->parts;
    struct slice s = { .channel = i / c->filters % c->channels * WINOGRAD_CHANNELS,
                       .filter = i % c->filters * WINOGRAD_CHANNELS,
                       .v = p->scratch + worker * worker_floats(c) };

    s.channels = least(WINOGRAD_CHANNELS, w->channels - s.channel);
    s.filters = least(WINOGRAD_CHANNELS, w->filters - s.filter);
    s.panels = divide_up(s.filters, KERN_SLACK);
    s.d = s.v + c->v;
    s.pixels = s.d + c->d;
    s.sums = s.pixels + c->pixels;
    s.turned = s.sums + c->sums;
    s.zero = s.turned + WINOGRAD_STRIP * w->taps * w->taps * c->result_stride;
    memset(s.zero, 0, (size_t)most(c->stride, c->result_stride) * sizeof *s.zero);
    for (int64_t block = first; block < last; block++)
        add_block(p, &s, block, block == first);
    put_filters(p, &s, part > 0 ? p->parts + (part - 1) * weights_of(w) : p->dw);
}

static void sum_piece(void *context, size_t filter, int worker)
{
    const struct pass *p = context;
    const struct kern *kern = p->w->run->kern;
    int64_t n = p->w->channels * p->w->taps * p->w->taps;
    float *dw = p->dw + (int64_t)filter * n;

    (void)worker;
    for (int64_t part = 1; part < p->cut.parts; part++)
        kern->add_f32(dw, dw, 1, p->parts + (part - 1) * weights_of(p->w) + (int64_t)filter * n, 1, (size_t)n);
}

void winograd_weight(const struct convolve *c, const struct op_run *run, const float *x, const float *dy, float *dw,
                     void *work)
{
    struct winograd w = winograd_of(c, run, false);
    struct pass p = { .w = &w, .cut = cut_of(&w), .x = x, .dy = dy, .dw = dw };

    p.parts = (float *)(void *)(((uintptr_t)work + 63) / 64 * 64);
    p.scratch = p.parts + part_floats(&w, &p.cut);
    pool_run(run->pool, (size_t)(p.cut.parts * p.cut.channels * p.cut.filters), slice_task, &p);
    if (p.cut.parts > 1)
        pool_run(run->pool, (size_t)w.filters, sum_piece, &p);
}

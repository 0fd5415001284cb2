#include "op/winograd.h"

#include <string.h>

#include "op/planes.h"

/* Scratch of one worker, in floats; places follow each other in this order. */
struct sizes {
    int64_t stride, result_stride; /* between pixels: of the input, of the result */
    int64_t step, result_step;     /* between a transform's points */
    int64_t filter_step, filters;  /* and of a strip's filters; floats of all of them */
    int64_t v, m, pixels, turned, beside;
};

static int64_t round_up(int64_t floats)
{
    return divide_up(floats, KERN_SLACK) * KERN_SLACK;
}

static struct sizes sizes_of(const struct winograd *w)
{
    int64_t wide = least(w->filters, WINOGRAD_CHANNELS);
    int64_t high = least(w->in[0], w->rows * w->side + w->taps - 1);
    struct sizes s = { .stride = winograd_stride(w->channels), .result_stride = winograd_stride(wide) };

    s.step = winograd_stride(w->most * s.stride);
    s.result_step = winograd_stride(w->most * s.result_stride);
    s.filter_step = winograd_stride(w->channels * round_up(wide));
    s.filters = WINOGRAD_POINTS * s.filter_step;
    s.v = WINOGRAD_POINTS * s.step;
    s.m = WINOGRAD_POINTS * s.result_step;
    s.pixels = most(w->images * high * w->in[1] * s.stride, w->most * w->side * w->side * s.result_stride);
    s.turned = WINOGRAD_STRIP * w->taps * w->taps * round_up(wide);
    s.beside = most(s.stride, s.result_stride);
    return s;
}

static int64_t worker_floats(const struct winograd *w, const struct sizes *s)
{
    return s->v + s->m + s->pixels + s->turned + s->beside + (w->shares ? 0 : s->filters);
}

static size_t bytes_of(const struct winograd *w)
{
    struct sizes s = sizes_of(w);

    return (size_t)(worker_floats(w, &s) * w->workers + (w->shares ? s.filters * w->strips : 0)) * sizeof(float) + 64;
}

size_t winograd_bytes(const struct convolve *c)
{
    struct winograd forward = winograd_of(c, NULL, false), back = winograd_of(c, NULL, true);
    size_t bytes = bytes_of(&forward), back_bytes = bytes_of(&back), weight = winograd_weight_bytes(c);

    bytes = bytes > back_bytes ? bytes : back_bytes;
    return bytes > weight ? bytes : weight;
}

struct pass {
    const struct winograd *w;
    struct sizes size;
    const float *x, *weights, *bias;
    float *y;
    bool add;
    float *filters; /* of all strips, where they are shared */
    float *scratch;
};

struct strip {
    int64_t first, count, panels; /* filters, and KERN_SLACK of them at a time */
};

static struct strip strip_of(const struct winograd *w, int64_t index)
{
    struct strip s = { .first = index * WINOGRAD_CHANNELS };

    s.count = least(WINOGRAD_CHANNELS, w->filters - s.first);
    s.panels = divide_up(s.count, KERN_SLACK);
    return s;
}

/* Taps of channels c.. as rows of filters side by side. */
static void turn_filters(const struct pass *p, const struct strip *s, int64_t c, int64_t count, float *turned)
{
    const struct winograd *w = p->w;
    int64_t taps = w->taps * w->taps, stride = s->panels * KERN_SLACK;

    if (!w->back) {
        w->run->kern->transpose_f32(turned, (size_t)stride, p->weights + (s->first * w->channels + c) * taps,
                                    (size_t)(w->channels * taps), (size_t)s->count, (size_t)(count * taps));
        return;
    }
    for (int64_t i = 0; i < count; i++)
        w->run->kern->transpose_f32(turned + i * taps * stride, (size_t)stride,
                                    p->weights + ((c + i) * w->filters + s->first) * taps, (size_t)taps,
                                    (size_t)s->count, (size_t)taps);
}

/* A strip's filters, transformed: [36, panel, channel, KERN_SLACK]. */
static void make_filters(const struct pass *p, const struct strip *s, float *turned, float *filters)
{
    const struct winograd *w = p->w;
    int64_t taps = w->taps * w->taps, stride = s->panels * KERN_SLACK;
    const float *address[WINOGRAD_POINTS];

    memset(turned, 0, (size_t)p->size.turned * sizeof *turned); /* what no filter fills */
    for (int64_t c = 0; c < w->channels; c++) {
        int64_t in = c % WINOGRAD_STRIP;
        if (in == 0)
            turn_filters(p, s, c, least(WINOGRAD_STRIP, w->channels - c), turned);
        for (int64_t panel = 0; panel < s->panels; panel++) {
            for (int64_t t = 0; t < taps; t++)
                address[w->back ? taps - 1 - t : t] = turned + (in * taps + t) * stride + panel * KERN_SLACK;
            w->run->kern->transform_spread_f32(filters + (panel * w->channels + c) * KERN_SLACK,
                                               (size_t)p->size.filter_step, address, w->filter, KERN_SLACK);
        }
    }
}

static void multiply(const struct pass *p, const struct strip *s, int64_t tiles, const float *v, const float *filters,
                     float *m)
{
    const struct sizes *size = &p->size;

    for (int64_t point = 0; point < WINOGRAD_POINTS; point++) {
        const struct kern_panels panels = {
            .m = (size_t)tiles,
            .depth = (size_t)p->w->channels,
            .panels = (size_t)s->panels,
            .a = v + point * size->step,
            .row = (size_t)size->stride,
            .column = 1,
            .b = filters + point * size->filter_step,
            .ldb = KERN_SLACK,
            .step_b = (size_t)(p->w->channels * KERN_SLACK),
            .c = m + point * size->result_step,
            .ldc = (size_t)size->result_stride,
        };
        p->w->run->kern->panels_f32(&panels);
    }
}

/* Turned results [pixel, filter] to their place in the picture; `aside` has room for one filter's rows. */
static void put(const struct pass *p, const struct winograd_block *b, const struct strip *s, const float *pixels,
                float *aside)
{
    const struct winograd *w = p->w;
    const struct kern *kern = w->run->kern;
    int64_t plane = w->out[0] * w->out[1], n = b->high[1] * w->out[1];

    for (int64_t i = 0; i < b->images; i++) {
        float *y = p->y + ((b->image + i) * w->filters + s->first) * plane + b->first[1] * w->out[1];
        float *to = p->add ? aside : y;
        int64_t stride = p->add ? n : plane;
        kern->transpose_f32(to, (size_t)stride, pixels + i * n * p->size.result_stride, (size_t)p->size.result_stride,
                            (size_t)n, (size_t)s->count);
        for (int64_t k = 0; k < s->count; k++) {
            if (p->bias)
                kern->add_f32(to + k * stride, to + k * stride, 1, p->bias + s->first + k, 0, (size_t)n);
            if (p->add)
                kern->add_f32(y + k * plane, y + k * plane, 1, to + k * stride, 1, (size_t)n);
        }
    }
}

static void block_task(void *context, size_t index, int worker)
{
    const struct pass *p = context;
    const struct winograd *w = p->w;
    const struct sizes *size = &p->size;
    struct strip s = strip_of(w, (int64_t)index / w->blocks);
    struct winograd_block b = winograd_block_of(w, (int64_t)index % w->blocks);
    float *v = p->scratch + worker * worker_floats(w, size), *m = v + size->v, *pixels = m + size->m;
    float *turned = pixels + size->pixels, *beside = turned + size->turned, *own = beside + size->beside;
    const float *filters = w->shares ? p->filters + (int64_t)index / w->blocks * size->filters : own;
    int64_t tiles = winograd_tiles(w, &b);

    if (!w->shares)
        make_filters(p, &s, turned, own);
    memset(beside, 0, (size_t)size->beside * sizeof *beside);
    winograd_turn(w, &b, p->x, w->in, 0, w->channels, 0, w->channels, pixels, size->stride);
    winograd_data(w, &b, pixels, size->stride, w->channels, beside, v, size->step);
    multiply(p, &s, tiles, v, filters, m);
    for (int64_t tile = 0; tile < tiles; tile++) {
        float *address[WINOGRAD_POINTS];
        winograd_result(w, &b, tile, pixels, size->result_stride, beside, address);
        w->run->kern->transform_gather_f32(address, m + tile * size->result_stride, (size_t)size->result_step,
                                           w->pixels, (size_t)(s.panels * KERN_SLACK));
    }
    put(p, &b, &s, pixels, m);
}

static void filter_task(void *context, size_t index, int worker)
{
    const struct pass *p = context;
    const struct sizes *size = &p->size;
    struct strip s = strip_of(p->w, (int64_t)index);
    float *turned = p->scratch + worker * worker_floats(p->w, size) + size->v + size->m + size->pixels;

    make_filters(p, &s, turned, p->filters + (int64_t)index * size->filters);
}

static void run_pass(struct pass *p, void *work)
{
    const struct winograd *w = p->w;

    p->size = sizes_of(w);
    p->filters = (float *)(void *)(((uintptr_t)work + 63) / 64 * 64);
    p->scratch = p->filters + (w->shares ? p->size.filters * w->strips : 0);
    if (w->shares)
        pool_run(w->run->pool, (size_t)w->strips, filter_task, p);
    pool_run(w->run->pool, (size_t)(w->blocks * w->strips), block_task, p);
}

void winograd_forward(const struct convolve *c, const struct op_run *run, const float *x, const float *w,
                      const float *bias, float *y, void *work)
{
    struct winograd forward = winograd_of(c, run, false);
    struct pass p = { .w = &forward, .x = x, .weights = w, .bias = bias, .y = y };

    run_pass(&p, work);
}

void winograd_input(const struct convolve *c, const struct op_run *run, const float *dy, const float *w, float *dx,
                    bool add, void *work)
{
    struct winograd back = winograd_of(c, run, true);
    struct pass p = { .w = &back, .x = dy, .weights = w, .y = dx, .add = add };

    run_pass(&p, work);
}

#include "op/gathered.h"

#include <string.h>

#include "op/planes.h"
#include "op/winograd.h"

enum { SIDE = KERN_SLACK, STRIP = 128, CHANNELS = 64, PARTS = 4 };

bool gathered_fits(const struct convolve *c)
{
    return c->groups == 1 && c->channels >= 12 && c->filters >= 12 && !c->forward_adds;
}

static int64_t tap_count(const struct convolve *c)
{
    return c->win[0].kernel * c->win[1].kernel;
}

static int64_t round_up(int64_t n)
{
    return divide_up(n, SIDE) * SIDE;
}

/* Some images, or some pixels of one: the latter only where pictures are planes as they are. */
struct block {
    int64_t image, images, first, pixels; /* pixels of the result, of each image */
};

struct pass {
    const struct convolve *c;
    const struct op_run *run;
    const float *x, *w, *bias, *dy; /* pictures and weights */
    float *y, *dx, *dw;
    bool add;

    int64_t in, out, taps;          /* pixels of a picture, before and after */
    int64_t images, pixels, blocks; /* of a block, at most; blocks in all */
    int64_t strips, channel_blocks, parts;
    int64_t stride, result_stride;          /* between turned pixels: of the input, of the result */
    int64_t turned, gathered, result, sums; /* a worker's floats: these four */
    int64_t shared;                         /* floats before them, of packed weights or of the parts' sums */
    float *scratch;
};

/* Whole images, unless a picture may be cut anywhere. */
static void cut_blocks(struct pass *p, int64_t deepest)
{
    int64_t wanted = most(48, least(192, PLANES_FLOATS / deepest));

    p->in = p->c->win[0].in * p->c->win[1].in;
    p->out = p->c->win[0].out * p->c->win[1].out;
    p->taps = tap_count(p->c);
    p->images = most(1, least(p->c->batch, wanted / p->out));
    p->pixels = p->out;
    if (p->c->bare && p->out > wanted)
        p->pixels = divide_up(p->out, divide_up(p->out, wanted));
    p->blocks = divide_up(p->c->batch, p->images) * divide_up(p->out, p->pixels);
}

static struct block block_of(const struct pass *p, int64_t index)
{
    int64_t cuts = divide_up(p->out, p->pixels);
    struct block b = { .image = index / cuts * p->images, .first = index % cuts * p->pixels };

    b.images = least(p->images, p->c->batch - b.image);
    b.pixels = least(p->pixels, p->out - b.first);
    return b;
}

static int64_t worker_floats(const struct pass *p)
{
    return p->turned + p->gathered + p->result + p->sums;
}

static struct pass forward_pass(const struct convolve *c)
{
    struct pass p = { .c = c };

    cut_blocks(&p, c->channels);
    p.strips = divide_up(c->filters, STRIP);
    p.stride = winograd_stride(c->channels);
    p.result_stride = winograd_stride(least(c->filters, STRIP));
    p.turned = p.images * (c->bare ? p.pixels : p.in) * p.stride;
    p.gathered = c->bare ? 0 : p.images * p.pixels * p.stride;
    p.result = p.images * p.pixels * p.result_stride;
    p.shared = round_up(c->filters) * c->channels * p.taps;
    return p;
}

static struct pass input_pass(const struct convolve *c)
{
    struct pass p = { .c = c };

    cut_blocks(&p, c->filters);
    p.strips = divide_up(c->channels, STRIP);
    p.stride = winograd_stride(least(c->channels, STRIP));
    p.result_stride = winograd_stride(c->filters);
    p.turned = p.images * (c->bare ? p.pixels : p.in) * p.stride;
    p.gathered = c->bare ? 0 : p.images * p.pixels * p.stride;
    p.result = p.images * p.pixels * p.result_stride;
    p.shared = round_up(c->channels) * c->filters * p.taps;
    return p;
}

static struct pass weight_pass(const struct convolve *c)
{
    struct pass p = { .c = c };

    cut_blocks(&p, STRIP);
    p.strips = divide_up(c->filters, STRIP);
    p.channel_blocks = divide_up(c->channels, CHANNELS);
    p.parts = p.strips * p.channel_blocks < PARTS ? least(PARTS, p.blocks) : 1;
    p.stride = winograd_stride(least(c->channels, CHANNELS));
    p.result_stride = winograd_stride(least(c->filters, STRIP));
    p.turned = p.images * (c->bare ? p.pixels : p.in) * p.stride;
    p.gathered = c->bare ? 0 : p.images * p.pixels * p.stride;
    p.result = p.images * p.pixels * p.result_stride;
    p.sums = least(c->channels, CHANNELS) * p.taps * p.result_stride;
    p.shared = p.parts > 1 ? round_up(p.parts * convolve_weights(c)) : 0;
    return p;
}

size_t gathered_bytes(const struct convolve *c)
{
    const struct pass passes[] = { forward_pass(c), input_pass(c), weight_pass(c) };
    int64_t floats = 0;

    for (size_t i = 0; i < COUNT(passes); i++)
        floats = most(floats, passes[i].shared + worker_floats(&passes[i]) * c->workers);
    return (size_t)floats * sizeof(float);
}

/* ---- between pictures and turned pixels ---- */

/* Channels from.. of the block's images, `whole` of them or their part, side by side. */
static void turn(const struct pass *p, const struct block *b, const float *picture, int64_t plane, bool whole,
                 int64_t channels, int64_t from, int64_t count, float *turned, int64_t stride)
{
    int64_t first = whole ? 0 : b->first, n = whole ? plane : b->pixels;

    for (int64_t i = 0; i < b->images; i++)
        p->run->kern->transpose_f32(turned + i * n * stride, (size_t)stride,
                                    picture + ((b->image + i) * channels + from) * plane + first, (size_t)plane,
                                    (size_t)count, (size_t)n);
}

/* And back, with a number for each channel or on top of what is there. */
static void put(const struct pass *p, const struct block *b, float *picture, int64_t plane, bool whole,
                int64_t channels, int64_t from, int64_t count, const float *turned, int64_t stride)
{
    const struct kern *kern = p->run->kern;
    int64_t first = whole ? 0 : b->first, n = whole ? plane : b->pixels;

    for (int64_t i = 0; i < b->images; i++) {
        float *to = picture + ((b->image + i) * channels + from) * plane + first;
        const float *pixels = turned + i * n * stride;
        if (!p->add)
            kern->transpose_f32(to, (size_t)plane, pixels, (size_t)stride, (size_t)n, (size_t)count);
        for (int64_t c = 0; p->add && c < count; c++)
            for (int64_t j = 0; j < n; j++)
                to[c * plane + j] += pixels[j * stride + c];
        for (int64_t c = 0; p->bias && c < count; c++)
            kern->add_f32(to + c * plane, to + c * plane, 1, p->bias + from + c, 0, (size_t)n);
    }
}

/* The pixel of the input that a tap meets at this pixel of the result, or NULL beside the picture. */
static float *tap_pixel(const struct pass *p, int64_t tap, float *turned, int64_t pixel)
{
    const struct window *h = &p->c->win[0], *w = &p->c->win[1];
    int64_t image = pixel / p->out, at = pixel % p->out;
    int64_t y = at / w->out * h->stride - h->begin + tap / w->kernel * h->dilation;
    int64_t x = at % w->out * w->stride - w->begin + tap % w->kernel * w->dilation;

    if (y < 0 || y >= h->in || x < 0 || x >= w->in)
        return NULL;
    return turned + (image * p->in + y * w->in + x) * p->stride;
}

/* The pixels that a tap meets, side by side; where pictures are planes as they are, that is what was turned. */
static const float *gather(const struct pass *p, const struct block *b, int64_t tap, float *turned, float *gathered,
                           int64_t count)
{
    if (p->c->bare || gathered == NULL)
        return turned;
    for (int64_t i = 0; i < b->images * p->out; i++) {
        const float *from = tap_pixel(p, tap, turned, i);
        if (from)
            memcpy(gathered + i * p->stride, from, (size_t)count * sizeof *from);
        else
            memset(gathered + i * p->stride, 0, (size_t)count * sizeof *gathered);
    }
    return gathered;
}

/* The transpose of gather: adds. */
static void scatter(const struct pass *p, const struct block *b, int64_t tap, float *turned, const float *gathered,
                    int64_t count)
{
    for (int64_t i = 0; i < b->images * p->out; i++) {
        float *to = tap_pixel(p, tap, turned, i);
        const float *from = gathered + i * p->stride;
        for (int64_t c = 0; to && c < count; c++)
            to[c] += from[c];
    }
}

/* ---- forward ---- */

/* Filters as [panel, channel, tap, SIDE]. */
static void pack_panel(void *context, size_t panel, int worker)
{
    const struct pass *p = context;
    int64_t depth = p->c->channels * p->taps, first = (int64_t)panel * SIDE;
    float *to = p->scratch + (int64_t)panel * depth * SIDE;

    (void)worker;
    memset(to, 0, (size_t)(depth * SIDE) * sizeof *to);
    p->run->kern->transpose_f32(to, SIDE, p->w + first * depth, (size_t)depth,
                                (size_t)least(SIDE, p->c->filters - first), (size_t)depth);
}

static void forward_task(void *context, size_t index, int worker)
{
    const struct pass *p = context;
    const struct convolve *c = p->c;
    struct block b = block_of(p, (int64_t)index / p->strips);
    int64_t from = (int64_t)index % p->strips * STRIP, count = least(STRIP, c->filters - from);
    float *turned = p->scratch + p->shared + worker * worker_floats(p), *gathered = turned + p->turned;
    float *result = gathered + p->gathered;

    turn(p, &b, p->x, p->in, !c->bare, c->channels, 0, c->channels, turned, p->stride);
    for (int64_t tap = 0; tap < p->taps; tap++) {
        const struct kern_panels panels = {
            .m = (size_t)(b.images * b.pixels),
            .depth = (size_t)c->channels,
            .panels = (size_t)divide_up(count, SIDE),
            .a = gather(p, &b, tap, turned, gathered, c->channels),
            .row = (size_t)p->stride,
            .column = 1,
            .b = p->scratch + from * c->channels * p->taps + tap * SIDE,
            .ldb = (size_t)(p->taps * SIDE),
            .step_b = (size_t)(c->channels * p->taps * SIDE),
            .c = result,
            .ldc = (size_t)p->result_stride,
            .add = tap > 0,
        };
        p->run->kern->panels_f32(&panels);
    }
    put(p, &b, p->y, p->out, false, c->filters, from, count, result, p->result_stride);
}

void gathered_forward(const struct convolve *c, const struct op_run *run, const float *x, const float *w,
                      const float *bias, float *y, void *work)
{
    struct pass p = forward_pass(c);

    p.run = run;
    p.x = x;
    p.w = w;
    p.bias = bias;
    p.y = y;
    p.scratch = work;
    pool_run(run->pool, (size_t)divide_up(c->filters, SIDE), pack_panel, &p);
    pool_run(run->pool, (size_t)(p.blocks * p.strips), forward_task, &p);
}

/* ---- the input's gradient ---- */

/* Filters as [panel of channels, filter, tap, SIDE]. */
static void pack_back(void *context, size_t panel, int worker)
{
    const struct pass *p = context;
    int64_t depth = p->c->filters * p->taps, first = (int64_t)panel * SIDE;
    float *to = p->scratch + (int64_t)panel * depth * SIDE;

    (void)worker;
    memset(to, 0, (size_t)(depth * SIDE) * sizeof *to);
    for (int64_t k = 0; k < p->c->filters; k++)
        p->run->kern->transpose_f32(to + k * p->taps * SIDE, SIDE, p->w + (k * p->c->channels + first) * p->taps,
                                    (size_t)p->taps, (size_t)least(SIDE, p->c->channels - first), (size_t)p->taps);
}

static void input_task(void *context, size_t index, int worker)
{
    const struct pass *p = context;
    const struct convolve *c = p->c;
    struct block b = block_of(p, (int64_t)index / p->strips);
    int64_t from = (int64_t)index % p->strips * STRIP, count = least(STRIP, c->channels - from);
    float *turned = p->scratch + p->shared + worker * worker_floats(p), *gathered = turned + p->turned;
    float *result = gathered + p->gathered;

    turn(p, &b, p->dy, p->out, false, c->filters, 0, c->filters, result, p->result_stride);
    if (!c->bare)
        memset(turned, 0, (size_t)p->turned * sizeof *turned);
    for (int64_t tap = 0; tap < p->taps; tap++) {
        const struct kern_panels panels = {
            .m = (size_t)(b.images * b.pixels),
            .depth = (size_t)c->filters,
            .panels = (size_t)divide_up(count, SIDE),
            .a = result,
            .row = (size_t)p->result_stride,
            .column = 1,
            .b = p->scratch + from * c->filters * p->taps + tap * SIDE,
            .ldb = (size_t)(p->taps * SIDE),
            .step_b = (size_t)(c->filters * p->taps * SIDE),
            .c = c->bare ? turned : gathered,
            .ldc = (size_t)p->stride,
        };
        p->run->kern->panels_f32(&panels);
        if (!c->bare)
            scatter(p, &b, tap, turned, gathered, count);
    }
    put(p, &b, p->dx, p->in, !c->bare, c->channels, from, count, turned, p->stride);
}

void gathered_input(const struct convolve *c, const struct op_run *run, const float *dy, const float *w, float *dx,
                    bool add, void *work)
{
    struct pass p = input_pass(c);

    p.run = run;
    p.dy = dy;
    p.w = w;
    p.dx = dx;
    p.add = add;
    p.scratch = work;
    pool_run(run->pool, (size_t)divide_up(c->channels, SIDE), pack_back, &p);
    pool_run(run->pool, (size_t)(p.blocks * p.strips), input_task, &p);
}

/* ---- the filters' gradient ---- */

static void weight_task(void *context, size_t index, int worker)
{
    const struct pass *p = context;
    const struct convolve *c = p->c;
    int64_t i = (int64_t)index, part = i / p->strips / p->channel_blocks;
    int64_t filter = i % p->strips * STRIP, channel = i / p->strips % p->channel_blocks * CHANNELS;
    int64_t filters = least(STRIP, c->filters - filter), channels = least(CHANNELS, c->channels - channel);
    int64_t begin = p->blocks * part / p->parts, end = p->blocks * (part + 1) / p->parts;
    float *turned = p->scratch + p->shared + worker * worker_floats(p), *gathered = turned + p->turned;
    float *result = gathered + p->gathered, *sums = result + p->result;
    float *dw = p->parts > 1 ? p->scratch + part * convolve_weights(c) : p->dw;

    for (int64_t block = begin; block < end; block++) {
        struct block b = block_of(p, block);
        turn(p, &b, p->x, p->in, !c->bare, c->channels, channel, channels, turned, p->stride);
        turn(p, &b, p->dy, p->out, false, c->filters, filter, filters, result, p->result_stride);
        for (int64_t tap = 0; tap < p->taps; tap++) {
            const struct kern_panels panels = {
                .m = (size_t)channels,
                .depth = (size_t)(b.images * b.pixels),
                .panels = (size_t)divide_up(filters, SIDE),
                .a = gather(p, &b, tap, turned, gathered, channels),
                .row = 1,
                .column = (size_t)p->stride,
                .b = result,
                .ldb = (size_t)p->result_stride,
                .step_b = SIDE,
                .c = sums + tap * p->result_stride,
                .ldc = (size_t)(p->taps * p->result_stride),
                .add = block > begin,
            };
            p->run->kern->panels_f32(&panels);
        }
    }
    p->run->kern->transpose_f32(dw + (filter * c->channels + channel) * p->taps, (size_t)(c->channels * p->taps), sums,
                                (size_t)p->result_stride, (size_t)(channels * p->taps), (size_t)filters);
}

static void sum_parts(void *context, size_t filter, int worker)
{
    const struct pass *p = context;
    int64_t n = p->c->channels * p->taps;
    float *dw = p->dw + (int64_t)filter * n;

    (void)worker;
    memset(dw, 0, (size_t)n * sizeof *dw);
    for (int64_t part = 0; part < p->parts; part++)
        p->run->kern->add_f32(dw, dw, 1, p->scratch + part * convolve_weights(p->c) + (int64_t)filter * n, 1,
                              (size_t)n);
}

void gathered_weight(const struct convolve *c, const struct op_run *run, const float *x, const float *dy, float *dw,
                     void *work)
{
    struct pass p = weight_pass(c);

    p.run = run;
    p.x = x;
    p.dy = dy;
    p.dw = dw;
    p.scratch = work;
    pool_run(run->pool, (size_t)(p.parts * p.channel_blocks * p.strips), weight_task, &p);
    if (p.parts > 1)
        pool_run(run->pool, (size_t)c->filters, sum_parts, &p);
}

#include <string.h>

#include "op/planes.h"

struct gradient {
    const struct convolve *c;
    const struct op_run *run;
    const float *x, *dy;
    float *dw;
    int32_t *tap;
    float *sums; /* of each part of the batch, when there are several */
    char *scratch;
    size_t piece_bytes;
};

static int64_t tap_count(const struct convolve *c)
{
    return c->win[0].kernel * c->win[1].kernel;
}

static int64_t chunk_rows(const struct convolve *c)
{
    return divide_up(c->win[0].out, c->grad_chunks);
}

/* Planes of one image, and room to read beyond the last of them. */
static int64_t image_floats(const struct convolve *c)
{
    return c->channels * c->grad_plane + KERN_SLACK;
}

static size_t piece_bytes(const struct convolve *c)
{
    return planes_round((size_t)(c->grad_images * image_floats(c)) * sizeof(float)) +
           planes_round((size_t)(c->grad_images * c->grad_rows * c->grad_stride + KERN_SLACK) * sizeof(float));
}

static size_t sums_bytes(const struct convolve *c)
{
    return c->grad_parts > 1 ? planes_round((size_t)(c->grad_parts * convolve_weights(c)) * sizeof(float)) : 0;
}

size_t convolve_weight_bytes(const struct convolve *c)
{
    return planes_round((size_t)tap_count(c) * sizeof(int32_t)) + sums_bytes(c) + piece_bytes(c) * (size_t)c->workers;
}

/* One image's chunk: the input in planes, and the output's gradient with zeros between the rows and at the end, which
 * cancel what the planes' borders would add. */
static void lay_image(const struct gradient *g, int64_t sample, int64_t group, int64_t chunk, int64_t from, int64_t to,
                      float *planes, float *dy)
{
    const struct convolve *c = g->c;
    const struct window *h = &c->win[0], *w = &c->win[1];
    int64_t first = chunk * chunk_rows(c), rows = least(chunk_rows(c), h->out - first), used = rows * c->wide;
    const float *grad = g->dy + ((sample * c->groups + group) * c->filters + from) * h->out * w->out + first * w->out;

    planes_lay(c, g->run->kern, g->x + (sample * c->groups + group) * c->channels * h->in * w->in, first, chunk_rows(c),
               c->grad_plane, planes);
    for (int64_t k = 0; k < to - from; k++, dy += c->grad_stride) {
        planes_fill(g->run->kern, dy, rows, c->wide, grad + k * h->out * w->out, rows, w->out, 0, 0, 1, 1);
        memset(dy + used, 0, (size_t)(c->grad_stride - used) * sizeof *dy);
    }
}

struct slice {
    int64_t group, from, to; /* filters */
    float *planes, *dy, *sums;
};

/* A few images' chunk into the sums of a slice of the filters. */
static void add_images(const struct gradient *g, const struct slice *s, int64_t first, int64_t last, int64_t chunk)
{
    const struct convolve *c = g->c;
    int64_t rows = least(chunk_rows(c), c->win[0].out - chunk * chunk_rows(c)), high = s->to - s->from;
    const struct kern_grad grad = {
        .m = (size_t)high,
        .n = (size_t)((rows * c->wide - c->shift[1] + KERN_SLACK - 1) / KERN_SLACK * KERN_SLACK),
        .segments = (size_t)(last - first),
        .channels = (size_t)c->channels,
        .taps = (size_t)tap_count(c),
        .plane = (size_t)c->grad_plane,
        .tap = g->tap,
        .a = s->dy,
        .lda = (size_t)c->grad_stride,
        .step_a = (size_t)(high * c->grad_stride),
        .b = s->planes,
        .step_b = (size_t)image_floats(c),
        .c = s->sums,
        .ldc = (size_t)(c->channels * tap_count(c)),
    };

    for (int64_t i = first; i < last; i++)
        lay_image(g, i, s->group, chunk, s->from, s->to, s->planes + (i - first) * image_floats(c),
                  s->dy + (i - first) * high * c->grad_stride);
    g->run->kern->conv_grad_f32(&grad);
}

static void gradient_task(void *context, size_t index, int worker)
{
    const struct gradient *g = context;
    const struct convolve *c = g->c;
    int64_t slices = divide_up(c->filters, c->grad_rows), i = (int64_t)index;
    int64_t part = i / slices / c->groups, depth = c->channels * tap_count(c);
    struct slice s = { .group = i / slices % c->groups, .from = i % slices * c->grad_rows };
    char *piece = g->scratch + (size_t)worker * g->piece_bytes;

    s.to = least(c->filters, s.from + c->grad_rows);
    s.planes = planes_take(&piece, (size_t)(c->grad_images * image_floats(c)) * sizeof(float));
    s.dy = (float *)(void *)piece;
    s.sums = (g->sums ? g->sums + part * convolve_weights(c) : g->dw) + (s.group * c->filters + s.from) * depth;
    if (g->sums)
        memset(s.sums, 0, (size_t)((s.to - s.from) * depth) * sizeof *s.sums);
    int64_t first = c->batch * part / c->grad_parts, last = c->batch * (part + 1) / c->grad_parts;
    for (; first < last; first += c->grad_images)
        for (int64_t chunk = 0; chunk < c->grad_chunks; chunk++)
            add_images(g, &s, first, least(last, first + c->grad_images), chunk);
}

void convolve_weight(const struct convolve *c, const struct op_run *run, const float *x, const float *dy, float *dw,
                     bool add, void *work)
{
    char *at = work;
    struct gradient g = { c, run, x, dy, dw, NULL, NULL, NULL, piece_bytes(c) };
    int64_t weights = convolve_weights(c);

    g.tap = planes_take(&at, (size_t)tap_count(c) * sizeof *g.tap);
    g.sums = sums_bytes(c) ? planes_take(&at, sums_bytes(c)) : NULL;
    g.scratch = at;
    planes_taps(c, chunk_rows(c), g.tap);
    if (!add)
        memset(dw, 0, (size_t)weights * sizeof *dw);
    pool_run(run->pool, (size_t)(c->grad_parts * c->groups * divide_up(c->filters, c->grad_rows)), gradient_task, &g);
    for (int64_t part = 0; g.sums && part < c->grad_parts; part++)
        run->kern->add_f32(dw, dw, 1, g.sums + part * weights, 1, (size_t)weights);
}

struct bias_sum {
    const struct op_run *run;
    int64_t batch, channels, pixels;
    const float *dy;
    float *db;
    bool add;
};

static void bias_task(void *context, size_t channel, int worker)
{
    const struct bias_sum *b = context;
    double sum = 0;

    (void)worker;
    for (int64_t s = 0; s < b->batch; s++)
        sum += b->run->kern->sum_f32(b->dy + (s * b->channels + (int64_t)channel) * b->pixels, (size_t)b->pixels);
    b->db[channel] = (b->add ? b->db[channel] : 0) + (float)sum;
}

void convolve_bias(const struct op_run *run, int64_t batch, int64_t channels, int64_t pixels, const float *dy,
                   float *db, bool add)
{
    struct bias_sum b = { run, batch, channels, pixels, dy, db, add };

    pool_run(run->pool, (size_t)channels, bias_task, &b);
}

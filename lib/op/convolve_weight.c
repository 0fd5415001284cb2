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

static size_t grad_planes_bytes(const struct convolve *c)
{
    return planes_round((size_t)(c->channels * c->grad_plane + KERN_SLACK) * sizeof(float));
}

static size_t piece_bytes(const struct convolve *c)
{
    int64_t aside = c->shift[1] ? c->grad_rows * chunk_rows(c) * c->wide : 0;

    return grad_planes_bytes(c) + planes_round((size_t)aside * sizeof(float));
}

static size_t sums_bytes(const struct convolve *c)
{
    return c->grad_parts > 1 ? planes_round((size_t)(c->grad_parts * convolve_weights(c)) * sizeof(float)) : 0;
}

size_t convolve_weight_bytes(const struct convolve *c)
{
    return planes_round((size_t)tap_count(c) * sizeof(int32_t)) + sums_bytes(c) + piece_bytes(c) * (size_t)c->workers;
}

/* One chunk of one image into the sums of filters from..to of a group. */
static void add_chunk(const struct gradient *g, int64_t sample, int64_t group, int64_t chunk, int64_t from, int64_t to,
                      float *planes, float *aside, float *sums)
{
    const struct convolve *c = g->c;
    const struct window *h = &c->win[0], *w = &c->win[1];
    int64_t first = chunk * chunk_rows(c), rows = least(chunk_rows(c), h->out - first);
    int64_t filter = (sample * c->groups + group) * c->filters + from, stride = h->out * w->out;
    const float *dy = g->dy + filter * stride + first * w->out;

    planes_lay(c, g->x + (sample * c->groups + group) * c->channels * h->in * w->in, first, chunk_rows(c),
               c->grad_plane, planes);
    if (c->shift[1]) {
        /* Zeros between the rows cancel what the planes' borders would add. */
        for (int64_t k = 0; k < to - from; k++)
            planes_fill(aside + k * rows * c->wide, rows, c->wide, dy + k * stride, rows, w->out, 0, 0, 1, 1);
        dy = aside;
        stride = rows * c->wide;
    }
    g->run->kern->conv_grad_f32((size_t)(to - from), (size_t)(rows * c->wide - c->shift[1]), (size_t)c->channels,
                                (size_t)tap_count(c), g->tap, (size_t)c->grad_plane, dy, (size_t)stride, planes, sums,
                                (size_t)(c->channels * tap_count(c)));
}

static void gradient_task(void *context, size_t index, int worker)
{
    const struct gradient *g = context;
    const struct convolve *c = g->c;
    int64_t slices = divide_up(c->filters, c->grad_rows), i = (int64_t)index;
    int64_t slice = i % slices, group = i / slices % c->groups, part = i / slices / c->groups;
    int64_t from = slice * c->grad_rows, to = least(c->filters, from + c->grad_rows);
    int64_t depth = c->channels * tap_count(c);
    float *sums = (g->sums ? g->sums + part * convolve_weights(c) : g->dw) + (group * c->filters + from) * depth;
    char *piece = g->scratch + (size_t)worker * g->piece_bytes;

    if (g->sums)
        memset(sums, 0, (size_t)((to - from) * depth) * sizeof *sums);
    for (int64_t s = c->batch * part / c->grad_parts; s < c->batch * (part + 1) / c->grad_parts; s++)
        for (int64_t chunk = 0; chunk < c->grad_chunks; chunk++)
            add_chunk(g, s, group, chunk, from, to, (float *)(void *)piece,
                      (float *)(void *)(piece + grad_planes_bytes(c)), sums);
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

/*
 * block_winograd.c - 3 x 3 convolutions by Winograd's products: tiles of the
 * picture are transformed, each number of a tile is a product over channels of
 * its own, and the results are transformed back.
 *
 * Tiles of all images are counted through and go in runs: all three steps of a
 * run in one task and its cache. Where many channels leave a cache few tiles, or
 * there are few runs, all threads share the steps of one longer run instead, by
 * blocks of channels, so that weights pass seldom.
 */
#include <math.h>
#include <string.h>

#include "op/block.h"

enum { RUN_BYTES = 320 * 1024, SHARED_BYTES = 2 * 1024 * 1024, FEW_TILES = 12 };

bool block_winograd_fits(const struct block_conv *c)
{
    for (int i = 0; i < 2; i++)
        if (c->win[i].kernel != 3 || c->win[i].stride != 1 || c->win[i].dilation != 1 || c->win[i].out < 4)
            return false;
    return c->groups == 1 && c->channels >= 16 && c->filters >= 16;
}

static int64_t numbers(const struct block_conv *c)
{
    return (c->m + 2) * (c->m + 2);
}

/* Of an image, and of the batch. */
static int64_t tiles_of(const struct block_conv *c)
{
    return c->tiles[0] * c->tiles[1];
}

static int64_t tiles_in_all(const struct block_conv *c)
{
    return c->batch * tiles_of(c);
}

/* Large tiles save products, but four times the weights must come from memory, and tiles over the edge are work for nothing. */
static int64_t tile_size(const struct block_conv *c)
{
    int64_t smaller = block_least(c->win[0].out, c->win[1].out);

    if (c->way == OP_WAY_WINOGRAD_2 || c->way == OP_WAY_WINOGRAD_4)
        return c->way == OP_WAY_WINOGRAD_4 ? 4 : 2;
    return smaller >= 10 ? 4 : 2;
}

void block_winograd_plan(struct block_conv *c, size_t registers)
{
    int64_t tile_bytes, all, runs;

    c->m = tile_size(c);
    for (int i = 0; i < 2; i++)
        c->tiles[i] = block_up(c->win[i].out, c->m);
    all = tiles_in_all(c);
    tile_bytes = numbers(c) * c->in_blocks * c->lanes * 4;
    c->run = RUN_BYTES / tile_bytes;
    c->shared = c->run < FEW_TILES;
    if (c->shared) {
        c->run = c->run < SHARED_BYTES / tile_bytes ? SHARED_BYTES / tile_bytes : 1;
    } else {
        runs = block_up(block_up(all, c->run), c->workers) * c->workers; /* as many for each thread */
        c->run = block_up(all, runs);
    }
    c->run = block_least(all, c->run);
    c->bundles = block_up(c->out_blocks, block_bundle_size(c->out_blocks, c->run, registers));
}

size_t block_winograd_packed(const struct block_conv *c)
{
    return (size_t)(numbers(c) * c->out_blocks * c->lanes * c->channels) * sizeof(float);
}

/* ---- weights ---- */

/*
 * G of y = A' ((G w) * (B' x)): a row for each point, its powers over the product of its differences to the others.
 * The first point is 0 and the last infinity; between them are pairs of either sign.
 */
static void point_rows(int64_t m, double g[6][3])
{
    static const double two[4][3] = { { -1, 0, 0 }, { 0.5, 0.5, 0.5 }, { 0.5, -0.5, 0.5 }, { 0, 0, 1 } };
    const double low = 0.70710678118654752440, high = 1.41421356237309504880;
    const double four[6][3] = { { 1, 0, 0 },
                                { -2.0 / 3, -2.0 / 3 * low, -1.0 / 3 },
                                { -2.0 / 3, 2.0 / 3 * low, -1.0 / 3 },
                                { 1.0 / 6, 1.0 / 6 * high, 1.0 / 3 },
                                { 1.0 / 6, -1.0 / 6 * high, 1.0 / 3 },
                                { 0, 0, 1 } };

    memcpy(g, m == 4 ? four : two, (size_t)(m + 2) * sizeof *g);
}

struct packing {
    const struct block_conv *c;
    const float *w;
    float *packed;
    double g[6][3];
};

/* Filters that go side by side, and channels whose numbers are gathered: places of one filter's lie far apart. */
enum { MOST_LANES = 16, MOST_NUMBERS = 36, FILTERS = 4, CHANNELS = 4 };

/* Numbers of three taps. */
static void spread(const struct packing *p, const double *below, const double *middle, const double *above,
                   double (*to)[FILTERS])
{
    int64_t last = p->c->m + 1;

    for (int l = 0; l < FILTERS; l++) {
        to[0][l] = p->g[0][0] * below[l];
        to[last][l] = above[l];
    }
    for (int64_t i = 1; i < last; i += 2)
        for (int l = 0; l < FILTERS; l++) {
            double even = p->g[i][0] * below[l] + p->g[i][2] * above[l], odd = p->g[i][1] * middle[l];
            to[i][l] = even + odd;
            to[i + 1][l] = even - odd;
        }
}

/* One channel of some filters, those that there are: (m + 2)^2 numbers, `step` floats apart. */
static void turn_filters(const struct packing *p, int64_t first, int64_t channel, float *to, int64_t step)
{
    const struct block_conv *c = p->c;
    int64_t n = c->m + 2;
    double w[9][FILTERS], half[3][6][FILTERS], whole[6][FILTERS];

    for (int64_t l = 0; l < FILTERS; l++)
        for (int64_t t = 0; t < 9; t++)
            w[t][l] = first + l < c->filters ? (double)p->w[((first + l) * c->channels + channel) * 9 + t] : 0;
    for (int64_t j = 0; j < 3; j++)
        spread(p, w[j], w[3 + j], w[6 + j], half[j]);
    for (int64_t i = 0; i < n; i++) {
        spread(p, half[0][i], half[1][i], half[2][i], whole);
        for (int64_t j = 0; j < n; j++, to += step)
            for (int l = 0; l < FILTERS; l++)
                to[l] = (float)whole[j][l];
    }
}

/* Bundle after bundle: for each number of a tile and each channel the weights of the bundle's blocks side by side. */
static void pack_bundle(void *context, size_t bundle, int worker)
{
    const struct packing *p = context;
    const struct block_conv *c = p->c;
    int64_t first = block_bundle(c, (int64_t)bundle) * c->lanes;
    int64_t width = block_bundle(c, (int64_t)bundle + 1) * c->lanes - first;
    float *to = p->packed + first * numbers(c) * c->channels;
    float near[MOST_NUMBERS * CHANNELS * KERN_BLOCKS * MOST_LANES];

    (void)worker;
    block_fetch(p->w + first * c->channels * 9,
                (size_t)(block_least(width, c->filters - first) * c->channels * 9) * sizeof *to);
    for (int64_t channel = 0; channel < c->channels; channel += CHANNELS) {
        int64_t count = block_least(CHANNELS, c->channels - channel);
        for (int64_t l = 0; l < width; l += FILTERS)
            for (int64_t i = 0; i < count; i++)
                turn_filters(p, first + l, channel + i, near + i * width + l, CHANNELS * width);
        for (int64_t number = 0; number < numbers(c); number++)
            memcpy(to + (number * c->channels + channel) * width, near + number * CHANNELS * width,
                   (size_t)(count * width) * sizeof *to);
    }
}

void block_winograd_pack(const struct block_conv *c, const struct op_run *run, const float *w, float *packed)
{
    struct packing p = { .c = c, .w = w, .packed = packed };

    point_rows(c->m, p.g);
    pool_run(run->pool, (size_t)c->bundles, pack_bundle, &p);
}

/* ---- the run ---- */

/* A patch's side and what it holds; numbers on their way in and out of the products; offsets of channels. */
static size_t patch_bytes(const struct block_conv *c)
{
    return block_round((size_t)(numbers(c) * c->lanes) * sizeof(float));
}

static size_t in_bytes(const struct block_conv *c)
{
    return block_round((size_t)(numbers(c) * c->in_blocks * c->run * c->lanes) * sizeof(float));
}

/* A task has one bundle on its way out at a time. */
static size_t out_bytes(const struct block_conv *c)
{
    return block_round((size_t)(numbers(c) * KERN_BLOCKS * c->run * c->lanes) * sizeof(float));
}

static size_t offset_bytes(const struct block_conv *c)
{
    return block_round((size_t)c->in_blocks * sizeof(int32_t));
}

static size_t worker_bytes(const struct block_conv *c)
{
    return patch_bytes(c) + out_bytes(c) + (c->shared ? 0 : in_bytes(c));
}

size_t block_winograd_work(const struct block_conv *c)
{
    return offset_bytes(c) + (c->shared ? in_bytes(c) : 0) + worker_bytes(c) * (size_t)c->workers;
}

struct winograd {
    struct block_run r;
    int64_t first, count; /* tiles of the run that is shared */
};

/* Where a tile lies. */
struct spot {
    int64_t image, down, across;
};

static struct spot spot_of(const struct block_conv *c, int64_t tile)
{
    int64_t rest = tile % tiles_of(c);

    return (struct spot){ tile / tiles_of(c), rest / c->tiles[1], rest % c->tiles[1] };
}

static char *worker_place(const struct winograd *w, int worker)
{
    const struct block_conv *c = w->r.c;

    return w->r.work + offset_bytes(c) + (c->shared ? in_bytes(c) : 0) + worker_bytes(c) * (size_t)worker;
}

/* One tile over the edge, by way of a patch with zeros. */
static void edge_in(const struct winograd *w, struct kern_winograd g, const float *x, int64_t down, int64_t across,
                    float *patch, float *v)
{
    const struct block_conv *c = w->r.c;
    int64_t n = c->m + 2, y = down * c->m - c->win[0].begin, left = across * c->m - c->win[1].begin;
    int64_t first = left < 0 ? -left : 0, last = block_least(n, c->win[1].in - left);

    for (int64_t i = 0; i < n; i++) {
        float *row = patch + i * n * c->lanes;
        memset(row, 0, (size_t)(n * c->lanes) * sizeof *row);
        if (y + i >= 0 && y + i < c->win[0].in && first < last)
            memcpy(row + first * c->lanes, x + ((y + i) * c->win[1].in + left + first) * c->lanes,
                   (size_t)((last - first) * c->lanes) * sizeof *row);
    }
    g.row = (size_t)(n * c->lanes);
    w->r.run->kern->winograd_in_f32(&g, 1, patch, v);
}

static struct kern_winograd geometry(const struct winograd *w, int64_t columns, int64_t tiles, int64_t blocks)
{
    const struct block_conv *c = w->r.c;

    return (struct kern_winograd){
        (size_t)c->m, (size_t)(columns * c->lanes), (size_t)(blocks * tiles * c->lanes), (size_t)c->lanes, w->r.low,
        w->r.high
    };
}

/* Tiles first..first + count of one block; v has [number, block, tile, lane]. */
static void transform_in(const struct winograd *w, int64_t block, int64_t first, int64_t count, float *patch, float *v)
{
    const struct block_conv *c = w->r.c;
    const struct kern_winograd g = geometry(w, c->win[1].in, c->run, c->in_blocks);

    v += block * c->run * c->lanes;
    for (int64_t t = first, some; t < first + count; t += some) {
        struct spot at = spot_of(c, t);
        const float *x = w->r.x + (at.image * c->in_blocks + block) * block_in(c);
        int64_t from, to, y = at.down * c->m - c->win[0].begin, left = at.across * c->m - c->win[1].begin;
        block_inner_tiles(c->win, c->m, at.down, &from, &to);
        some = 1;
        if (at.across < from || at.across >= to) {
            edge_in(w, g, x, at.down, at.across, patch, v + (t - first) * c->lanes);
            continue;
        }
        some = block_least(to - at.across, first + count - t);
        w->r.run->kern->winograd_in_f32(&g, (size_t)some, x + (y * c->win[1].in + left) * c->lanes,
                                        v + (t - first) * c->lanes);
    }
}

/* One tile that the picture ends in, by way of a patch. */
static void edge_out(const struct winograd *w, struct kern_winograd g, int64_t down, int64_t across, const float *v,
                     const float *bias, const float *add, float *patch, float *y)
{
    const struct block_conv *c = w->r.c;
    int64_t rows = block_least(c->m, c->win[0].out - down * c->m);
    size_t bytes = (size_t)(block_least(c->m, c->win[1].out - across * c->m) * c->lanes) * sizeof *y;
    int64_t row = c->m * c->lanes;

    for (int64_t i = 0; add && i < rows; i++)
        memcpy(patch + i * row, add + i * (int64_t)g.row, bytes);
    size_t to = g.row;
    g.row = (size_t)row;
    w->r.run->kern->winograd_out_f32(&g, 1, v, bias, add ? patch : NULL, patch);
    for (int64_t i = 0; i < rows; i++)
        memcpy(y + i * (int64_t)to, patch + i * row, bytes);
}

/* Tiles first..first + count of one output block out of m, which has [number, block of the bundle, tile, lane]. */
static void transform_out(const struct winograd *w, int64_t block, int64_t blocks, int64_t first, int64_t count,
                          float *patch, const float *m)
{
    const struct block_conv *c = w->r.c;
    const float *bias = w->r.bias + block * c->lanes;
    const struct kern_winograd g = geometry(w, c->win[1].out, c->run, blocks);
    int64_t whole = c->win[1].out / c->m;

    for (int64_t t = first, some; t < first + count; t += some) {
        struct spot at = spot_of(c, t);
        float *y = w->r.y + (at.image * c->out_blocks + block) * block_out(c) +
                   (at.down * c->m * c->win[1].out + at.across * c->m) * c->lanes;
        const float *add = block_add(&w->r, y), *from = m + (t - first) * c->lanes;
        some = 1;
        if (at.across >= whole || (at.down + 1) * c->m > c->win[0].out) {
            edge_out(w, g, at.down, at.across, from, bias, add, patch, y);
            continue;
        }
        some = block_least(whole - at.across, first + count - t);
        w->r.run->kern->winograd_out_f32(&g, (size_t)some, from, bias, add, y);
    }
}

/* One bundle of output blocks for the tiles that v holds. */
static void run_bundle(const struct winograd *w, int64_t bundle, int64_t first, int64_t count, const float *v,
                       char *place)
{
    const struct block_conv *c = w->r.c;
    int64_t from = block_bundle(c, bundle), blocks = block_bundle(c, bundle + 1) - from;
    float *patch = (float *)(void *)place, *m = (float *)(void *)(place + patch_bytes(c));
    const float *weights = w->r.weights + from * c->lanes * numbers(c) * c->channels;
    struct kern_block_conv how = { (size_t)c->in_blocks,
                                   (size_t)(c->channels / c->lanes),
                                   (size_t)(c->channels % c->lanes),
                                   (const int32_t *)(const void *)w->r.work,
                                   (size_t)(c->run * c->lanes),
                                   -INFINITY,
                                   INFINITY,
                                   NULL,
                                   (size_t)(c->channels * blocks * c->lanes) };

    for (int64_t i = 0; i < numbers(c); i++) {
        const float *at = weights + i * (int64_t)how.next_floats;
        how.next = at + how.next_floats;
        w->r.run->kern->block_conv_f32(&how, (size_t)count, (size_t)blocks, v + i * c->in_blocks * c->run * c->lanes,
                                       at, NULL, NULL, m + i * blocks * c->run * c->lanes);
    }
    for (int64_t b = 0; b < blocks; b++)
        transform_out(w, from + b, blocks, first, count, patch, m + b * c->run * c->lanes);
}

static void run_task(void *context, size_t run, int worker)
{
    const struct winograd *w = context;
    const struct block_conv *c = w->r.c;
    int64_t all = tiles_in_all(c), runs = block_up(all, c->run);
    int64_t first = all * (int64_t)run / runs, count = all * ((int64_t)run + 1) / runs - first;
    char *place = worker_place(w, worker);
    float *v = (float *)(void *)(place + patch_bytes(c) + out_bytes(c));

    for (int64_t b = 0; b < c->in_blocks; b++)
        transform_in(w, b, first, count, (float *)(void *)place, v);
    for (int64_t b = 0; b < c->bundles; b++)
        run_bundle(w, b, first, count, v, place);
}

static float *shared_in(const struct winograd *w)
{
    return (float *)(void *)(w->r.work + offset_bytes(w->r.c));
}

static void in_task(void *context, size_t block, int worker)
{
    const struct winograd *w = context;

    transform_in(w, (int64_t)block, w->first, w->count, (float *)(void *)worker_place(w, worker), shared_in(w));
}

static void out_task(void *context, size_t bundle, int worker)
{
    const struct winograd *w = context;

    run_bundle(w, (int64_t)bundle, w->first, w->count, shared_in(w), worker_place(w, worker));
}

static void share_run(struct winograd *w, int64_t run, int64_t runs)
{
    const struct block_conv *c = w->r.c;

    w->first = tiles_in_all(c) * run / runs;
    w->count = tiles_in_all(c) * (run + 1) / runs - w->first;
    pool_run(w->r.run->pool, (size_t)c->in_blocks, in_task, w);
    pool_run(w->r.run->pool, (size_t)c->bundles, out_task, w);
}

static void finish_task(void *context, size_t plane, int worker)
{
    const struct block_run *r = context;

    (void)worker;
    block_finish(r, r->y + (int64_t)plane * block_out(r->c), block_out(r->c));
}

void block_winograd(const struct block_run *r)
{
    const struct block_conv *c = r->c;
    struct winograd w = { *r, 0, 0 };
    int32_t *offset = (int32_t *)(void *)r->work;
    int64_t runs = block_up(tiles_in_all(c), c->run);

    for (int64_t b = 0; b < c->in_blocks; b++)
        offset[b] = (int32_t)(b * c->run * c->lanes);
    if (!c->shared)
        pool_run(r->run->pool, (size_t)runs, run_task, &w);
    for (int64_t i = 0; c->shared && i < runs; i++)
        share_run(&w, i, runs);
    if (block_finishes(r))
        pool_run(r->run->pool, (size_t)(c->batch * c->out_blocks), finish_task, &w.r);
}

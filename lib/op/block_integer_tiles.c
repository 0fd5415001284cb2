/*
 * block_integer_tiles.c - runs what block_integer_winograd.c has planned, as
 * block_winograd.c does its floats: tiles of all images are counted through and
 * go in runs, in one task with all three steps, or in steps that threads share.
 */
#include <string.h>

#include "op/block_integer.h"

struct tiles {
    struct block_integer_run r;
    int64_t first, count; /* tiles of the run that is shared */
};

static int64_t tiles_of(const struct block_integer *c)
{
    return c->tiles[0] * c->tiles[1];
}

/* ---- scratch: a patch with borders, numbers on their way in, one bundle's on their way out ---- */

static size_t patch_bytes(const struct block_integer *c)
{
    return block_round((size_t)((c->m + 2) * (c->m + 2) * c->lanes));
}

static size_t in_bytes(const struct block_integer *c)
{
    return block_round((size_t)(block_integer_points(c) * c->in_blocks * c->run * c->lanes) * sizeof(int16_t));
}

static size_t out_bytes(const struct block_integer *c)
{
    return block_round((size_t)(block_integer_points(c) * KERN_BLOCKS * c->run * c->lanes) * sizeof(int32_t));
}

static size_t worker_bytes(const struct block_integer *c)
{
    return patch_bytes(c) + out_bytes(c) + (c->shared ? 0 : in_bytes(c));
}

size_t block_integer_winograd_work(const struct block_integer *c)
{
    return (c->shared ? in_bytes(c) : 0) + worker_bytes(c) * (size_t)c->workers;
}

static char *worker_place(const struct tiles *t, int worker)
{
    const struct block_integer *c = t->r.c;

    return t->r.work + (c->shared ? in_bytes(c) : 0) + worker_bytes(c) * (size_t)worker;
}

/* ---- in ---- */

/* One tile over the edge, where the picture's zero point is. */
static void edge_in(const struct tiles *t, struct kern_winograd_u8 g, const uint8_t *x, int64_t down, int64_t across,
                    uint8_t *patch, int16_t *v)
{
    const struct block_integer *c = t->r.c;
    int64_t y = down * c->m - c->win[0].begin, left = across * c->m - c->win[1].begin;
    int64_t first = left < 0 ? -left : 0, last = block_least((c->m + 2), c->win[1].in - left);

    memset(patch, c->how.zero_in, (size_t)((c->m + 2) * (c->m + 2) * c->lanes));
    for (int64_t i = 0; i < (c->m + 2); i++)
        if (y + i >= 0 && y + i < c->win[0].in && first < last)
            memcpy(patch + (i * (c->m + 2) + first) * c->lanes, x + ((y + i) * c->win[1].in + left + first) * c->lanes,
                   (size_t)((last - first) * c->lanes));
    g.row = (size_t)((c->m + 2) * c->lanes);
    t->r.kern->winograd_in_u8(&g, 1, patch, v);
}

/* Tiles first..first + count of one block; v has [number, block, tile, lane]. */
static void transform_in(const struct tiles *t, int64_t block, int64_t first, int64_t count, uint8_t *patch, int16_t *v)
{
    const struct block_integer *c = t->r.c;
    const struct kern_winograd_u8 g = { .m = (size_t)c->m,
                                        .row = (size_t)(c->win[1].in * c->lanes),
                                        .number = (size_t)(c->in_blocks * c->run * c->lanes),
                                        .zero_point = c->how.zero_in };
    int64_t bytes = c->win[0].in * c->win[1].in * c->lanes;

    v += block * c->run * c->lanes;
    for (int64_t i = first, some; i < first + count; i += some, v += some * c->lanes) {
        int64_t image = i / tiles_of(c), down = i % tiles_of(c) / c->tiles[1], across = i % c->tiles[1], from, to;
        const uint8_t *x = t->r.x + (image * c->in_blocks + block) * bytes;
        block_inner_tiles(c->win, c->m, down, &from, &to);
        some = 1;
        if (across < from || across >= to) {
            edge_in(t, g, x, down, across, patch, v);
            continue;
        }
        some = block_least(to - across, first + count - i);
        x += ((down * c->m - c->win[0].begin) * c->win[1].in + across * c->m - c->win[1].begin) * c->lanes;
        t->r.kern->winograd_in_u8(&g, (size_t)some, x, v);
    }
}

/* ---- out ---- */

/* One tile that the picture ends in, by way of a patch. */
static void edge_out(const struct tiles *t, struct kern_winograd_u8 g, int64_t channel, int64_t rows, int64_t columns,
                     const int32_t *m, uint8_t *patch, uint8_t *y)
{
    const struct block_integer *c = t->r.c;
    size_t row = g.row;

    g.row = (size_t)(c->m * c->lanes);
    t->r.kern->winograd_out_u8(&g, 1, m, t->r.bias + channel, t->r.scale + channel, patch);
    for (int64_t i = 0; i < rows; i++)
        memcpy(y + i * (int64_t)row, patch + i * c->m * c->lanes, (size_t)(columns * c->lanes));
}

/* Tiles first..first + count of one output block out of m, which has [number, block of the bundle, tile, lane]. */
static void transform_out(const struct tiles *t, int64_t block, int64_t blocks, int64_t first, int64_t count,
                          uint8_t *patch, const int32_t *m)
{
    const struct block_integer *c = t->r.c;
    const struct kern_winograd_u8 g = { .m = (size_t)c->m,
                                        .row = (size_t)(c->win[1].out * c->lanes),
                                        .number = (size_t)(blocks * c->run * c->lanes),
                                        .zero_point = c->how.zero_out,
                                        .low = c->how.low,
                                        .high = c->how.high };
    int64_t channel = block * c->lanes, whole = c->win[1].out / c->m, pixels = c->win[0].out * c->win[1].out;

    for (int64_t i = first, some; i < first + count; i += some, m += some * c->lanes) {
        int64_t image = i / tiles_of(c), down = i % tiles_of(c) / c->tiles[1], across = i % c->tiles[1];
        int64_t rows = block_least(c->m, c->win[0].out - down * c->m);
        uint8_t *y = t->r.y + (image * c->out_blocks + block) * pixels * c->lanes +
                     (down * c->m * c->win[1].out + across * c->m) * c->lanes;
        some = 1;
        if (across >= whole || rows < c->m) {
            edge_out(t, g, channel, rows, block_least(c->m, c->win[1].out - across * c->m), m, patch, y);
            continue;
        }
        some = block_least(whole - across, first + count - i);
        t->r.kern->winograd_out_u8(&g, (size_t)some, m, t->r.bias + channel, t->r.scale + channel, y);
    }
}

/* ---- all together ---- */

/* One bundle of output blocks for the tiles that v holds. */
static void run_bundle(const struct tiles *t, int64_t bundle, int64_t first, int64_t count, const int16_t *v,
                       char *place)
{
    static const int32_t no_bias[KERN_BLOCKS * 16];
    const struct block_integer *c = t->r.c;
    int64_t from = c->out_blocks * bundle / c->bundles, blocks = c->out_blocks * (bundle + 1) / c->bundles - from;
    int64_t apart = blocks * c->run * c->lanes, words = block_integer_words(c);
    const int32_t *w = t->r.weights + block_integer_points(c) * from * c->lanes * words;
    uint8_t *patch = (uint8_t *)place;
    int32_t *m = (int32_t *)(void *)(place + patch_bytes(c));
    struct kern_block_bytes how = { .segments = (size_t)c->segments,
                                    .whole = (size_t)c->whole,
                                    .words = (size_t)c->words,
                                    .rest = (size_t)c->rest,
                                    .pixel = (size_t)c->pixel,
                                    .offset = t->r.offset,
                                    .y_block = (size_t)(c->run * c->lanes) * sizeof(int32_t),
                                    .next_bytes = (size_t)(blocks * c->lanes * words) * sizeof *w };

    for (int64_t point = 0; point < block_integer_points(c); point++, w = how.next) {
        how.next = w + blocks * c->lanes * words;
        t->r.kern->block_conv_u8(&how, (size_t)count, (size_t)blocks, v + point * c->in_blocks * c->run * c->lanes, w,
                                 no_bias, NULL, (uint8_t *)(m + point * apart));
    }
    for (int64_t b = 0; b < blocks; b++)
        transform_out(t, from + b, blocks, first, count, patch, m + b * c->run * c->lanes);
}

static void run_task(void *context, size_t run, int worker)
{
    const struct tiles *t = context;
    const struct block_integer *c = t->r.c;
    int64_t all = c->batch * tiles_of(c), runs = block_up(all, c->run);
    int64_t first = all * (int64_t)run / runs, count = all * ((int64_t)run + 1) / runs - first;
    char *place = worker_place(t, worker);
    int16_t *v = (int16_t *)(void *)(place + patch_bytes(c) + out_bytes(c));

    for (int64_t b = 0; b < c->in_blocks; b++)
        transform_in(t, b, first, count, (uint8_t *)place, v);
    for (int64_t b = 0; b < c->bundles; b++)
        run_bundle(t, b, first, count, v, place);
}

static int16_t *shared_in(const struct tiles *t)
{
    return (int16_t *)(void *)t->r.work;
}

static void in_task(void *context, size_t block, int worker)
{
    const struct tiles *t = context;

    transform_in(t, (int64_t)block, t->first, t->count, (uint8_t *)worker_place(t, worker), shared_in(t));
}

static void out_task(void *context, size_t bundle, int worker)
{
    const struct tiles *t = context;

    run_bundle(t, (int64_t)bundle, t->first, t->count, shared_in(t), worker_place(t, worker));
}

void block_integer_winograd(const struct block_integer_run *r, struct pool *pool)
{
    const struct block_integer *c = r->c;
    struct tiles t = { *r, 0, 0 };
    int64_t all = c->batch * tiles_of(c), runs = block_up(all, c->run);

    if (!c->shared) {
        pool_run(pool, (size_t)runs, run_task, &t);
        return;
    }
    for (int64_t i = 0; i < runs; i++) {
        t.first = all * i / runs;
        t.count = all * (i + 1) / runs - t.first;
        pool_run(pool, (size_t)c->in_blocks, in_task, &t);
        pool_run(pool, (size_t)c->bundles, out_task, &t);
    }
}

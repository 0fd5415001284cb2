/* block_depthwise.c - each channel by itself: bands of one block's rows, read in place. */
#include "op/block.h"
#include "op/chunk.h"

enum { BAND_FLOATS = 8192 }; /* of output: an L1 cache holds them until the activation has passed */

static int64_t row_floats(const struct block_conv *c)
{
    return c->win[1].out * c->lanes;
}

/* Pairs of rows in a band. */
static int64_t band_pairs(const struct block_conv *c)
{
    int64_t pairs = BAND_FLOATS / (2 * row_floats(c));

    return pairs > 0 ? pairs : 1;
}

void block_depthwise_plan(struct block_conv *c)
{
    c->bands = block_up(block_up(c->win[0].out, 2), band_pairs(c));
}

size_t block_depthwise_work(const struct block_conv *c)
{
    (void)c;
    return 0;
}

static void run_bands(const void *context, size_t begin, size_t end, int worker)
{
    const struct block_run *r = context;
    const struct block_conv *c = r->c;
    struct kern_depth d = block_depth(c->win);
    int64_t taps = c->win[0].kernel * c->win[1].kernel, pairs = block_up(c->win[0].out, 2);

    (void)worker;
    d.low = r->low;
    d.high = r->high;
    for (int64_t i = (int64_t)begin; i < (int64_t)end; i++) {
        int64_t band = i / c->out_blocks % c->bands, block = i % c->out_blocks;
        int64_t plane = i / c->out_blocks / c->bands * c->out_blocks + block;
        int64_t first = 2 * (pairs * band / c->bands), last = 2 * (pairs * (band + 1) / c->bands);
        float *y = r->y + plane * block_out(c);
        last = block_least(last, c->win[0].out);
        r->run->kern->block_depthwise_f32(&d, (size_t)first, (size_t)last, r->x + plane * block_in(c),
                                          r->weights + block * taps * c->lanes, r->bias + block * c->lanes,
                                          block_add(r, y), y);
        block_finish(r, y + first * row_floats(c), (last - first) * row_floats(c));
    }
}

void block_depthwise(const struct block_run *r)
{
    const struct block_conv *c = r->c;
    int64_t taps = c->win[0].kernel * c->win[1].kernel;

    chunk_run(r->run->pool, (size_t)(c->batch * c->out_blocks * c->bands),
              (size_t)(block_out(c) / c->bands * block_up(taps, 4)), run_bands, r);
}

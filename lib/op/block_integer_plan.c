/* block_integer_plan.c - how a convolution of bytes in blocks is cut, and its weights in the kernels' order. */
#include <string.h>

#include "op/block_integer.h"

enum {
    BAND_BYTES = 128 * 1024, /* laid input that an L2 cache holds beside the weights of a bundle */
    NEAR_BYTES = 24 * 1024   /* laid input of one block that an L1 cache holds */
};

static int64_t taps_of(const struct block_integer *c)
{
    return c->win[0].kernel * c->win[1].kernel;
}

/* Pixels between two outputs' inputs as they are laid. */
static int64_t stride_of(const struct block_integer *c, int axis)
{
    return c->win[axis].stride / c->step[axis];
}

/* Rows or columns that so many outputs read. */
static int64_t reads(const struct block_integer *c, int axis, int64_t outputs)
{
    const struct window *w = &c->win[axis];

    return (outputs - 1) * stride_of(c, axis) + (w->kernel - 1) * w->dilation / c->step[axis] + 1;
}

/* ---- direct ---- */

static int64_t strip_cost(int64_t pixels, int64_t blocks)
{
    int64_t work = pixels * blocks, loads = pixels + blocks;

    return work > loads ? work : loads;
}

static int64_t run_cost(int64_t n, int64_t blocks, size_t registers)
{
    int64_t most = (int64_t)kern_block_sums(registers, (size_t)blocks), strips = block_up(n, most);

    return (n % strips) * strip_cost(n / strips + 1, blocks) + (strips - n % strips) * strip_cost(n / strips, blocks);
}

int64_t block_integer_bundle(int64_t out_blocks, int64_t n, size_t registers)
{
    int64_t best = 1, least = INT64_MAX;

    for (int64_t size = 1; size <= KERN_BLOCKS && kern_block_sums(registers, (size_t)size) > 0; size++) {
        int64_t bundles = block_up(out_blocks, size), cost = 0;
        for (int64_t i = 0; i < bundles; i++)
            cost += run_cost(n, out_blocks * (i + 1) / bundles - out_blocks * i / bundles, registers);
        if (cost < least) {
            best = size;
            least = cost;
        }
    }
    return best;
}

static void plan_segments(struct block_integer *c)
{
    int64_t last = c->channels % c->lanes;

    c->pixel = c->lanes * 4 / c->depth;
    c->words = c->lanes / c->depth;
    c->rest = block_up(last, c->depth);
    c->whole = c->channels / c->lanes * taps_of(c);
    c->segments = c->in_blocks * taps_of(c);
    if (c->kernel == BLOCK_PLANES) { /* channels of a pixel, then the next pixel's */
        bool runs = c->win[1].dilation == 1;
        c->pixel = c->channels * 4 / c->depth;
        c->words = block_up(c->channels * (runs ? c->win[1].kernel : 1), c->depth);
        c->rest = 0;
        c->segments = c->whole = c->win[0].kernel * (runs ? 1 : c->win[1].kernel);
    }
}

/* The kernels say how many go together best where there are few channels. */
static int64_t plan_bundles(const struct block_integer *c, int64_t run, size_t registers)
{
    const bool few = c->kernel == BLOCK_DIRECT && c->segments <= KERN_SHORT && c->saturates && c->short_blocks > 0;

    if (few && c->out_blocks % c->short_blocks == 0)
        return c->out_blocks / c->short_blocks;
    return block_up(c->out_blocks, block_integer_bundle(c->out_blocks, run, registers));
}

/* Weights pass once for each band, a band's input once for each bundle. */
static int64_t plan_bands(const struct block_integer *c)
{
    int64_t weights = (int64_t)block_integer_packed(c), input = (int64_t)block_integer_band(c);
    int64_t bands = block_least(c->win[0].out, block_up(input, BAND_BYTES));

    if (weights > BAND_BYTES && bands * weights > c->bundles * input)
        return 1;
    return bands;
}

void block_integer_direct_plan(struct block_integer *c, size_t registers)
{
    int64_t target = c->workers == 1 ? 1 : 4 * c->workers, run;

    for (int i = 0; i < 2; i++)
        c->step[i] = c->win[i].kernel == 1 && c->kernel == BLOCK_DIRECT ? c->win[i].stride : 1;
    plan_segments(c);
    c->wide = reads(c, 1, c->win[1].out);
    c->rows = reads(c, 0, c->win[0].out);
    c->laid = c->kernel == BLOCK_PLANES || c->depth != 4 || c->turned != 0 || c->step[0] > 1 || c->step[1] > 1;
    for (int i = 0; i < 2; i++)
        c->laid = c->laid || c->win[i].begin > 0 || reads(c, i, c->win[i].out) > c->win[i].in;
    if (!c->laid) {
        c->rows = c->win[0].in;
        c->wide = c->win[1].in;
    }
    run = c->wide == c->win[1].out ? c->win[0].out * c->wide : c->win[1].out;
    c->bundles = plan_bundles(c, run, registers);
    c->bands = plan_bands(c);
    if (c->batch * c->bands * c->groups * c->bundles < target)
        c->bands = block_least(c->win[0].out, block_up(target, c->groups * c->bundles));
    c->parts = block_least(c->groups * c->bundles, block_up(target, c->batch * c->bands));
    if (c->laid)
        c->rows = reads(c, 0, block_up(c->win[0].out, c->bands));
}

/* ---- each channel by itself: words are a tap and the one below it ---- */

void block_integer_depthwise_plan(struct block_integer *c)
{
    int64_t rows = 1;

    c->laid = true;
    c->pixel = c->lanes * 4;
    c->step[0] = c->win[0].stride % 2 == 0 && c->win[0].dilation == 1 ? 2 : 1;
    c->step[1] = 1;
    c->segments = block_up(c->win[0].kernel, 2) * c->win[1].kernel;
    c->wide = reads(c, 1, c->win[1].out);
    c->bundles = c->parts = 1;
    for (int64_t most = c->win[0].out, middle; rows < most;) { /* as many as fit */
        middle = rows + (most - rows + 1) / 2;
        if (reads(c, 0, middle) * c->wide * c->pixel <= NEAR_BYTES)
            rows = middle;
        else
            most = middle - 1;
    }
    c->bands = block_up(c->win[0].out, rows);
    c->rows = reads(c, 0, block_up(c->win[0].out, c->bands));
}

/* ---- packing ---- */

size_t block_integer_work(const struct block_integer *c)
{
    size_t border = c->kernel == BLOCK_DEPTHWISE ? block_round((size_t)(c->win[1].in * c->lanes)) : 0;

    return c->laid ? (block_integer_band(c) + border) * (size_t)c->workers : 0;
}

size_t block_integer_packed(const struct block_integer *c)
{
    return (size_t)(c->groups * c->out_blocks * c->lanes * block_integer_words(c)) * sizeof(int32_t);
}

void block_integer_offsets(const struct block_integer *c, int32_t *offset)
{
    const struct window *h = &c->win[0], *w = &c->win[1];
    bool pairs = c->kernel == BLOCK_DEPTHWISE;
    int64_t blocks = c->kernel == BLOCK_DIRECT ? c->in_blocks : 1, columns = w->kernel;

    if (c->kernel == BLOCK_PLANES && w->dilation == 1)
        columns = 1;
    for (int64_t block = 0; block < blocks; block++)
        for (int64_t r = 0; r < h->kernel; r += pairs ? 2 : 1)
            for (int64_t s = 0; s < columns; s++) {
                int64_t row = block * c->rows + r * h->dilation / c->step[0];
                *offset++ = (int32_t)((row * c->wide + s * w->dilation) * c->pixel);
            }
}

/* ---- packing: where an element of a word is among its filter's weights; -1: it is 0 ---- */

static int64_t place_of(const struct block_integer *c, int64_t segment, int64_t element)
{
    int64_t taps = taps_of(c), columns = c->win[1].kernel, channel = 0, tap;

    if (c->kernel == BLOCK_QUADS)
        return block_integer_quads_place(c, segment, element);
    if (c->kernel == BLOCK_DEPTHWISE) {
        tap = segment / columns * 2 * columns + element * columns + segment % columns;
    } else if (c->kernel == BLOCK_PLANES) {
        bool runs = c->win[1].dilation == 1;
        channel = element % c->channels;
        tap = runs ? segment * columns + element / c->channels : segment;
        if (element >= c->channels * (runs ? columns : 1))
            return -1;
    } else {
        channel = segment / taps * c->lanes + element;
        tap = segment % taps;
    }
    return channel < c->channels && tap < taps ? channel * taps + tap : -1;
}

struct packing {
    const struct block_integer *c;
    const int8_t *w;
    char *packed;
    int64_t bundles; /* of a group */
};

/* One element of the words of some filters, `step` apart. */
static void pack_narrow(int8_t *to, int64_t step, const int8_t *from, int64_t row, int64_t filters)
{
    for (int64_t k = 0; k < filters; k++)
        to[k * step] = from[k * row];
}

static void pack_wide(int16_t *to, int64_t step, const int8_t *from, int64_t row, int64_t filters)
{
    for (int64_t k = 0; k < filters; k++)
        to[k * step] = (int16_t)(int)from[k * row];
}

/* Whole vectors of first elements, and of second ones. */
static void pack_apart(const struct block_integer *c, int16_t *to, int64_t element, const int8_t *from, int64_t row,
                       int64_t filters)
{
    for (int64_t k = 0; k < filters; k += c->lanes)
        pack_wide(to + 2 * k + element * c->lanes, 1, from + k * row, row, block_least(c->lanes, filters - k));
}

/* A bundle: for each segment and word in it, those of its output blocks side by side. */
static void pack_bundle(void *context, size_t index, int worker)
{
    const struct packing *p = context;
    const struct block_integer *c = p->c;
    bool pairs = c->kernel == BLOCK_DEPTHWISE || c->depth == 2;
    int64_t group = (int64_t)index / p->bundles, bundle = (int64_t)index % p->bundles, depth = pairs ? 2 : 4;
    int64_t first = c->out_blocks * bundle / p->bundles * c->lanes;
    int64_t width = c->out_blocks * (bundle + 1) / p->bundles * c->lanes - first;
    int64_t filters = block_least(width, c->filters - first);
    int64_t row = c->channels * taps_of(c);
    const int8_t *w = p->w + group * c->filters * c->channels * taps_of(c) + first * row;
    char *to = p->packed + (group * c->out_blocks * c->lanes + first) * block_integer_words(c) * 4;

    (void)worker;
    block_fetch(w, (size_t)(filters * row));
    memset(to, 0, (size_t)(width * block_integer_words(c) * 4));
    for (int64_t s = 0; s < c->segments; s++) {
        int64_t words = c->kernel == BLOCK_DEPTHWISE ? 1 : s < c->whole ? c->words : c->rest;
        for (int64_t i = 0; i < words; i++, to += width * 4)
            for (int64_t e = 0; e < depth; e++) {
                int64_t place = place_of(c, s, i * depth + e);
                if (place >= 0 && c->apart && c->kernel != BLOCK_DEPTHWISE)
                    pack_apart(c, (int16_t *)(void *)to, e, w + place, row, filters);
                else if (place >= 0 && pairs)
                    pack_wide((int16_t *)(void *)to + e, depth, w + place, row, filters);
                else if (place >= 0)
                    pack_narrow((int8_t *)to + e, depth, w + place, row, filters);
            }
    }
}

void block_integer_pack(const struct block_integer *c, struct pool *pool, const int8_t *w, void *packed)
{
    struct packing p = { c, w, packed, c->kernel == BLOCK_DEPTHWISE ? c->out_blocks : c->bundles };

    pool_run(pool, (size_t)(c->groups * p.bundles), pack_bundle, &p);
}

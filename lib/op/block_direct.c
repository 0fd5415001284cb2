/* block_direct.c - convolution as it is written, a strip of pixels at a time. */
#include <string.h>

#include "op/block.h"
#include "op/epilogue.h"

/* Bytes of a band's input that an L2 cache holds beside the weights of a bundle; and of weights that it holds. */
enum { BAND_BYTES = 192 * 1024, WEIGHT_BYTES = 256 * 1024, LAID_BYTES = 32 * 1024 * 1024 };
/* Multiply-adds for each byte that memory gives meanwhile. */
enum { FETCH_MACS = 6 };

static int64_t taps_of(const struct block_conv *c)
{
    return c->win[0].kernel * c->win[1].kernel;
}

/* ---- planning ---- */

/* Cycles of a step of the depth, twice over: multiply-adds, loads, or waiting for the sums. */
static int64_t strip_cost(int64_t pixels, int64_t blocks)
{
    int64_t work = pixels * blocks, loads = pixels + blocks;

    work = work > loads ? work : loads;
    return work > 8 ? work : 8;
}

static int64_t run_cost(int64_t n, int64_t blocks, size_t registers)
{
    int64_t most = (int64_t)kern_block_pixels(registers, (size_t)blocks), strips = block_up(n, most);

    return (n % strips) * strip_cost(n / strips + 1, blocks) + (strips - n % strips) * strip_cost(n / strips, blocks);
}

int64_t block_bundle_size(int64_t out_blocks, int64_t n, size_t registers)
{
    int64_t best = 1, least = INT64_MAX;

    for (int64_t size = 1; size <= KERN_BLOCKS && kern_block_pixels(registers, (size_t)size) > 0; size++) {
        int64_t bundles = block_up(out_blocks, size), cost = 0;
        for (int64_t i = 0; i < bundles; i++)
            cost += run_cost(n, out_blocks * (i + 1) / bundles - out_blocks * i / bundles, registers);
        if (cost <= least) {
            best = size;
            least = cost;
        }
    }
    return best;
}

static void plan_phases(struct block_conv *c)
{
    for (int i = 0; i < 2; i++) {
        const struct window *w = &c->win[i];
        c->phases[i] = w->dilation % w->stride == 0 ? 1
                       : w->dilation == 1           ? block_least(w->stride, w->kernel)
                                                    : w->stride;
        c->shift[i] = (w->kernel - 1) * w->dilation / w->stride;
    }
    c->rows = c->win[0].out + c->shift[0];
    c->wide = c->win[1].out + c->shift[1];
    c->laid = false;
    for (int i = 0; i < 2; i++)
        c->laid = c->laid || c->win[i].stride > 1 || c->win[i].begin > 0 || c->win[i].in < c->win[i].out + c->shift[i];
    if (c->kernel == BLOCK_PLANES)
        c->laid = true; /* vectors do not end where planes do */
    if (!c->laid) {
        c->rows = c->win[0].in;
        c->wide = c->win[1].in;
    }
    c->flat = c->wide == c->win[1].out;
}

/* Rows in bands: the weights pass once for each band, a band's input once for each bundle, from beyond L2 if it is large. */
static int64_t plan_bands(const struct block_conv *c)
{
    int64_t weights = (int64_t)block_direct_packed(c);
    int64_t input = c->in_blocks * c->phases[0] * c->phases[1] * c->rows * c->wide * c->lanes * 4;
    int64_t bands = block_least(c->win[0].out, block_up(input, BAND_BYTES));

    if (weights > BAND_BYTES && bands * weights > c->bundles * input)
        return 1;
    return bands;
}

/*
 * Planes are laid a band at a time, by the task that runs it: so many bands that what one reads and writes fits L2, but
 * not so many that rows which bands share are worth a fourth of them.
 */
static void plan_planes(struct block_conv *c, int64_t target)
{
    int64_t bytes = (c->channels * c->phases[0] * c->phases[1] * c->rows * c->wide + c->out_blocks * block_out(c)) * 4;
    int64_t most = block_up(c->win[0].out, 4 * (c->shift[0] + 1));

    c->bands = block_least(most, block_up(bytes, BAND_BYTES));
    if (c->batch * c->bands < target)
        c->bands = block_least(c->win[0].out, target);
    c->rows = block_up(c->win[0].out, c->bands) + c->shift[0];
    c->images = c->batch;
    c->parts = 1;
}

/* Floats of one picture, or of a band of planes, and what vectors read beyond it. */
static int64_t laid_floats(const struct block_conv *c)
{
    int64_t pixels = c->groups * c->in_blocks * c->phases[0] * c->phases[1] * c->rows * c->wide;

    return c->kernel == BLOCK_PLANES ? pixels + KERN_PIXELS : pixels * c->lanes;
}

void block_direct_plan(struct block_conv *c, size_t registers)
{
    int64_t target = c->workers == 1 ? 1 : 4 * c->workers;

    plan_phases(c);
    c->bundles = block_up(
        c->out_blocks,
        block_bundle_size(c->out_blocks, c->flat ? c->win[0].out * c->win[1].out : c->win[1].out, registers));
    if (c->kernel == BLOCK_PLANES) {
        plan_planes(c, target);
        return;
    }
    c->bands = plan_bands(c);
    if (c->batch * c->bands * c->groups * c->bundles < target)
        c->bands = block_least(c->win[0].out, block_up(target, c->groups * c->bundles));
    c->images = c->laid ? block_least(c->batch, LAID_BYTES / (laid_floats(c) * 4)) : c->batch;
    c->images = c->images < 1 ? 1 : c->images;
    c->parts = block_least(c->groups * c->bundles, block_up(target, c->images * c->bands));
    c->parts_first = c->batch > 1 && (int64_t)block_direct_packed(c) > BAND_BYTES;
    if (c->parts_first)
        c->parts = c->groups * c->bundles;
}

size_t block_direct_fetches(const struct block_conv *c)
{
    int64_t macs = c->batch * c->win[0].out * c->win[1].out * (int64_t)block_direct_packed(c) / (int64_t)sizeof(float);

    return block_direct_packed(c) > WEIGHT_BYTES ? 0 : (size_t)(macs / FETCH_MACS);
}

/* ---- packing ---- */

int64_t block_direct_segments(const struct block_conv *c)
{
    return c->in_blocks * taps_of(c);
}

size_t block_direct_packed(const struct block_conv *c)
{
    return (size_t)(c->groups * c->out_blocks * c->lanes * c->channels * taps_of(c)) * sizeof(float);
}

struct packing {
    const struct block_conv *c;
    const float *w;
    float *packed;
    const struct kern *kern;
};

/*
 * A bundle: for each block of the input, tap and channel in it, the weights of `blocks` output blocks side by side.
 * Planes are taken in the same order, so that a convolution's bits do not depend on how its input lies.
 */
static void pack_bundle(void *context, size_t index, int worker)
{
    const struct packing *p = context;
    const struct block_conv *c = p->c;
    int64_t taps = taps_of(c), depth = c->channels * taps;
    int64_t group = (int64_t)index / c->bundles, bundle = (int64_t)index % c->bundles;
    int64_t first = block_bundle(c, bundle) * c->lanes, width = block_bundle(c, bundle + 1) * c->lanes - first;
    int64_t filters = block_least(width, c->filters - first), together = taps == 1 ? c->channels : c->lanes, run;
    const float *w = p->w + (group * c->filters + first) * depth;
    float *packed = p->packed + (group * c->out_blocks * c->lanes + first) * depth;

    (void)worker;
    block_fetch(w, (size_t)(filters * depth) * sizeof *w);
    if (filters < width)
        memset(packed, 0, (size_t)(width * depth) * sizeof *packed);
    for (int64_t channel = 0; channel < c->channels; channel += run, packed += run * taps * width) {
        run = block_least(together, c->channels - channel);
        if (taps == 1)
            p->kern->transpose_f32(packed, (size_t)width, w, (size_t)depth, (size_t)filters, (size_t)run);
        for (int64_t i = 0; taps > 1 && i < run; i++)
            p->kern->transpose_f32(packed + i * width, (size_t)(run * width), w + (channel + i) * taps, (size_t)depth,
                                   (size_t)filters, (size_t)taps);
    }
}

void block_direct_pack(const struct block_conv *c, const struct op_run *run, const float *w, float *packed)
{
    struct packing p = { c, w, packed, run->kern };

    pool_run(run->pool, (size_t)(c->groups * c->bundles), pack_bundle, &p);
}

/* Where tap (r, s) of a block or plane lies, in pixels. */
static int64_t tap_at(const struct block_conv *c, int64_t block, int64_t r, int64_t s)
{
    const struct window *h = &c->win[0], *w = &c->win[1];
    int64_t y = r * h->dilation, x = s * w->dilation;
    int64_t phase = c->laid ? y % h->stride * c->phases[1] + x % w->stride : 0;
    int64_t row = (block * c->phases[0] * c->phases[1] + phase) * c->rows + y / h->stride;

    return row * c->wide + x / w->stride;
}

void block_direct_offsets(const struct block_conv *c, int32_t *offset)
{
    bool planes = c->kernel == BLOCK_PLANES;
    int64_t together = planes ? c->lanes : 1; /* planes that take a tap one after the other */

    for (int64_t block = 0; block < c->in_blocks; block += together)
        for (int64_t r = 0; r < c->win[0].kernel; r++)
            for (int64_t s = 0; s < c->win[1].kernel; s++)
                for (int64_t i = block; i < block + together && i < c->in_blocks; i++)
                    *offset++ = (int32_t)(tap_at(c, i, r, s) * (planes ? 1 : c->lanes));
}

/* ---- the input with its borders ---- */

size_t block_direct_work(const struct block_conv *c)
{
    int64_t pictures = c->kernel == BLOCK_PLANES ? c->workers : c->images;

    return c->laid ? block_round((size_t)(pictures * laid_floats(c)) * sizeof(float)) : 0;
}

/* One row of a phase: pixel j is pixel x + j * stride of the picture's row, zero outside. */
static void lay_row(const struct block_run *r, const float *from, int64_t x, float *to)
{
    const struct block_conv *c = r->c;
    const struct window *w = &c->win[1];
    int64_t width = c->kernel == BLOCK_PLANES ? 1 : c->lanes;
    int64_t first = x < 0 ? block_up(-x, w->stride) : 0, last = x < w->in ? block_up(w->in - x, w->stride) : 0;

    first = block_least(first, c->wide);
    last = block_least(last > first ? last : first, c->wide);
    memset(to, 0, (size_t)(first * width) * sizeof *to);
    memset(to + last * width, 0, (size_t)((c->wide - last) * width) * sizeof *to);
    if (from == NULL || first == last)
        return;
    from += (x + first * w->stride) * width;
    if (w->stride == 1)
        memcpy(to + first * width, from, (size_t)((last - first) * width) * sizeof *to);
    else if (width > 1)
        r->run->kern->block_lay_f32(to + first * width, from, (size_t)w->stride, (size_t)(last - first));
    else
        r->run->kern->lay_apart_f32(to + first, 1, (size_t)(last - first), from, 0, 0, (size_t)(last - first),
                                    (size_t)w->stride);
}

/* One block or plane, c->rows of each phase from output row `first` on, as the picture's rows come. Returns the end. */
static float *lay_phases(const struct block_run *r, const float *x, int64_t first, float *to)
{
    const struct block_conv *c = r->c;
    const struct window *h = &c->win[0];
    int64_t width = c->kernel == BLOCK_PLANES ? 1 : c->lanes, row = c->wide * width;

    for (int64_t i = 0; i < c->rows; i++)
        for (int64_t py = 0; py < c->phases[0]; py++)
            for (int64_t px = 0; px < c->phases[1]; px++) {
                int64_t y = py + (first + i) * h->stride - h->begin;
                float *at = to + ((py * c->phases[1] + px) * c->rows + i) * row;
                if (y >= 0 && y < h->in)
                    lay_row(r, x + y * c->win[1].in * width, px - c->win[1].begin, at);
                else
                    memset(at, 0, (size_t)row * sizeof *at);
            }
    return to + c->phases[0] * c->phases[1] * c->rows * row;
}

static void lay_block(void *context, size_t index, int worker)
{
    const struct block_run *r = context;
    const struct block_conv *c = r->c;
    int64_t blocks = c->groups * c->in_blocks, image = (int64_t)index / blocks, block = (int64_t)index % blocks;
    float *to = (float *)(void *)r->work + image * laid_floats(c);

    (void)worker;
    lay_phases(r, r->x + (int64_t)index * block_in(c), 0,
               to + block * c->phases[0] * c->phases[1] * c->rows * c->wide * c->lanes);
}

/* A band's planes of one image, in the worker's own memory. */
static const float *lay_planes(const struct block_run *r, int64_t image, int64_t first, int worker)
{
    const struct block_conv *c = r->c;
    int64_t plane = c->win[0].in * c->win[1].in;
    float *laid = (float *)(void *)r->work + worker * laid_floats(c), *to = laid;

    for (int64_t i = 0; i < c->channels; i++)
        to = lay_phases(r, r->x + (image * c->channels + i) * plane, first, to);
    memset(to, 0, KERN_PIXELS * sizeof *to);
    return laid;
}

/* ---- the products ---- */

/* What a bundle fetches in each of its runs: its own kind's next weights, or a part of a later node's. */
static void plan_fetch(const struct block_run *r, struct kern_block_conv *how, const float *next, int64_t panel,
                       int64_t unit, int64_t rows, int64_t runs)
{
    const struct block_conv *c = r->c;
    int64_t units = c->batch * c->groups * c->bundles * c->win[0].out;

    how->next = next;
    if (block_direct_packed(c) > WEIGHT_BYTES) {
        how->next_floats = (size_t)(panel / runs);
    } else if (r->ahead != NULL) {
        int64_t floats = r->ahead_bytes / units / (int64_t)sizeof(float);
        how->next = (const float *)(const void *)r->ahead + unit * floats;
        how->next_floats = (size_t)(floats * rows / runs);
    }
}

/* Rows first..last of one bundle, out of x, where the first of them lies. */
static void run_bundle(const struct block_run *r, const float *x, int64_t image, int64_t index, int64_t first,
                       int64_t last)
{
    const struct block_conv *c = r->c;
    int64_t group = index / c->bundles, bundle = index % c->bundles;
    int64_t from = block_bundle(c, bundle), blocks = block_bundle(c, bundle + 1) - from, taps = taps_of(c);
    int64_t width = c->kernel == BLOCK_PLANES ? 1 : c->lanes, q = c->win[1].out, block = group * c->out_blocks + from;
    int64_t whole = c->kernel == BLOCK_PLANES ? c->channels : c->channels / c->lanes;
    int64_t panel = blocks * c->lanes * c->channels * taps, runs = c->flat ? 1 : last - first;
    struct kern_block_conv how = { .segments = (size_t)block_direct_segments(c),
                                   .whole = (size_t)(whole * taps),
                                   .rest = (size_t)(c->channels % c->lanes),
                                   .offset = r->offset,
                                   .y_block = (size_t)block_out(c),
                                   .low = r->low,
                                   .high = r->high };
    const float *w = r->weights + block * c->lanes * c->channels * taps, *bias = r->bias + block * c->lanes;
    float *y = r->y + ((r->first + image) * c->groups * c->out_blocks + block) * block_out(c);
    int64_t run = c->flat ? (last - first) * q : q;

    if (c->kernel != BLOCK_PLANES)
        x += group * c->in_blocks * c->phases[0] * c->phases[1] * c->rows * c->wide * c->lanes;
    plan_fetch(r, &how, w + panel, panel, ((r->first + image) * c->groups * c->bundles + index) * c->win[0].out + first,
               last - first, runs);
    for (int64_t i = 0; i < runs; i++, x += c->wide * width, how.next += how.next_floats) {
        float *out = y + (first + i) * q * c->lanes;
        if (c->kernel == BLOCK_PLANES)
            r->run->kern->block_planes_f32(&how, (size_t)run, (size_t)blocks, x, w, bias, block_add(r, out), out);
        else
            r->run->kern->block_conv_f32(&how, (size_t)run, (size_t)blocks, x, w, bias, block_add(r, out), out);
    }
    for (int64_t b = 0; b < blocks; b++)
        block_finish(r, y + b * block_out(c) + first * q * c->lanes, (last - first) * q * c->lanes);
}

/* Where a band of an image begins in the input. */
static const float *find_band(const struct block_run *r, int64_t image, int64_t first, int worker)
{
    const struct block_conv *c = r->c;

    if (c->kernel == BLOCK_PLANES)
        return lay_planes(r, image, first, worker);
    return (c->laid ? (float *)(void *)r->work + image * laid_floats(c)
                    : r->x + image * c->groups * c->in_blocks * block_in(c)) +
           first * c->wide * c->lanes;
}

static void run_task(void *context, size_t index, int worker)
{
    const struct block_run *r = context;
    const struct block_conv *c = r->c;
    int64_t places = r->images * c->bands, bundles = c->groups * c->bundles;
    int64_t part = c->parts_first ? (int64_t)index / places : (int64_t)index % c->parts;
    int64_t place = c->parts_first ? (int64_t)index % places : (int64_t)index / c->parts;
    int64_t band = place % c->bands, image = place / c->bands;
    int64_t first = c->win[0].out * band / c->bands, last = c->win[0].out * (band + 1) / c->bands;
    const float *x = find_band(r, image, first, worker);

    for (int64_t b = bundles * part / c->parts; b < bundles * (part + 1) / c->parts; b++)
        run_bundle(r, x, image, b, first, last);
}

/* Some images after the others: what is laid of them is read again soon. */
void block_direct(const struct block_run *r)
{
    const struct block_conv *c = r->c;
    struct block_run some = *r;

    for (; some.first < c->batch; some.first += c->images) {
        some.images = block_least(c->images, c->batch - some.first);
        if (c->laid && c->kernel != BLOCK_PLANES)
            pool_run(r->run->pool, (size_t)(some.images * c->groups * c->in_blocks), lay_block, &some);
        pool_run(r->run->pool, (size_t)(some.images * c->bands * c->parts), run_task, &some);
        some.x += some.images * c->groups * c->in_blocks * block_in(c);
    }
}

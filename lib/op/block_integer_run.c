/* block_integer_run.c - bands of rows are laid with their borders, then all that reads them runs. */
#include <string.h>

#include "op/block_integer.h"

enum { FAR_BYTES = 128 * 1024 }; /* weights that come from beyond an L2 cache */

/* ---- laying ---- */

/* n pixels that no picture has: the zero point. */
static void lay_border(const struct block_integer *c, char *to, int64_t n)
{
    memset(to, c->depth == 4 && c->kernel != BLOCK_DEPTHWISE ? c->how.zero_in : 0, (size_t)(n * c->pixel));
}

static void lay_pixels(const struct block_integer_run *r, const uint8_t *from, int64_t n, char *to)
{
    const struct block_integer *c = r->c;
    int64_t step = c->step[1];

    if (step == 1 && c->depth == 2) {
        r->kern->widen_u8((int16_t *)(void *)to, from, c->how.zero_in, (size_t)(n * c->lanes));
    } else if (step == 1) {
        memcpy(to, from, (size_t)(n * c->lanes));
    } else if (c->depth == 4 && c->lanes == 16) {
        for (int64_t i = 0; i < n; i++, from += step * 16, to += 16)
            memcpy(to, from, 16); /* of a known size: no call */
    } else {
        for (int64_t i = 0; i < n; i++, from += step * c->lanes, to += c->pixel)
            for (int64_t l = 0; l < c->lanes; l++)
                if (c->depth == 2)
                    ((int16_t *)(void *)to)[l] = (int16_t)(from[l] - c->how.zero_in);
                else
                    ((uint8_t *)to)[l] = from[l];
    }
}

/* Channels of a pixel side by side. */
static void lay_planes(const struct block_integer_run *r, const uint8_t *from, int64_t n, char *to)
{
    const int64_t channels = r->c->channels, plane = r->c->win[0].in * r->c->win[1].in;
    const int zero = r->c->how.zero_in;

    if (channels == 3 && r->c->depth == 4) {
        r->kern->interleave_u8((uint8_t *)to, from, from + plane, from + 2 * plane, (size_t)n);
        return;
    }
    for (int64_t channel = 0; channel < channels; channel++, from += plane) {
        if (r->c->depth == 2)
            for (int64_t i = 0; i < n; i++)
                ((int16_t *)(void *)to)[i * channels + channel] = (int16_t)(from[i] - zero);
        else
            for (int64_t i = 0; i < n; i++)
                ((uint8_t *)to)[i * channels + channel] = from[i];
    }
}

/* Pixels of a laid row that the picture has: first..last. */
static void reach(const struct block_integer *c, int64_t *first, int64_t *last)
{
    const struct window *w = &c->win[1];

    *first = block_least(c->wide, block_up(w->begin, c->step[1]));
    *last = block_least(c->wide, block_up(w->in + w->begin, c->step[1]));
    *last = *last < *first ? *first : *last;
}

void block_integer_turn(const struct block_integer *c, char *laid, int64_t bytes)
{
    const uint64_t turned = UINT64_C(0x0101010101010101) * c->turned;
    int64_t i = 0;

    if (c->turned == 0)
        return;
    for (uint64_t eight; i + 8 <= bytes; i += 8) {
        memcpy(&eight, laid + i, 8);
        eight ^= turned;
        memcpy(laid + i, &eight, 8);
    }
    for (; i < bytes; i++)
        laid[i] = (char)(laid[i] ^ c->turned);
}

/* One row out of the picture's row y; from is the block or plane. */
static void lay_row(const struct block_integer_run *r, const uint8_t *from, int64_t y, char *to)
{
    const struct block_integer *c = r->c;
    const struct window *w = &c->win[1];
    int64_t first, last;

    reach(c, &first, &last);
    if (y < 0 || y >= c->win[0].in)
        last = first = c->wide;
    lay_border(c, to, first);
    lay_border(c, to + last * c->pixel, c->wide - last);
    if (first == last)
        return;
    from += (y * w->in + first * c->step[1] - w->begin) * (c->kernel == BLOCK_PLANES ? 1 : c->lanes);
    if (c->kernel == BLOCK_PLANES)
        lay_planes(r, from, last - first, to + first * c->pixel);
    else
        lay_pixels(r, from, last - first, to + first * c->pixel);
}

void block_integer_lay_block(const struct block_integer_run *r, int64_t block, int64_t first, char *laid)
{
    const struct block_integer *c = r->c;
    const struct window *h = &c->win[0];
    const uint8_t *x = r->x + block * h->in * c->win[1].in * (c->kernel == BLOCK_PLANES ? c->channels : c->lanes);

    for (int64_t i = 0; i < c->rows; i++, laid += c->wide * c->pixel) {
        lay_row(r, x, first * h->stride - h->begin + i * c->step[0], laid);
        block_integer_turn(c, laid, c->wide * c->pixel);
    }
    memset(laid, 0, 64); /* the next block's, or what is read beyond the last */
}

void block_integer_lay(const struct block_integer_run *r, int64_t n, int64_t first, char *laid)
{
    const struct block_integer *c = r->c;
    const int64_t blocks = c->kernel == BLOCK_PLANES ? 1 : c->groups * c->in_blocks;

    for (int64_t b = 0; b < blocks; b++)
        block_integer_lay_block(r, n * blocks + b, first, laid + b * c->rows * c->wide * c->pixel);
}

void block_integer_lay_pairs(const struct block_integer_run *r, int64_t block, int64_t first, char *laid)
{
    const struct block_integer *c = r->c;
    const struct window *h = &c->win[0], *w = &c->win[1];
    const uint8_t *x = r->x + block * h->in * w->in * c->lanes;
    uint8_t *border = (uint8_t *)laid + block_integer_band(c);
    int64_t from, to;

    memset(border, c->how.zero_in, (size_t)(w->in * c->lanes));
    reach(c, &from, &to);
    for (int64_t i = 0; i < c->rows; i++, laid += c->wide * c->pixel) {
        int64_t upper = first * h->stride - h->begin + i * c->step[0], lower = upper + h->dilation;
        int64_t start = from - w->begin;
        const uint8_t *a = upper < 0 || upper >= h->in ? border : x + upper * w->in * c->lanes;
        const uint8_t *b = lower < 0 || lower >= h->in ? border : x + lower * w->in * c->lanes;
        lay_border(c, laid, from);
        lay_border(c, laid + to * c->pixel, c->wide - to);
        if (from < to)
            r->kern->widen_pair_u8((int16_t *)(void *)(laid + from * c->pixel), a + start * c->lanes,
                                   b + start * c->lanes, 1, c->how.zero_in, (size_t)((to - from) * c->lanes));
    }
}

/* ---- the products ---- */

struct kern_block_bytes block_integer_how(const struct block_integer_run *r)
{
    const struct block_integer *c = r->c;

    return (struct kern_block_bytes){ .segments = (size_t)c->segments,
                                      .whole = (size_t)c->whole,
                                      .words = (size_t)c->words,
                                      .rest = (size_t)c->rest,
                                      .pixel = (size_t)(c->win[1].stride / c->step[1] * c->pixel),
                                      .offset = r->offset,
                                      .y_block = (size_t)(c->win[0].out * c->win[1].out * c->lanes),
                                      .zero_point = c->how.zero_out,
                                      .low = c->how.low,
                                      .high = c->how.high,
                                      .saturates = c->saturates };
}

/* Rows first..last of one bundle; x is what the band's first row reads. */
static void run_bundle(const struct block_integer_run *r, int64_t image, int64_t index, int64_t first, int64_t last,
                       const char *x)
{
    const struct block_integer *c = r->c;
    struct kern_block_bytes how = block_integer_how(r);
    int64_t group = index / c->bundles, bundle = index % c->bundles, from = c->out_blocks * bundle / c->bundles;
    int64_t blocks = c->out_blocks * (bundle + 1) / c->bundles - from, block = group * c->out_blocks + from;
    int64_t q = c->win[1].out, row = c->win[0].stride / c->step[0] * c->wide * c->pixel;
    int64_t words = block_integer_words(c);
    bool flat = c->wide == q && c->win[1].stride == c->step[1] && c->win[0].stride == c->step[0];
    uint8_t *y = r->y + (image * c->groups * c->out_blocks + block) * (int64_t)how.y_block + first * q * c->lanes;

    int64_t panel = blocks * c->lanes * words, runs = flat ? 1 : last - first;
    const int32_t *w = r->weights + block * c->lanes * words;

    if (c->kernel == BLOCK_DIRECT)
        x += group * c->in_blocks * c->rows * c->wide * c->pixel;
    if (block_integer_packed(c) > FAR_BYTES)
        how.next_bytes = (size_t)(panel / runs) * sizeof *w;
    for (int64_t i = 0; i < runs; i++, x += row, y += q * c->lanes) {
        how.next = w + panel + panel / runs * i;
        r->kern->block_conv_u8(&how, (size_t)(flat ? (last - first) * q : q), (size_t)blocks, x, w,
                               r->bias + block * c->lanes, r->scale + block * c->lanes, y);
    }
}

static void direct_task(void *context, size_t index, int worker)
{
    const struct block_integer_run *r = context;
    const struct block_integer *c = r->c;
    int64_t part = (int64_t)index % c->parts, band = (int64_t)index / c->parts % c->bands;
    int64_t image = (int64_t)index / (c->parts * c->bands), bundles = c->groups * c->bundles;
    int64_t first = c->win[0].out * band / c->bands, last = c->win[0].out * (band + 1) / c->bands;
    char *laid = r->work + (size_t)worker * block_integer_band(c);
    const char *x = laid;

    if (c->laid)
        block_integer_lay(r, image, first, laid);
    else
        x = (const char *)r->x +
            (image * c->groups * c->in_blocks * c->rows + first * c->win[0].stride) * c->wide * c->pixel;
    for (int64_t b = bundles * part / c->parts; b < bundles * (part + 1) / c->parts; b++)
        run_bundle(r, image, b, first, last, x);
}

static void depthwise_task(void *context, size_t index, int worker)
{
    const struct block_integer_run *r = context;
    const struct block_integer *c = r->c;
    const struct kern_block_bytes how = block_integer_how(r);
    int64_t block = (int64_t)index % c->out_blocks, band = (int64_t)index / c->out_blocks % c->bands;
    int64_t plane = (int64_t)index / c->out_blocks / c->bands * c->out_blocks + block;
    int64_t first = c->win[0].out * band / c->bands, last = c->win[0].out * (band + 1) / c->bands;
    int64_t q = c->win[1].out, row = c->win[0].stride / c->step[0] * c->wide * c->pixel;
    char *laid = r->work + (size_t)worker * (block_integer_work(c) / (size_t)c->workers);

    block_integer_lay_pairs(r, plane, first, laid);
    for (int64_t p = first; p < last; p++)
        r->kern->block_depthwise_u8(&how, (size_t)q, laid + (p - first) * row,
                                    r->weights + block * c->lanes * c->segments, r->bias + block * c->lanes,
                                    r->scale + block * c->lanes,
                                    r->y + plane * (int64_t)how.y_block + p * q * c->lanes);
}

void block_integer_forward(struct block_integer_run *r, struct pool *pool)
{
    const struct block_integer *c = r->c;

    if (c->kernel == BLOCK_QUADS)
        block_integer_quads(r, pool);
    else if (c->kernel == BLOCK_DEPTHWISE)
        pool_run(pool, (size_t)(c->batch * c->out_blocks * c->bands), depthwise_task, r);
    else
        pool_run(pool, (size_t)(c->batch * c->bands * c->parts), direct_task, r);
}

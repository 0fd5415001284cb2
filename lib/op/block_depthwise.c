/* block_depthwise.c - each channel by itself: a band of one block's rows is laid with borders, then all its taps run. */
#include <string.h>

#include "op/block.h"

enum { BAND_BYTES = 24 * 1024 }; /* an L1 cache holds the band, and its output */

/* Rows of a phase in a band. */
static int64_t band_rows(const struct block_conv *c)
{
    return block_up(c->win[0].out, c->bands) + c->shift[0];
}

static int64_t band_floats(const struct block_conv *c)
{
    return c->phases[0] * c->phases[1] * band_rows(c) * c->wide * c->lanes;
}

void block_depthwise_plan(struct block_conv *c)
{
    for (int i = 0; i < 2; i++) {
        const struct window *w = &c->win[i];
        c->phases[i] = w->dilation % w->stride == 0 ? 1
                       : w->dilation == 1           ? block_least(w->stride, w->kernel)
                                                    : w->stride;
        c->shift[i] = (w->kernel - 1) * w->dilation / w->stride;
    }
    c->wide = c->win[1].out + c->shift[1];
    c->bands = 1;
    while (c->bands < c->win[0].out && band_floats(c) * 4 > BAND_BYTES)
        c->bands++;
    c->rows = band_rows(c);
}

size_t block_depthwise_work(const struct block_conv *c)
{
    size_t taps = (size_t)(c->win[0].kernel * c->win[1].kernel);

    return (block_round((size_t)band_floats(c) * sizeof(float)) + block_round(taps * sizeof(int32_t))) *
           (size_t)c->workers;
}

/* Row i of a phase of the band that starts at output row `first`. */
static void lay_row(const struct block_run *r, const float *x, int64_t y, int64_t px, float *to)
{
    const struct block_conv *c = r->c;
    const struct window *w = &c->win[1];
    int64_t at = px - w->begin, first = at < 0 ? block_up(-at, w->stride) : 0;
    int64_t last = at < w->in ? block_up(w->in - at, w->stride) : 0;

    if (y < 0 || y >= c->win[0].in) {
        memset(to, 0, (size_t)(c->wide * c->lanes) * sizeof *to);
        return;
    }
    first = block_least(first, c->wide);
    last = block_least(last > first ? last : first, c->wide);
    memset(to, 0, (size_t)(first * c->lanes) * sizeof *to);
    memset(to + last * c->lanes, 0, (size_t)((c->wide - last) * c->lanes) * sizeof *to);
    r->run->kern->block_lay_f32(to + first * c->lanes, x + (y * w->in + at + first * w->stride) * c->lanes,
                                (size_t)w->stride, (size_t)(last - first));
}

static void lay_band(const struct block_run *r, const float *x, int64_t first, float *to)
{
    const struct block_conv *c = r->c;
    const struct window *h = &c->win[0];

    for (int64_t py = 0; py < c->phases[0]; py++)
        for (int64_t px = 0; px < c->phases[1]; px++)
            for (int64_t i = 0; i < c->rows; i++, to += c->wide * c->lanes)
                lay_row(r, x, py + (first + i) * h->stride - h->begin, px, to);
}

static void fill_offsets(const struct block_conv *c, int32_t *offset)
{
    const struct window *h = &c->win[0], *w = &c->win[1];

    for (int64_t i = 0; i < h->kernel; i++)
        for (int64_t j = 0; j < w->kernel; j++) {
            int64_t y = i * h->dilation, x = j * w->dilation;
            int64_t phase = y % h->stride * c->phases[1] + x % w->stride;
            *offset++ = (int32_t)(((phase * c->rows + y / h->stride) * c->wide + x / w->stride) * c->lanes);
        }
}

static void run_task(void *context, size_t index, int worker)
{
    const struct block_run *r = context;
    const struct block_conv *c = r->c;
    int64_t band = (int64_t)index % c->bands, plane = (int64_t)index / c->bands, block = plane % c->out_blocks;
    int64_t first = c->win[0].out * band / c->bands, last = c->win[0].out * (band + 1) / c->bands;
    int64_t taps = c->win[0].kernel * c->win[1].kernel, q = c->win[1].out * c->lanes;
    size_t offsets = block_round((size_t)taps * sizeof(int32_t));
    char *work = r->work + (size_t)worker * (offsets + block_round((size_t)band_floats(c) * sizeof(float)));
    float *laid = (float *)(void *)(work + offsets), *y = r->y + plane * block_out(c);
    const struct kern_block_conv how = { (size_t)taps, 0, 0, (int32_t *)(void *)work, 0, r->low, r->high, NULL, 0 };

    fill_offsets(c, (int32_t *)(void *)work);
    lay_band(r, r->x + plane * block_in(c), first, laid);
    for (int64_t row = first; row < last; row++)
        r->run->kern->block_depthwise_f32(&how, (size_t)c->win[1].out, laid + (row - first) * c->wide * c->lanes,
                                          r->weights + block * taps * c->lanes, r->bias + block * c->lanes,
                                          block_add(r, y + row * q), y + row * q);
    block_finish(r, y + first * q, (last - first) * q);
}

void block_depthwise(const struct block_run *r)
{
    struct block_run copy = *r;

    pool_run(r->run->pool, (size_t)(r->c->batch * r->c->out_blocks * r->c->bands), run_task, &copy);
}

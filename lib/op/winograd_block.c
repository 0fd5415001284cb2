/* winograd_block.c - tiles of pictures, some at a time, between rows of pixels and channels side by side. */
#include <string.h>

#include "op/planes.h"
#include "op/winograd.h"

bool winograd_fits(const struct convolve *c)
{
    const struct window *h = &c->win[0], *w = &c->win[1];
    int64_t side = h->kernel == 3 ? 4 : 2;

    if (c->groups != 1 || h->kernel != w->kernel || (h->kernel != 3 && h->kernel != 5) || c->forward_adds)
        return false;
    if (h->stride != 1 || w->stride != 1 || h->dilation != 1 || w->dilation != 1 || c->channels < 12 || c->filters < 12)
        return false;
    int64_t tiles = divide_up(h->out, side) * divide_up(w->out, side);
    return c->batch * tiles >= 16 && 2 * WINOGRAD_POINTS * tiles <= h->kernel * w->kernel * h->out * w->out;
}

int64_t winograd_stride(int64_t floats)
{
    int64_t lines = divide_up(floats, KERN_SLACK);

    return (lines + (lines % 2 == 0)) * KERN_SLACK;
}

static void cut_blocks(struct winograd *w)
{
    int64_t wanted = w->channels > 128 ? 64 : 32, image = w->tiles[0] * w->tiles[1];

    w->images = 1;
    w->rows = w->tiles[0];
    if (image <= wanted)
        w->images = least(w->batch, wanted / image);
    else
        w->rows = divide_up(w->tiles[0], divide_up(w->tiles[0], most(1, wanted / w->tiles[1])));
    w->blocks = divide_up(w->batch, w->images) * divide_up(w->tiles[0], w->rows);
    w->most = w->images * w->rows * w->tiles[1];
}

struct winograd winograd_of(const struct convolve *c, const struct op_run *run, bool back)
{
    struct winograd w = {
        .run = run,
        .batch = c->batch,
        .channels = back ? c->filters : c->channels,
        .filters = back ? c->channels : c->filters,
        .taps = c->win[0].kernel,
        .back = back,
        .workers = c->workers,
    };

    w.side = WINOGRAD_SIDE + 1 - w.taps;
    w.filter = w.taps == 3 ? KERN_TRANSFORM_FILTER_3 : KERN_TRANSFORM_FILTER_5;
    w.pixels = w.taps == 3 ? KERN_TRANSFORM_PIXELS_4 : KERN_TRANSFORM_PIXELS_2;
    for (int i = 0; i < 2; i++) {
        const struct window *win = &c->win[i];
        w.in[i] = back ? win->out : win->in;
        w.out[i] = back ? win->in : win->out;
        w.begin[i] = back ? win->kernel - 1 - win->begin : win->begin;
        w.tiles[i] = divide_up(w.out[i], w.side);
    }
    cut_blocks(&w);
    w.strips = divide_up(w.filters, WINOGRAD_CHANNELS);
    w.shares = w.blocks > 2;
    return w;
}

struct winograd_block winograd_block_of(const struct winograd *w, int64_t index)
{
    int64_t cuts = divide_up(w->tiles[0], w->rows);
    struct winograd_block b = { .image = index / cuts * w->images, .row = index % cuts * w->rows };

    b.images = least(w->images, w->batch - b.image);
    b.rows = least(w->rows, w->tiles[0] - b.row);
    b.first[0] = least(w->in[0], most(0, b.row * w->side - w->begin[0]));
    b.high[0] = most(0, least(w->in[0], (b.row + b.rows) * w->side + w->taps - 1 - w->begin[0]) - b.first[0]);
    b.first[1] = b.row * w->side;
    b.high[1] = least(w->out[0] - b.first[1], b.rows * w->side);
    return b;
}

int64_t winograd_tiles(const struct winograd *w, const struct winograd_block *block)
{
    return block->images * block->rows * w->tiles[1];
}

void winograd_turn(const struct winograd *w, const struct winograd_block *block, const float *picture,
                   const int64_t size[2], int axis, int64_t channels, int64_t from, int64_t count, float *pixels,
                   int64_t stride)
{
    int64_t plane = size[0] * size[1], n = block->high[axis] * size[1];

    for (int64_t i = 0; i < block->images; i++) {
        const float *rows = picture + ((block->image + i) * channels + from) * plane + block->first[axis] * size[1];
        w->run->kern->transpose_f32(pixels + i * n * stride, (size_t)stride, rows, (size_t)plane, (size_t)count,
                                    (size_t)n);
    }
}

/* Where a tile of the block lies: its image, and its first pixel of the result. */
static int64_t place_of(const struct winograd *w, const struct winograd_block *block, int64_t tile, int64_t at[2])
{
    at[0] = (block->row + tile / w->tiles[1] % block->rows) * w->side;
    at[1] = tile % w->tiles[1] * w->side;
    return tile / w->tiles[1] / block->rows;
}

void winograd_data(const struct winograd *w, const struct winograd_block *block, const float *pixels, int64_t stride,
                   int64_t count, const float *zero, float *v, int64_t step)
{
    int64_t high = block->high[0], wide = w->in[1], padded = divide_up(count, KERN_SLACK) * KERN_SLACK;

    for (int64_t tile = 0; tile < winograd_tiles(w, block); tile++) {
        const float *address[WINOGRAD_POINTS];
        int64_t at[2], image = place_of(w, block, tile, at);
        for (int64_t i = 0; i < WINOGRAD_POINTS; i++) {
            int64_t y = at[0] - w->begin[0] + i / WINOGRAD_SIDE - block->first[0];
            int64_t x = at[1] - w->begin[1] + i % WINOGRAD_SIDE;
            bool inside = y >= 0 && y < high && x >= 0 && x < wide;
            address[i] = inside ? pixels + ((image * high + y) * wide + x) * stride : zero;
        }
        w->run->kern->transform_data_f32(v + tile * stride, (size_t)step, address, (size_t)padded);
    }
}

void winograd_result(const struct winograd *w, const struct winograd_block *block, int64_t tile, float *pixels,
                     int64_t stride, float *beside, float **address)
{
    int64_t at[2], image = place_of(w, block, tile, at), high = block->high[1], wide = w->out[1];

    for (int64_t i = 0; i < w->side * w->side; i++) {
        int64_t y = at[0] + i / w->side - block->first[1], x = at[1] + i % w->side;
        address[i] = y < high && x < wide ? pixels + ((image * high + y) * wide + x) * stride : beside;
    }
}

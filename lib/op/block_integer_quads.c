/*
 * block_integer_quads.c - each channel by itself, in words of four neighbouring pixels: bands of one block's rows are
 * laid as bytes with their borders; the kernels make words of them (kern/block_quads.h). Or they read them in place.
 */
#include <string.h>

#include "op/block_integer.h"

enum {
    QUAD = 4,
    MOST_COLUMNS = 7,
    NEAR_BYTES = 24 * 1024,  /* laid rows that an L1 cache holds */
    PLACE_BYTES = 64 * 1024, /* rows in place: fewer cost more than they fit */
    PIECE = 64,
    LONG_ROW = 256 /* bytes that are worth a call */
};

/* Words that a row of the window takes: with stride 1 those of two outputs. */
static int64_t quads_of(const struct block_integer *c)
{
    return block_up(c->win[1].kernel + (c->win[1].stride == 1), QUAD);
}

static int64_t rows_of(const struct block_integer *c, int64_t outputs)
{
    return (outputs - 1) * c->win[0].stride + c->win[0].kernel;
}

bool block_integer_quads_fit(const struct block_integer *c, const struct kern *kern)
{
    const struct window *h = &c->win[0], *w = &c->win[1];

    return kern->block_quads_u8 != NULL && h->dilation == 1 && w->dilation == 1 && w->stride <= 2 &&
           w->kernel <= MOST_COLUMNS;
}

/* The kernels read it in place, borders and all. */
static bool in_place(const struct block_integer *c, const struct kern *kern)
{
    const struct window *h = &c->win[0], *w = &c->win[1];

    return kern->block_square_u8 != NULL && h->kernel == 3 && w->kernel == 3 && w->begin <= 2 && h->begin <= 2 &&
           kern_square_fits((size_t)w->begin, (size_t)w->stride, (size_t)w->out, (size_t)w->in);
}

void block_integer_quads_plan(struct block_integer *c, const struct kern *kern)
{
    int64_t rows = 1;

    c->laid = !in_place(c, kern);
    c->pixel = c->lanes;
    c->step[0] = c->step[1] = 1;
    c->segments = c->whole = c->win[0].kernel * quads_of(c);
    c->words = c->win[1].stride == 1 ? 2 : 1;
    c->rest = 0;
    c->wide = (c->win[1].out - 1) * c->win[1].stride + c->win[1].kernel;
    c->bundles = c->out_blocks;
    c->parts = 1;
    while (rows < c->win[0].out && rows_of(c, rows + 1) * c->wide * c->pixel <= (c->laid ? NEAR_BYTES : PLACE_BYTES))
        rows++;
    c->bands = block_up(c->win[0].out, rows);
    c->rows = rows_of(c, block_up(c->win[0].out, c->bands));
}

void block_integer_quads_offsets(const struct block_integer *c, int32_t *offset)
{
    for (int64_t r = 0; r < c->win[0].kernel; r++)
        for (int64_t q = 0; q < quads_of(c); q++)
            *offset++ = (int32_t)((r * c->wide + q * QUAD) * c->pixel);
}

int64_t block_integer_quads_place(const struct block_integer *c, int64_t segment, int64_t element)
{
    const int64_t quads = quads_of(c), columns = c->win[1].kernel, shift = element / QUAD;
    const int64_t column = segment % quads * QUAD + element % QUAD - shift;

    return column >= 0 && column < columns ? segment / quads * columns + column : -1;
}

/* Pixels are 4, 8 or 16 bytes, borders a few of them: calls would cost more than the bytes. */
static char *lay_border(char *to, int64_t bytes, uint64_t zeros)
{
    for (; bytes >= 8; bytes -= 8, to += 8)
        memcpy(to, &zeros, 8);
    if (bytes > 0)
        memcpy(to, &zeros, 4);
    return to + bytes;
}

/* Whole pieces, the last of them over what the one before it has. */
static char *lay_pixels(char *to, const uint8_t *from, int64_t bytes)
{
    if (bytes >= LONG_ROW) {
        memcpy(to, from, (size_t)bytes);
    } else if (bytes >= PIECE) {
        for (int64_t i = 0; i < bytes - PIECE; i += PIECE)
            memcpy(to + i, from + i, PIECE);
        memcpy(to + bytes - PIECE, from + bytes - PIECE, PIECE);
    } else {
        int64_t i = 0;

        for (; i + 8 <= bytes; i += 8)
            memcpy(to + i, from + i, 8);
        if (i < bytes)
            memcpy(to + i, from + i, 4);
    }
    return to + bytes;
}

/* The rows that outputs from row `first` on read of a plane, with their borders. */
static void lay(const struct block_integer *c, const uint8_t *plane, int64_t first, char *to)
{
    const struct window *h = &c->win[0], *w = &c->win[1];
    const int64_t left = block_least(w->begin, c->wide), inside = block_least(w->in, c->wide - left);
    const uint64_t zeros = UINT64_C(0x0101010101010101) * (uint8_t)c->how.zero_in;
    int64_t y = first * h->stride - h->begin;

    for (int64_t i = 0; i < c->rows; i++, y++) {
        if (y < 0 || y >= h->in) {
            to = lay_border(to, c->wide * c->lanes, zeros);
            continue;
        }
        to = lay_border(to, left * c->lanes, zeros);
        to = lay_pixels(to, plane + y * w->in * c->lanes, inside * c->lanes);
        to = lay_border(to, (c->wide - left - inside) * c->lanes, zeros);
    }
    lay_border(to, 64, zeros); /* what is read beyond the last */
}

static size_t border_bytes(const struct block_integer *c)
{
    return (size_t)(c->win[1].in * c->lanes);
}

size_t block_integer_quads_work(const struct block_integer *c)
{
    return c->laid ? block_integer_band(c) * (size_t)c->workers : block_round(border_bytes(c));
}

static void square_rows(const struct block_integer_run *r, const struct kern_block_bytes *how, int64_t plane,
                        size_t first, size_t last)
{
    const struct block_integer *c = r->c;
    const struct window *h = &c->win[0], *w = &c->win[1];
    const int64_t block = plane % c->out_blocks;
    const struct kern_square_u8 d = { .how = how,
                                      .in = { (size_t)h->in, (size_t)w->in },
                                      .stride = { (size_t)h->stride, (size_t)w->stride },
                                      .begin = { (size_t)h->begin, (size_t)w->begin },
                                      .out = (size_t)w->out,
                                      .zero_in = c->how.zero_in,
                                      .border = (const uint8_t *)r->work };

    r->kern->block_square_u8(&d, first, last, r->x + plane * h->in * w->in * c->lanes,
                             r->weights + block * c->lanes * block_integer_words(c), r->bias + block * c->lanes,
                             r->scale + block * c->lanes,
                             r->y + plane * (int64_t)how->y_block + (int64_t)first * w->out * c->lanes);
}

static void task(void *context, size_t index, int worker)
{
    const struct block_integer_run *r = context;
    const struct block_integer *c = r->c;
    const struct kern_block_bytes how = block_integer_how(r);
    const int64_t plane = (int64_t)index / c->bands, band = (int64_t)index % c->bands, block = plane % c->out_blocks;
    const int64_t first = c->win[0].out * band / c->bands, last = c->win[0].out * (band + 1) / c->bands;
    const int64_t q = c->win[1].out, row = c->win[0].stride * c->wide * c->lanes;
    char *laid = r->work + (size_t)worker * block_integer_band(c);

    if (!c->laid) {
        square_rows(r, &how, plane, (size_t)first, (size_t)last);
        return;
    }
    lay(c, r->x + plane * c->win[0].in * c->win[1].in * c->lanes, first, laid);
    block_integer_turn(c, laid, c->rows * c->wide * c->lanes);
    r->kern->block_quads_u8(&how, (size_t)(last - first), (size_t)q, laid, (size_t)row,
                            r->weights + block * c->lanes * block_integer_words(c), r->bias + block * c->lanes,
                            r->scale + block * c->lanes, r->y + plane * (int64_t)how.y_block + first * q * c->lanes);
}

void block_integer_quads(struct block_integer_run *r, struct pool *pool)
{
    if (!r->c->laid)
        memset(r->work, r->c->how.zero_in, border_bytes(r->c));
    pool_run(pool, (size_t)(r->c->batch * r->c->out_blocks * r->c->bands), task, r);
}

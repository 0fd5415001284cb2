/*
 * block_integer_winograd.c - F(2 x 2, 3 x 3) in integers, exact: with 2G in the
 * place of G nothing is broken, the products are four times the sums, and as all
 * is modulo 2^32 only those must fit: 4 * 255 * 128 * 9 * C < 2^31. Numbers before
 * the products are 16 bits wide: 4 * 255 on the input's side, 9 * 128 on the other.
 *
 * Source: Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks",
 * CVPR 2016, sec. 4.1.
 */
#pragma GCC diagnostic ignored "-Wpsabi"
#include <string.h>

#include "op/block_integer.h"

enum { POINTS = 16, SIDE = 4, GROUP = 8, MOST_CHANNELS = 1800, RUN_BYTES = 224 * 1024 };

/* What is in an array then lies in registers. */
#define UNROLLED _Pragma("GCC unroll 16")

typedef uint8_t bytes8 __attribute__((vector_size(8)));
typedef int16_t shorts8 __attribute__((vector_size(16)));
typedef uint32_t words8 __attribute__((vector_size(32)));
typedef int32_t signed8 __attribute__((vector_size(32)));
typedef int32_t signed4 __attribute__((vector_size(16)));
typedef float floats4 __attribute__((vector_size(16)));

bool block_integer_winograd_fits(const struct block_integer *c)
{
    for (int i = 0; i < 2; i++)
        if (c->win[i].kernel != 3 || c->win[i].stride != 1 || c->win[i].dilation != 1 || c->win[i].out < 4)
            return false;
    /* Else turning them costs what is saved. */
    if (c->channels < 96 || c->filters < 96 || c->win[0].out * c->win[1].out < 100)
        return false;
    return c->depth == 2 && c->groups == 1 && c->lanes % GROUP == 0 && c->channels <= MOST_CHANNELS;
}

void block_integer_winograd_plan(struct block_integer *c, size_t registers)
{
    int64_t tiles, most, target = c->workers == 1 ? 1 : 4 * c->workers;

    for (int i = 0; i < 2; i++)
        c->tiles[i] = block_up(c->win[i].out, 2);
    tiles = c->tiles[0] * c->tiles[1];
    most = RUN_BYTES / (POINTS * 2 * c->in_blocks * c->lanes);
    c->runs = block_up(tiles, most < 6 ? 6 : most);
    if (c->batch * c->runs < target)
        c->runs = block_least(block_up(tiles, 24), block_up(target, c->batch));
    c->run = block_up(tiles, c->runs);
    c->bundles = block_up(c->out_blocks, block_integer_bundle(c->out_blocks, c->run, registers));
    c->parts = block_least(c->bundles, block_up(target, c->batch * c->runs));
    c->pixel = c->lanes * 2;
    c->words = c->lanes / 2;
    c->whole = c->channels / c->lanes;
    c->rest = block_up(c->channels % c->lanes, 2);
    c->segments = c->in_blocks;
}

/* ---- weights ---- */

static int64_t words_of(const struct block_integer *c)
{
    return c->whole * c->words + (c->segments - c->whole) * c->rest;
}

size_t block_integer_winograd_packed(const struct block_integer *c)
{
    return (size_t)(POINTS * c->out_blocks * c->lanes * words_of(c)) * sizeof(int32_t);
}

void block_integer_winograd_offsets(const struct block_integer *c, int32_t *offset)
{
    for (int64_t s = 0; s < c->segments; s++)
        offset[s] = (int32_t)(s * c->run * c->pixel);
}

/* 2G: rows 2 0 0, 1 1 1, 1 -1 1, 0 0 2. */
static int32_t turned(const int8_t *w, int64_t step, int64_t row)
{
    int32_t a = (int)w[0], b = (int)w[step], c = (int)w[2 * step];

    return row == 0 ? 2 * a : row == 1 ? a + b + c : row == 2 ? a - b + c : 2 * c;
}

static int16_t weight_at(const struct block_integer *c, const int8_t *w, int64_t filter, int64_t channel, int64_t point)
{
    int32_t column[3], row = (int32_t)(point / SIDE), at = (int32_t)(point % SIDE);

    if (filter >= c->filters || channel >= c->channels)
        return 0;
    w += (filter * c->channels + channel) * 9;
    for (int j = 0; j < 3; j++)
        column[j] = turned(w + j, 3, row);
    return (int16_t)(at == 0   ? 2 * column[0]
                     : at == 1 ? column[0] + column[1] + column[2]
                     : at == 2 ? column[0] - column[1] + column[2]
                               : 2 * column[2]);
}

void block_integer_winograd_pack(const struct block_integer *c, const int8_t *w, void *packed)
{
    int16_t *to = packed;

    for (int64_t b = 0; b < c->bundles; b++) {
        int64_t first = c->out_blocks * b / c->bundles * c->lanes,
                last = c->out_blocks * (b + 1) / c->bundles * c->lanes;
        for (int64_t point = 0; point < POINTS; point++)
            for (int64_t s = 0; s < c->segments; s++)
                for (int64_t i = 0; i < (s < c->whole ? c->words : c->rest); i++)
                    for (int64_t k = first; k < last; k++)
                        for (int64_t e = 0; e < 2; e++)
                            *to++ = weight_at(c, w, k, s * c->lanes + i * 2 + e, point);
    }
}

/* ---- the input ---- */

static inline shorts8 load_pixel(const uint8_t *x, shorts8 zero)
{
    bytes8 v;

    memcpy(&v, x, sizeof v);
    return __builtin_convertvector(v, shorts8) - zero;
}

/* Pixel i of the tile whose corner is at row, column; nothing beyond the picture. */
static inline shorts8 tile_pixel(const struct block_integer *c, const uint8_t *x, int64_t row, int64_t column, int i,
                                 shorts8 zero)
{
    int64_t y = row + i / SIDE, z = column + i % SIDE;

    if (y < 0 || y >= c->win[0].in || z < 0 || z >= c->win[1].in)
        return (shorts8){ 0 };
    return load_pixel(x + (y * c->win[1].in + z) * c->lanes, zero);
}

/* B' d B of 8 channels of one tile; points are `apart` numbers from each other. */
static void turn_tile(const struct block_integer *c, const uint8_t *x, int64_t row, int64_t column, int16_t *v,
                      int64_t apart)
{
    const shorts8 zero = (shorts8){ 0 } + (int16_t)c->how.zero_in;
    bool inside = row >= 0 && row + SIDE <= c->win[0].in && column >= 0 && column + SIDE <= c->win[1].in;
    shorts8 d[POINTS], t[POINTS], out[SIDE];

    if (inside)
        UNROLLED
    for (int i = 0; i < POINTS; i++)
        d[i] = load_pixel(x + ((row + i / SIDE) * c->win[1].in + column + i % SIDE) * c->lanes, zero);
    else for (int i = 0; i < POINTS; i++) d[i] = tile_pixel(c, x, row, column, i, zero);
    UNROLLED
    for (int j = 0; j < SIDE; j++) {
        t[j] = d[j] - d[8 + j];
        t[4 + j] = d[4 + j] + d[8 + j];
        t[8 + j] = d[8 + j] - d[4 + j];
        t[12 + j] = d[4 + j] - d[12 + j];
    }
    UNROLLED
    for (int i = 0; i < SIDE; i++, v += SIDE * apart) {
        out[0] = t[4 * i] - t[4 * i + 2];
        out[1] = t[4 * i + 1] + t[4 * i + 2];
        out[2] = t[4 * i + 2] - t[4 * i + 1];
        out[3] = t[4 * i + 1] - t[4 * i + 3];
        UNROLLED
        for (int j = 0; j < SIDE; j++)
            memcpy(v + j * apart, &out[j], sizeof out[j]);
    }
}

static void turn_run(const struct block_integer_run *r, int64_t image, int64_t first, int64_t last, int16_t *v)
{
    const struct block_integer *c = r->c;
    int64_t bytes = c->win[0].in * c->win[1].in * c->lanes, apart = c->in_blocks * c->run * c->lanes;

    for (int64_t b = 0; b < c->in_blocks; b++)
        for (int64_t t = first; t < last; t++)
            for (int64_t l = 0; l < c->lanes; l += GROUP)
                turn_tile(c, r->x + (image * c->in_blocks + b) * bytes + l, t / c->tiles[1] * 2 - c->win[0].begin,
                          t % c->tiles[1] * 2 - c->win[1].begin, v + (b * c->run + t - first) * c->lanes + l, apart);
}

/* ---- the output ---- */

static inline words8 load_sums(const int32_t *from)
{
    words8 v;

    memcpy(&v, from, sizeof v);
    return v;
}

/* What kern/requantize.h does, for 4 channels. */
static inline signed4 requantize(signed4 acc, floats4 scale, float least, float most)
{
    const floats4 round = (floats4){ 0 } + 12582912.0F, low = (floats4){ 0 } + least, high = (floats4){ 0 } + most;
    floats4 v = __builtin_convertvector(acc, floats4) * scale;
    signed4 above = v > low, below;

    v = (floats4)((above & (signed4)v) | (~above & (signed4)low));
    below = v < high;
    v = (floats4)((below & (signed4)v) | (~below & (signed4)high));
    return __builtin_convertvector(v + round - round, signed4);
}

/* Sums are four times what they are to be. */
static inline void put(const struct block_integer *c, words8 sum, const int32_t *bias, const float *scale, uint8_t *y)
{
    const float least = (float)(c->how.low - c->how.zero_out), most = (float)(c->how.high - c->how.zero_out);
    union {
        words8 all;
        signed4 half[2];
        int32_t lane[GROUP];
    } q = { .all = (words8)((signed8)sum >> 2) + load_sums(bias) };

    UNROLLED
    for (int h = 0; h < 2; h++) {
        floats4 by;
        memcpy(&by, scale + 4 * h, sizeof by);
        q.half[h] = requantize(q.half[h], by, least, most) + c->how.zero_out;
    }
    UNROLLED
    for (int l = 0; l < GROUP; l++)
        y[l] = (uint8_t)q.lane[l];
}

/* A' m A of 8 channels of one tile. */
static void finish_tile(const struct block_integer_run *r, const int32_t *m, int64_t apart, int64_t channel,
                        int64_t row, int64_t column, uint8_t *y)
{
    const struct block_integer *c = r->c;
    const int32_t *bias = r->bias + channel;
    const float *scale = r->scale + channel;
    words8 t[8];

    UNROLLED
    for (int j = 0; j < SIDE; j++) {
        words8 a = load_sums(m + (4 + j) * apart), b = load_sums(m + (8 + j) * apart);
        t[j] = load_sums(m + j * apart) + a + b;
        t[4 + j] = a - b - load_sums(m + (12 + j) * apart);
    }
    for (int i = 0; i < 2 && row + i < c->win[0].out; i++) {
        uint8_t *to = y + ((row + i) * c->win[1].out + column) * c->lanes;
        put(c, t[4 * i] + t[4 * i + 1] + t[4 * i + 2], bias, scale, to);
        if (column + 1 < c->win[1].out)
            put(c, t[4 * i + 1] - t[4 * i + 2] - t[4 * i + 3], bias, scale, to + c->lanes);
    }
}

static void finish_run(const struct block_integer_run *r, int64_t image, int64_t block, int64_t first, int64_t last,
                       const int32_t *m, int64_t apart)
{
    const struct block_integer *c = r->c;
    uint8_t *y = r->y + (image * c->out_blocks + block) * c->win[0].out * c->win[1].out * c->lanes;

    for (int64_t t = first; t < last; t++, m += c->lanes)
        for (int64_t l = 0; l < c->lanes; l += GROUP)
            finish_tile(r, m + l, apart, block * c->lanes + l, t / c->tiles[1] * 2, t % c->tiles[1] * 2, y + l);
}

/* ---- all together ---- */

static size_t turned_bytes(const struct block_integer *c)
{
    return block_round((size_t)(POINTS * c->in_blocks * c->run * c->lanes) * sizeof(int16_t));
}

static size_t sums_bytes(const struct block_integer *c)
{
    return block_round((size_t)(POINTS * KERN_BLOCKS * c->run * c->lanes) * sizeof(int32_t));
}

size_t block_integer_winograd_work(const struct block_integer *c)
{
    return (turned_bytes(c) + sums_bytes(c)) * (size_t)c->workers;
}

static void run_bundle(const struct block_integer_run *r, int64_t image, int64_t bundle, int64_t first, int64_t last,
                       const int16_t *v, int32_t *m)
{
    static const int32_t no_bias[KERN_BLOCKS * 16];
    const struct block_integer *c = r->c;
    int64_t from = c->out_blocks * bundle / c->bundles, blocks = c->out_blocks * (bundle + 1) / c->bundles - from;
    int64_t apart = blocks * c->run * c->lanes;
    const int32_t *w = r->weights + POINTS * from * c->lanes * words_of(c);
    const struct kern_block_bytes how = { .segments = (size_t)c->segments,
                                          .whole = (size_t)c->whole,
                                          .words = (size_t)c->words,
                                          .rest = (size_t)c->rest,
                                          .pixel = (size_t)c->pixel,
                                          .offset = r->offset,
                                          .y_block = (size_t)(c->run * c->lanes) * sizeof(int32_t) };

    for (int64_t point = 0; point < POINTS; point++, w += blocks * c->lanes * words_of(c))
        r->kern->block_conv_u8(&how, (size_t)(last - first), (size_t)blocks,
                               v + point * c->in_blocks * c->run * c->lanes, w, no_bias, NULL,
                               (uint8_t *)(m + point * apart));
    for (int64_t b = 0; b < blocks; b++)
        finish_run(r, image, from + b, first, last, m + b * c->run * c->lanes, apart);
}

static void run_task(void *context, size_t index, int worker)
{
    const struct block_integer_run *r = context;
    const struct block_integer *c = r->c;
    int64_t part = (int64_t)index % c->parts, run = (int64_t)index / c->parts % c->runs;
    int64_t image = (int64_t)index / (c->parts * c->runs), tiles = c->tiles[0] * c->tiles[1];
    int64_t first = tiles * run / c->runs, last = tiles * (run + 1) / c->runs;
    char *work = r->work + (size_t)worker * (turned_bytes(c) + sums_bytes(c));

    turn_run(r, image, first, last, (int16_t *)(void *)work);
    for (int64_t b = c->bundles * part / c->parts; b < c->bundles * (part + 1) / c->parts; b++)
        run_bundle(r, image, b, first, last, (const int16_t *)(const void *)work,
                   (int32_t *)(void *)(work + turned_bytes(c)));
}

void block_integer_winograd(struct block_integer_run *r, struct pool *pool)
{
    pool_run(pool, (size_t)(r->c->batch * r->c->runs * r->c->parts), run_task, r);
}

/*
 * block_integer_winograd.c - F(4 x 4, 3 x 3) and F(2 x 2, 3 x 3) of bytes, exact
 * (kern/winograd_integer.h says how): which convolutions they are for, how they are
 * cut, and their weights. A weight of 8 bits becomes 36 of 7 * 7 * 128 at most, or
 * 16 of 3 * 3 * 128, which 16 bits hold.
 */
#include <string.h>

#include "op/block_integer.h"

enum {
    RUN_BYTES = 224 * 1024, /* a run's numbers on their way, that an L2 cache holds beside the weights of a bundle */
    FEW_TILES = 12,
    SHARED_BYTES = 1024 * 1024,
    FAR_BYTES = 1536 * 1024, /* weights that come from memory each time */
    LARGE_PIXELS = 10,       /* a side that is worth large tiles */
    EXACT_FOUR = 1 << 25,    /* the least result that products of large tiles do not tell */
    EXACT_TWO = 1 << 29      /* of small ones */
};

/* The largest sum that these weights can make of bytes, less their zero point. */
static int64_t largest_sum(const struct block_integer *c, const int8_t *w)
{
    int64_t most = 0, up = 255 - c->how.zero_in, down = c->how.zero_in;

    for (int64_t k = 0; k < c->filters; k++, w += 9 * c->channels) {
        int32_t sum = 0, magnitude = 0;
        for (int64_t i = 0; i < 9 * c->channels; i++) {
            sum += w[i];
            magnitude += w[i] < 0 ? -w[i] : w[i];
        }
        int64_t positive = (magnitude + sum) / 2, negative = (magnitude - sum) / 2;
        int64_t a = positive * up + negative * down, b = positive * down + negative * up;
        most = a > most ? a : most;
        most = b > most ? b : most;
    }
    return most;
}

/*
 * What tiles of m x m pixels cost, 1 directly, in twentieths of a product of each weight. They save products, but
 * numbers are turned on their way; pixels over the edge are for nothing; and there are more weights, which one thread
 * has from memory in the time of products of a quarter more than a vector's lanes. So it was measured with AVX2 and
 * AVX-512. Several threads fetch at once, and share what is turned, where each would lay its input directly.
 */
static int64_t cost_of(const struct block_integer *c, int64_t m)
{
    int64_t points = (m + 2) * (m + 2), tiles = c->batch * block_up(c->win[0].out, m) * block_up(c->win[1].out, m);
    int64_t bytes = 2 * points * c->in_blocks * c->out_blocks * c->lanes * c->lanes;

    return points * ((m > 1 ? 24 : 20) * tiles + (c->workers == 1 && bytes > FAR_BYTES ? 25 * c->lanes : 0));
}

/* The tile that costs least; 1: none. */
static int64_t best_tile(const struct block_integer *c, bool may_four)
{
    int64_t m = 2;

    if (c->way == OP_WAY_WINOGRAD_2 || c->way == OP_WAY_WINOGRAD_4)
        return c->way == OP_WAY_WINOGRAD_4 && may_four ? 4 : 2;
    if (may_four && block_least(c->win[0].out, c->win[1].out) >= LARGE_PIXELS && cost_of(c, 4) < cost_of(c, 2))
        m = 4;
    return cost_of(c, 1) < cost_of(c, m) ? 1 : m;
}

bool block_integer_winograd_fits(struct block_integer *c, const int8_t *w)
{
    int64_t most;

    for (int i = 0; i < 2; i++)
        if (c->win[i].kernel != 3 || c->win[i].stride != 1 || c->win[i].dilation != 1 || c->win[i].out < 4)
            return false;
    /* Else turning them costs what is saved. */
    if (c->depth != 2 || c->groups != 1 || c->channels < 16 || c->filters < 16 || !w)
        return false;
    most = largest_sum(c, w);
    c->m = best_tile(c, most < EXACT_FOUR);
    return most < EXACT_TWO && c->m > 1;
}

void block_integer_winograd_plan(struct block_integer *c, size_t registers)
{
    int64_t tile_bytes = block_integer_points(c) * 2 * c->in_blocks * c->lanes, all, runs;

    for (int i = 0; i < 2; i++)
        c->tiles[i] = block_up(c->win[i].out, c->m);
    all = c->batch * c->tiles[0] * c->tiles[1];
    c->run = RUN_BYTES / tile_bytes;
    c->shared = c->run < FEW_TILES || all < FEW_TILES * c->workers;
    if (c->shared) {
        c->run = c->run < SHARED_BYTES / tile_bytes ? SHARED_BYTES / tile_bytes : c->run;
        c->run = c->run > 1 ? c->run : 1;
    } else {
        runs = block_up(block_up(all, c->run), c->workers) * c->workers; /* as many for each thread */
        c->run = block_up(all, runs);
    }
    c->run = block_least(all, c->run);
    c->bundles = block_up(c->out_blocks, block_integer_bundle(c->out_blocks, c->run, registers));
    c->pixel = c->lanes * 2;
    c->words = c->lanes / 2;
    c->whole = c->channels / c->lanes;
    c->rest = block_up(c->channels % c->lanes, 2);
    c->segments = c->in_blocks;
}

/* ---- weights ---- */

size_t block_integer_winograd_packed(const struct block_integer *c)
{
    return (size_t)(block_integer_points(c) * c->out_blocks * c->lanes * block_integer_words(c)) * sizeof(int32_t);
}

void block_integer_winograd_offsets(const struct block_integer *c, int32_t *offset)
{
    for (int64_t s = 0; s < c->segments; s++)
        offset[s] = (int32_t)(s * c->run * c->pixel);
}

enum { MOST_LANES = 16, WIDTH = 2 * MOST_LANES };

/* Whole multiples of G's rows: of three numbers to six or four, of so many filters' at a time. */
static void turn_six(int16_t to[6][WIDTH], int16_t a[WIDTH], int16_t b[WIDTH], int16_t c[WIDTH])
{
    for (int l = 0; l < WIDTH; l++) {
        int outer = a[l] + c[l], far = a[l] + 4 * c[l];
        to[0][l] = a[l];
        to[1][l] = (int16_t)(-outer - b[l]);
        to[2][l] = (int16_t)(b[l] - outer);
        to[3][l] = (int16_t)(far + 2 * b[l]);
        to[4][l] = (int16_t)(far - 2 * b[l]);
        to[5][l] = c[l];
    }
}

static void turn_four(int16_t to[6][WIDTH], int16_t a[WIDTH], int16_t b[WIDTH], int16_t c[WIDTH])
{
    for (int l = 0; l < WIDTH; l++) {
        int outer = a[l] + c[l];
        to[0][l] = (int16_t)(2 * a[l]);
        to[1][l] = (int16_t)(outer + b[l]);
        to[2][l] = (int16_t)(outer - b[l]);
        to[3][l] = (int16_t)(2 * c[l]);
    }
}

/* Two channels from `channel` on, in words, of the filters of a block that there are. */
static void read_pairs(const struct block_integer *c, const int8_t *w, int64_t filter, int64_t channel,
                       int16_t to[9][WIDTH])
{
    memset(to, 0, 9 * sizeof *to);
    for (int64_t l = 0; l < c->lanes && filter + l < c->filters; l++)
        for (int64_t e = 0; e < 2 && channel + e < c->channels; e++) {
            const int8_t *from = w + ((filter + l) * c->channels + channel + e) * 9;
            for (int64_t t = 0; t < 9; t++)
                to[t][c->apart ? e * c->lanes + l : 2 * l + e] = (int16_t)(int)from[t];
        }
}

struct packing {
    const struct block_integer *c;
    const int8_t *w;
    int16_t *packed;
};

/* Bundle after bundle: for each number of a tile and each word of channels the weights of the bundle's filters. */
static void pack_bundle(void *context, size_t bundle, int worker)
{
    const struct packing *p = context;
    const struct block_integer *c = p->c;
    int64_t first = c->out_blocks * (int64_t)bundle / c->bundles,
            blocks = c->out_blocks * ((int64_t)bundle + 1) / c->bundles - first;
    int64_t words = block_integer_words(c), width = 2 * blocks * c->lanes;
    int16_t *to = p->packed + block_integer_points(c) * first * 2 * c->lanes * words;
    void (*turn)(int16_t to[6][WIDTH], int16_t a[WIDTH], int16_t b[WIDTH], int16_t c[WIDTH]) = c->m == 4 ? turn_six
                                                                                                         : turn_four;
    int16_t w[9][WIDTH], half[3][6][WIDTH], t[6][WIDTH];

    (void)worker;
    for (int64_t i = 0; i < words; i++)
        for (int64_t b = 0; b < blocks; b++) {
            read_pairs(c, p->w, (first + b) * c->lanes, 2 * i, w);
            for (int j = 0; j < 3; j++)
                turn(half[j], w[j], w[3 + j], w[6 + j]);
            for (int64_t row = 0; row < c->m + 2; row++) {
                turn(t, half[0][row], half[1][row], half[2][row]);
                for (int64_t j = 0; j < c->m + 2; j++)
                    memcpy(to + ((row * (c->m + 2) + j) * words + i) * width + 2 * b * c->lanes, t[j],
                           (size_t)(2 * c->lanes) * sizeof *to);
            }
        }
}

void block_integer_winograd_pack(const struct block_integer *c, struct pool *pool, const int8_t *w, void *packed)
{
    struct packing p = { c, w, packed };

    pool_run(pool, (size_t)c->bundles, pack_bundle, &p);
}

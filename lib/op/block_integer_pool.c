/* block_integer_pool.c - the pools of bytes on pictures in blocks: the numbers of MaxPool, AveragePool and GlobalAveragePool. */
#include <math.h>
#include <string.h>

#include "op/argument.h"
#include "op/bands.h"
#include "op/block_integer.h"
#include "op/chunk.h"
#include "op/unary.h"

enum { MOST_LANES = 16 };

struct plan {
    struct window win[2];
    int64_t images, blocks, lanes, count_padding; /* blocks of all images */
    bool same;                                    /* the output is quantized as the input */
    uint8_t table[256];
    double ratio; /* scale_in / scale_out */
    size_t row_bytes;
};

struct pass {
    const struct op_io *io;
    const struct kern *kern;
};

static int shape_common(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    const struct shape *x = &io->in[0]->shape;

    if (argument_rank(io->in[0], 5, 5, err) < 0 || op_expect_dtype(io, 0, DTYPE_U8, err) < 0 ||
        argument_numeric(io, 0, true, err) < 0)
        return -1;
    plan->images = x->dim[0];
    plan->blocks = x->dim[0] * x->dim[1];
    plan->lanes = x->dim[4];
    plan->ratio = (double)io->in[0]->quant->scale[0] / (double)io->out[0]->quant->scale[0];
    io->out[0]->dtype = DTYPE_U8;
    return 0;
}

/* Pixels of a row with its borders. */
static int64_t row_pixels(const struct window *w)
{
    int64_t reads = (w->out - 1) * w->stride + (w->kernel - 1) * w->dilation + 1, has = w->begin + w->in;

    return reads > has ? reads : has;
}

static int shape_window(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    const struct shape *x = &io->in[0]->shape;
    struct shape plain = *x;

    plain.rank = 4;
    if (shape_common(io, err) < 0 || window_read(plan->win, io, &plain, NULL, err) < 0 ||
        attribute_int(io->attributes, "count_include_pad", 0, &plan->count_padding, err) < 0)
        return -1;
    plan->same = argument_same_quant(io->in[0]->quant, io->out[0]->quant);
    unary_table(plan->table, io->in[0]->quant, io->out[0]->quant, unary_same, NULL);
    plan->row_bytes = block_round((size_t)(row_pixels(&plan->win[1]) * plan->lanes));
    io->work_bytes = 2 * plan->row_bytes * (size_t)io->workers;
    io->out[0]->shape = shape_of(5, x->dim[0], x->dim[1], plan->win[0].out, plan->win[1].out, x->dim[4]);
    return 0;
}

/* ---- the largest: down the columns into one row with borders, then along it ---- */

static void down(const struct pass *pass, const uint8_t *x, int64_t p, uint8_t *row)
{
    const struct plan *plan = pass->io->plan;
    const struct window *h = &plan->win[0], *w = &plan->win[1];
    size_t in = (size_t)(w->in * plan->lanes);

    memset(row, 0, (size_t)(row_pixels(w) * plan->lanes));
    for (int64_t r = 0; r < h->kernel; r++) {
        int64_t at = p * h->stride - h->begin + r * h->dilation;
        if (at >= 0 && at < h->in)
            pass->kern->max_u8(row + w->begin * plan->lanes, x + (size_t)at * in, 1, in);
    }
}

/* Windows at every pixel, and then those that are wanted. */
static void along(const struct pass *pass, const uint8_t *row, uint8_t *most, uint8_t *y)
{
    const struct plan *plan = pass->io->plan;
    const struct window *w = &plan->win[1];
    int64_t lanes = plan->lanes, step = w->stride * lanes, n = ((w->out - 1) * w->stride + 1) * lanes;

    memcpy(most, row, (size_t)n);
    for (int64_t s = 1; s < w->kernel; s++)
        pass->kern->max_u8(most, row + s * w->dilation * lanes, 1, (size_t)n);
    if (w->stride == 1)
        memcpy(y, most, (size_t)n);
    else if (lanes == 8)
        for (int64_t q = 0; q < w->out; q++)
            memcpy(y + q * 8, most + q * step, 8);
    else
        for (int64_t q = 0; q < w->out; q++)
            memcpy(y + q * lanes, most + q * step, (size_t)lanes);
}

static void max_band(const void *context, int64_t block, int64_t first, int64_t last, int worker)
{
    const struct pass *pass = context;
    const struct plan *plan = pass->io->plan;
    const struct window *h = &plan->win[0], *w = &plan->win[1];
    int64_t in = h->in * w->in * plan->lanes, out = w->out * plan->lanes;
    const uint8_t *x = (const uint8_t *)pass->io->in[0]->data + block * in;
    uint8_t *y = (uint8_t *)pass->io->out[0]->data + (block * h->out + first) * out;
    uint8_t *row = (uint8_t *)pass->io->work + (size_t)worker * 2 * plan->row_bytes;

    for (int64_t p = first; p < last; p++, y += out) {
        down(pass, x, p, row);
        along(pass, row, row + plan->row_bytes, y);
        if (!plan->same)
            pass->kern->map_u8(y, y, plan->table, (size_t)out);
    }
}

static struct bands bands_of(const struct plan *plan)
{
    const struct window *h = &plan->win[0], *w = &plan->win[1];

    return (struct bands){ plan->images, plan->blocks / plan->images, h->out, h->stride * w->in * plan->lanes };
}

static void max_forward(const struct op_io *io, const struct op_run *run)
{
    const struct pass pass = { io, run->kern };

    bands_run(run->pool, bands_of(io->plan), max_band, &pass);
}

/* ---- means ---- */

static uint8_t byte_of(double mean)
{
    return (uint8_t)(mean < 0 ? 0 : mean > 255 ? 255 : mean);
}

/* Pixels that count: with ceil_mode a window may reach beyond the padding, where nothing does. */
static int64_t counted(const struct window *w, int64_t p, bool padding)
{
    int64_t count = 0;

    for (int64_t r = 0; r < w->kernel; r++) {
        int64_t pixel = p * w->stride - w->begin + r * w->dilation;
        count += padding ? pixel < w->in + w->end : pixel >= 0 && pixel < w->in;
    }
    return count;
}

/* Adds the window's pixels at output p, q. Returns how many there are. */
static int64_t sum_window(const struct plan *plan, const uint8_t *x, int64_t p, int64_t q, int64_t sum[MOST_LANES])
{
    const struct window *h = &plan->win[0], *w = &plan->win[1];
    int64_t pixels = 0;

    for (int64_t r = 0; r < h->kernel; r++)
        for (int64_t s = 0; s < w->kernel; s++) {
            int64_t row = p * h->stride - h->begin + r * h->dilation, at = q * w->stride - w->begin + s * w->dilation;
            if (row < 0 || row >= h->in || at < 0 || at >= w->in)
                continue;
            for (int64_t l = 0; l < plan->lanes; l++)
                sum[l] += x[(row * w->in + at) * plan->lanes + l];
            pixels++;
        }
    return pixels;
}

static void average_band(const void *context, int64_t block, int64_t first, int64_t last, int worker)
{
    const struct pass *pass = context;
    const struct plan *plan = pass->io->plan;
    const struct window *h = &plan->win[0], *w = &plan->win[1];
    const uint8_t *x = (const uint8_t *)pass->io->in[0]->data + block * h->in * w->in * plan->lanes;
    uint8_t *y = (uint8_t *)pass->io->out[0]->data + (block * h->out + first) * w->out * plan->lanes;
    int64_t zero_in = pass->io->in[0]->quant->zero_point[0], zero_out = pass->io->out[0]->quant->zero_point[0];

    (void)worker;
    for (int64_t p = first; p < last; p++)
        for (int64_t q = 0; q < w->out; q++) {
            int64_t sum[MOST_LANES] = { 0 }, pixels = sum_window(plan, x, p, q, sum);
            int64_t count = counted(h, p, plan->count_padding) * counted(w, q, plan->count_padding);
            for (int64_t l = 0; l < plan->lanes; l++) {
                double real = count ? rint((double)(sum[l] - pixels * zero_in) * plan->ratio / (double)count) : 0;
                *y++ = byte_of(real + (double)zero_out);
            }
        }
}

static void average_forward(const struct op_io *io, const struct op_run *run)
{
    const struct pass pass = { io, run->kern };

    bands_run(run->pool, bands_of(io->plan), average_band, &pass);
}

static int shape_global(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    const struct shape *x = &io->in[0]->shape;

    if (shape_common(io, err) < 0)
        return -1;
    plan->win[0].in = x->dim[2] * x->dim[3];
    plan->ratio = (double)io->in[0]->quant->scale[0] / ((double)io->out[0]->quant->scale[0] * (double)plan->win[0].in);
    io->out[0]->shape = shape_of(5, x->dim[0], x->dim[1], 1, 1, x->dim[4]);
    return 0;
}

/* Sums of eight lanes, or four: every second of them in the parts of a word, as many pixels as fit there. */
static inline void sum_group(const uint8_t *x, int64_t pixels, int64_t lanes, int group, int64_t *sum)
{
    enum { SOME = 257 };
    const uint64_t even = 0x00ff00ff00ff00ff;

    for (int64_t i = 0; i < pixels; i += SOME) {
        uint64_t part[2] = { 0 };
        for (int64_t p = i; p < pixels && p < i + SOME; p++) {
            uint64_t some = 0;
            memcpy(&some, x + p * lanes, (size_t)group);
            part[0] += some & even;
            part[1] += some >> 8 & even;
        }
        for (int j = 0; j < group; j++)
            sum[j] += (int64_t)(part[j % 2] >> j / 2 * 16 & 0xffff);
    }
}

static void sum_lanes(const uint8_t *x, int64_t pixels, int64_t lanes, int64_t sum[MOST_LANES])
{
    if (lanes == 4)
        sum_group(x, pixels, lanes, 4, sum);
    for (int64_t l = 0; l + 8 <= lanes; l += 8)
        sum_group(x + l, pixels, lanes, 8, sum + l);
}

/* To nearest even, as rint does, without a call. Beyond 2^51 it is another number, but beyond a byte all the same. */
static inline double round_even(double v)
{
    const double round = 6755399441055744.0; /* 1.5 * 2^52 */

    return v + round - round;
}

static void global_blocks(const void *context, size_t begin, size_t end, int worker)
{
    const struct pass *pass = context;
    const struct plan *plan = pass->io->plan;
    int64_t zero_in = pass->io->in[0]->quant->zero_point[0], zero_out = pass->io->out[0]->quant->zero_point[0];
    int64_t pixels = plan->win[0].in;

    (void)worker;
    for (int64_t b = (int64_t)begin; b < (int64_t)end; b++) {
        int64_t sum[MOST_LANES] = { 0 };
        sum_lanes((const uint8_t *)pass->io->in[0]->data + b * pixels * plan->lanes, pixels, plan->lanes, sum);
        for (int64_t l = 0; l < plan->lanes; l++)
            ((uint8_t *)pass->io->out[0]->data)[b * plan->lanes + l] = byte_of(
                round_even((double)(sum[l] - pixels * zero_in) * plan->ratio) + (double)zero_out);
    }
}

static void global_forward(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    const struct pass pass = { io, run->kern };

    chunk_run(run->pool, (size_t)plan->blocks, (size_t)(plan->win[0].in * plan->lanes), global_blocks, &pass);
}

const struct op op_blocked_integer_max_pool = {
    .name = "BlockedIntegerMaxPool",
    .formula = "MaxPool of quantized pictures in blocks",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .attributes = "auto_pad ceil_mode dilations kernel_shape pads strides storage_order",
    .flags = OP_INTEGER,
    .plan_bytes = sizeof(struct plan),
    .shape = shape_window,
    .forward = max_forward,
};

const struct op op_blocked_integer_average_pool = {
    .name = "BlockedIntegerAveragePool",
    .formula = "AveragePool of quantized pictures in blocks",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .attributes = "auto_pad ceil_mode count_include_pad dilations kernel_shape pads strides",
    .flags = OP_INTEGER,
    .plan_bytes = sizeof(struct plan),
    .shape = shape_window,
    .forward = average_forward,
};

const struct op op_blocked_integer_global_average_pool = {
    .name = "BlockedIntegerGlobalAveragePool",
    .formula = "GlobalAveragePool of quantized pictures in blocks",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .flags = OP_INTEGER,
    .plan_bytes = sizeof(struct plan),
    .shape = shape_global,
    .forward = global_forward,
};

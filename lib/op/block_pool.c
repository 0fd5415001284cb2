/* block_pool.c - the largest and the mean of windows, and of whole channels, of pictures in blocks. */
#include "op/argument.h"
#include "op/bands.h"
#include "op/block.h"
#include "op/chunk.h"

struct plan {
    struct window win[2];
    int64_t images, blocks, lanes; /* blocks of all images */
    int64_t count_padding;
};

struct pass {
    const struct op_io *io;
    const struct kern *kern;
};

static int shape_window(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    const struct shape *x = &io->in[0]->shape;
    struct shape plain = *x;

    plain.rank = 4;
    if (argument_rank(io->in[0], 5, 5, err) < 0 || op_expect_dtype(io, 0, DTYPE_F32, err) < 0 ||
        window_read(plan->win, io, &plain, NULL, err) < 0 ||
        attribute_int(io->attributes, "count_include_pad", 0, &plan->count_padding, err) < 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        const struct window *w = &plan->win[i];
        if (w->begin > w->dilation * (w->kernel - 1) || w->end > w->dilation * (w->kernel - 1))
            return error_set(err, ERROR_INPUT, "the padding is wider than the window");
    }
    plan->images = x->dim[0];
    plan->blocks = x->dim[0] * x->dim[1];
    plan->lanes = x->dim[4];
    io->out[0]->dtype = DTYPE_F32;
    io->out[0]->shape = shape_of(5, x->dim[0], x->dim[1], plan->win[0].out, plan->win[1].out, x->dim[4]);
    return 0;
}

/* Outputs first..last of an axis whose tap r lies on the picture. */
static void reach(const struct window *w, int64_t r, int64_t *first, int64_t *last)
{
    int64_t at = r * w->dilation - w->begin;

    *first = at < 0 ? block_up(-at, w->stride) : 0;
    *last = at < w->in ? block_least(w->out, block_up(w->in - at, w->stride)) : 0;
}

typedef void tap_row(float *y, const float *x, size_t step, size_t n);

/* All taps of output row p, one after the other. */
static void pool_row(const struct plan *plan, const float *x, int64_t p, float *y, tap_row *each)
{
    const struct window *h = &plan->win[0], *w = &plan->win[1];

    for (int64_t r = 0; r < h->kernel; r++) {
        int64_t row = p * h->stride + r * h->dilation - h->begin;
        if (row < 0 || row >= h->in)
            continue;
        for (int64_t s = 0, first, last; s < w->kernel; s++) {
            reach(w, s, &first, &last);
            if (first < last)
                each(y + first * plan->lanes,
                     x + (row * w->in + first * w->stride + s * w->dilation - w->begin) * plan->lanes,
                     (size_t)w->stride, (size_t)(last - first));
        }
    }
}

static void fill(float *y, float v, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = v;
}

static void max_band(const void *context, int64_t block, int64_t first, int64_t last, int worker)
{
    const struct pass *pass = context;
    const struct plan *plan = pass->io->plan;
    const struct window *h = &plan->win[0], *w = &plan->win[1];
    const struct kern_depth d = block_depth(plan->win);

    (void)worker;
    pass->kern->block_max_f32(&d, (size_t)first, (size_t)last,
                              (const float *)pass->io->in[0]->data + block * h->in * w->in * plan->lanes,
                              (float *)pass->io->out[0]->data + block * h->out * w->out * plan->lanes);
}

/* Taps that a mean counts: with ceil_mode a window may reach beyond the padding, where nothing does. */
static int64_t counted(const struct window *w, int64_t p, bool padding)
{
    int64_t count = 0;

    for (int64_t r = 0; r < w->kernel; r++) {
        int64_t pixel = p * w->stride - w->begin + r * w->dilation;
        count += padding ? pixel < w->in + w->end : pixel >= 0 && pixel < w->in;
    }
    return count;
}

static void average_band(const void *context, int64_t block, int64_t first, int64_t last, int worker)
{
    const struct pass *pass = context;
    const struct plan *plan = pass->io->plan;
    const struct window *h = &plan->win[0], *w = &plan->win[1];
    const float *x = (const float *)pass->io->in[0]->data + block * h->in * w->in * plan->lanes;
    float *y = (float *)pass->io->out[0]->data + (block * h->out + first) * w->out * plan->lanes;

    (void)worker;
    for (int64_t p = first; p < last; p++) {
        int64_t rows = counted(h, p, plan->count_padding);
        fill(y, 0, w->out * plan->lanes);
        pool_row(plan, x, p, y, pass->kern->block_add_f32);
        for (int64_t q = 0; q < w->out; q++) {
            int64_t count = rows * counted(w, q, plan->count_padding);
            for (int64_t l = 0; l < plan->lanes; l++, y++)
                *y = count ? *y / (float)count : 0;
        }
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

static void average_forward(const struct op_io *io, const struct op_run *run)
{
    const struct pass pass = { io, run->kern };

    bands_run(run->pool, bands_of(io->plan), average_band, &pass);
}

/* ---- whole channels ---- */

static int shape_global(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    const struct shape *x = &io->in[0]->shape;

    if (argument_rank(io->in[0], 5, 5, err) < 0 || op_expect_dtype(io, 0, DTYPE_F32, err) < 0)
        return -1;
    plan->blocks = x->dim[0] * x->dim[1];
    plan->lanes = x->dim[4];
    plan->win[0].in = x->dim[2] * x->dim[3];
    io->out[0]->dtype = DTYPE_F32;
    io->out[0]->shape = shape_of(5, x->dim[0], x->dim[1], 1, 1, x->dim[4]);
    return 0;
}

static void global_blocks(const void *context, size_t begin, size_t end, int worker)
{
    const struct pass *pass = context;
    const struct plan *plan = pass->io->plan;
    int64_t pixels = plan->win[0].in, lanes = plan->lanes;

    (void)worker;
    for (int64_t b = (int64_t)begin; b < (int64_t)end; b++) {
        double sum[64];
        float *y = (float *)pass->io->out[0]->data + b * lanes;
        pass->kern->block_sum_f32(sum, (const float *)pass->io->in[0]->data + b * pixels * lanes, (size_t)pixels);
        for (int64_t l = 0; l < lanes; l++)
            y[l] = (float)(sum[l] / (double)pixels);
    }
}

static void global_forward(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    const struct pass pass = { io, run->kern };

    chunk_run(run->pool, (size_t)plan->blocks, (size_t)(plan->win[0].in * plan->lanes), global_blocks, &pass);
}

const struct op op_blocked_max_pool = {
    .name = "BlockedMaxPool",
    .formula = "MaxPool of pictures in blocks",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .attributes = "auto_pad ceil_mode dilations kernel_shape pads strides storage_order",
    .plan_bytes = sizeof(struct plan),
    .shape = shape_window,
    .forward = max_forward,
};

const struct op op_blocked_average_pool = {
    .name = "BlockedAveragePool",
    .formula = "AveragePool of pictures in blocks",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .attributes = "auto_pad ceil_mode count_include_pad dilations kernel_shape pads strides",
    .plan_bytes = sizeof(struct plan),
    .shape = shape_window,
    .forward = average_forward,
};

const struct op op_blocked_global_average_pool = {
    .name = "BlockedGlobalAveragePool",
    .formula = "GlobalAveragePool of pictures in blocks",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .plan_bytes = sizeof(struct plan),
    .shape = shape_global,
    .forward = global_forward,
};

#include <math.h>
#include <string.h>

#include "op/argument.h"
#include "op/pool_any.h"
#include "op/window.h"

/* Integers: y = zero_out + sum over the window's pixels of (x - zero_in), times ratio / pixels, to nearest even. */
struct plan {
    bool other;
    struct pool_any any; /* where `other` */
    struct window win[2];
    int64_t planes;
    bool integer, count_padding;
    double ratio; /* scale_in / scale_out */
};

static int shape(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    const struct tensor *x = io->in[0];
    struct window *win = plan->win;
    int64_t count_padding;

    plan->other = pool_is_other(io);
    if (plan->other)
        return pool_any_shape(io, &plan->any, err);
    if (argument_numeric(io, 0, true, err) < 0 || window_read(win, io, &x->shape, NULL, err) < 0 ||
        attribute_int(io->attributes, "count_include_pad", 0, &count_padding, err) < 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        if (win[i].begin >= win[i].dilation * (win[i].kernel - 1) + 1 ||
            win[i].end >= win[i].dilation * (win[i].kernel - 1) + 1)
            return error_set(err, ERROR_INPUT, "the padding is wider than the window");
    }
    plan->count_padding = count_padding != 0;
    plan->planes = x->shape.dim[0] * x->shape.dim[1];
    plan->integer = argument_is_quantized(io);
    if (plan->integer)
        plan->ratio = (double)x->quant->scale[0] / (double)io->out[0]->quant->scale[0];
    io->out[0]->dtype = x->dtype;
    io->out[0]->shape = window_shape(win, &x->shape, x->shape.dim[1]);
    return 0;
}

/* Taps of output p of an axis that lie on the image: from..to; counted: those the mean is over. */
struct span {
    int64_t start, from, to, counted;
};

static struct span span_of(const struct window *w, int64_t p, bool count_padding)
{
    struct span s = { .start = p * w->stride - w->begin, .from = w->kernel, .to = w->kernel };

    for (int64_t r = 0; r < w->kernel; r++) {
        int64_t pixel = s.start + r * w->dilation;
        if (pixel >= 0 && pixel < w->in) {
            s.from = r < s.from ? r : s.from;
            s.to = r + 1;
        }
        /* With ceil_mode a window may reach beyond the padding, where nothing counts. */
        s.counted += count_padding ? pixel < w->in + w->end : pixel >= 0 && pixel < w->in;
    }
    return s;
}

struct pass {
    const struct op_io *io;
};

static void float_row(const struct plan *plan, const float *x, struct span rows, float *y)
{
    const struct window *h = &plan->win[0], *w = &plan->win[1];

    for (int64_t q = 0; q < w->out; q++) {
        struct span columns = span_of(w, q, plan->count_padding);
        float sum = 0;
        for (int64_t r = rows.from; r < rows.to; r++) {
            const float *row = x + (rows.start + r * h->dilation) * w->in + columns.start;
            for (int64_t s = columns.from; s < columns.to; s++)
                sum += row[s * w->dilation];
        }
        int64_t counted = rows.counted * columns.counted;
        y[q] = counted ? sum / (float)counted : 0;
    }
}

static void integer_row(const struct op_io *io, const uint8_t *x, struct span rows, uint8_t *y)
{
    const struct plan *plan = io->plan;
    const struct window *h = &plan->win[0], *w = &plan->win[1];
    int32_t zero_in = io->in[0]->quant->zero_point[0], zero_out = io->out[0]->quant->zero_point[0];

    for (int64_t q = 0; q < w->out; q++) {
        struct span columns = span_of(w, q, plan->count_padding);
        int64_t sum = 0, counted = rows.counted * columns.counted;
        for (int64_t r = rows.from; r < rows.to; r++) {
            const uint8_t *row = x + (rows.start + r * h->dilation) * w->in + columns.start;
            for (int64_t s = columns.from; s < columns.to; s++)
                sum += row[s * w->dilation] - zero_in;
        }
        double mean = counted ? rint((double)sum * plan->ratio / (double)counted) + (double)zero_out : zero_out;
        y[q] = (uint8_t)(mean < 0 ? 0 : mean > 255 ? 255 : mean);
    }
}

static void forward_plane(void *context, size_t plane, int worker)
{
    const struct pass *pass = context;
    const struct plan *plan = pass->io->plan;
    const struct window *h = &plan->win[0], *w = &plan->win[1];
    int64_t from = (int64_t)plane * h->in * w->in, to = (int64_t)plane * h->out * w->out;

    (void)worker;
    for (int64_t p = 0; p < h->out; p++, to += w->out) {
        struct span rows = span_of(h, p, plan->count_padding);
        if (plan->integer)
            integer_row(pass->io, (const uint8_t *)pass->io->in[0]->data + from, rows,
                        (uint8_t *)pass->io->out[0]->data + to);
        else
            float_row(plan, (const float *)pass->io->in[0]->data + from, rows, (float *)pass->io->out[0]->data + to);
    }
}

static void forward(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    struct pass pass = { io };

    if (plan->other)
        pool_any_average(io, &plan->any, run);
    else
        pool_run(run->pool, (size_t)plan->planes, forward_plane, &pass);
}

static void backward_plane(void *context, size_t plane, int worker)
{
    const struct pass *pass = context;
    const struct plan *plan = pass->io->plan;
    const struct window *h = &plan->win[0], *w = &plan->win[1];
    const struct tensor *x = pass->io->in[0];
    const float *dy = pass->io->out[0]->grad + (int64_t)plane * h->out * w->out;
    float *dx = x->grad + (int64_t)plane * h->in * w->in;

    (void)worker;
    if (!x->grad_add)
        memset(dx, 0, (size_t)(h->in * w->in) * sizeof *dx);
    for (int64_t p = 0; p < h->out; p++) {
        struct span rows = span_of(h, p, plan->count_padding);
        for (int64_t q = 0; q < w->out; q++) {
            struct span columns = span_of(w, q, plan->count_padding);
            int64_t counted = rows.counted * columns.counted;
            float share = counted ? *dy / (float)counted : 0;
            dy++;
            for (int64_t r = rows.from; r < rows.to; r++)
                for (int64_t s = columns.from; s < columns.to; s++)
                    dx[(rows.start + r * h->dilation) * w->in + columns.start + s * w->dilation] += share;
        }
    }
}

static void backward(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    struct pass pass = { io };

    if (io->in[0]->grad)
        pool_run(run->pool, (size_t)plan->planes, backward_plane, &pass);
}

const struct op op_average_pool = {
    .name = "AveragePool",
    .formula = "y = the mean of each window's pixels",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .attributes = "auto_pad ceil_mode count_include_pad dilations kernel_shape pads strides",
    .flags = OP_INTEGER,
    .plan_bytes = sizeof(struct plan),
    .shape = shape,
    .forward = forward,
    .backward = backward,
};

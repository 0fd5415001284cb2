#include <math.h>
#include <string.h>

#include "op/argument.h"
#include "op/pool_any.h"
#include "op/unary.h"
#include "op/window.h"

enum {
    SEGMENT = 256,    /* columns whose winners are found at a time */
    NONE = UINT16_MAX /* the winner where nothing is larger than minus infinity */
};

struct plan {
    bool other;
    struct pool_any any; /* where `other` */
    struct window win[2];
    int64_t planes;
    bool two_by_two;    /* windows of 2 x 2 side by side, none beyond the image */
    bool integer, same; /* same: the output is quantized as the input */
    uint8_t table[256]; /* else it goes through this */
};

static int shape_integer(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;

    if (argument_numeric(io, 0, true, err) < 0)
        return -1;
    plan->integer = argument_is_quantized(io);
    if (!plan->integer)
        return 0;
    plan->same = argument_same_quant(io->in[0]->quant, io->out[0]->quant);
    unary_table(plan->table, io->in[0]->quant, io->out[0]->quant, unary_same, NULL);
    return 0;
}

static bool is_two_by_two(const struct window win[2])
{
    bool is = true;

    for (int i = 0; i < 2; i++)
        is = is && win[i].kernel == 2 && win[i].stride == 2 && win[i].dilation == 1 && win[i].begin == 0 &&
             2 * win[i].out <= win[i].in;
    return is;
}

static int shape(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    const struct tensor *x = io->in[0];
    struct window *win = plan->win;
    int64_t order;

    plan->other = pool_is_other(io);
    if (plan->other)
        return pool_any_shape(io, &plan->any, err);
    if (shape_integer(io, err) < 0 || window_read(win, io, &x->shape, NULL, err) < 0 ||
        attribute_int(io->attributes, "storage_order", 0, &order, err) < 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        /* Else a window could lie on padding alone, and have no largest pixel. */
        if (win[i].begin > win[i].dilation * (win[i].kernel - 1) || win[i].end > win[i].dilation * (win[i].kernel - 1))
            return error_set(err, ERROR_INPUT, "the padding is wider than the window");
    }
    if (win[0].kernel * win[1].kernel > UINT16_MAX)
        return error_set(err, ERROR_INPUT, "a window has more than %d pixels", UINT16_MAX);
    plan->two_by_two = is_two_by_two(win);
    plan->planes = x->shape.dim[0] * x->shape.dim[1];
    io->out[0]->dtype = x->dtype;
    io->out[0]->shape = window_shape(win, &x->shape, x->shape.dim[1]);
    if (io->training)
        io->saved_bytes = (size_t)shape_count(&io->out[0]->shape) * sizeof(uint16_t); /* the tap that won */
    return 0;
}

struct pass {
    const struct op_io *io;
    const struct op_run *run;
};

/* Outputs whose tap at `offset` from the window's start lies on the image. */
static void reach(const struct window *w, int64_t offset, int64_t *first, int64_t *last)
{
    int64_t start = w->begin - offset, end = w->in - 1 + w->begin - offset;

    *first = start > 0 ? (start + w->stride - 1) / w->stride : 0;
    *last = end < 0 ? 0 : end / w->stride + 1;
    *last = *last < w->out ? *last : w->out;
    *first = *first < *last ? *first : *last;
}

static bool row_inside(const struct window *h, int64_t p, int64_t r, int64_t *row)
{
    *row = p * h->stride - h->begin + r * h->dilation;
    return *row >= 0 && *row < h->in;
}

/* Columns first..last of an output row: the largest, and for training which tap it was. */
static void float_segment(const struct pass *pass, const float *x, int64_t p, int64_t first, int64_t last, float *y,
                          uint16_t *winner)
{
    const struct plan *plan = pass->io->plan;
    const struct window *h = &plan->win[0], *w = &plan->win[1];
    int32_t tap[SEGMENT];

    for (int64_t j = first; j < last; j++) {
        y[j] = -INFINITY;
        tap[j - first] = NONE;
    }
    for (int64_t r = 0; r < h->kernel; r++) {
        int64_t row;
        if (!row_inside(h, p, r, &row))
            continue;
        for (int64_t s = 0; s < w->kernel; s++) {
            int64_t from, to;
            reach(w, s * w->dilation, &from, &to);
            from = from > first ? from : first;
            to = to < last ? to : last;
            if (from >= to)
                continue;
            const float *pixel = x + row * w->in + from * w->stride - w->begin + s * w->dilation;
            if (winner)
                pass->run->kern->max_tap_f32(y + from, tap + (from - first), pixel, (size_t)w->stride,
                                             (int32_t)(r * w->kernel + s), (size_t)(to - from));
            else
                pass->run->kern->max_f32(y + from, pixel, (size_t)w->stride, (size_t)(to - from));
        }
    }
    for (int64_t j = first; winner && j < last; j++)
        winner[j] = (uint16_t)tap[j - first];
}

/*
 * Windows of two by two of a row, and as many behind it as make whole vectors: what they give lies where the next
 * rows come, as long as those are enough, and they are made after it.
 */
static size_t whole_vectors(const struct plan *plan, int64_t p)
{
    const struct window *h = &plan->win[0], *w = &plan->win[1];
    int64_t left = (h->out - p) * w->out, pixels = (h->in - 2 * p - 1) * w->in / 2;

    for (int64_t lanes = 16; lanes >= 8; lanes /= 2) {
        int64_t n = (w->out + lanes - 1) / lanes * lanes;

        if (n <= left && n <= pixels)
            return (size_t)n;
    }
    return (size_t)w->out;
}

static void float_plane(void *context, size_t plane, int worker)
{
    const struct pass *pass = context;
    const struct plan *plan = pass->io->plan;
    const struct window *h = &plan->win[0], *w = &plan->win[1];
    const float *x = (const float *)pass->io->in[0]->data + (int64_t)plane * h->in * w->in;
    float *y = (float *)pass->io->out[0]->data + (int64_t)plane * h->out * w->out;
    uint16_t *winner = pass->io->training ? (uint16_t *)pass->io->saved + (int64_t)plane * h->out * w->out : NULL;

    (void)worker;
    for (int64_t p = 0; p < h->out; p++, y += w->out, winner = winner ? winner + w->out : NULL) {
        if (plan->two_by_two)
            pass->run->kern->max_2x2_f32(y, winner, x + 2 * p * w->in, x + (2 * p + 1) * w->in, whole_vectors(plan, p));
        for (int64_t j = 0; !plan->two_by_two && j < w->out; j += SEGMENT)
            float_segment(pass, x, p, j, j + SEGMENT < w->out ? j + SEGMENT : w->out, y, winner);
    }
}

/* One output row of the largest pixels; bytes have none smaller than 0. */
static void integer_row(const struct pass *pass, const uint8_t *x, int64_t p, uint8_t *y)
{
    const struct plan *plan = pass->io->plan;
    const struct window *h = &plan->win[0], *w = &plan->win[1];

    if (plan->two_by_two) {
        pass->run->kern->max_2x2_u8(y, x + 2 * p * w->in, x + (2 * p + 1) * w->in, (size_t)w->out);
        return;
    }
    memset(y, 0, (size_t)w->out);
    for (int64_t r = 0, row; r < h->kernel; r++) {
        if (!row_inside(h, p, r, &row))
            continue;
        for (int64_t s = 0, from, to; s < w->kernel; s++) {
            reach(w, s * w->dilation, &from, &to);
            pass->run->kern->max_u8(y + from, x + row * w->in + from * w->stride - w->begin + s * w->dilation,
                                    (size_t)w->stride, (size_t)(to - from));
        }
    }
}

static void integer_plane(void *context, size_t plane, int worker)
{
    const struct pass *pass = context;
    const struct plan *plan = pass->io->plan;
    const struct window *h = &plan->win[0], *w = &plan->win[1];
    const uint8_t *x = (const uint8_t *)pass->io->in[0]->data + (int64_t)plane * h->in * w->in;
    uint8_t *y = (uint8_t *)pass->io->out[0]->data + (int64_t)plane * h->out * w->out;

    (void)worker;
    for (int64_t p = 0; p < h->out; p++)
        integer_row(pass, x, p, y + p * w->out);
    if (!plan->same)
        pass->run->kern->map_u8(y, y, plan->table, (size_t)(h->out * w->out));
}

static void forward(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    struct pass pass = { io, run };

    if (plan->other)
        pool_any_max(io, &plan->any, run);
    else
        pool_run(run->pool, (size_t)plan->planes, plan->integer ? integer_plane : float_plane, &pass);
}

static void backward_plane(void *context, size_t plane, int worker)
{
    const struct pass *pass = context;
    const struct plan *plan = pass->io->plan;
    const struct window *h = &plan->win[0], *w = &plan->win[1];
    const struct tensor *x = pass->io->in[0];
    const float *dy = pass->io->out[0]->grad + (int64_t)plane * h->out * w->out;
    const uint16_t *winner = (const uint16_t *)pass->io->saved + (int64_t)plane * h->out * w->out;
    float *dx = x->grad + (int64_t)plane * h->in * w->in;
    bool whole = plan->two_by_two && 2 * h->out == h->in && 2 * w->out == w->in;

    (void)worker;
    if (!x->grad_add && !whole)
        memset(dx, 0, (size_t)(h->in * w->in) * sizeof *dx);
    for (int64_t i = 0; plan->two_by_two && i < 2 * h->out; i++) {
        int64_t p = i / 2;
        size_t n = whole && !x->grad_add ? whole_vectors(plan, p) : (size_t)w->out;

        pass->run->kern->max_2x2_grad_f32(dx + i * w->in, dy + p * w->out, winner + p * w->out, (uint16_t)(i % 2 * 2),
                                          x->grad_add, n);
    }
    for (int64_t p = 0; !plan->two_by_two && p < h->out; p++) {
        float *corner = dx + (p * h->stride - h->begin) * w->in - w->begin;
        for (int64_t q = 0; q < w->out; q++, corner += w->stride) {
            int64_t tap = *winner++;
            if (tap == NONE)
                dy++;
            else
                corner[tap / w->kernel * h->dilation * w->in + tap % w->kernel * w->dilation] += *dy++;
        }
    }
}

static void backward(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    struct pass pass = { io, run };

    if (io->in[0]->grad)
        pool_run(run->pool, (size_t)plan->planes, backward_plane, &pass);
}

const struct op op_max_pool = {
    .name = "MaxPool",
    .formula = "y = the largest pixel of each window",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 2,
    .attributes = "auto_pad ceil_mode dilations kernel_shape pads strides storage_order",
    .flags = OP_INTEGER,
    .plan_bytes = sizeof(struct plan),
    .shape = shape,
    .forward = forward,
    .backward = backward,
};

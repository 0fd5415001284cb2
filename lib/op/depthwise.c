#include "op/depthwise.h"

#include <string.h>

#include "op/planes.h"

/* Parts of the batch have sums of their own where channels are too few to go round. */
enum { SIDE = KERN_SLACK, FEW = 8, PARTS = 4 };

bool depthwise_fits(const struct convolve *c)
{
    const struct window *h = &c->win[0], *w = &c->win[1];

    if (c->channels != 1 || c->filters != 1 || c->groups < SIDE || c->forward_adds)
        return false;
    return h->kernel == w->kernel && h->stride == w->stride && h->dilation == 1 && w->dilation == 1 &&
           (h->kernel == 3 || h->kernel == 5) && h->stride <= h->kernel;
}

/*
 * A worker's floats: the input turned, the same with borders, the output turned, filters, the same the other way round.
 * `second` is for the way back. With stride 1 that is a convolution of the output's gradient with borders, high_back by
 * wide_back; else pixels of that are spread over the input's gradient, with borders.
 */
struct room {
    int64_t high, wide; /* of the input with its borders: what the windows reach */
    int64_t high_back, wide_back;
    int64_t dense, bordered, second, result, taps, all;
};

static int64_t reach(const struct window *w)
{
    return (w->out - 1) * w->stride + w->kernel;
}

static struct room room_of(const struct convolve *c)
{
    struct room r = { .high = reach(&c->win[0]), .wide = reach(&c->win[1]) };

    r.high_back = c->win[0].stride == 1 ? c->win[0].in + c->win[0].kernel - 1 : r.high;
    r.wide_back = c->win[0].stride == 1 ? c->win[1].in + c->win[1].kernel - 1 : r.wide;
    r.second = r.high_back * r.wide_back * SIDE;
    r.dense = c->win[0].in * c->win[1].in * SIDE;
    r.bordered = r.high * r.wide * SIDE;
    r.result = c->win[0].out * c->win[1].out * SIDE;
    r.taps = c->win[0].kernel * c->win[1].kernel * SIDE;
    r.all = r.dense + r.bordered + r.second + r.result + 2 * r.taps + SIDE;
    return r;
}

static int64_t blocks_of(const struct convolve *c)
{
    return divide_up(c->groups, SIDE);
}

static int64_t parts_of(const struct convolve *c)
{
    return blocks_of(c) < FEW ? least(PARTS, c->batch) : 1;
}

size_t depthwise_bytes(const struct convolve *c)
{
    struct room r = room_of(c);

    return (size_t)(r.all * c->workers + r.taps * blocks_of(c) * parts_of(c)) * sizeof(float);
}

struct pass {
    const struct convolve *c;
    const struct kern *kern;
    struct room room;
    struct kern_depthwise shape;
    const float *x, *w, *bias, *dy;
    float *y, *dx, *dw;
    bool add_x;
    float *sums, *scratch; /* sums: of filters, [part, block, taps, SIDE] */
};

/* What one worker has in hand: some channels of one image. */
struct hand {
    int64_t first, count; /* channels */
    float *dense, *bordered, *second, *result, *filters, *flipped, *bias;
};

static struct hand hand_of(const struct pass *p, int64_t block, int worker)
{
    const struct room *r = &p->room;
    struct hand h = { .first = block * SIDE, .dense = p->scratch + worker * r->all };
    int64_t taps = r->taps / SIDE;

    h.count = least(SIDE, p->c->groups - h.first);
    h.bordered = h.dense + r->dense;
    h.second = h.bordered + r->bordered;
    h.result = h.second + r->second;
    h.filters = h.result + r->result;
    h.flipped = h.filters + r->taps;
    h.bias = h.flipped + r->taps;
    memset(h.dense, 0, (size_t)r->all * sizeof *h.dense); /* lanes of no channel, and borders */
    if (p->w)
        p->kern->transpose_f32(h.filters, SIDE, p->w + h.first * taps, (size_t)taps, (size_t)h.count, (size_t)taps);
    for (int64_t t = 0; t < taps; t++)
        memcpy(h.flipped + t * SIDE, h.filters + (taps - 1 - t) * SIDE, SIDE * sizeof(float));
    if (p->bias)
        memcpy(h.bias, p->bias + h.first, (size_t)h.count * sizeof(float));
    return h;
}

/* Rows and columns that the picture [h, w], `begin` pixels in, has in common with [high, wide]. */
struct overlap {
    int64_t top, bottom, left, right; /* of the picture */
};

static struct overlap overlap_of(const int64_t size[2], const int64_t begin[2], int64_t high, int64_t wide)
{
    struct overlap o = { most(0, -begin[0]), least(size[0], high - begin[0]), most(0, -begin[1]),
                         least(size[1], wide - begin[1]) };

    return o;
}

/* Between a picture of pixels and one with borders around it, [high, wide]. */
static void move_rows(float *bordered, float *dense, const int64_t size[2], const int64_t begin[2], int64_t high,
                      int64_t wide, bool out)
{
    struct overlap o = overlap_of(size, begin, high, wide);

    for (int64_t i = o.top; i < o.bottom && o.left < o.right; i++) {
        float *with = bordered + ((i + begin[0]) * wide + o.left + begin[1]) * SIDE;
        float *without = dense + (i * size[1] + o.left) * SIDE;
        size_t bytes = (size_t)((o.right - o.left) * SIDE) * sizeof *with;
        memcpy(out ? without : with, out ? with : without, bytes);
    }
}

static void turn(const struct pass *p, const struct hand *h, int64_t sample, const float *picture, int64_t pixels,
                 float *turned)
{
    p->kern->transpose_f32(turned, SIDE, picture + (sample * p->c->groups + h->first) * pixels, (size_t)pixels,
                           (size_t)h->count, (size_t)pixels);
}

static void lay_input(const struct pass *p, const struct hand *h, int64_t sample)
{
    const struct window *win = p->c->win;
    const int64_t size[2] = { win[0].in, win[1].in }, begin[2] = { win[0].begin, win[1].begin };

    turn(p, h, sample, p->x, size[0] * size[1], h->dense);
    move_rows(h->bordered, h->dense, size, begin, p->room.high, p->room.wide, false);
}

static void forward_task(void *context, size_t index, int worker)
{
    const struct pass *p = context;
    const struct convolve *c = p->c;
    int64_t parts = parts_of(c), block = (int64_t)index / parts, part = (int64_t)index % parts;
    int64_t pixels = c->win[0].out * c->win[1].out;
    struct hand h = hand_of(p, block, worker);

    for (int64_t s = c->batch * part / parts; s < c->batch * (part + 1) / parts; s++) {
        lay_input(p, &h, s);
        p->kern->depthwise_f32(&p->shape, h.bordered, h.filters, p->bias ? h.bias : NULL, h.result);
        p->kern->transpose_f32(p->y + (s * c->groups + h.first) * pixels, (size_t)pixels, h.result, SIDE,
                               (size_t)pixels, (size_t)h.count);
    }
}

/* The gradient of one image's input out of h->result, to h->dense. */
static void go_back(const struct pass *p, const struct hand *h)
{
    const struct window *win = p->c->win;
    const struct room *r = &p->room;
    const int64_t in[2] = { win[0].in, win[1].in }, out[2] = { win[0].out, win[1].out };
    const int64_t begin[2] = { win[0].begin, win[1].begin };
    const int64_t back[2] = { win[0].kernel - 1 - begin[0], win[1].kernel - 1 - begin[1] };

    if (win[0].stride == 1) {
        const struct kern_depthwise shape = { (size_t)in[0], (size_t)in[1], (size_t)r->wide_back, 1, p->shape.taps };
        move_rows(h->second, h->result, out, back, r->high_back, r->wide_back, false);
        p->kern->depthwise_f32(&shape, h->second, h->flipped, NULL, h->dense);
        return;
    }
    memset(h->second, 0, (size_t)r->second * sizeof *h->second);
    p->kern->depthwise_spread_f32(&p->shape, h->second, h->filters, h->result);
    memset(h->dense, 0, (size_t)r->dense * sizeof *h->dense); /* pixels that no window reaches */
    move_rows(h->second, h->dense, in, begin, r->high_back, r->wide_back, true);
}

static void input_gradient(const struct pass *p, const struct hand *h, int64_t sample)
{
    int64_t pixels = p->c->win[0].in * p->c->win[1].in;
    float *dx = p->dx + (sample * p->c->groups + h->first) * pixels;

    go_back(p, h);
    if (!p->add_x) {
        p->kern->transpose_f32(dx, (size_t)pixels, h->dense, SIDE, (size_t)pixels, (size_t)h->count);
        return;
    }
    for (int64_t i = 0; i < h->count * pixels; i++)
        dx[i] += h->dense[i % pixels * SIDE + i / pixels];
}

static void backward_task(void *context, size_t index, int worker)
{
    const struct pass *p = context;
    const struct convolve *c = p->c;
    int64_t parts = parts_of(c), block = (int64_t)index / parts, part = (int64_t)index % parts;
    struct hand h = hand_of(p, block, worker);
    float *sums = p->sums + (part * blocks_of(c) + block) * p->room.taps;

    memset(sums, 0, (size_t)p->room.taps * sizeof *sums);
    for (int64_t s = c->batch * part / parts; s < c->batch * (part + 1) / parts; s++) {
        turn(p, &h, s, p->dy, c->win[0].out * c->win[1].out, h.result);
        if (p->dw) {
            lay_input(p, &h, s);
            p->kern->depthwise_weigh_f32(&p->shape, h.bordered, h.result, sums);
        }
        if (p->dx)
            input_gradient(p, &h, s);
    }
}

static struct pass pass_of(const struct convolve *c, const struct op_run *run, void *work)
{
    struct pass p = { .c = c, .kern = run->kern, .room = room_of(c), .sums = work };

    p.shape = (struct kern_depthwise){ (size_t)c->win[0].out, (size_t)c->win[1].out, (size_t)p.room.wide,
                                       (size_t)c->win[0].stride, (size_t)c->win[0].kernel };
    p.scratch = p.sums + p.room.taps * blocks_of(c) * parts_of(c);
    return p;
}

void depthwise_forward(const struct convolve *c, const struct op_run *run, const float *x, const float *w,
                       const float *bias, float *y, void *work)
{
    struct pass p = pass_of(c, run, work);

    p.x = x;
    p.w = w;
    p.bias = bias;
    p.y = y;
    pool_run(run->pool, (size_t)(blocks_of(c) * parts_of(c)), forward_task, &p);
}

void depthwise_backward(const struct convolve *c, const struct op_run *run, const float *x, const float *w,
                        const float *dy, float *dx, bool add_x, float *dw, bool add_w, void *work)
{
    struct pass p = pass_of(c, run, work);
    int64_t taps = p.room.taps / SIDE;

    p.x = x;
    p.w = w;
    p.dy = dy;
    p.dx = dx;
    p.dw = dw;
    p.add_x = add_x;
    pool_run(run->pool, (size_t)(blocks_of(c) * parts_of(c)), backward_task, &p);
    for (int64_t i = 0; dw && i < c->groups * taps; i++) {
        float sum = add_w ? dw[i] : 0;
        for (int64_t part = 0; part < parts_of(c); part++)
            sum += p.sums[(part * blocks_of(c) + i / taps / SIDE) * p.room.taps + i % taps * SIDE + i / taps % SIDE];
        dw[i] = sum;
    }
}

#include "op/pointwise.h"

#include <string.h>

#include "op/planes.h"
#include "op/winograd.h"

enum { SIDE = KERN_SLACK, FEWEST = 12, CACHED = 1 << 15, DEPTH = 256, PARTS = 4 };

static int64_t pixels_of(const struct convolve *c)
{
    return c->win[0].out * c->win[1].out;
}

bool pointwise_fits(const struct convolve *c)
{
    return c->bare && c->groups == 1 && !c->forward_adds && c->channels >= FEWEST && c->filters >= FEWEST &&
           c->channels * c->filters <= CACHED && pixels_of(c) % SIDE == 0;
}

/* ---- a picture by filters: forward, and back to the input ---- */

struct product {
    const struct op_run *run;
    const float *from, *w, *bias;
    float *to;
    int64_t depth, rows;  /* channels of what is read, of what is written */
    int64_t row, column;  /* steps in w from one of the latter to the next, of the former */
    int64_t pixels, wide; /* of a picture, of a task's part of it */
    bool add;
    float *scratch;
};

/* Pixels of a task: what is read of them stays in the second cache. */
static int64_t wide_of(int64_t pixels, int64_t depth)
{
    int64_t most_wide = most(SIDE, least(DEPTH, PLANES_FLOATS / 2 / depth) / SIDE * SIDE);

    return divide_up(divide_up(pixels, divide_up(pixels, most_wide)), SIDE) * SIDE;
}

/* Panels [panel, channel, SIDE] of some pixels. */
static void lay(const float *from, int64_t pixels, int64_t channels, int64_t wide, float *laid)
{
    for (int64_t c = 0; c < channels; c++)
        for (int64_t j = 0; j < wide; j += SIDE)
            memcpy(laid + j * channels + c * SIDE, from + c * pixels + j, SIDE * sizeof(*laid));
}

static void product_task(void *context, size_t index, int worker)
{
    const struct product *p = context;
    int64_t cuts = divide_up(p->pixels, p->wide), image = (int64_t)index / cuts;
    int64_t first = (int64_t)index % cuts * p->wide, wide = least(p->wide, p->pixels - first);
    float *laid = p->scratch + worker * p->wide * p->depth, *to = p->to + image * p->rows * p->pixels + first;
    const struct kern_panels panels = {
        .m = (size_t)p->rows,
        .depth = (size_t)p->depth,
        .panels = (size_t)(wide / SIDE),
        .a = p->w,
        .row = (size_t)p->row,
        .column = (size_t)p->column,
        .b = laid,
        .ldb = SIDE,
        .step_b = (size_t)(p->depth * SIDE),
        .c = to,
        .ldc = (size_t)p->pixels,
        .add = p->add,
    };

    lay(p->from + image * p->depth * p->pixels + first, p->pixels, p->depth, wide, laid);
    p->run->kern->panels_f32(&panels);
    for (int64_t r = 0; p->bias && r < p->rows; r++)
        p->run->kern->add_f32(to + r * p->pixels, to + r * p->pixels, 1, p->bias + r, 0, (size_t)wide);
}

static void multiply(const struct convolve *c, struct product *p)
{
    p->pixels = pixels_of(c);
    p->wide = wide_of(p->pixels, p->depth);
    pool_run(p->run->pool, (size_t)(c->batch * divide_up(p->pixels, p->wide)), product_task, p);
}

void pointwise_forward(const struct convolve *c, const struct op_run *run, const float *x, const float *w,
                       const float *bias, float *y, void *work)
{
    struct product p = { .run = run, .from = x, .w = w, .bias = bias, .to = y, .scratch = work };

    p.depth = p.row = c->channels;
    p.rows = c->filters;
    p.column = 1;
    multiply(c, &p);
}

void pointwise_input(const struct convolve *c, const struct op_run *run, const float *dy, const float *w, float *dx,
                     bool add, void *work)
{
    struct product p = { .run = run, .from = dy, .w = w, .to = dx, .add = add, .scratch = work };

    p.depth = c->filters;
    p.rows = p.column = c->channels;
    p.row = 1;
    multiply(c, &p);
}

/* ---- the filters' gradient: sums over pixels of two pictures' products ---- */

struct weigh {
    const struct convolve *c;
    const struct op_run *run;
    const float *many, *few; /* the pictures with more channels, and with fewer: these are turned */
    float *dw, *sums, *scratch;
    int64_t rows, columns, stride; /* channels of each; of the latter with what fills vectors */
    int64_t pixels, depth, cuts;   /* of a picture, of a product, products a picture */
    int64_t parts;
    bool flipped; /* many are channels of the input, few the filters */
};

static struct weigh weigh_of(const struct convolve *c)
{
    struct weigh g = { .c = c, .pixels = pixels_of(c), .flipped = c->channels > c->filters };

    g.rows = most(c->channels, c->filters);
    g.columns = least(c->channels, c->filters);
    g.stride = winograd_stride(g.columns);
    g.cuts = divide_up(g.pixels, DEPTH);
    g.depth = divide_up(g.pixels, g.cuts);
    g.parts = least(PARTS, c->batch);
    return g;
}

static void weigh_task(void *context, size_t part, int worker)
{
    const struct weigh *g = context;
    int64_t images = g->c->batch, begin = images * (int64_t)part / g->parts * g->cuts;
    int64_t end = images * ((int64_t)part + 1) / g->parts * g->cuts;
    float *turned = g->scratch + worker * g->depth * g->stride;

    for (int64_t i = begin; i < end; i++) {
        int64_t image = i / g->cuts, first = i % g->cuts * g->depth, depth = least(g->depth, g->pixels - first);
        const struct kern_panels panels = {
            .m = (size_t)g->rows,
            .depth = (size_t)depth,
            .panels = (size_t)divide_up(g->columns, SIDE),
            .a = g->many + image * g->rows * g->pixels + first,
            .row = (size_t)g->pixels,
            .column = 1,
            .b = turned,
            .ldb = (size_t)g->stride,
            .step_b = SIDE,
            .c = g->sums + (int64_t)part * g->rows * g->stride,
            .ldc = (size_t)g->stride,
            .add = i > begin,
        };

        g->run->kern->transpose_f32(turned, (size_t)g->stride, g->few + image * g->columns * g->pixels + first,
                                    (size_t)g->pixels, (size_t)g->columns, (size_t)depth);
        g->run->kern->panels_f32(&panels);
    }
}

/* The parts of a row of sums, in order, to where that row is in the filters. */
static void sum_parts(void *context, size_t row, int worker)
{
    const struct weigh *g = context;
    float *sum = g->sums + (int64_t)row * g->stride;

    (void)worker;
    for (int64_t part = 1; part < g->parts; part++)
        g->run->kern->add_f32(sum, sum, 1, sum + part * g->rows * g->stride, 1, (size_t)g->columns);
    if (!g->flipped)
        memcpy(g->dw + (int64_t)row * g->columns, sum, (size_t)g->columns * sizeof(*sum));
    for (int64_t k = 0; g->flipped && k < g->columns; k++)
        g->dw[k * g->rows + (int64_t)row] = sum[k];
}

void pointwise_weight(const struct convolve *c, const struct op_run *run, const float *x, const float *dy, float *dw,
                      void *work)
{
    struct weigh g = weigh_of(c);

    g.run = run;
    g.many = g.flipped ? x : dy;
    g.few = g.flipped ? dy : x;
    g.dw = dw;
    g.sums = work;
    g.scratch = g.sums + g.parts * g.rows * g.stride;
    pool_run(run->pool, (size_t)g.parts, weigh_task, &g);
    pool_run(run->pool, (size_t)g.rows, sum_parts, &g);
}

size_t pointwise_bytes(const struct convolve *c)
{
    const struct weigh g = weigh_of(c);
    int64_t forward = c->workers * c->channels * wide_of(g.pixels, c->channels);
    int64_t input = c->workers * c->filters * wide_of(g.pixels, c->filters);
    int64_t weight = g.parts * g.rows * g.stride + c->workers * g.depth * g.stride;

    return (size_t)most(most(forward, input), weight) * sizeof(float);
}

#include <string.h>

#include "op/planes.h"

int64_t planes_stride(int64_t floats)
{
    int64_t stride = (floats + 15) / 16 * 16;

    /* A whole number of 4 KiB pages would put all channels on the same few sets. */
    return stride % 1024 < 32 ? stride + 32 : stride;
}

void planes_end(float *end)
{
    memset(end, 0, KERN_SLACK * sizeof *end);
}

void planes_reach(int64_t wide, int64_t w, int64_t x, int64_t step, int64_t *first, int64_t *last)
{
    int64_t begin = x < 0 ? divide_up(-x, step) : 0, end = x < w ? divide_up(w - x, step) : 0;

    *first = least(begin, wide);
    *last = most(least(end, wide), *first);
}

void planes_fill(const struct kern *kern, float *plane, int64_t rows, int64_t wide, const float *picture, int64_t h,
                 int64_t w, int64_t y, int64_t x, int64_t step_y, int64_t step_x)
{
    int64_t above, below, first, last;

    planes_reach(rows, h, y, step_y, &above, &below);
    planes_reach(wide, w, x, step_x, &first, &last);
    if (above == below || first == last) {
        memset(plane, 0, (size_t)(rows * wide) * sizeof *plane);
        return;
    }
    const float *from = picture + (y + above * step_y) * w + x + first * step_x;
    memset(plane, 0, (size_t)(above * wide) * sizeof *plane);
    if (step_x == 1)
        kern->lay_rows_f32(plane + above * wide, (size_t)(below - above), (size_t)wide, from, (size_t)(step_y * w),
                           (size_t)first, (size_t)last);
    else
        kern->lay_apart_f32(plane + above * wide, (size_t)(below - above), (size_t)wide, from, (size_t)(step_y * w),
                            (size_t)first, (size_t)last, (size_t)step_x);
    memset(plane + below * wide, 0, (size_t)((rows - below) * wide) * sizeof *plane);
}

int64_t planes_rows(int64_t rows, int64_t in_channels, int64_t in_wide, int64_t in_extra_rows, int64_t out_channels)
{
    int64_t by_input = PLANES_FLOATS / (in_channels * in_wide) - in_extra_rows;
    int64_t by_output = PLANES_FLOATS / (out_channels * in_wide);
    int64_t fit = most(1, least(rows, least(by_input, by_output)));

    return divide_up(rows, divide_up(rows, fit));
}

void planes_taps(const struct convolve *c, int64_t rows, int32_t *tap)
{
    const struct window *h = &c->win[0], *w = &c->win[1];
    int64_t phase = (rows + c->shift[0]) * c->wide;

    for (int64_t r = 0; r < h->kernel; r++) {
        for (int64_t s = 0; s < w->kernel; s++) {
            int64_t y = r * h->dilation, x = s * w->dilation;
            *tap++ = (int32_t)((y % h->stride * c->phases[1] + x % w->stride) * phase + y / h->stride * c->wide +
                               x / w->stride);
        }
    }
}

void planes_lay(const struct convolve *c, const struct kern *kern, const float *x, int64_t first, int64_t rows,
                int64_t plane, float *planes)
{
    const struct window *h = &c->win[0], *w = &c->win[1];
    int64_t high = rows + c->shift[0];

    for (int64_t ch = 0; ch < c->channels; ch++) {
        float *to = planes + ch * plane;
        for (int64_t i = 0; i < c->phases[0]; i++)
            for (int64_t j = 0; j < c->phases[1]; j++, to += high * c->wide)
                planes_fill(kern, to, high, c->wide, x + ch * h->in * w->in, h->in, w->in,
                            first * h->stride - h->begin + i, j - w->begin, h->stride, w->stride);
    }
    planes_end(planes + c->channels * plane);
}

size_t planes_bytes(const struct convolve *c)
{
    return planes_round((size_t)(c->channels * c->plane + KERN_SLACK) * sizeof(float));
}

size_t planes_piece_bytes(const struct convolve *c)
{
    bool aside = c->shift[1] > 0 || c->forward_adds;
    int64_t floats = aside ? divide_up(c->filters, c->parts) * c->rows * c->wide : 0;

    return planes_bytes(c) + planes_round((size_t)floats * sizeof(float));
}

struct walk {
    const struct convolve *c;
    planes_task *task;
    const void *context;
    char *scratch;
    size_t scratch_bytes;
};

static void walk_task(void *context, size_t index, int worker)
{
    const struct walk *walk = context;
    const struct convolve *c = walk->c;
    int64_t spans = divide_up(c->groups, c->group_span), i = (int64_t)index;
    struct piece piece = { .part = i % c->parts, .chunk = i / c->parts % c->chunks };
    int64_t span = i / c->parts / c->chunks % spans;

    piece.sample = i / c->parts / c->chunks / spans;
    piece.scratch = walk->scratch + (size_t)worker * walk->scratch_bytes;
    for (int64_t g = span * c->group_span; g < least(c->groups, (span + 1) * c->group_span); g++) {
        piece.group = g;
        walk->task(walk->context, &piece);
    }
}

void planes_walk(const struct convolve *c, struct pool *pool, planes_task *task, const void *context, char *scratch,
                 size_t scratch_bytes)
{
    struct walk walk = { c, task, context, scratch, scratch_bytes };

    pool_run(pool, (size_t)(c->batch * divide_up(c->groups, c->group_span) * c->chunks * c->parts), walk_task, &walk);
}

/* The planes of convolve.h with two channels an element, so that a product is a pair of 16-bit products. */
#include <string.h>

#include "op/epilogue.h"
#include "op/integer.h"
#include "op/planes.h"

static int64_t taps_of(const struct convolve *c)
{
    return c->win[0].kernel * c->win[1].kernel;
}

int integer_conv_plan(struct convolve *c, struct error *err)
{
    c->channels = divide_up(c->channels, 2);
    c->forward_adds = true; /* sums always go aside: the output has another type */
    return convolve_plan(c, err);
}

void integer_conv_pack(const struct convolve *c, int64_t channels, const struct op_run *run, const int8_t *w,
                       int32_t *packed)
{
    for (int64_t g = 0; g < c->groups; g++) {
        for (int64_t part = 0; part < c->parts; part++) {
            int64_t first = c->filters * part / c->parts, last = c->filters * (part + 1) / c->parts;
            int64_t filter = g * c->filters + first;
            run->kern->conv_pack_i8(packed + filter * c->channels * taps_of(c), (size_t)(last - first),
                                    (size_t)channels, (size_t)taps_of(c), w + filter * channels * taps_of(c));
        }
    }
}

struct forward {
    const struct convolve *c;
    int64_t channels;
    const struct integer *integer;
    const struct op_io *io;
    const struct kern *kern;
    const int32_t *packed;
    int32_t *tap;
};

/* One plane of pairs; zero where there is no pixel, which is what the zero point stands for. */
static void fill(const struct forward *f, int32_t *plane, int64_t high, const uint8_t *a, const uint8_t *b, int64_t y,
                 int64_t x)
{
    const struct window *h = &f->c->win[0], *w = &f->c->win[1];
    int64_t wide = f->c->wide, first, last;

    planes_reach(wide, w->in, x, w->stride, &first, &last);
    for (int64_t i = 0; i < high; i++, y += h->stride, plane += wide) {
        int64_t at = y * w->in + x + first * w->stride;
        if (y < 0 || y >= h->in || first == last) {
            memset(plane, 0, (size_t)wide * sizeof *plane);
            continue;
        }
        memset(plane, 0, (size_t)first * sizeof *plane);
        f->kern->widen_pair_u8((int16_t *)(void *)(plane + first), a + at, b ? b + at : NULL, (size_t)w->stride,
                               f->integer->zero_in, (size_t)(last - first));
        memset(plane + last, 0, (size_t)(wide - last) * sizeof *plane);
    }
}

/* The input of output rows first.. of a group in planes of pairs; x is its first channel. */
static void lay(const struct forward *f, const uint8_t *x, int64_t first, int32_t *planes)
{
    const struct convolve *c = f->c;
    const struct window *h = &c->win[0], *w = &c->win[1];
    int64_t high = c->rows + c->shift[0], pixels = h->in * w->in;

    for (int64_t pair = 0; pair < c->channels; pair++) {
        const uint8_t *a = x + 2 * pair * pixels, *b = 2 * pair + 1 < f->channels ? a + pixels : NULL;
        int32_t *to = planes + pair * c->plane;
        for (int64_t i = 0; i < c->phases[0]; i++)
            for (int64_t j = 0; j < c->phases[1]; j++, to += high * c->wide)
                fill(f, to, high, a, b, first * h->stride - h->begin + i, j - w->begin);
    }
    memset(planes + c->channels * c->plane, 0, KERN_SLACK * sizeof *planes);
}

/* A filter's sums [rows, wide] into its output rows. */
static void finish(const struct forward *f, const int32_t *sums, int64_t filter, int64_t rows, int64_t at)
{
    const struct convolve *c = f->c;
    const struct integer *integer = f->integer;
    const struct tensor *y = f->io->out[0];
    float scale = integer_scale(f->io, filter);
    size_t columns = (size_t)c->win[1].out;

    for (int64_t i = 0; i < rows; i++, sums += c->wide) {
        int64_t row = at + i * c->win[1].out;
        if (integer->to_float)
            f->kern->rescale_f32((float *)y->data + row, sums, scale, columns);
        else
            f->kern->requantize_u8((uint8_t *)y->data + row, sums, scale, integer->zero_out, integer->low,
                                   integer->high, columns);
    }
    if (integer->to_float && f->io->epilogue)
        epilogue_run(f->io->epilogue, f->kern, y->data, at, rows * c->win[1].out);
}

static void forward_piece(const void *context, const struct piece *piece)
{
    const struct forward *f = context;
    const struct convolve *c = f->c;
    const struct tensor *bias = op_input(f->io, 2);
    int64_t pixels = c->win[0].out * c->win[1].out, first = piece->chunk * c->rows;
    int64_t rows = least(c->rows, c->win[0].out - first), stride = rows * c->wide;
    int64_t from = c->filters * piece->part / c->parts, to = c->filters * (piece->part + 1) / c->parts;
    int64_t filter = piece->group * c->filters + from;
    int64_t channel = (piece->sample * c->groups + piece->group) * f->channels;
    int64_t at = (piece->sample * c->groups * c->filters + filter) * pixels + first * c->win[1].out;
    int32_t *planes = (int32_t *)(void *)piece->scratch;
    int32_t *sums = (int32_t *)(void *)(piece->scratch + planes_bytes(c));

    lay(f, (const uint8_t *)f->io->in[0]->data + channel * c->win[0].in * c->win[1].in, first, planes);
    f->kern->conv_i8((size_t)(to - from), (size_t)(stride - c->shift[1]), (size_t)c->channels, (size_t)taps_of(c),
                     f->tap, (size_t)c->plane, f->packed + filter * c->channels * taps_of(c), planes,
                     bias ? (const int32_t *)bias->data + filter : NULL, sums, (size_t)stride);
    for (int64_t k = 0; k < to - from; k++)
        finish(f, sums + k * stride, filter + k, rows, at + k * pixels);
}

void integer_conv(const struct convolve *c, int64_t channels, const struct integer *integer, const struct op_io *io,
                  const struct op_run *run, const int32_t *packed, void *work)
{
    char *at = work;
    struct forward f = { c, channels, integer, io, run->kern, packed, NULL };

    f.tap = planes_take(&at, (size_t)taps_of(c) * sizeof *f.tap);
    planes_taps(c, c->rows, f.tap);
    planes_walk(c, run->pool, forward_piece, &f, at, planes_piece_bytes(c));
}

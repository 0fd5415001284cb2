/* conv_any.c - see conv_any.h. Sums are in double. */
#include "op/conv_any.h"

#include <inttypes.h>
#include <string.h>

#include "base/limits.h"
#include "op/argument.h"
#include "op/chunk.h"
#include "op/epilogue.h"
#include "op/typed.h"
#include "tensor/element.h"

bool conv_is_other(const struct op_io *io)
{
    const struct tensor *x = io->in[0];

    return x->shape.rank == 5 || (x->dtype != DTYPE_F32 && dtype_is_float(x->dtype));
}

static int check_types(const struct op_io *io, struct error *err)
{
    if (argument_any_real(io, 0, err) < 0)
        return -1;
    if (argument_untrained(io, err) < 0)
        return -1;
    if (io->epilogue != NULL && io->in[0]->dtype != DTYPE_F32)
        return error_set(err, ERROR_INPUT, "input 0 is %s, expected F32", dtype_name(io->in[0]->dtype));
    return op_expect_dtype(io, 1, io->in[0]->dtype, err) < 0 || op_expect_dtype(io, 2, io->in[0]->dtype, err) < 0 ? -1
                                                                                                                  : 0;
}

static int check_bias(const struct op_io *io, int64_t filters, struct error *err)
{
    const struct shape each = shape_of(1, filters);

    return op_expect_shape(io, 2, &each, err);
}

/* A row of places for each thread. */
static void ask_work(struct op_io *io, const struct columns *c)
{
    io->work_bytes = (size_t)c->taps * sizeof(int64_t) * (size_t)io->workers;
}

int conv_any_shape(struct op_io *io, struct columns *c, struct error *err)
{
    if (check_types(io, err) < 0 || columns_read(c, io, io->in[0], io->in[1], err) < 0 ||
        check_bias(io, io->in[1]->shape.dim[0], err) < 0)
        return -1;
    io->out[0]->dtype = io->in[0]->dtype;
    ask_work(io, c);
    return epilogue_check(io, err);
}

struct pass {
    const struct op_io *io;
    const struct columns *c;
};

static double one_sum(const struct pass *pass, const int64_t *at, int64_t plane, int64_t filter)
{
    const struct columns *c = pass->c;
    const struct tensor *bias = op_input(pass->io, 2);
    double sum = bias == NULL ? 0 : typed_real(bias, filter);

    for (int64_t k = 0; k < c->channels; k++)
        for (int64_t t = 0; t < c->taps; t++)
            if (at[t] >= 0)
                sum += typed_real(pass->io->in[0], (plane + k) * c->in + at[t]) *
                       typed_real(pass->io->in[1], (filter * c->channels + k) * c->taps + t);
    return sum;
}

/* Output pixels of one image: every filter over the window of each. */
static void conv_pixels(const void *context, size_t begin, size_t end, int worker)
{
    const struct pass *pass = context;
    const struct columns *c = pass->c;
    const int64_t filters = c->groups * c->filters;
    const struct tensor *y = pass->io->out[0];
    int64_t *at = (int64_t *)pass->io->work + (int64_t)worker * c->taps;

    for (size_t i = begin; i < end; i++) {
        const int64_t image = (int64_t)i / c->out, pixel = (int64_t)i % c->out;

        columns_pixels(c, pixel, at, 1);
        for (int64_t m = 0; m < filters; m++)
            element_set_real(y->dtype, y->data, (image * filters + m) * c->out + pixel,
                             one_sum(pass, at, (image * c->groups + m / c->filters) * c->channels, m));
    }
}

void conv_any_forward(const struct op_io *io, const struct columns *c, const struct op_run *run)
{
    const struct pass pass = { io, c };

    chunk_run(run->pool, (size_t)(c->batch * c->out), (size_t)(c->groups * c->filters * c->channels * c->taps),
              conv_pixels, &pass);
    if (io->epilogue != NULL)
        epilogue_run(io->epilogue, run->kern, io->out[0]->data, 0, shape_count(&io->out[0]->shape));
}

/* ---- upside down ---- */

int conv_any_transposed_shape(struct op_io *io, struct columns *c, struct error *err)
{
    const struct shape *x = &io->in[0]->shape, *w = &io->in[1]->shape;
    char text[160];

    if (check_types(io, err) < 0 || window_read_transposed_all(c->win, io, x, w, err) < 0 ||
        attribute_int(io->attributes, "group", 1, &c->groups, err) < 0)
        return -1;
    if (c->groups < 1 || w->dim[0] < 1 || w->dim[1] < 1 || w->dim[0] % c->groups || x->dim[1] != w->dim[0] ||
        w->dim[1] > INT32_MAX / c->groups)
        return error_set(err, ERROR_INPUT, "filters %s do not divide into %" PRId64 " groups of the input's channels",
                         shape_text(w, text), c->groups);
    c->batch = x->dim[0];
    c->filters = w->dim[0] / c->groups;
    c->channels = w->dim[1];
    c->taps = shape_span(w, 2, w->rank);
    io->out[0]->dtype = io->in[0]->dtype;
    io->out[0]->shape = window_shape_all(c->win, x, c->groups * c->channels);
    if (shape_check(&io->out[0]->shape, (int64_t)limit_get(LIMIT_ACTIVATION_BYTES) / 8, err) < 0 ||
        check_bias(io, c->groups * c->channels, err) < 0)
        return -1;
    c->out = shape_span(x, 2, x->rank); /* as the convolution that goes the other way has them */
    c->in = shape_span(&io->out[0]->shape, 2, io->out[0]->shape.rank);
    for (int i = 0; i < WINDOW_AXES; i++) {
        const int64_t in = c->win[i].in;

        c->win[i].in = c->win[i].out;
        c->win[i].out = in;
    }
    ask_work(io, c);
    io->work_bytes += (size_t)c->in * sizeof(double) * (size_t)io->workers; /* and the sums of one plane */
    return epilogue_check(io, err);
}

/* Each input pixel of a group is spread over the window it stands for, in one of the group's channels. */
static void spread(const struct pass *pass, int64_t first, int64_t group, int64_t channel, int64_t *at, double *sum)
{
    const struct columns *c = pass->c;
    const struct tensor *x = pass->io->in[0], *w = pass->io->in[1];

    for (int64_t p = 0; p < c->out; p++) {
        columns_pixels(c, p, at, 1);
        for (int64_t f = 0; f < c->filters; f++) {
            const double v = typed_real(x, (first + f) * c->out + p);
            const int64_t weights = ((group * c->filters + f) * c->channels + channel) * c->taps;

            for (int64_t t = 0; t < c->taps; t++)
                if (at[t] >= 0)
                    sum[at[t]] += v * typed_real(w, weights + t);
        }
    }
}

/* One output channel a task, so that no two add to one pixel. */
static void transposed_planes(const void *context, size_t begin, size_t end, int worker)
{
    const struct pass *pass = context;
    const struct columns *c = pass->c;
    const struct tensor *y = pass->io->out[0], *bias = op_input(pass->io, 2);
    const int64_t channels = c->groups * c->channels;
    int64_t *at = (int64_t *)pass->io->work + (int64_t)worker * (c->taps + c->in);
    double *sum = (double *)(void *)(at + c->taps);

    for (size_t i = begin; i < end; i++) {
        const int64_t channel = (int64_t)i % channels, group = channel / c->channels;

        for (int64_t p = 0; p < c->in; p++)
            sum[p] = bias == NULL ? 0 : typed_real(bias, channel);
        spread(pass, ((int64_t)i / channels * c->groups + group) * c->filters, group, channel % c->channels, at, sum);
        for (int64_t p = 0; p < c->in; p++)
            element_set_real(y->dtype, y->data, (int64_t)i * c->in + p, sum[p]);
    }
}

void conv_any_transposed_forward(const struct op_io *io, const struct columns *c, const struct op_run *run)
{
    const struct pass pass = { io, c };

    chunk_run(run->pool, (size_t)(c->batch * c->groups * c->channels), (size_t)(c->out * c->taps * c->filters),
              transposed_planes, &pass);
    if (io->epilogue != NULL)
        epilogue_run(io->epilogue, run->kern, io->out[0]->data, 0, shape_count(&io->out[0]->shape));
}

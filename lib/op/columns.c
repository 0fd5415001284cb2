/* columns.c - see columns.h. */
#include "op/columns.h"

#include <inttypes.h>
#include <string.h>

#include "base/limits.h"
#include "tensor/element.h"

enum { BLOCK = 16 }; /* output pixels whose columns are laid out at a time */

int columns_read(struct columns *c, struct op_io *io, const struct tensor *x, const struct tensor *w, struct error *err)
{
    char text[160];

    if (window_read_all(c->win, io, &x->shape, &w->shape, err) < 0 ||
        attribute_int(io->attributes, "group", 1, &c->groups, err) < 0)
        return -1;
    if (c->groups < 1 || w->shape.dim[0] < 1 || w->shape.dim[1] < 1 || w->shape.dim[0] % c->groups)
        return error_set(err, ERROR_INPUT, "filters %s do not divide into %" PRId64 " groups",
                         shape_text(&w->shape, text), c->groups);
    if (x->shape.dim[1] % c->groups != 0 || x->shape.dim[1] / c->groups != w->shape.dim[1])
        return error_set(err, ERROR_INPUT,
                         "input has %" PRId64 " channels, filters expect %" PRId64 " of %" PRId64 " groups",
                         x->shape.dim[1], w->shape.dim[1], c->groups);
    c->batch = x->shape.dim[0];
    c->channels = w->shape.dim[1];
    c->filters = w->shape.dim[0] / c->groups;
    c->taps = shape_span(&w->shape, 2, w->shape.rank);
    c->in = shape_span(&x->shape, 2, x->shape.rank);
    io->out[0]->shape = window_shape_all(c->win, &x->shape, w->shape.dim[0]);
    if (shape_check(&io->out[0]->shape, (int64_t)limit_get(LIMIT_ACTIVATION_BYTES) / 8, err) < 0)
        return -1;
    c->out = shape_span(&io->out[0]->shape, 2, io->out[0]->shape.rank);
    return 0;
}

void columns_pixels(const struct columns *c, int64_t out, int64_t *at)
{
    int64_t start[WINDOW_AXES], tap[WINDOW_AXES] = { 0 };

    for (int i = WINDOW_AXES - 1; i >= 0; i--) {
        start[i] = out % c->win[i].out * c->win[i].stride - c->win[i].begin;
        out /= c->win[i].out;
    }
    for (int64_t t = 0; t < c->taps; t++) {
        bool inside = true;
        int64_t pixel = 0;

        for (int i = 0; i < WINDOW_AXES; i++) {
            const int64_t p = start[i] + tap[i] * c->win[i].dilation;

            inside = inside && p >= 0 && p < c->win[i].in;
            pixel = pixel * c->win[i].in + p;
        }
        at[t] = inside ? pixel : -1;
        for (int i = WINDOW_AXES - 1; i >= 0 && ++tap[i] == c->win[i].kernel; i--)
            tap[i] = 0;
    }
}

/* ---- integers ---- */

static size_t rounded(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

static size_t weight_bytes(const struct columns *c)
{
    return rounded((size_t)(c->groups * c->filters * c->channels * c->taps) * sizeof(int16_t));
}

/* A worker's columns and the places of taps. */
static size_t lane_bytes(const struct columns *c)
{
    return rounded((size_t)(c->channels * c->taps) * BLOCK * sizeof(int16_t)) +
           rounded((size_t)c->taps * sizeof(int64_t));
}

size_t columns_bytes(const struct columns *c, int workers)
{
    return weight_bytes(c) + lane_bytes(c) * (size_t)workers;
}

static int32_t zero_of(const struct tensor *zero, int64_t i)
{
    return zero == NULL ? 0 : (int32_t)element_int(zero->dtype, zero->data, shape_count(&zero->shape) > 1 ? i : 0);
}

static int32_t byte_at(const struct tensor *t, int64_t i)
{
    return t->dtype == DTYPE_U8 ? ((const uint8_t *)t->data)[i] : ((const int8_t *)t->data)[i];
}

static void spread_weights(const struct columns_sums *sums, int16_t *to)
{
    const struct columns *c = sums->c;
    const int64_t row = c->channels * c->taps;

    for (int64_t m = 0; m < c->groups * c->filters; m++)
        for (int64_t i = 0; i < row; i++)
            to[m * row + i] = (int16_t)(byte_at(sums->w, m * row + i) - zero_of(sums->zero_w, m));
}

static void lay_out(const struct columns_sums *sums, int64_t first, int64_t pixel, int64_t *at, int16_t *to)
{
    const struct columns *c = sums->c;
    const int32_t zero = zero_of(sums->zero_x, 0);

    columns_pixels(c, pixel, at);
    for (int64_t k = 0; k < c->channels; k++)
        for (int64_t t = 0; t < c->taps; t++)
            *to++ = at[t] < 0 ? 0 : (int16_t)(byte_at(sums->x, (first + k) * c->in + at[t]) - zero);
}

/* 32 bits wrap as ONNX's sums do. */
static int32_t dot(const int16_t *a, const int16_t *b, int64_t n)
{
    uint32_t sum = 0;

    for (int64_t i = 0; i < n; i++)
        sum += (uint32_t)((int32_t)a[i] * b[i]);
    return (int32_t)sum;
}

struct job_of {
    const struct columns_sums *sums;
    char *lanes;
    int64_t blocks; /* of a plane */
};

/* A block of output pixels of one group: its columns once, every filter over them. */
static void block_of_sums(void *context, size_t task, int worker)
{
    const struct job_of *job = context;
    const struct columns_sums *sums = job->sums;
    const struct columns *c = sums->c;
    const int64_t row = c->channels * c->taps, pixel = (int64_t)task % job->blocks * BLOCK;
    const int64_t group = (int64_t)task / job->blocks % c->groups, batch = (int64_t)task / job->blocks / c->groups;
    const int64_t count = c->out - pixel < BLOCK ? c->out - pixel : BLOCK;
    char *lane = job->lanes + lane_bytes(c) * (size_t)worker;
    int16_t *columns = (int16_t *)(void *)lane;
    int64_t *at = (int64_t *)(void *)(lane + rounded((size_t)row * BLOCK * sizeof(int16_t)));

    for (int64_t p = 0; p < count; p++)
        lay_out(sums, (batch * c->groups + group) * c->channels, pixel + p, at, columns + p * row);
    for (int64_t m = group * c->filters; m < (group + 1) * c->filters; m++) {
        int32_t sum[BLOCK];

        for (int64_t p = 0; p < count; p++)
            sum[p] = dot(columns + p * row, sums->weights + m * row, row);
        sums->take(sums->context, batch, m, pixel, count, sum);
    }
}

void columns_integers(const struct columns_sums *given, const struct op_run *run, void *work)
{
    struct columns_sums sums = *given;
    const struct columns *c = sums.c;
    struct job_of job = { &sums, (char *)work + weight_bytes(c), (c->out + BLOCK - 1) / BLOCK };

    sums.weights = work;
    spread_weights(&sums, work);
    pool_run(run->pool, (size_t)(c->batch * c->groups * job.blocks), block_of_sums, &job);
}

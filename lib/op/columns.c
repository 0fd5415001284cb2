/* columns.c - see columns.h. */
#include "op/columns.h"

#include <inttypes.h>

#include "base/limits.h"
#include "op/exact.h"

enum { GROUPED = 32 }; /* filters that share the search for pixels, where groups have fewer */

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

void columns_pixels(const struct columns *c, int64_t out, int64_t *at, int64_t step)
{
    const struct window *deep = &c->win[0], *high = &c->win[1], *wide = &c->win[2];
    const int64_t x = out % wide->out * wide->stride - wide->begin;
    const int64_t y = out / wide->out % high->out * high->stride - high->begin;
    const int64_t z = out / wide->out / high->out * deep->stride - deep->begin;

    for (int64_t k = z; k < z + deep->kernel * deep->dilation; k += deep->dilation)
        for (int64_t j = y; j < y + high->kernel * high->dilation; j += high->dilation) {
            const bool inside = k >= 0 && k < deep->in && j >= 0 && j < high->in;
            const int64_t row = (k * high->in + j) * wide->in;

            for (int64_t i = x; i < x + wide->kernel * wide->dilation; i += wide->dilation, at += step)
                *at = inside && i >= 0 && i < wide->in ? row + i : -1;
        }
}

/* ---- integers ---- */

static size_t rounded(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

size_t columns_packed_bytes(const struct columns *c)
{
    return rounded(exact_packed(c->groups * c->filters, c->channels * c->taps) * sizeof(int32_t));
}

/* What a worker has of its own, in this order. */
static size_t pair_bytes(const struct columns *c)
{
    return exact_packed(EXACT_COLUMNS, c->channels * c->taps) * sizeof(int32_t);
}

static size_t sum_bytes(const struct columns *c)
{
    const int64_t parts = exact_parts(c->filters);

    return (size_t)((c->filters + parts - 1) / parts) * EXACT_COLUMNS * sizeof(int32_t);
}

static size_t place_bytes(const struct columns *c)
{
    return rounded((size_t)c->taps * EXACT_COLUMNS * sizeof(int64_t));
}

static size_t lane_bytes(const struct columns *c)
{
    return pair_bytes(c) + sum_bytes(c) + place_bytes(c) + rounded((size_t)c->taps * sizeof(bool));
}

size_t columns_bytes(const struct columns *c, int workers)
{
    return lane_bytes(c) * (size_t)workers;
}

/* A worker's room for a block of output pixels. */
struct lane {
    int32_t *pairs, *sums;
    int64_t *place; /* [taps, count]: pixels under the taps, -1 beside the plane */
    bool *run;      /* [taps]: they follow each other, all in the plane */
};

struct job_of {
    const struct columns_sums *sums;
    const struct kern *kern;
    struct exact_bytes x, w;
    int32_t *packed;
    char *lanes;
    int64_t blocks, parts; /* of a plane; of a group's filters */
    int64_t together;      /* groups whose pixels are found at once */
};

static struct lane lane_of(const struct job_of *job, int worker)
{
    const struct columns *c = job->sums->c;
    char *at = job->lanes + lane_bytes(c) * (size_t)worker;

    return (struct lane){ (int32_t *)(void *)at, (int32_t *)(void *)(at + pair_bytes(c)),
                          (int64_t *)(void *)(at + pair_bytes(c) + sum_bytes(c)),
                          (bool *)(void *)(at + pair_bytes(c) + sum_bytes(c) + place_bytes(c)) };
}

static void find_places(const struct columns *c, int64_t pixel, int64_t count, const struct lane *lane)
{
    for (int64_t p = 0; p < count; p++)
        columns_pixels(c, pixel + p, lane->place + p, count);
    for (int64_t t = 0; t < c->taps; t++) {
        const int64_t *at = lane->place + t * count;

        lane->run[t] = at[0] >= 0;
        for (int64_t p = 1; p < count; p++)
            lane->run[t] = lane->run[t] && at[p] == at[0] + p;
    }
}

/* One number of each pixel into every second half. */
static void lay_half(int16_t *to, const uint8_t *plane, const int64_t *at, int64_t count, uint8_t flip, int32_t zero)
{
    for (int64_t p = 0; p < count; p++)
        to[2 * p] = at[p] < 0 ? 0 : (int16_t)((plane[at[p]] ^ flip) - zero);
}

static void lay_out(const struct job_of *job, int64_t first, int64_t count, const struct lane *lane)
{
    const struct columns *c = job->sums->c;
    const uint8_t flip = job->x.is_signed ? 0x80 : 0;
    const int32_t zero = exact_zero(job->x.zero, 0);
    const int64_t depth = c->channels * c->taps;

    for (int64_t i = 0; i < depth; i += 2) {
        const int64_t t = i % c->taps, u = (i + 1) % c->taps;
        const uint8_t *a = job->x.data + (first + i / c->taps) * c->in;
        const uint8_t *b = i + 1 < depth ? job->x.data + (first + (i + 1) / c->taps) * c->in : NULL;
        int16_t *to = (int16_t *)(void *)(lane->pairs + i / 2 * EXACT_COLUMNS);

        if (lane->run[t] && lane->run[u]) {
            exact_widen(job->kern, lane->pairs + i / 2 * EXACT_COLUMNS, &job->x, a + lane->place[t * count],
                        b ? b + lane->place[u * count] : NULL, zero, count);
            continue;
        }
        lay_half(to, a, lane->place + t * count, count, flip, zero + flip);
        if (b)
            lay_half(to + 1, b, lane->place + u * count, count, flip, zero + flip);
        for (int64_t p = 0; !b && p < count; p++)
            to[2 * p + 1] = 0;
    }
}

static void pack_part(void *context, size_t task, int worker)
{
    const struct job_of *job = context;
    const struct columns *c = job->sums->c;
    const int64_t depth = c->channels * c->taps, part = (int64_t)task % job->parts;
    const int64_t first = (int64_t)task / job->parts * c->filters + exact_part(c->filters, part);
    const int64_t rows = exact_part(c->filters, part + 1) - exact_part(c->filters, part);

    (void)worker;
    exact_pack(job->kern, job->packed + exact_packed(first, depth), &job->w, first * depth, rows, depth);
}

/* One group's part of filters from `first` on over a block of output pixels. */
static void sums_of_group(const struct job_of *job, int64_t plane, int64_t part, int64_t pixel, int64_t count,
                          const struct lane *lane)
{
    const struct columns_sums *sums = job->sums;
    const struct columns *c = sums->c;
    const int64_t filters = c->groups * c->filters;
    const int64_t first = plane % c->groups * c->filters + exact_part(c->filters, part);
    const int64_t rows = exact_part(c->filters, part + 1) - exact_part(c->filters, part);

    lay_out(job, plane * c->channels, count, lane);
    exact_multiply(job->kern, job->packed + exact_packed(first, c->channels * c->taps), &job->w, first, rows,
                   c->channels * c->taps, lane->pairs, count, lane->sums);
    for (int64_t m = 0; m < rows; m++)
        sums->take(sums->io, job->kern, first + m, (plane / c->groups * filters + first + m) * c->out + pixel, count,
                   lane->sums + m * EXACT_COLUMNS);
}

/* A block of output pixels of some groups, or of a part of one's filters. */
static void block_of_sums(void *context, size_t task, int worker)
{
    const struct job_of *job = context;
    const struct columns *c = job->sums->c;
    const int64_t part = (int64_t)task % job->parts, block = (int64_t)task / job->parts;
    const int64_t pixel = block % job->blocks * EXACT_COLUMNS, first = block / job->blocks * job->together;
    const int64_t left = c->out - pixel, count = left < EXACT_COLUMNS ? left : EXACT_COLUMNS;
    const struct lane lane = lane_of(job, worker);

    find_places(c, pixel, count, &lane);
    for (int64_t plane = first; plane < first + job->together && plane < c->batch * c->groups; plane++)
        sums_of_group(job, plane, part, pixel, count, &lane);
}

static struct job_of job_for(const struct columns_sums *sums, const struct op_run *run)
{
    const struct columns *c = sums->c;

    return (struct job_of){ .sums = sums,
                            .kern = run->kern,
                            .x = exact_bytes(sums->x, sums->zero_x),
                            .w = exact_bytes(sums->w, sums->zero_w),
                            .packed = sums->packed,
                            .blocks = (c->out + EXACT_COLUMNS - 1) / EXACT_COLUMNS,
                            .parts = exact_parts(c->filters),
                            .together = c->groups == 1 || c->filters >= GROUPED ? 1 : GROUPED / c->filters };
}

void columns_pack(const struct columns_sums *sums, const struct op_run *run)
{
    struct job_of job = job_for(sums, run);

    pool_run(run->pool, (size_t)(sums->c->groups * job.parts), pack_part, &job);
}

void columns_integers(const struct columns_sums *sums, const struct op_run *run, void *work)
{
    struct job_of job = job_for(sums, run);
    const int64_t planes = (sums->c->batch * sums->c->groups + job.together - 1) / job.together;

    job.lanes = work;
    pool_run(run->pool, (size_t)(planes * job.blocks * job.parts), block_of_sums, &job);
}

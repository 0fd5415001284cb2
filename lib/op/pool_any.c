/* pool_any.c - see pool_any.h; and LpPool, which has no other way. */
#include "op/pool_any.h"

#include <inttypes.h>
#include <math.h>

#include "op/argument.h"
#include "op/chunk.h"
#include "tensor/element.h"

bool pool_is_other(const struct op_io *io)
{
    const struct tensor *x = io->in[0];

    return x->shape.rank == 5 || io->out_count > 1 || (x->dtype != DTYPE_F32 && x->quant == NULL);
}

struct pool_pixels pool_pixels_of(const struct window *win, int64_t out)
{
    struct pool_pixels pixels = { .win = win };

    for (int i = WINDOW_AXES - 1; i >= 0; i--) {
        pixels.at[i] = out % win[i].out * win[i].stride - win[i].begin;
        out /= win[i].out;
    }
    return pixels;
}

bool pool_pixels_next(struct pool_pixels *p, int64_t *pixel, bool *padded)
{
    int i = WINDOW_AXES - 1;
    bool inside = true;

    if (p->done)
        return false;
    *pixel = 0;
    *padded = true;
    for (int k = 0; k < WINDOW_AXES; k++) {
        const struct window *w = &p->win[k];
        const int64_t at = p->at[k] + p->tap[k] * w->dilation;

        inside = inside && at >= 0 && at < w->in;
        *padded = *padded && at < w->in + w->end;
        *pixel = *pixel * w->in + at;
    }
    *pixel = inside ? *pixel : -1;
    for (; i >= 0 && ++p->tap[i] == p->win[i].kernel; i--)
        p->tap[i] = 0;
    p->done = i < 0;
    return true;
}

int pool_any_shape(struct op_io *io, struct pool_any *plan, struct error *err)
{
    const struct tensor *x = io->in[0];
    int64_t order, padding;

    if (x->quant != NULL || x->dtype == DTYPE_BOOL)
        return error_set(err, ERROR_INPUT, "input 0 is %s, expected plain numbers", dtype_name(x->dtype));
    if (window_read_all(plan->win, io, &x->shape, NULL, err) < 0 ||
        attribute_int(io->attributes, "storage_order", 0, &order, err) < 0 ||
        attribute_int(io->attributes, "count_include_pad", 0, &padding, err) < 0)
        return -1;
    if (argument_untrained(io, err) < 0)
        return -1;
    plan->planes = x->shape.dim[0] * x->shape.dim[1];
    plan->in = shape_span(&x->shape, 2, x->shape.rank);
    plan->column_major = order != 0;
    plan->count_padding = padding != 0;
    for (int i = 0; i < io->out_count; i++) {
        io->out[i]->dtype = i == 0 ? x->dtype : DTYPE_I64;
        io->out[i]->shape = window_shape_all(plan->win, &x->shape, x->shape.dim[1]);
    }
    plan->out = shape_span(&io->out[0]->shape, 2, io->out[0]->shape.rank);
    return 0;
}

struct pass {
    const struct op_io *io;
    const struct pool_any *plan;
};

/* ---- the largest ---- */

/* NaN is larger than all. */
static bool is_above(double a, double b)
{
    return a > b || (isnan(a) && !isnan(b));
}

/* Counted down the columns first, where ONNX's storage_order says so. */
static int64_t index_of(const struct pool_any *plan, int64_t plane, int64_t pixel)
{
    const int64_t height = plan->win[1].in, width = plan->win[2].in;

    if (plan->column_major)
        pixel = pixel / (height * width) * height * width + pixel % width * height + pixel / width % height;
    return plane * plan->in + pixel;
}

static bool is_larger(const struct tensor *x, int64_t a, int64_t b)
{
    if (dtype_is_float(x->dtype))
        return is_above(element_real(x->dtype, x->data, a), element_real(x->dtype, x->data, b));
    if (x->dtype == DTYPE_U64)
        return ((const uint64_t *)x->data)[a] > ((const uint64_t *)x->data)[b];
    return element_int(x->dtype, x->data, a) > element_int(x->dtype, x->data, b);
}

static void max_pixels(const void *context, size_t begin, size_t end, int worker)
{
    const struct pass *pass = context;
    const struct pool_any *plan = pass->plan;
    const struct tensor *x = pass->io->in[0], *y = pass->io->out[0];

    (void)worker;
    for (size_t i = begin; i < end; i++) {
        const int64_t plane = (int64_t)i / plan->out, first = plane * plan->in;
        struct pool_pixels pixels = pool_pixels_of(plan->win, (int64_t)i % plan->out);
        int64_t best = -1, pixel;
        bool padded;

        while (pool_pixels_next(&pixels, &pixel, &padded))
            if (pixel >= 0 && (best < 0 || is_larger(x, first + pixel, first + best)))
                best = pixel;
        if (dtype_is_float(x->dtype))
            element_set_real(y->dtype, y->data, (int64_t)i,
                             best < 0 ? -INFINITY : element_real(x->dtype, x->data, first + best));
        else
            element_set_int(y->dtype, y->data, (int64_t)i, best < 0 ? 0 : element_int(x->dtype, x->data, first + best));
        if (pass->io->out_count > 1)
            ((int64_t *)pass->io->out[1]->data)[i] = best < 0 ? 0 : index_of(plan, plane, best);
    }
}

void pool_any_max(const struct op_io *io, const struct pool_any *plan, const struct op_run *run)
{
    const struct pass pass = { io, plan };

    chunk_run(run->pool, (size_t)(plan->planes * plan->out), 64, max_pixels, &pass);
}

/* ---- means and norms ---- */

static void average_pixels(const void *context, size_t begin, size_t end, int worker)
{
    const struct pass *pass = context;
    const struct pool_any *plan = pass->plan;
    const struct tensor *x = pass->io->in[0], *y = pass->io->out[0];

    (void)worker;
    for (size_t i = begin; i < end; i++) {
        struct pool_pixels pixels = pool_pixels_of(plan->win, (int64_t)i % plan->out);
        int64_t pixel, count = 0;
        double sum = 0;
        bool padded;

        while (pool_pixels_next(&pixels, &pixel, &padded)) {
            if (pixel >= 0)
                sum += element_real(x->dtype, x->data, (int64_t)i / plan->out * plan->in + pixel);
            count += pixel >= 0 || (plan->count_padding && padded);
        }
        element_set_real(y->dtype, y->data, (int64_t)i, count > 0 ? sum / (double)count : 0);
    }
}

void pool_any_average(const struct op_io *io, const struct pool_any *plan, const struct op_run *run)
{
    const struct pass pass = { io, plan };

    chunk_run(run->pool, (size_t)(plan->planes * plan->out), 64, average_pixels, &pass);
}

struct whole {
    const struct op_io *io;
    int64_t pixels;
    bool largest;
};

static void whole_planes(const void *context, size_t begin, size_t end, int worker)
{
    const struct whole *whole = context;
    const struct tensor *x = whole->io->in[0], *y = whole->io->out[0];

    (void)worker;
    for (int64_t i = (int64_t)begin; i < (int64_t)end; i++) {
        double found = whole->largest ? -INFINITY : 0;

        for (int64_t k = i * whole->pixels; k < (i + 1) * whole->pixels; k++) {
            const double v = element_real(x->dtype, x->data, k);

            if (!whole->largest)
                found += v;
            else if (is_above(v, found))
                found = v;
        }
        element_set_real(y->dtype, y->data, i, whole->largest ? found : found / (double)whole->pixels);
    }
}

void pool_any_global(const struct op_io *io, int64_t pixels, bool largest, const struct op_run *run)
{
    const struct whole whole = { io, pixels, largest };

    chunk_run(run->pool, (size_t)shape_count(&io->out[0]->shape), (size_t)pixels, whole_planes, &whole);
}

static void norm_pixels(const void *context, size_t begin, size_t end, int worker)
{
    const struct pass *pass = context;
    const struct pool_any *plan = pass->plan;
    const struct tensor *x = pass->io->in[0], *y = pass->io->out[0];

    (void)worker;
    for (size_t i = begin; i < end; i++) {
        struct pool_pixels pixels = pool_pixels_of(plan->win, (int64_t)i % plan->out);
        int64_t pixel;
        double sum = 0;
        bool padded;

        while (pool_pixels_next(&pixels, &pixel, &padded))
            if (pixel >= 0)
                sum += pow(fabs(element_real(x->dtype, x->data, (int64_t)i / plan->out * plan->in + pixel)),
                           (double)plan->p);
        element_set_real(y->dtype, y->data, (int64_t)i, pow(sum, 1 / (double)plan->p));
    }
}

static int read_p(const struct op_io *io, int64_t *p, struct error *err)
{
    if (argument_any_real(io, 0, err) < 0 || attribute_int(io->attributes, "p", 2, p, err) < 0)
        return -1;
    return *p >= 1 ? 0 : error_set(err, ERROR_INPUT, "p is %" PRId64 ", expected 1 or more", *p);
}

static int shape_lp(struct op_io *io, struct error *err)
{
    struct pool_any *plan = io->plan;

    return pool_any_shape(io, plan, err) < 0 ? -1 : read_p(io, &plan->p, err);
}

static void forward_lp(const struct op_io *io, const struct op_run *run)
{
    const struct pass pass = { io, io->plan };

    chunk_run(run->pool, (size_t)(pass.plan->planes * pass.plan->out), 64, norm_pixels, &pass);
}

const struct op op_lp_pool = {
    .name = "LpPool",
    .formula = "y = p-norm of each window",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .attributes = "auto_pad ceil_mode dilations kernel_shape p pads strides",
    .plan_bytes = sizeof(struct pool_any),
    .shape = shape_lp,
    .forward = forward_lp,
};

static int shape_global_lp(struct op_io *io, struct error *err)
{
    const struct tensor *x = io->in[0];
    struct tensor *y = io->out[0];
    int64_t p;

    if (argument_rank(x, 3, SHAPE_MAX_RANK, err) < 0 || read_p(io, &p, err) < 0)
        return -1;
    y->dtype = x->dtype;
    y->shape = x->shape;
    for (int i = 2; i < y->shape.rank; i++)
        y->shape.dim[i] = 1;
    return 0;
}

static void forward_global_lp(const struct op_io *io, const struct op_run *run)
{
    const struct attribute *p = attribute_find(io->attributes, "p");
    const struct tensor *x = io->in[0], *y = io->out[0];
    const int64_t n = shape_span(&x->shape, 2, x->shape.rank);

    (void)run;
    for (int64_t i = 0; i < shape_count(&y->shape); i++) {
        const double power = p == NULL ? 2 : (double)p->i;
        double sum = 0;

        for (int64_t k = 0; k < n; k++)
            sum += pow(fabs(element_real(x->dtype, x->data, i * n + k)), power);
        element_set_real(y->dtype, y->data, i, pow(sum, 1 / power));
    }
}

const struct op op_global_lp_pool = {
    .name = "GlobalLpPool",
    .formula = "y = p-norm of each channel",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .attributes = "p",
    .shape = shape_global_lp,
    .forward = forward_global_lp,
};

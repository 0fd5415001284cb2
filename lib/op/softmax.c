/* softmax.c - Softmax and LogSoftmax along an axis; the largest element is taken off first, so nothing overflows. */
#include <math.h>

#include "op/argument.h"
#include "op/chunk.h"
#include "op/typed.h"

struct plan {
    size_t length, inner; /* of the axis; of the axes behind it */
    bool log, other;      /* other: reals but F32 */
};

static int shape_along(struct op_io *io, bool log, struct error *err)
{
    struct plan *plan = io->plan;
    const struct shape *x = &io->in[0]->shape;
    int axis;

    plan->other = io->in[0]->dtype != DTYPE_F32;
    if ((plan->other && argument_untrained(io, err) < 0) || argument_any_real(io, 0, err) < 0 ||
        argument_axis(io, "axis", -1, x->rank, &axis, err) < 0)
        return -1;
    plan->length = (size_t)x->dim[axis];
    plan->inner = (size_t)shape_span(x, axis + 1, x->rank);
    plan->log = log;
    io->out[0]->dtype = io->in[0]->dtype;
    io->out[0]->shape = *x;
    /* Columns are gathered to rows of their own; backward takes two. */
    io->work_bytes = (size_t)io->workers * 2 * plan->length * sizeof(float);
    return 0;
}

static int shape_softmax(struct op_io *io, struct error *err)
{
    return shape_along(io, false, err);
}

static int shape_log_softmax(struct op_io *io, struct error *err)
{
    return shape_along(io, true, err);
}

struct pass {
    const struct op_io *io;
    const struct kern *kern;
};

static void softmax(const struct kern *k, float *y, const float *x, size_t n, bool log_of)
{
    float most = x[0], factor;

    for (size_t i = 1; i < n; i++)
        most = x[i] > most ? x[i] : most;
    k->sub_f32(y, x, 1, &most, 0, n);
    if (log_of) {
        double total = 0;

        for (size_t i = 0; i < n; i++)
            total += exp((double)y[i]);
        factor = (float)log(total);
        k->sub_f32(y, y, 1, &factor, 0, n);
    } else {
        k->exp_f32(y, y, n);
        factor = (float)(1 / k->sum_f32(y, n));
        k->mul_f32(y, y, 1, &factor, 0, n);
    }
}

/* gx = y (gy - sum of gy y), or gy - e^y sum of gy. */
static void softmax_grad(const struct kern *k, float *gx, const float *gy, const float *y, size_t n, bool log_of)
{
    double total = log_of ? k->sum_f32(gy, n) : k->dot_f32(gy, y, n);

    for (size_t i = 0; i < n; i++)
        gx[i] = log_of ? gy[i] - expf(y[i]) * (float)total : y[i] * (gy[i] - (float)total);
}

static void gather(float *row, const float *column, size_t step, size_t n)
{
    for (size_t i = 0; i < n; i++)
        row[i] = column[i * step];
}

/* Element 0 of a row; element i is i * inner further. */
static size_t row_start(const struct plan *plan, size_t row)
{
    return row / plan->inner * plan->inner * plan->length + row % plan->inner;
}

static void forward_rows(const void *context, size_t begin, size_t end, int worker)
{
    const struct pass *pass = context;
    const struct plan *plan = pass->io->plan;
    float *row = (float *)pass->io->work + (size_t)worker * 2 * plan->length;

    for (size_t r = begin; r < end; r++) {
        const float *x = (const float *)pass->io->in[0]->data + row_start(plan, r);
        float *y = (float *)pass->io->out[0]->data + row_start(plan, r);

        if (plan->inner == 1) {
            softmax(pass->kern, y, x, plan->length, plan->log);
            continue;
        }
        gather(row, x, plan->inner, plan->length);
        softmax(pass->kern, row, row, plan->length, plan->log);
        for (size_t i = 0; i < plan->length; i++)
            y[i * plan->inner] = row[i];
    }
}

/* Each element is read for the last time just before it is written: y may be x. */
static void forward_other(const void *context, size_t begin, size_t end, int worker)
{
    const struct pass *pass = context;
    const struct plan *plan = pass->io->plan;
    const struct tensor *x = pass->io->in[0], *y = pass->io->out[0];

    (void)worker;
    for (size_t r = begin; r < end; r++) {
        const int64_t first = (int64_t)row_start(plan, r), step = (int64_t)plan->inner;
        const int64_t last = first + (int64_t)plan->length * step;
        double most = -INFINITY, total = 0;

        for (int64_t i = first; i < last; i += step)
            most = fmax(most, typed_real(x, i));
        for (int64_t i = first; i < last; i += step)
            total += exp(typed_real(x, i) - most);
        for (int64_t i = first; i < last; i += step) {
            const double v = typed_real(x, i) - most;

            element_set_real(y->dtype, y->data, i, plan->log ? v - log(total) : exp(v) / total);
        }
    }
}

static void backward_rows(const void *context, size_t begin, size_t end, int worker)
{
    const struct pass *pass = context;
    const struct plan *plan = pass->io->plan;
    const struct tensor *x = pass->io->in[0], *y = pass->io->out[0];
    float *g = (float *)pass->io->work + (size_t)worker * 2 * plan->length, *row = g + plan->length;

    for (size_t r = begin; r < end; r++) {
        size_t at = row_start(plan, r);

        gather(g, y->grad + at, plan->inner, plan->length);
        gather(row, (const float *)y->data + at, plan->inner, plan->length);
        softmax_grad(pass->kern, g, g, row, plan->length, plan->log);
        for (size_t i = 0; i < plan->length; i++) {
            float *gx = x->grad + at + i * plan->inner;

            *gx = x->grad_add ? *gx + g[i] : g[i];
        }
    }
}

static void for_rows(const struct op_io *io, const struct op_run *run, chunk_task *task)
{
    const struct plan *plan = io->plan;
    struct pass pass = { io, run->kern };

    if (plan->length > 0)
        chunk_run(run->pool, (size_t)shape_count(&io->in[0]->shape) / plan->length, plan->length, task, &pass);
}

static void forward(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;

    for_rows(io, run, plan->other ? forward_other : forward_rows);
}

static void backward(const struct op_io *io, const struct op_run *run)
{
    if (io->in[0]->grad != NULL)
        for_rows(io, run, backward_rows);
}

const struct op op_softmax = {
    .name = "Softmax",
    .formula = "y = e^x / sum of e^x along axis",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .attributes = "axis",
    .flags = OP_IN_PLACE | OP_BACKWARD_OUT,
    .plan_bytes = sizeof(struct plan),
    .shape = shape_softmax,
    .forward = forward,
    .backward = backward,
};

const struct op op_log_softmax = {
    .name = "LogSoftmax",
    .formula = "y = x - log(sum of e^x along axis)",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .attributes = "axis",
    .flags = OP_IN_PLACE | OP_BACKWARD_OUT,
    .plan_bytes = sizeof(struct plan),
    .shape = shape_log_softmax,
    .forward = forward,
    .backward = backward,
};

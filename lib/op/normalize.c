#include "op/normalize.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "op/argument.h"
#include "op/chunk.h"
#include "op/typed.h"

/* Kept for backward, one a row. */
struct moments {
    float mean, inverse; /* of the standard deviation */
};

int normalize_shape(struct op_io *io, struct error *err)
{
    struct normalize_plan *plan = io->plan;
    int64_t channels = (int64_t)(plan->parts * plan->groups);
    double epsilon;

    if ((io->in[0]->dtype != DTYPE_F32 && argument_untrained(io, err) < 0) || argument_any_real(io, 0, err) < 0 ||
        attribute_float(io->attributes, "epsilon", 1e-5, &epsilon, err) < 0)
        return -1;
    for (int i = 1; i < 3; i++) {
        if (op_expect_dtype(io, i, io->in[0]->dtype, err) < 0)
            return -1;
        if (op_input(io, i) != NULL && shape_count(&io->in[i]->shape) != channels)
            return error_set(err, ERROR_INPUT, "input %d has %" PRId64 " elements, expected %" PRId64, i,
                             shape_count(&io->in[i]->shape), channels);
    }
    plan->epsilon = (float)epsilon;
    io->out[0]->dtype = io->in[0]->dtype;
    io->out[0]->shape = io->in[0]->shape;
    io->saved_bytes = io->training ? plan->rows * sizeof(struct moments) : 0;
    return 0;
}

struct pass {
    const struct op_io *io;
    const struct kern *kern;
};

static struct moments moments_of(const struct kern *k, const float *x, size_t n, float epsilon)
{
    double mean = k->sum_f32(x, n) / (double)n, sum = 0;

    for (size_t i = 0; i < n; i++) {
        double d = (double)x[i] - mean;

        sum += d * d;
    }
    return (struct moments){ (float)mean, (float)(1 / sqrt(sum / (double)n + (double)epsilon)) };
}

static void forward_rows(const void *context, size_t begin, size_t end, int worker)
{
    const struct pass *pass = context;
    const struct normalize_plan *plan = pass->io->plan;
    const struct tensor *bias = op_input(pass->io, 2);
    size_t n = plan->parts * plan->span;

    (void)worker;
    for (size_t r = begin; r < end; r++) {
        const float *x = (const float *)pass->io->in[0]->data + r * n;
        float *y = (float *)pass->io->out[0]->data + r * n;
        struct moments m = moments_of(pass->kern, x, n, plan->epsilon);
        size_t first = r % plan->groups * plan->parts;

        if (pass->io->training)
            ((struct moments *)pass->io->saved)[r] = m;
        if (pass->io->out_count > 1)
            ((float *)pass->io->out[1]->data)[r] = m.mean;
        if (pass->io->out_count > 2)
            ((float *)pass->io->out[2]->data)[r] = m.inverse;
        for (size_t p = 0; p < plan->parts; p++) {
            float scale = ((const float *)pass->io->in[1]->data)[first + p];
            float shift = bias != NULL ? ((const float *)bias->data)[first + p] : 0;

            for (size_t i = p * plan->span; i < (p + 1) * plan->span; i++)
                y[i] = (x[i] - m.mean) * m.inverse * scale + shift;
        }
    }
}

/* Rows of other reals, in double. */
static void other_rows(const void *context, size_t begin, size_t end, int worker)
{
    const struct op_io *io = ((const struct pass *)context)->io;
    const struct normalize_plan *plan = io->plan;
    const struct tensor *x = io->in[0], *y = io->out[0], *bias = op_input(io, 2);
    const int64_t n = (int64_t)(plan->parts * plan->span);

    (void)worker;
    for (size_t r = begin; r < end; r++) {
        const int64_t row = (int64_t)r * n, first = (int64_t)(r % plan->groups * plan->parts);
        double sum = 0, squares = 0, mean, inverse;

        for (int64_t i = 0; i < n; i++)
            sum += typed_real(x, row + i);
        mean = sum / (double)n;
        for (int64_t i = 0; i < n; i++)
            squares += (typed_real(x, row + i) - mean) * (typed_real(x, row + i) - mean);
        inverse = 1 / sqrt(squares / (double)n + (double)plan->epsilon);
        for (int64_t i = 0; i < n; i++) {
            const int64_t part = first + i / (int64_t)plan->span;
            const double scaled = (typed_real(x, row + i) - mean) * inverse * typed_real(io->in[1], part);

            element_set_real(y->dtype, y->data, row + i, scaled + (bias != NULL ? typed_real(bias, part) : 0));
        }
        if (io->out_count > 1)
            ((float *)io->out[1]->data)[r] = (float)mean;
        if (io->out_count > 2)
            ((float *)io->out[2]->data)[r] = (float)inverse;
    }
}

void normalize_forward(const struct op_io *io, const struct op_run *run)
{
    const struct normalize_plan *plan = io->plan;
    struct pass pass = { io, run->kern };

    if (plan->parts * plan->span > 0)
        chunk_run(run->pool, plan->rows, plan->parts * plan->span,
                  io->in[0]->dtype == DTYPE_F32 ? forward_rows : other_rows, &pass);
}

/* With g = gy scale and z the normalized x: gx = (g - mean of g - z * mean of g z) / deviation. */
static void backward_rows(const void *context, size_t begin, size_t end, int worker)
{
    const struct op_io *io = context;
    const struct normalize_plan *plan = io->plan;
    const struct tensor *x = io->in[0];
    const float *scales = io->in[1]->data;
    size_t n = plan->parts * plan->span;

    (void)worker;
    for (size_t r = begin; r < end; r++) {
        const struct moments m = ((const struct moments *)io->saved)[r];
        const float *scale = scales + r % plan->groups * plan->parts, *gy = io->out[0]->grad + r * n;
        const float *row = (const float *)x->data + r * n;
        double sum = 0, sum_z = 0;

        for (size_t i = 0; i < n; i++) {
            double g = (double)gy[i] * (double)scale[i / plan->span];

            sum += g;
            sum_z += g * (double)((row[i] - m.mean) * m.inverse);
        }
        for (size_t i = 0; i < n; i++) {
            float z = (row[i] - m.mean) * m.inverse;
            float g = gy[i] * scale[i / plan->span] - (float)(sum / (double)n) - z * (float)(sum_z / (double)n);
            float *gx = x->grad + r * n + i;

            *gx = x->grad_add ? *gx + g * m.inverse : g * m.inverse;
        }
    }
}

static void store(const struct tensor *t, size_t i, double g)
{
    if (t != NULL && t->grad != NULL)
        t->grad[i] = t->grad_add ? t->grad[i] + (float)g : (float)g;
}

/* Each channel's sums go over its rows in order, so they do not depend on the threads. */
static void backward_channels(const void *context, size_t begin, size_t end, int worker)
{
    const struct op_io *io = context;
    const struct normalize_plan *plan = io->plan;
    const struct moments *moments = io->saved;

    (void)worker;
    for (size_t c = begin; c < end; c++) {
        double scale = 0, bias = 0;

        for (size_t r = c / plan->parts; r < plan->rows; r += plan->groups) {
            size_t at = (r * plan->parts + c % plan->parts) * plan->span;
            const float *x = (const float *)io->in[0]->data + at, *gy = io->out[0]->grad + at;

            for (size_t i = 0; i < plan->span; i++) {
                bias += (double)gy[i];
                scale += (double)gy[i] * (double)((x[i] - moments[r].mean) * moments[r].inverse);
            }
        }
        store(io->in[1], c, scale);
        store(op_input(io, 2), c, bias);
    }
}

void normalize_backward(const struct op_io *io, const struct op_run *run)
{
    const struct normalize_plan *plan = io->plan;
    size_t n = plan->parts * plan->span, channels = plan->parts * plan->groups;

    if (n == 0)
        return;
    if (op_wants_grad(io, 0))
        chunk_run(run->pool, plan->rows, n, backward_rows, io);
    if (op_wants_grad(io, 1) || op_wants_grad(io, 2))
        chunk_run(run->pool, channels, plan->rows / plan->groups * plan->span, backward_channels, io);
}

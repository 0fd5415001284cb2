#include "op/stride.h"

#include <string.h>

#include "op/chunk.h"
#include "op/unary.h"

struct stride stride_all(const struct shape *x)
{
    struct stride s = { .rank = x->rank };
    int64_t size = 1;

    for (int i = x->rank - 1; i >= 0; i--) {
        s.dim[i] = x->dim[i];
        s.step[i] = size;
        size *= x->dim[i];
    }
    return s;
}

/* Axes that follow each other in memory are one; at least one is left. */
static struct stride merged(const struct stride *s)
{
    struct stride m = { .base = s->base };

    for (int i = 0; i < s->rank; i++) {
        int last = m.rank - 1;

        if (s->dim[i] == 1)
            continue;
        if (last >= 0 && m.step[last] == s->step[i] * s->dim[i]) {
            m.dim[last] *= s->dim[i];
            m.step[last] = s->step[i];
        } else {
            m.dim[m.rank] = s->dim[i];
            m.step[m.rank++] = s->step[i];
        }
    }
    if (m.rank == 0) {
        m.rank = 1;
        m.dim[0] = m.step[0] = 1;
    }
    return m;
}

struct pass {
    struct stride stride;
    size_t element_bytes;
    uint8_t *y;
    const uint8_t *x;
    float *gx;
    const float *gy;
};

/* Where row number `row` of the result begins in x. */
static int64_t row_start(const struct stride *s, size_t row)
{
    int64_t at = s->base;

    for (int i = s->rank - 2; i >= 0; i--) {
        at += (int64_t)(row % (size_t)s->dim[i]) * s->step[i];
        row /= (size_t)s->dim[i];
    }
    return at;
}

static void gather_row(uint8_t *y, const uint8_t *x, int64_t step, size_t n, size_t element_bytes)
{
    step *= (int64_t)element_bytes;
    if (step == (int64_t)element_bytes) {
        memcpy(y, x, n * element_bytes);
        return;
    }
    /* A constant size each, so that a copy is one move. */
    for (size_t i = 0; i < n; i++, y += element_bytes, x += step) {
        switch (element_bytes) {
        case 1: *y = *x; break;
        case 2: memcpy(y, x, 2); break;
        case 4: memcpy(y, x, 4); break;
        default: memcpy(y, x, 8); break;
        }
    }
}

static void gather_rows(const void *context, size_t begin, size_t end, int worker)
{
    const struct pass *pass = context;
    const struct stride *s = &pass->stride;
    size_t n = (size_t)s->dim[s->rank - 1], bytes = pass->element_bytes;

    (void)worker;
    for (size_t r = begin; r < end; r++)
        gather_row(pass->y + r * n * bytes, pass->x + row_start(s, r) * (int64_t)bytes, s->step[s->rank - 1], n, bytes);
}

static void scatter_rows(const void *context, size_t begin, size_t end, int worker)
{
    const struct pass *pass = context;
    const struct stride *s = &pass->stride;
    size_t n = (size_t)s->dim[s->rank - 1];

    (void)worker;
    for (size_t r = begin; r < end; r++) {
        float *gx = pass->gx + row_start(s, r);
        const float *gy = pass->gy + r * n;

        for (size_t i = 0; i < n; i++)
            gx[(int64_t)i * s->step[s->rank - 1]] += gy[i];
    }
}

static void for_rows(struct pass *pass, const struct op_run *run, chunk_task *task)
{
    size_t rows = 1;

    for (int i = 0; i < pass->stride.rank; i++)
        if (pass->stride.dim[i] == 0)
            return;
    for (int i = 0; i < pass->stride.rank - 1; i++)
        rows *= (size_t)pass->stride.dim[i];
    chunk_run(run->pool, rows, (size_t)pass->stride.dim[pass->stride.rank - 1], task, pass);
}

void stride_gather(const struct stride *stride, const struct op_run *run, void *y, const void *x, size_t element_bytes)
{
    struct pass pass = { .stride = merged(stride), .element_bytes = element_bytes, .y = y, .x = x };

    for_rows(&pass, run, gather_rows);
}

void stride_scatter_add(const struct stride *stride, const struct op_run *run, float *gx, const float *gy)
{
    struct pass pass = { .stride = merged(stride), .gx = gx, .gy = gy };

    for_rows(&pass, run, scatter_rows);
}

void stride_clear(const struct tensor *x)
{
    if (!x->grad_add)
        memset(x->grad, 0, (size_t)shape_count(&x->shape) * sizeof(float));
}

void stride_forward(const struct op_io *io, const struct op_run *run)
{
    const struct tensor *x = io->in[0], *y = io->out[0];

    stride_gather(io->plan, run, y->data, x->data, dtype_bytes(x->dtype));
    unary_rescale(y, x->quant, run);
}

void stride_backward(const struct op_io *io, const struct op_run *run)
{
    const struct tensor *x = io->in[0];

    if (x->grad == NULL)
        return;
    stride_clear(x);
    stride_scatter_add(io->plan, run, x->grad, io->out[0]->grad);
}

/* Dense layers on bytes: each row of the input widened once, then dot products with rows of weights. */
#include "op/epilogue.h"
#include "op/integer.h"

enum { COLUMNS = 64 }; /* of the output in one task */

size_t integer_gemm_bytes(int64_t m, int64_t k)
{
    return (size_t)(m * k) * sizeof(int16_t);
}

struct gemm {
    int64_t m, n, k;
    const struct integer *integer;
    const struct op_io *io;
    const struct kern *kern;
    const int8_t *w; /* [n, k] */
    int16_t *wide;   /* [m, k] */
};

static void widen_row(void *context, size_t row, int worker)
{
    const struct gemm *g = context;
    int64_t at = (int64_t)row * g->k;

    (void)worker;
    g->kern->widen_u8(g->wide + at, (const uint8_t *)g->io->in[0]->data + at, g->integer->zero_in, (size_t)g->k);
}

static void store(const struct gemm *g, int64_t row, int64_t column, int32_t sum)
{
    const struct tensor *y = g->io->out[0];
    float scale = integer_scale(g->io, column);
    int64_t at = row * g->n + column;

    if (g->integer->to_float)
        g->kern->rescale_f32((float *)y->data + at, &sum, scale, 1);
    else
        g->kern->requantize_u8((uint8_t *)y->data + at, &sum, scale, g->integer->zero_out, g->integer->low,
                               g->integer->high, 1);
}

/* A row of weights stays in the first cache while all rows of the input meet it. */
static void columns_task(void *context, size_t index, int worker)
{
    const struct gemm *g = context;
    const struct tensor *bias = op_input(g->io, 2);
    int64_t first = (int64_t)index * COLUMNS, end = first + COLUMNS < g->n ? first + COLUMNS : g->n;

    (void)worker;
    for (int64_t j = first; j < end; j++) {
        uint32_t start = bias ? (uint32_t)((const int32_t *)bias->data)[j] : 0;
        for (int64_t i = 0; i < g->m; i++)
            store(g, i, j,
                  (int32_t)(start + (uint32_t)g->kern->dot_i8(g->wide + i * g->k, g->w + j * g->k, (size_t)g->k)));
    }
}

void integer_gemm(const struct integer *integer, const struct op_io *io, const struct op_run *run, int64_t m, int64_t n,
                  int64_t k, const int8_t *w, void *work)
{
    struct gemm g = { m, n, k, integer, io, run->kern, w, work };

    pool_run(run->pool, (size_t)m, widen_row, &g);
    pool_run(run->pool, (size_t)((n + COLUMNS - 1) / COLUMNS), columns_task, &g);
    if (integer->to_float && io->epilogue)
        epilogue_run(io->epilogue, run->kern, io->out[0]->data, 0, m * n);
}

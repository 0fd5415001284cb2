/* product_any.c - see product_any.h. */
#include "op/product_any.h"

#include "op/argument.h"
#include "op/chunk.h"
#include "op/typed.h"

bool product_is_other(const struct op_io *io)
{
    return io->in[0]->dtype != DTYPE_F32 && io->in[0]->dtype != DTYPE_U8;
}

int product_any_check(struct op_io *io, struct error *err)
{
    const enum dtype dtype = io->in[0]->dtype;

    if (!dtype_is_float(dtype) && dtype_bytes(dtype) < 4)
        return error_set(err, ERROR_INPUT, "input 0 is %s, expected reals or integers of 32 or 64 bits",
                         dtype_name(dtype));
    if (op_expect_dtype(io, 1, dtype, err) < 0 || op_expect_dtype(io, 2, dtype, err) < 0)
        return -1;
    io->out[0]->dtype = dtype;
    return argument_untrained(io, err);
}

static int64_t at(const struct matrix *matrix, int64_t i, int64_t j)
{
    return matrix->first + i * matrix->row + j * matrix->column;
}

static void one_real(const struct product_any *p, int64_t i, int64_t j)
{
    const struct tensor *y = p->y.tensor;
    double sum = 0;

    for (int64_t l = 0; l < p->k; l++)
        sum += typed_real(p->a.tensor, at(&p->a, i, l)) * typed_real(p->b.tensor, at(&p->b, l, j));
    if (p->alpha != 1)
        sum *= p->alpha;
    if (p->c.tensor != NULL)
        sum += p->beta * typed_real(p->c.tensor, at(&p->c, i, j));
    element_set_real(y->dtype, y->data, at(&p->y, i, j), sum);
}

static int64_t whole_at(const struct matrix *matrix, int64_t i, int64_t j)
{
    return element_int(matrix->tensor->dtype, matrix->tensor->data, at(matrix, i, j));
}

static void one_whole(const struct product_any *p, int64_t i, int64_t j)
{
    const struct tensor *y = p->y.tensor;
    int64_t addend = p->c.tensor != NULL ? whole_at(&p->c, i, j) : 0;
    uint64_t sum = 0;

    for (int64_t l = 0; l < p->k; l++)
        sum += (uint64_t)whole_at(&p->a, i, l) * (uint64_t)whole_at(&p->b, l, j);
    if (p->alpha == 1 && p->beta == 1)
        element_set_int(y->dtype, y->data, at(&p->y, i, j), (int64_t)(sum + (uint64_t)addend));
    else
        element_set_real(y->dtype, y->data, at(&p->y, i, j),
                         p->alpha * (double)(int64_t)sum + p->beta * (double)addend);
}

static void elements(const void *context, size_t begin, size_t end, int worker)
{
    const struct product_any *p = context;
    const bool real = dtype_is_float(p->y.tensor->dtype);

    (void)worker;
    for (size_t e = begin; e < end; e++) {
        const int64_t i = (int64_t)e / p->n, j = (int64_t)e % p->n;

        if (real)
            one_real(p, i, j);
        else
            one_whole(p, i, j);
    }
}

void product_any_run(const struct product_any *product, const struct op_run *run)
{
    chunk_run(run->pool, (size_t)(product->m * product->n), (size_t)product->k * 8 + 1, elements, product);
}

#include "op/product.h"

struct blocks {
    const struct product *p;
    const struct op_run *run;
    int64_t high, wide; /* of a block */
};

static int64_t clamp(int64_t x, int64_t low, int64_t high)
{
    return x < low ? low : x > high ? high : x;
}

static void block_task(void *context, size_t index, int worker)
{
    const struct blocks *blocks = context;
    const struct product *p = blocks->p;
    int64_t columns = (p->n + blocks->wide - 1) / blocks->wide;
    int64_t i = (int64_t)index / columns * blocks->high, j = (int64_t)index % columns * blocks->wide;
    int64_t m = clamp(p->m - i, 0, blocks->high), n = clamp(p->n - j, 0, blocks->wide);

    (void)worker;
    blocks->run->kern->gemm_f32(p->ta, p->tb, (size_t)m, (size_t)n, (size_t)p->k, p->a + (p->ta ? i : i * p->lda),
                                (size_t)p->lda, p->b + (p->tb ? j * p->ldb : j), (size_t)p->ldb, p->beta,
                                p->c + i * p->ldc + j, (size_t)p->ldc);
}

void product_run(const struct product *product, const struct op_run *run)
{
    struct blocks blocks = { product, run, PRODUCT_ROWS, clamp((product->n + 7) / 8, 32, 512) };

    if (product->by_rows && !run->kern->gemm_stable)
        blocks.high = 1;
    if (product->m == 0 || product->n == 0)
        return;
    int64_t rows = (product->m + blocks.high - 1) / blocks.high;
    int64_t columns = (product->n + blocks.wide - 1) / blocks.wide;
    pool_run(run->pool, (size_t)(rows * columns), block_task, &blocks);
}

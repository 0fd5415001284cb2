/* Matrix products on every instruction set, GFLOP/s of CPU time, best of several; TSV. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "kern/kern.h"

static const char *const cpus[] = { "portable", "x86-avx2", "x86-avx512", "auto" };

static const struct {
    bool ta, tb;
    size_t m, n, k;
} shapes[] = {
    { false, false, 512, 512, 512 }, { false, true, 512, 512, 512 }, { true, false, 512, 512, 512 },
    { false, true, 1, 1000, 512 },   { false, true, 32, 64, 4096 },  { false, false, 32, 4096, 64 },
    { true, false, 64, 4096, 32 },   { false, false, 16, 4096, 27 },
};

static double cpu_seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static double measure(const struct kern *kern, size_t i, const float *a, const float *b, float *c)
{
    size_t m = shapes[i].m, n = shapes[i].n, k = shapes[i].k;
    double flops = 2.0 * (double)m * (double)n * (double)k, best = 0;
    int times = 1 + (int)(2e7 / flops);

    for (int round = 0; round < 10; round++) {
        double start = cpu_seconds();
        for (int t = 0; t < times; t++)
            kern->gemm_f32(shapes[i].ta, shapes[i].tb, m, n, k, a, shapes[i].ta ? m : k, b, shapes[i].tb ? k : n, 0, c,
                           n);
        double rate = flops * times / (cpu_seconds() - start) * 1e-9;
        best = rate > best ? rate : best;
    }
    return best;
}

int main(void)
{
    enum { MOST = 1 << 19 };
    float *a = calloc(3 * MOST, sizeof *a);

    printf("cpu\ttransA\ttransB\tm\tn\tk\tgflops\n");
    for (size_t c = 0; a && c < COUNT(cpus); c++) {
        struct kern kern;
        if (kern_init(&kern, cpus[c], NULL) < 0)
            continue;
        for (size_t i = 0; i < COUNT(shapes); i++)
            printf("%s\t%d\t%d\t%zu\t%zu\t%zu\t%.1f\n", kern.cpu, shapes[i].ta, shapes[i].tb, shapes[i].m, shapes[i].n,
                   shapes[i].k, measure(&kern, i, a, a + MOST, a + 2 * MOST));
    }
    free(a);
    return a ? 0 : 1;
}

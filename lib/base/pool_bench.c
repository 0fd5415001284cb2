/* What it costs to share a loop: TSV of threads, tasks and microseconds a run. */
#include <stdio.h>

#include "base/clock.h"
#include "base/pool.h"

enum { RUNS = 20000 };

static void nothing(void *context, size_t index, int worker)
{
    (void)context;
    (void)index;
    (void)worker;
}

int main(void)
{
    printf("threads\ttasks\tus_per_run\n");
    for (int threads = 1; threads <= pool_available_cpus(); threads++) {
        struct pool *pool = pool_new(threads, NULL);

        if (!pool)
            return 1;
        for (size_t tasks = 1; tasks <= 64; tasks *= 8) {
            const double began = clock_seconds();

            for (int run = 0; run < RUNS; run++)
                pool_run(pool, tasks, nothing, NULL);
            printf("%d\t%zu\t%.2f\n", threads, tasks, (clock_seconds() - began) * 1e6 / RUNS);
        }
        pool_free(pool);
    }
    return 0;
}

#include "merge/internal.h"

static void block(const struct merge *merge, int64_t from, int count, int worker, double *delta)
{
    const int n = merge->site_count;

    for (int i = 0; i < count; i++) {
        const double *column = column_sorted(merge, from + i, worker);

        delta[i] = (column[(n - 1) / 2] + column[n / 2]) / 2;
    }
}

const struct combiner combine_median = {
    .name = "median",
    .least = { 0, 1 },
    .block = block,
};

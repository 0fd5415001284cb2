#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "metric/metric.h"

struct scored {
    float good;
    bool truth;
};

static int by_score(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;

    return (x->good > y->good) - (x->good < y->good);
}

/* Keeps the first, the last, and evenly spread points between. */
static int thin(struct sweep_point *points, int count, int most)
{
    if (count <= most || most < 2)
        return count;
    for (int i = 0; i < most; i++)
        points[i] = points[(int64_t)i * (count - 1) / (most - 1)];
    return most;
}

int sweep(struct arena *arena, const float *good, const bool *truth, int64_t n, int most, struct sweep_point **points,
          int *count, struct error *err)
{
    struct scored *sorted = arena_array(arena, (size_t)n + 1, sizeof(*sorted));
    struct sweep_point *list = arena_array(arena, (size_t)n + 2, sizeof(*list));
    int64_t goods = 0, defects = 0, goods_below = 0, defects_below = 0;
    int used = 0;

    if (sorted == NULL || list == NULL)
        return error_memory(err);
    for (int64_t i = 0; i < n; i++) {
        sorted[i] = (struct scored){ good[i], truth[i] };
        goods += truth[i];
    }
    defects = n - goods;
    if (goods == 0 || defects == 0)
        return error_set(err, ERROR_INPUT, "a sweep needs good samples and defects, found %lld and %lld",
                         (long long)goods, (long long)defects);
    qsort(sorted, (size_t)n, sizeof(*sorted), by_score);
    for (int64_t i = 0; i <= n; i++) {
        if (i > 0) {
            goods_below += sorted[i - 1].truth;
            defects_below += !sorted[i - 1].truth;
        }
        if (i > 0 && i < n && sorted[i].good <= sorted[i - 1].good)
            continue; /* equal scores fall together */
        list[used++] = (struct sweep_point){
            .threshold = i < n ? sorted[i].good : nextafterf(sorted[n - 1].good, 2.0F),
            .escapes = (double)(defects - defects_below) / (double)defects,
            .false_calls = (double)goods_below / (double)goods,
        };
    }
    *points = list;
    *count = thin(list, used, most);
    return 0;
}

int sweep_choose(const struct sweep_point *points, int count, double most_escapes)
{
    int best = -1;

    for (int i = 0; i < count; i++) {
        if (points[i].escapes > most_escapes)
            continue;
        if (best < 0 || points[i].false_calls <= points[best].false_calls)
            best = i; /* of equals the later: escapes fall */
    }
    return best;
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

double percentile(double *values, int64_t count, double q)
{
    double place, part;
    int64_t below;

    if (count == 0)
        return NAN;
    qsort(values, (size_t)count, sizeof(*values), by_value);
    place = q * (double)(count - 1);
    below = (int64_t)place;
    part = place - (double)below;
    if (below + 1 >= count)
        return values[count - 1];
    return values[below] + part * (values[below + 1] - values[below]);
}

/* plan.c - offsets by size and lifetime. */
#include "graph/plan.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

int plan_init(struct plan *plan, struct arena *arena, int capacity, struct error *err)
{
    *plan = (struct plan){ .capacity = capacity };
    plan->span = arena_array(arena, (size_t)capacity + 1, sizeof(*plan->span));
    plan->order = arena_array(arena, (size_t)capacity + 1, sizeof(int));
    plan->by_offset = arena_array(arena, (size_t)capacity + 1, sizeof(int));
    if (plan->span == NULL || plan->order == NULL || plan->by_offset == NULL)
        return error_memory(err);
    return 0;
}

void plan_clear(struct plan *plan)
{
    plan->count = 0;
    plan->bytes = 0;
}

int plan_add(struct plan *plan, size_t bytes, int first, int last)
{
    plan->span[plan->count] = (struct span){ .bytes = bytes, .first = first, .last = last };
    return plan->count++;
}

static double area(const struct span *span)
{
    return (double)span->bytes * ((double)span->last - span->first + 1);
}

/* Larger first; then longer, then earlier: the same plan on every machine. */
static bool goes_before(const struct plan *plan, int a, int b)
{
    const struct span *x = &plan->span[a], *y = &plan->span[b];

    if (plan->by_area && area(x) != area(y))
        return area(x) > area(y);
    if (x->bytes != y->bytes)
        return x->bytes > y->bytes;
    if (x->last - x->first != y->last - y->first)
        return x->last - x->first > y->last - y->first;
    return a < b;
}

/* Heap sort: needs no memory and no context in a global, as qsort would. */
static void sift(const struct plan *plan, int *heap, int root, int count)
{
    for (;;) {
        int child = 2 * root + 1, moved;

        if (child >= count)
            return;
        if (child + 1 < count && goes_before(plan, heap[child], heap[child + 1]))
            child++;
        if (!goes_before(plan, heap[root], heap[child]))
            return;
        moved = heap[root];
        heap[root] = heap[child];
        heap[child] = moved;
        root = child;
    }
}

static void sort(struct plan *plan)
{
    int *order = plan->order;

    for (int i = 0; i < plan->count; i++)
        order[i] = i;
    for (int i = plan->count / 2 - 1; i >= 0; i--)
        sift(plan, order, i, plan->count);
    for (int end = plan->count - 1; end > 0; end--) {
        int moved = order[0];

        order[0] = order[end];
        order[end] = moved;
        sift(plan, order, 0, end);
    }
}

static size_t rounded(size_t bytes)
{
    return (bytes + PLAN_ALIGNMENT - 1) / PLAN_ALIGNMENT * PLAN_ALIGNMENT;
}

/* The smallest gap among the placed spans alive with this one; behind them all when none is large enough. */
static size_t best_offset(const struct plan *plan, const struct span *span, int placed)
{
    size_t end = 0, best = 0, best_gap = SIZE_MAX, wanted = rounded(span->bytes);

    for (int i = 0; i < placed; i++) {
        const struct span *other = &plan->span[plan->by_offset[i]];

        if (other->last < span->first || span->last < other->first)
            continue;
        if (other->offset >= end + wanted && other->offset - end < best_gap) {
            best = end;
            best_gap = other->offset - end;
        }
        if (other->offset + rounded(other->bytes) > end)
            end = other->offset + rounded(other->bytes);
    }
    return best_gap == SIZE_MAX ? end : best;
}

static size_t lay_out(struct plan *plan, bool by_area)
{
    plan->by_area = by_area;
    sort(plan);
    plan->bytes = 0;
    for (int i = 0; i < plan->count; i++) {
        struct span *span = &plan->span[plan->order[i]];
        int at = i;

        span->offset = best_offset(plan, span, i);
        while (at > 0 && plan->span[plan->by_offset[at - 1]].offset > span->offset)
            at--;
        memmove(plan->by_offset + at + 1, plan->by_offset + at, (size_t)(i - at) * sizeof(int));
        plan->by_offset[at] = plan->order[i];
        if (span->offset + rounded(span->bytes) > plan->bytes)
            plan->bytes = span->offset + rounded(span->bytes);
    }
    return plan->bytes;
}

void plan_layout(struct plan *plan)
{
    const size_t bytes = lay_out(plan, false);

    if (lay_out(plan, true) >= bytes)
        lay_out(plan, false);
}

/* Bytes alive at each time. */
static void sum_alive(const struct plan *plan, int64_t *times, int count)
{
    memset(times, 0, ((size_t)count + 1) * sizeof(*times));
    for (int i = 0; i < plan->count; i++) {
        const struct span *span = &plan->span[i];
        int first = span->first < 0 ? 0 : span->first;

        times[first] += (int64_t)rounded(span->bytes);
        times[span->last + 1] -= (int64_t)rounded(span->bytes);
    }
    for (int i = 1; i <= count; i++)
        times[i] += times[i - 1];
}

double plan_strain(const struct plan *plan, int64_t *times, int count)
{
    double peak = 1, sum = 0;

    sum_alive(plan, times, count);
    for (int i = 0; i <= count; i++)
        peak = (double)times[i] > peak ? (double)times[i] : peak;
    for (int i = 0; i <= count; i++) {
        double share = (double)times[i] / peak;

        for (int k = 0; k < 4; k++)
            share *= share;
        sum += share;
    }
    for (int k = 0; k < 4; k++)
        sum = sqrt(sum);
    return peak * sum;
}

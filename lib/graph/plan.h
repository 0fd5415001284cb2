/*
 * plan.h - one block of memory for many things that are not alive together.
 *
 * Times are steps of the run, both ends included. Two spans whose times overlap
 * never share a byte.
 */
#ifndef GRAPH_PLAN_H
#define GRAPH_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

enum { PLAN_ALIGNMENT = 64 };

struct span {
    size_t bytes;
    int first, last;
    size_t offset; /* a multiple of PLAN_ALIGNMENT, once laid out */
};

struct plan {
    struct span *span;
    int count, capacity;
    int *order, *by_offset; /* scratch of plan_layout, and how it sorts */
    bool by_area;
    size_t bytes; /* of the block, once laid out */
};

/* Room for `capacity` spans. */
MUST_CHECK int plan_init(struct plan *plan, struct arena *arena, int capacity, struct error *err);
void plan_clear(struct plan *plan);
/* The new span's index. There must be room. */
int plan_add(struct plan *plan, size_t bytes, int first, int last);
/*
 * Largest first, or largest in bytes times how long, whichever takes less; each
 * into the smallest gap that holds it, else at the end: within a few percent of
 * the largest sum alive at once on the networks here. Quadratic in the number
 * of spans.
 */
void plan_layout(struct plan *plan);
/*
 * What is alive at once, at all times together: the norm of order 16, to which the largest sums count most, but each of
 * them. `times`: room for one number for each time, and one more.
 */
double plan_strain(const struct plan *plan, int64_t *times, int count);

#endif

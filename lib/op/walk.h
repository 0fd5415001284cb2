/*
 * walk.h - a tensor and two operands that broadcast to it, visited run by run.
 * Sums over axes are the same walk: the operand with fewer elements is where
 * the sum goes. For lib/op alone.
 */
#ifndef OP_WALK_H
#define OP_WALK_H

#include "op/op.h"

enum { WALK_WHOLE = 2 };

/* Neighbouring axes that both operands treat alike are one; axes of length 1 are gone. */
struct walk {
    int rank; /* at least 1 */
    int64_t dim[SHAPE_MAX_RANK];
    int64_t step[3][SHAPE_MAX_RANK]; /* of operands 0 and 1 and the whole, in elements; 0 where an operand repeats */
};

/* `whole` is what `a` (operand 0) and `b` (operand 1) broadcast to. */
struct walk walk_of(const struct shape *whole, const struct shape *a, const struct shape *b);

/* n elements from at[o], which advance by step[o]: 0 or 1; at[WALK_WHOLE] advances by 1. */
struct walk_run {
    size_t at[3], step[2], n;
};

typedef void walk_visit(const void *context, const struct walk_run *run);

/*
 * Visits every run once. Tasks differ in the index along `axis` (-1: one task),
 * so when an operand does not repeat there, each of its elements belongs to one
 * task and meets its runs in one order, whatever the number of threads.
 */
void walk_visit_all(const struct walk *walk, int axis, struct pool *pool, walk_visit *visit, const void *context);
/* The first axis along which this operand does not repeat; -1: it is a single element. */
int walk_axis(const struct walk *walk, int operand);

#endif

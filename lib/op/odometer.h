/*
 * odometer.h - every element of a tensor in order, with where it lies in up to
 * four others that broadcast to it or are picked from by steps. Plain and slow
 * next to walk.h: for types and operators that need not be fast. For lib/op alone.
 */
#ifndef OP_ODOMETER_H
#define OP_ODOMETER_H

#include "op/op.h"

enum { ODOMETER_OPERANDS = 4 };

struct odometer {
    int rank, operands;
    int64_t dim[SHAPE_MAX_RANK], index[SHAPE_MAX_RANK];
    int64_t step[ODOMETER_OPERANDS][SHAPE_MAX_RANK];
    int64_t at[ODOMETER_OPERANDS]; /* element of each operand */
};

/* Operands broadcast to `whole`, which they do. */
struct odometer odometer_of(const struct shape *whole, const struct shape *const *operand, int count);
/* Of one operand with steps of its own (and 0 where it does not move). */
struct odometer odometer_steps(const struct shape *whole, const int64_t *step);
/* Moves to the element of that number. */
void odometer_seek(struct odometer *odometer, int64_t element);
void odometer_next(struct odometer *odometer);

#endif

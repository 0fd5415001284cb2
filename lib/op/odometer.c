/* odometer.c - see odometer.h. */
#include "op/odometer.h"

#include <string.h>

struct odometer odometer_of(const struct shape *whole, const struct shape *const *operand, int count)
{
    struct odometer o = { .rank = whole->rank, .operands = count };

    memcpy(o.dim, whole->dim, sizeof(o.dim));
    for (int k = 0; k < count; k++) {
        const struct shape *shape = operand[k];
        int64_t size = 1;

        for (int i = shape->rank - 1; i >= 0; i--) {
            o.step[k][i + whole->rank - shape->rank] = shape->dim[i] == 1 ? 0 : size;
            size *= shape->dim[i];
        }
    }
    return o;
}

struct odometer odometer_steps(const struct shape *whole, const int64_t *step)
{
    struct odometer o = { .rank = whole->rank, .operands = 1 };

    memcpy(o.dim, whole->dim, sizeof(o.dim));
    memcpy(o.step[0], step, (size_t)whole->rank * sizeof(*step));
    return o;
}

void odometer_seek(struct odometer *o, int64_t element)
{
    memset(o->at, 0, sizeof(o->at));
    for (int i = o->rank - 1; i >= 0; i--) {
        o->index[i] = o->dim[i] > 0 ? element % o->dim[i] : 0;
        element = o->dim[i] > 0 ? element / o->dim[i] : 0;
        for (int k = 0; k < o->operands; k++)
            o->at[k] += o->index[i] * o->step[k][i];
    }
}

void odometer_next(struct odometer *o)
{
    for (int i = o->rank - 1; i >= 0; i--) {
        for (int k = 0; k < o->operands; k++)
            o->at[k] += o->step[k][i];
        if (++o->index[i] < o->dim[i])
            return;
        for (int k = 0; k < o->operands; k++)
            o->at[k] -= o->step[k][i] * o->dim[i];
        o->index[i] = 0;
    }
}

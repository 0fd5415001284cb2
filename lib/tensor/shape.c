#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "tensor/tensor.h"

struct shape shape_of(int rank, ...)
{
    struct shape shape = { .rank = rank };
    va_list dims;

    va_start(dims, rank);
    for (int i = 0; i < rank; i++)
        shape.dim[i] = va_arg(dims, int64_t);
    va_end(dims);
    return shape;
}

int64_t shape_count(const struct shape *shape)
{
    return shape_span(shape, 0, shape->rank);
}

int64_t shape_span(const struct shape *shape, int from, int to)
{
    int64_t count = 1;

    for (int i = from; i < to; i++)
        count *= shape->dim[i];
    return count;
}

bool shape_equal(const struct shape *a, const struct shape *b)
{
    if (a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank; i++) {
        if (a->dim[i] != b->dim[i])
            return false;
    }
    return true;
}

const char *shape_text(const struct shape *shape, char buf[160])
{
    enum { ROOM = 160 };
    int used = snprintf(buf, ROOM, shape->rank == SHAPE_UNKNOWN ? "[?" : "[");

    /* Eight numbers of any size might not fit; what does not is cut off. */
    for (int i = 0; i < shape->rank && i < SHAPE_MAX_RANK && used < ROOM - 1; i++)
        used += snprintf(buf + used, (size_t)(ROOM - used), i ? ", %" PRId64 : "%" PRId64, shape->dim[i]);
    if (used < ROOM - 1)
        snprintf(buf + used, (size_t)(ROOM - used), "]");
    return buf;
}

int shape_check(const struct shape *shape, int64_t max_elements, struct error *err)
{
    int64_t count = 1;
    char text[160];

    if (shape->rank < 0 || shape->rank > SHAPE_MAX_RANK)
        return error_set(err, ERROR_INPUT, "a shape has %d axes, at most %d are supported", shape->rank,
                         SHAPE_MAX_RANK);
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dim[i] < 0)
            return error_set(err, ERROR_INPUT, "shape %s has a negative axis", shape_text(shape, text));
        /* An axis of 0 must not hide that the others overflow: loops multiply in any order. */
        int64_t dim = shape->dim[i] ? shape->dim[i] : 1;
        if (dim > max_elements / count)
            return error_set(err, ERROR_INPUT, "shape %s has more than %" PRId64 " elements", shape_text(shape, text),
                             max_elements);
        count *= dim;
    }
    return 0;
}

int shape_broadcast(struct shape *out, const struct shape *a, const struct shape *b, struct error *err)
{
    struct shape result = { .rank = a->rank > b->rank ? a->rank : b->rank };
    char text_a[160], text_b[160];

    for (int i = 0; i < result.rank; i++) {
        int ia = i - (result.rank - a->rank), ib = i - (result.rank - b->rank);
        int64_t da = ia < 0 ? 1 : a->dim[ia], db = ib < 0 ? 1 : b->dim[ib];
        if (da != db && da != 1 && db != 1)
            return error_set(err, ERROR_INPUT, "shapes %s and %s do not broadcast", shape_text(a, text_a),
                             shape_text(b, text_b));
        result.dim[i] = da == 1 ? db : da;
    }
    *out = result;
    return 0;
}

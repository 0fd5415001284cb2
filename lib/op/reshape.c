/* reshape.c - the same elements under another shape. */
#include <inttypes.h>

#include "op/argument.h"
#include "op/view.h"

/* 0 copies the input's axis (unless allowzero), -1 takes what is left. */
static int resolve(const struct shape *x, const struct argument_list *list, bool allow_zero, struct shape *shape,
                   struct error *err)
{
    int64_t known = 1, count = shape_count(x);
    int inferred = -1;
    char text[160];

    shape->rank = list->count;
    for (int i = 0; i < list->count; i++) {
        int64_t dim = list->value[i];

        if (dim == 0 && !allow_zero && i >= x->rank)
            return error_set(err, ERROR_INPUT, "shape has 0 at axis %d, expected an axis that the input %s has too", i,
                             shape_text(x, text));
        if (dim < -1 || (dim == -1 && inferred >= 0))
            return error_set(err, ERROR_INPUT, "shape has %" PRId64 " at axis %d, expected one -1 at most", dim, i);
        shape->dim[i] = dim == 0 && !allow_zero ? x->dim[i] : dim;
        if (dim == -1)
            inferred = i;
        else if (shape->dim[i] > 0 && known > count / shape->dim[i] + 1)
            known = INT64_MAX / 2; /* more than there is: refused below, without overflow */
        else
            known *= shape->dim[i];
    }
    if (inferred >= 0) {
        if (known == 0 || count % known != 0)
            return error_set(err, ERROR_INPUT, "input has %" PRId64 " elements, which do not divide by %" PRId64, count,
                             known);
        shape->dim[inferred] = count / known;
    }
    return 0;
}

static int shape(struct op_io *io, struct error *err)
{
    struct argument_list list;
    struct shape shape = { 0 };
    int64_t allow_zero;

    if (argument_ints(io, 1, "shape", &list, err) < 0 ||
        attribute_int(io->attributes, "allowzero", 0, &allow_zero, err) < 0)
        return -1;
    if (!list.given || list.count > SHAPE_MAX_RANK)
        return error_set(err, ERROR_INPUT, "shape has %d axes, expected 0 to %d", list.given ? list.count : -1,
                         SHAPE_MAX_RANK);
    if (resolve(&io->in[0]->shape, &list, allow_zero != 0, &shape, err) < 0)
        return -1;
    if (view_shape(io, &shape, err) < 0)
        return error_hint(err, "0 keeps an axis of the input, and -1 takes what is left");
    return 0;
}

const struct op op_reshape = {
    .name = "Reshape",
    .formula = "y = x with another shape",
    .min_inputs = 1,
    .max_inputs = 2,
    .outputs = 1,
    .attributes = "allowzero shape",
    .arguments = 1U << 1,
    .flags = OP_EMPTY | OP_VIEW | OP_INTEGER,
    .shape = shape,
    .forward = view_forward,
    .backward = view_backward,
};

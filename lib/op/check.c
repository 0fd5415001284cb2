#include <string.h>

#include "op/internal.h"

const struct tensor *op_input(const struct op_io *io, int i)
{
    return i < io->in_count ? io->in[i] : NULL;
}

bool op_wants_grad(const struct op_io *io, int i)
{
    const struct tensor *x = op_input(io, i);

    return x && x->grad;
}

int op_expect_dtype(const struct op_io *io, int i, enum dtype dtype, struct error *err)
{
    const struct tensor *x = op_input(io, i);

    if (x && x->dtype != dtype)
        return error_set(err, ERROR_INPUT, "input %d is %s, expected %s", i, dtype_name(x->dtype), dtype_name(dtype));
    return 0;
}

int op_expect_rank(const struct op_io *io, int i, int rank, struct error *err)
{
    const struct tensor *x = op_input(io, i);
    char text[160];

    if (x && x->shape.rank != rank)
        return error_set(err, ERROR_INPUT, "input %d has shape %s, expected %d axes", i, shape_text(&x->shape, text),
                         rank);
    return 0;
}

int op_expect_shape(const struct op_io *io, int i, const struct shape *shape, struct error *err)
{
    const struct tensor *x = op_input(io, i);
    char found[160], expected[160];

    if (x && !shape_equal(&x->shape, shape))
        return error_set(err, ERROR_INPUT, "input %d has shape %s, expected %s", i, shape_text(&x->shape, found),
                         shape_text(shape, expected));
    return 0;
}

/* index.c - see index.h. */
#include "op/index.h"

#include <inttypes.h>

#include "tensor/element.h"

static int check_values(const struct tensor *indices, const int64_t *sizes, int depth, struct error *err)
{
    for (int64_t i = 0; indices->data != NULL && i < shape_count(&indices->shape); i++) {
        const int64_t index = element_int(indices->dtype, indices->data, i), size = sizes[i % depth];

        if (index < -size || index >= size)
            return error_set(err, ERROR_INPUT, "index %" PRId64 " at %" PRId64 ", expected %" PRId64 " to %" PRId64,
                             index, i, -size, size - 1);
    }
    return 0;
}

int index_check(const struct op_io *io, int input, int64_t size, struct error *err)
{
    const struct tensor *indices = io->in[input];

    if (indices->dtype != DTYPE_I64 && indices->dtype != DTYPE_I32)
        return error_set(err, ERROR_INPUT, "input %d is %s, expected I64 or I32", input, dtype_name(indices->dtype));
    return check_values(indices, &size, 1, err);
}

int index_check_places(const struct op_io *io, int input, const int64_t *sizes, int depth, struct error *err)
{
    const struct tensor *indices = io->in[input];

    if (indices->dtype != DTYPE_I64)
        return error_set(err, ERROR_INPUT, "input %d is %s, expected I64", input, dtype_name(indices->dtype));
    return check_values(indices, sizes, depth, err);
}

int64_t index_at(const struct tensor *indices, int64_t i, int64_t size)
{
    int64_t index = element_int(indices->dtype, indices->data, i);

    index += index < 0 ? size : 0;
    return index < 0 ? 0 : index >= size ? size - 1 : index;
}

#include <string.h>

#include "tensor/tensor.h"

static const struct {
    const char *name;
    size_t bytes;
    int onnx; /* TensorProto.DataType */
} dtypes[DTYPE_COUNT] = {
    [DTYPE_F32] = { "F32", 4, 1 },    [DTYPE_F64] = { "F64", 8, 11 }, [DTYPE_F16] = { "F16", 2, 10 },
    [DTYPE_BF16] = { "BF16", 2, 16 }, [DTYPE_I8] = { "I8", 1, 3 },    [DTYPE_U8] = { "U8", 1, 2 },
    [DTYPE_I16] = { "I16", 2, 5 },    [DTYPE_U16] = { "U16", 2, 4 },  [DTYPE_I32] = { "I32", 4, 6 },
    [DTYPE_U32] = { "U32", 4, 12 },   [DTYPE_I64] = { "I64", 8, 7 },  [DTYPE_U64] = { "U64", 8, 13 },
    [DTYPE_BOOL] = { "BOOL", 1, 9 },
};

size_t dtype_bytes(enum dtype dtype)
{
    return dtypes[dtype].bytes;
}

const char *dtype_name(enum dtype dtype)
{
    return dtypes[dtype].name;
}

int dtype_parse(enum dtype *dtype, const char *name, struct error *err)
{
    for (int i = 0; i < DTYPE_COUNT; i++) {
        if (strcmp(dtypes[i].name, name) == 0) {
            *dtype = (enum dtype)i;
            return 0;
        }
    }
    error_set(err, ERROR_INPUT, "unknown element type '%.32s'", name);
    return error_hint(err, "known are F32, F64, F16, BF16, I8, U8, I16, U16, I32, U32, I64, U64, BOOL");
}

int dtype_onnx(enum dtype dtype)
{
    return dtypes[dtype].onnx;
}

bool dtype_of_onnx(enum dtype *dtype, int64_t number)
{
    for (int i = 0; i < DTYPE_COUNT; i++) {
        if (dtypes[i].onnx == number) {
            *dtype = (enum dtype)i;
            return true;
        }
    }
    return false;
}

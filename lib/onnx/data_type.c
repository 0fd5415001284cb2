/* TensorProto.DataType. Source: onnx.proto3, IR version 11. */
#include <inttypes.h>

#include "onnx/parse.h"

static const struct data_type types[] = {
    { 1, "FLOAT", DTYPE_F32, FLOAT_DATA },    { 2, "UINT8", DTYPE_U8, INT32_DATA },
    { 3, "INT8", DTYPE_I8, INT32_DATA },      { 4, "UINT16", DTYPE_U16, INT32_DATA },
    { 5, "INT16", DTYPE_I16, INT32_DATA },    { 6, "INT32", DTYPE_I32, INT32_DATA },
    { 7, "INT64", DTYPE_I64, INT64_DATA },    { 8, "STRING", -1, STRING_DATA },
    { 9, "BOOL", DTYPE_BOOL, INT32_DATA },    { 10, "FLOAT16", DTYPE_F16, INT32_DATA },
    { 11, "DOUBLE", DTYPE_F64, DOUBLE_DATA }, { 12, "UINT32", DTYPE_U32, UINT64_DATA },
    { 13, "UINT64", DTYPE_U64, UINT64_DATA }, { 14, "COMPLEX64", -1, FLOAT_DATA },
    { 15, "COMPLEX128", -1, DOUBLE_DATA },    { 16, "BFLOAT16", DTYPE_BF16, INT32_DATA },
    { 17, "FLOAT8E4M3FN", -1, INT32_DATA },   { 18, "FLOAT8E4M3FNUZ", -1, INT32_DATA },
    { 19, "FLOAT8E5M2", -1, INT32_DATA },     { 20, "FLOAT8E5M2FNUZ", -1, INT32_DATA },
    { 21, "UINT4", -1, INT32_DATA },          { 22, "INT4", -1, INT32_DATA },
    { 23, "FLOAT4E2M1", -1, INT32_DATA },
};

const struct data_type *data_type_find(int64_t number)
{
    return number >= 1 && number <= (int64_t)COUNT(types) ? &types[number - 1] : NULL;
}

int onnx_dtype(enum dtype *dtype, int64_t data_type, struct error *err)
{
    const struct data_type *type = data_type_find(data_type);

    if (type == NULL)
        return error_set(err, ERROR_INPUT, "element type %" PRId64 " is not one of ONNX's", data_type);
    if (type->dtype < 0)
        return error_set(err, ERROR_INPUT, "element type %s is not supported", type->name);
    *dtype = (enum dtype)type->dtype;
    return 0;
}

int onnx_data_type(enum dtype dtype)
{
    return dtype_onnx(dtype);
}

#include "tensor/tensor.h"

size_t tensor_bytes(const struct tensor *tensor)
{
    return (size_t)shape_count(&tensor->shape) * dtype_bytes(tensor->dtype);
}

/* An array from anywhere: when it is taken, its data are the last bytes of the file. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "package/package.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = { 0 };
    struct tensor tensor;

    if (npy_parse(&tensor, data, size, &err) == 0 &&
        (const uint8_t *)tensor.data + tensor_bytes(&tensor) != data + size)
        abort();
    return 0;
}

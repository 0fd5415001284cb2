/* An archive of arrays from anywhere: what is taken can be read to its last byte. */
#include <stddef.h>
#include <stdint.h>

#include "package/npz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = { 0 };
    struct error err = { 0 };
    struct tensor_list list;
    volatile unsigned sum = 0;

    if (npz_read(&list, &arena, data, size, &err) == 0)
        for (int i = 0; i < list.count; i++)
            for (size_t k = 0; k < tensor_bytes(list.tensor[i]); k++)
                sum += ((const uint8_t *)list.tensor[i]->data)[k] + (uint8_t)list.name[i][0];
    arena_free(&arena);
    return 0;
}

/* A header from anywhere: when it is taken, its tensors tile the data exactly. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "package/package.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = { 0 };
    struct error err = { 0 };
    struct safetensors st;
    size_t at = 0;

    if (safetensors_parse(&st, &arena, data, size, &err) == 0) {
        for (int i = 0; i < st.count; i++) {
            const struct tensor tensor = { .dtype = st.entry[i].dtype, .shape = st.entry[i].shape };

            if (st.entry[i].begin != at || st.entry[i].end - at != tensor_bytes(&tensor))
                abort();
            at = st.entry[i].end;
        }
        if (st.data_offset + at != size)
            abort();
    }
    arena_free(&arena);
    return 0;
}

/* Any bytes: an array that lies inside them, or an error. */
#include <stdlib.h>

#include "data/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    for (int rank = 1; rank <= 3; rank += 2) {
        struct error err = { 0 };
        struct idx idx;
        uint64_t elements = 1;

        if (idx_parse(&idx, rank, bytes, count, &err) < 0) {
            if (err.kind != ERROR_INPUT)
                abort();
            continue;
        }
        for (int i = 0; i < rank; i++)
            elements *= idx.dim[i];
        if (idx.data < bytes || idx.data + elements != bytes + count)
            abort();
    }
    return 0;
}

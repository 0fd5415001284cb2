/* Any TIFF block has an orientation from 1 to 8. */
#include <stdlib.h>

#include "image/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    int orientation = exif_orientation(bytes, count);

    if (orientation < 1 || orientation > 8)
        abort();
    return 0;
}

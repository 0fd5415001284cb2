/* Any bytes: decoded, or an error; nothing else. Seeds: testdata/image, testdata/hostile/image. */
#include <stdlib.h>

#include "image/image.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    setenv("COEDGE_LIMIT_IMAGE_PIXELS", "1000000", 1); /* time for many inputs instead of large ones */
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct preprocess preprocess;
    struct error err = { 0 };
    static uint8_t out[24 * 16 * 3];

    preprocess_init(&preprocess, count % 2 == 0 ? 1 : 3, 24, 16);
    preprocess.fit = count % 3 == 0 ? FIT_CROP : FIT_STRETCH;
    preprocess.decode = count % 5 < 2 ? DECODE_SCALED : DECODE_EXACT;
    preprocess.resize = (enum resize_method)(count % 3);
    if (image_load(out, bytes, count, &preprocess, &err) < 0 && (err.kind == ERROR_NONE || err.message[0] == '\0'))
        abort();
    return 0;
}

/* live_fuzz.c - any bytes as results: refused with the line, or measures that are numbers. */
#include <stdlib.h>
#include <string.h>

#include "infer/live.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *names[] = { "good", "bridge" };
    struct model model;
    struct arena arena = { 0 };
    struct error err = { 0 };
    struct tree *measures;

    model_init(&model);
    model.name = "m";
    model.label = names;
    model.label_count = 2;
    if (live_measure(&arena, &model, (const char *)data, size, &measures, &err) < 0) {
        if (err.kind != ERROR_INPUT && err.kind != ERROR_LIMIT)
            abort();
    } else {
        const struct tree *share = tree_get(measures, "hard"), *samples = tree_get(measures, "samples");

        if (samples == NULL || (share != NULL && !(share->real >= 0 && share->real <= 1)))
            abort();
    }
    arena_free(&arena);
    model_free(&model);
    return 0;
}

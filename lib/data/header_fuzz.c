/* Any bytes as `.dataset.yaml`: what is accepted is written and read back the same. */
#include <stdlib.h>
#include <string.h>

#include "data/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void expect_same(const struct header *a, const struct header *b)
{
    if (a->label_count != b->label_count || (a->labels == NULL) != (b->labels == NULL) || a->privacy != b->privacy ||
        (a->version == NULL) != (b->version == NULL) || (a->version != NULL && strcmp(a->version, b->version) != 0))
        abort();
    for (int i = 0; i < a->label_count; i++)
        if (strcmp(a->labels[i], b->labels[i]) != 0)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct arena arena = { 0 };
    struct error err = { 0 };
    struct header header, again;
    struct text text = { 0 };

    if (header_parse(&header, &arena, (const char *)bytes, count, &err) < 0) {
        if (err.kind == ERROR_NONE)
            abort();
    } else {
        if (dataset_header(&text, header.labels, header.label_count, header.privacy, header.version, &err) < 0 ||
            header_parse(&again, &arena, text.chars, text.length, &err) < 0)
            abort();
        expect_same(&header, &again);
    }
    text_free(&text);
    arena_free(&arena);
    return 0;
}

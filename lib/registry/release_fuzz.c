/* release_fuzz.c - any bytes as a document: refused as malformed, or written and read back the same. */
#include <stdlib.h>
#include <string.h>

#include "registry/release.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool sound(const struct release *release)
{
    return release->version >= 1 && release->share >= 0 && release->share <= 100 && release->date >= 0 &&
           release->expires >= 0 && release->package.size >= 0 && release->package.manifest_size >= 0 &&
           strlen(release->message) <= 1000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = { 0 };
    struct error err = { 0 };
    struct text once = { 0 }, twice = { 0 };
    struct release release, again;

    if (release_parse(&release, &arena, (const char *)data, size, &err) < 0) {
        if (err.kind != ERROR_INPUT)
            abort();
    } else {
        if (!sound(&release))
            abort();
        release_includes(&release, "0123456789abcdef0123456789abcdef");
        release_write(&once, &arena, &release);
        if (release_parse(&again, &arena, once.chars, once.length, &err) < 0)
            abort();
        release_write(&twice, &arena, &again);
        if (once.length != twice.length || memcmp(once.chars, twice.chars, once.length) != 0)
            abort();
    }
    text_free(&once);
    text_free(&twice);
    arena_free(&arena);
    return 0;
}

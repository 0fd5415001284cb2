/* json_fuzz.c - any bytes: a refusal that says where, or a tree that is written and read back the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = { 0 };
    struct error err = { 0 };
    struct text once = { 0 }, twice = { 0 };
    const struct tree *root;
    int line, column;

    if (json_parse(&arena, (const char *)data, size, &root, &err) < 0) {
        if (err.kind != ERROR_INPUT || sscanf(err.message, "%d:%d: ", &line, &column) != 2 || line < 1 || column < 1)
            abort();
    } else {
        json_write(&once, root);
        if (once.length < 1 << 19) { /* written, it may be longer than what may be read */
            if (json_parse(&arena, once.chars, once.length, &root, &err) < 0)
                abort();
            json_write(&twice, root);
            if (strcmp(once.chars, twice.chars) != 0)
                abort();
        }
    }
    text_free(&once);
    text_free(&twice);
    arena_free(&arena);
    return 0;
}

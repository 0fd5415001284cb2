/* json_fuzz.c - any bytes: a refusal that says where, or a tree that is written and read back the same. */
#include <stdlib.h>
#include <string.h>

#include "json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* "LINE:COLUMN: " stands in front, both from 1. */
static bool has_place(const char *message)
{
    size_t line = strspn(message, "0123456789");
    size_t column = line > 0 && message[line] == ':' ? strspn(message + line + 1, "0123456789") : 0;

    return *message != '0' && column > 0 && message[line + 1] != '0' && !strncmp(message + line + 1 + column, ": ", 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = { 0 };
    struct error err = { 0 };
    struct text once = { 0 }, twice = { 0 };
    const struct tree *root;

    if (json_parse(&arena, (const char *)data, size, &root, &err) < 0) {
        if (err.kind != ERROR_INPUT || !has_place(err.message))
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

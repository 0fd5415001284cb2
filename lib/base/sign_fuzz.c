/* sign_fuzz.c - any bytes as a key and as a signature: refused with a kind, or read and written back the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/sign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char public_text[] = "RWQpNWHTX/BNQwrbCtMvvrLTUD7L70QfiI8ERJ+6j8ZvWL+VInYtsv/u";
    struct arena arena = { 0 };
    struct error err = { 0 };
    struct sign_key key, again, known;
    const char *comment, *text;
    int by;

    if (sign_key_read(&known, public_text, strlen(public_text), &err) < 0)
        abort();
    if (sign_key_read(&key, (const char *)data, size, &err) == 0) {
        text = key.has_secret ? sign_secret_text(&arena, &key) : sign_public_text(&arena, &key);
        if (text == NULL || sign_key_read(&again, text, strlen(text), &err) < 0 || !sign_key_same(&again, &key))
            abort();
    } else if (err.kind != ERROR_INPUT) {
        abort();
    }
    if (sign_check(&known, 1, "a joint", 7, (const char *)data, size, &arena, &by, &comment, &err) == 0) {
        if (strcmp(comment, "round 7") != 0) /* the corpus has the one signature of these bytes */
            abort();
    } else if (err.kind != ERROR_INPUT && err.kind != ERROR_TRUST) {
        abort();
    }
    arena_free(&arena);
    return 0;
}

/*
 * digest.c - by libcrypto's functions of before 3.0. The new ones look up what is asked for among providers, by name,
 * which takes a millisecond of every start; they end in the same code.
 */
#define OPENSSL_API_COMPAT 10100 /* as of 1.1.0, when these were not yet discouraged */
#include "base/digest.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"

struct digest_stream {
    SHA256_CTX context;
};

struct digest_stream *digest_begin(struct error *err)
{
    struct digest_stream *stream = sys_alloc(sizeof(*stream));

    if (!stream) {
        error_memory(err);
        return NULL;
    }
    SHA256_Init(&stream->context);
    return stream;
}

void digest_add(struct digest_stream *stream, const void *bytes, size_t count)
{
    SHA256_Update(&stream->context, bytes, count);
}

struct digest digest_peek(const struct digest_stream *stream)
{
    SHA256_CTX copy = stream->context;
    struct digest digest;

    SHA256_Final(digest.bytes, &copy);
    return digest;
}

struct digest digest_end(struct digest_stream *stream)
{
    const struct digest digest = digest_peek(stream);

    free(stream);
    return digest;
}

struct digest digest_of(const void *bytes, size_t count)
{
    struct digest_stream *stream = digest_begin(NULL);

    if (!stream)
        return (struct digest){ { 0 } };
    digest_add(stream, bytes, count);
    return digest_end(stream);
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

const char *digest_hex(const struct digest *digest, char hex[65])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < sizeof(digest->bytes); i++) {
        hex[2 * i] = digits[digest->bytes[i] >> 4];
        hex[2 * i + 1] = digits[digest->bytes[i] & 15];
    }
    hex[64] = '\0';
    return hex;
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int digest_parse(struct digest *digest, const char *text, struct error *err)
{
    static const char prefix[] = "sha256:";
    const char *hex = strncmp(text, prefix, sizeof(prefix) - 1) == 0 ? text + sizeof(prefix) - 1 : text;
    struct digest parsed;

    if (strlen(hex) != 2 * sizeof(parsed.bytes))
        return error_set(err, ERROR_INPUT, "digest has %zu characters, expected 64 hex digits", strlen(hex));
    for (size_t i = 0; i < sizeof(parsed.bytes); i++) {
        const int high = nibble(hex[2 * i]), low = nibble(hex[2 * i + 1]);

        if (high < 0 || low < 0)
            return error_set(err, ERROR_INPUT, "digest has a character that is no lower-case hex digit");
        parsed.bytes[i] = (unsigned char)(high << 4 | low);
    }
    *digest = parsed;
    return 0;
}

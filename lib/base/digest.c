#include "base/digest.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"

struct digest_stream {
    EVP_MD_CTX *context;
    bool failed; /* a digest that could not be made is all zeros: it equals no real one */
};

struct digest_stream *digest_begin(struct error *err)
{
    struct digest_stream *stream = sys_alloc(sizeof(*stream));

    if (!stream) {
        error_memory(err);
        return NULL;
    }
    /* The system's openssl.cnf has nothing to say about SHA-256, and reading it takes time. */
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    stream->context = EVP_MD_CTX_new();
    if (!stream->context || EVP_DigestInit_ex(stream->context, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(stream->context);
        free(stream);
        error_set(err, ERROR_LIMIT, "cannot begin a SHA-256 digest");
        return NULL;
    }
    return stream;
}

void digest_add(struct digest_stream *stream, const void *bytes, size_t count)
{
    if (count && EVP_DigestUpdate(stream->context, bytes, count) != 1)
        stream->failed = true;
}

static struct digest finish(EVP_MD_CTX *context, bool failed)
{
    struct digest digest = { { 0 } };

    if (failed || !context || EVP_DigestFinal_ex(context, digest.bytes, NULL) != 1)
        return (struct digest){ { 0 } };
    return digest;
}

struct digest digest_peek(const struct digest_stream *stream)
{
    EVP_MD_CTX *copy = EVP_MD_CTX_new();
    const bool failed = stream->failed || !copy || EVP_MD_CTX_copy_ex(copy, stream->context) != 1;
    const struct digest digest = finish(copy, failed);

    EVP_MD_CTX_free(copy);
    return digest;
}

struct digest digest_end(struct digest_stream *stream)
{
    const struct digest digest = finish(stream->context, stream->failed);

    EVP_MD_CTX_free(stream->context);
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

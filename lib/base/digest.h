/*
 * digest.h - SHA-256, by libcrypto. Written everywhere as "sha256:HEX" where a
 * reader must know which, and as bare HEX where the field says so.
 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/error.h"

struct digest {
    unsigned char bytes[32];
};

struct digest_stream;

MUST_CHECK struct digest_stream *digest_begin(struct error *err);
void digest_add(struct digest_stream *stream, const void *bytes, size_t count);
/* What digest_end would say now, without ending. */
struct digest digest_peek(const struct digest_stream *stream);
/* Frees the stream. */
struct digest digest_end(struct digest_stream *stream);

struct digest digest_of(const void *bytes, size_t count);
bool digest_equal(const struct digest *a, const struct digest *b);
/* 64 hex digits and NUL into hex; returns hex. */
const char *digest_hex(const struct digest *digest, char hex[65]);
/* Takes 64 lower-case hex digits, with or without "sha256:" in front. */
MUST_CHECK int digest_parse(struct digest *digest, const char *text, struct error *err);

#endif

/*
 * sign.h - Ed25519 signatures and keys in minisign's files, by libsodium: `minisign -V` verifies what is signed here, and
 * the other way round. Texts are small files' contents.
 *
 * A signature also covers its trusted comment, where who signs says what the bytes are for. Secret keys are not
 * encrypted (as minisign -W writes them): on a device nobody is there to type a password.
 *
 * Source: https://jedisct1.github.io/minisign (formats); RFC 8032 (Ed25519); RFC 7693 (BLAKE2b, of the signed bytes).
 */
#ifndef BASE_SIGN_H
#define BASE_SIGN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"

enum { SIGN_TEXT_BYTES = 4096, SIGN_COMMENT_BYTES = 2048 }; /* of a file; of a trusted comment */

struct sign_key {
    unsigned char id[8];
    unsigned char public[32];
    unsigned char secret[64]; /* seed, then public; zeros when not known */
    bool has_secret;
};

/* A new pair, from the system's random numbers. */
MUST_CHECK int sign_key_make(struct sign_key *key, struct error *err);
/* Wipes the secret. */
void sign_key_forget(struct sign_key *key);
bool sign_key_same(const struct sign_key *a, const struct sign_key *b);
/* The id as minisign shows it: 16 hex digits and NUL into hex; returns hex. */
const char *sign_key_id(const struct sign_key *key, char hex[17]);

/* The two files; NULL: out of memory. */
MUST_CHECK char *sign_public_text(struct arena *arena, const struct sign_key *key);
MUST_CHECK char *sign_secret_text(struct arena *arena, const struct sign_key *key);
/* Either file. ERROR_INPUT: neither, damaged, or a secret key under a password. */
MUST_CHECK int sign_key_read(struct sign_key *key, const char *text, size_t count, struct error *err);

/* The signature's file. `comment` is one line. ERROR_USAGE: the key has no secret; ERROR_INPUT: the comment has a line's end, or is too long. */
MUST_CHECK int sign_make(const struct sign_key *key, const void *bytes, size_t count, const char *comment,
                         struct arena *arena, char **text, struct error *err);
/* The id of the key that a signature says it is of, which nobody has verified by that. ERROR_INPUT: it is no signature. */
MUST_CHECK int sign_claimed_id(const char *text, size_t count, char hex[17], struct error *err);
/*
 * sign_check - the key among keys[key_count] that made the signature of these bytes; *comment is its trusted comment.
 * Errors: ERROR_TRUST when none of them did, or the bytes or the comment are others; ERROR_INPUT when it is no signature.
 */
MUST_CHECK int sign_check(const struct sign_key *keys, int key_count, const void *bytes, size_t count, const char *text,
                          size_t text_count, struct arena *arena, int *by, const char **comment, struct error *err);

#endif

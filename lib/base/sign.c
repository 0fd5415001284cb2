/* sign.c - see sign.h. */
#include "base/sign.h"

#include <sodium.h>
#include <string.h>

/* What base64 lines hold. Numbers are bytes: none is longer than one. */
struct public_file {
    char algorithm[2]; /* "Ed" */
    unsigned char id[8], public[32];
};

struct secret_file {
    char algorithm[2], kdf[2], checksum_algorithm[2];                    /* "Ed", zeros: no password, "B2" */
    unsigned char salt[32], limits[16], id[8], secret[64], checksum[32]; /* zeros but for id and secret */
};

struct signature_file {
    char algorithm[2]; /* "ED": of BLAKE2b-512 of the bytes */
    unsigned char id[8], signature[64];
};

enum { BASE64 = sodium_base64_VARIANT_ORIGINAL, GLOBAL_BYTES = 64, HASH_BYTES = 64 };

static const char untrusted[] = "untrusted comment: ", trusted[] = "trusted comment: ";

static int ready(struct error *err)
{
    return sodium_init() < 0 ? error_set(err, ERROR_INTERNAL, "no random numbers to be had") : 0;
}

int sign_key_make(struct sign_key *key, struct error *err)
{
    if (ready(err) < 0)
        return -1;
    crypto_sign_keypair(key->public, key->secret);
    randombytes_buf(key->id, sizeof(key->id));
    key->has_secret = true;
    return 0;
}

void sign_key_forget(struct sign_key *key)
{
    sodium_memzero(key->secret, sizeof(key->secret));
    key->has_secret = false;
}

bool sign_key_same(const struct sign_key *a, const struct sign_key *b)
{
    return memcmp(a->id, b->id, sizeof(a->id)) == 0 && memcmp(a->public, b->public, sizeof(a->public)) == 0;
}

/* A little-endian number, as minisign prints it. */
const char *sign_key_id(const struct sign_key *key, char hex[17])
{
    unsigned char turned[sizeof(key->id)];

    for (size_t i = 0; i < sizeof(turned); i++)
        turned[i] = key->id[sizeof(turned) - 1 - i];
    sodium_bin2hex(hex, 17, turned, sizeof(turned));
    for (char *c = hex; *c; c++)
        if (*c >= 'a')
            *c = (char)(*c - 'a' + 'A');
    return hex;
}

static char *base64_of(struct arena *arena, const void *bytes, size_t count)
{
    size_t room = sodium_base64_encoded_len(count, BASE64);
    char *text = arena_alloc(arena, room);

    return text == NULL ? NULL : sodium_bin2base64(text, room, bytes, count, BASE64);
}

char *sign_public_text(struct arena *arena, const struct sign_key *key)
{
    struct public_file file = { .algorithm = { 'E', 'd' } };
    const char *line;
    char id[17];

    memcpy(file.id, key->id, sizeof(file.id));
    memcpy(file.public, key->public, sizeof(file.public));
    line = base64_of(arena, &file, sizeof(file));
    return line ? arena_printf(arena, "%sminisign public key %s\n%s\n", untrusted, sign_key_id(key, id), line) : NULL;
}

char *sign_secret_text(struct arena *arena, const struct sign_key *key)
{
    struct secret_file file = { .algorithm = { 'E', 'd' }, .checksum_algorithm = { 'B', '2' } };
    const char *line;
    char id[17], *text;

    memcpy(file.id, key->id, sizeof(file.id));
    memcpy(file.secret, key->secret, sizeof(file.secret));
    line = base64_of(arena, &file, sizeof(file));
    text = line ? arena_printf(arena, "%sminisign secret key %s, without a password\n%s\n", untrusted,
                               sign_key_id(key, id), line)
                : NULL;
    sodium_memzero(&file, sizeof(file));
    return text;
}

/* The next line without its end; NULL at the end of the text. */
struct line {
    const char *chars;
    size_t count;
};

static bool next_line(const char **text, size_t *left, struct line *line)
{
    const char *end;

    if (*left == 0)
        return false;
    end = memchr(*text, '\n', *left);
    line->chars = *text;
    line->count = end ? (size_t)(end - *text) : *left;
    *left -= line->count + (end ? 1 : 0);
    *text += line->count + (end ? 1 : 0);
    if (line->count > 0 && line->chars[line->count - 1] == '\r')
        line->count--;
    return true;
}

/* Bytes of a base64 line: as many as there are, at most `most`; -1. */
static int bytes_of(const struct line *line, void *bytes, size_t most)
{
    size_t count;

    return sodium_base642bin(bytes, most, line->chars, line->count, NULL, &count, NULL, BASE64) == 0 ? (int)count : -1;
}

static bool begins(const struct line *line, const char *with)
{
    return line->count >= strlen(with) && memcmp(line->chars, with, strlen(with)) == 0;
}

static int secret_read(struct sign_key *key, const struct secret_file *file, struct error *err)
{
    unsigned char public[32], secret[64];

    if (file->kdf[0] != 0 || file->kdf[1] != 0) {
        error_set(err, ERROR_INPUT, "a secret key under a password");
        return error_hint(err, "minisign -G -W makes one without, or coedge release keygen");
    }
    crypto_sign_seed_keypair(public, secret, file->secret);
    sodium_memzero(secret, sizeof(secret));
    if (memcmp(public, file->secret + 32, sizeof(public)) != 0)
        return error_set(err, ERROR_INPUT, "a damaged secret key: its halves do not belong together");
    memcpy(key->id, file->id, sizeof(key->id));
    memcpy(key->secret, file->secret, sizeof(key->secret));
    memcpy(key->public, file->secret + 32, sizeof(key->public));
    key->has_secret = true;
    return 0;
}

int sign_key_read(struct sign_key *key, const char *text, size_t count, struct error *err)
{
    struct secret_file secret;
    struct public_file public;
    struct line line;
    size_t left = count;
    int rc, bytes;

    *key = (struct sign_key){ 0 };
    if (ready(err) < 0)
        return -1;
    if (count > SIGN_TEXT_BYTES || !next_line(&text, &left, &line))
        return error_set(err, ERROR_INPUT, "no key: expected two lines as minisign writes them");
    if (begins(&line, untrusted) && !next_line(&text, &left, &line)) /* a bare base64 line is taken, too */
        return error_set(err, ERROR_INPUT, "no key behind the comment");
    bytes = bytes_of(&line, &secret, sizeof(secret));
    if (bytes == (int)sizeof(secret) && memcmp(secret.algorithm, "Ed", 2) == 0) {
        rc = secret_read(key, &secret, err);
        sodium_memzero(&secret, sizeof(secret));
        return rc;
    }
    if (bytes != (int)sizeof(public) || memcmp(secret.algorithm, "Ed", 2) != 0)
        return error_set(err, ERROR_INPUT, "no key: expected base64 of an Ed25519 key as minisign writes it");
    memcpy(&public, &secret, sizeof(public));
    memcpy(key->id, public.id, sizeof(key->id));
    memcpy(key->public, public.public, sizeof(key->public));
    return 0;
}

/* What the second signature is of: the first, then the comment. */
static size_t put_global(unsigned char *to, const unsigned char *signature, const char *comment, size_t count)
{
    memcpy(to, signature, GLOBAL_BYTES);
    memcpy(to + GLOBAL_BYTES, comment, count);
    return GLOBAL_BYTES + count;
}

int sign_make(const struct sign_key *key, const void *bytes, size_t count, const char *comment, struct arena *arena,
              char **text, struct error *err)
{
    struct signature_file file = { .algorithm = { 'E', 'D' } };
    unsigned char hash[HASH_BYTES], whole[GLOBAL_BYTES + SIGN_COMMENT_BYTES], second[GLOBAL_BYTES];
    const char *first_line, *second_line;
    char id[17];

    if (!key->has_secret)
        return error_set(err, ERROR_USAGE, "a public key, expected a secret one to sign with");
    if (strlen(comment) > SIGN_COMMENT_BYTES || strpbrk(comment, "\r\n") != NULL)
        return error_set(err, ERROR_INPUT, "a comment that is signed is one line of at most %d bytes",
                         SIGN_COMMENT_BYTES);
    if (ready(err) < 0)
        return -1;
    memcpy(file.id, key->id, sizeof(file.id));
    crypto_generichash(hash, sizeof(hash), bytes, count, NULL, 0);
    crypto_sign_detached(file.signature, NULL, hash, sizeof(hash), key->secret);
    crypto_sign_detached(second, NULL, whole, put_global(whole, file.signature, comment, strlen(comment)), key->secret);
    first_line = base64_of(arena, &file, sizeof(file));
    second_line = base64_of(arena, second, sizeof(second));
    *text = first_line && second_line ? arena_printf(arena, "%ssignature by key %s\n%s\n%s%s\n%s\n", untrusted,
                                                     sign_key_id(key, id), first_line, trusted, comment, second_line)
                                      : NULL;
    return *text ? 0 : error_memory(err);
}

struct parts {
    struct signature_file file;
    struct line comment;
    unsigned char second[GLOBAL_BYTES];
};

static int signature_read(struct parts *parts, const char *text, size_t count, struct error *err)
{
    struct line line[4];
    size_t left = count;

    for (int i = 0; i < 4; i++)
        if (count > SIGN_TEXT_BYTES || !next_line(&text, &left, &line[i]))
            return error_set(err, ERROR_INPUT, "no signature: expected four lines as minisign writes them");
    if (!begins(&line[0], untrusted) || !begins(&line[2], trusted) ||
        bytes_of(&line[1], &parts->file, sizeof(parts->file)) != (int)sizeof(parts->file) ||
        bytes_of(&line[3], parts->second, sizeof(parts->second)) != (int)sizeof(parts->second))
        return error_set(err, ERROR_INPUT, "no signature: expected comments and base64 as minisign writes them");
    if (memcmp(parts->file.algorithm, "ED", 2) != 0)
        return error_set(err, ERROR_INPUT, "a signature of an older kind, expected one of hashed bytes (minisign -H)");
    parts->comment.chars = line[2].chars + strlen(trusted);
    parts->comment.count = line[2].count - strlen(trusted);
    if (parts->comment.count > SIGN_COMMENT_BYTES)
        return error_set(err, ERROR_INPUT, "a trusted comment of more than %d bytes", SIGN_COMMENT_BYTES);
    return 0;
}

int sign_claimed_id(const char *text, size_t count, char hex[17], struct error *err)
{
    struct sign_key key;
    struct parts parts;

    if (signature_read(&parts, text, count, err) < 0)
        return -1;
    memcpy(key.id, parts.file.id, sizeof(key.id));
    sign_key_id(&key, hex);
    return 0;
}

int sign_check(const struct sign_key *keys, int key_count, const void *bytes, size_t count, const char *text,
               size_t text_count, struct arena *arena, int *by, const char **comment, struct error *err)
{
    unsigned char hash[HASH_BYTES], whole[GLOBAL_BYTES + SIGN_COMMENT_BYTES];
    struct parts parts;
    struct sign_key maker = { 0 };
    char id[17];

    if (ready(err) < 0 || signature_read(&parts, text, text_count, err) < 0)
        return -1;
    memcpy(maker.id, parts.file.id, sizeof(maker.id));
    *by = 0;
    while (*by < key_count && memcmp(keys[*by].id, maker.id, sizeof(maker.id)) != 0)
        ++*by;
    if (*by == key_count) {
        error_set(err, ERROR_TRUST, "signed by key %s, which is not trusted here", sign_key_id(&maker, id));
        return error_hint(err, "if it should be, add its public key to those given");
    }
    crypto_generichash(hash, sizeof(hash), bytes, count, NULL, 0);
    if (crypto_sign_verify_detached(parts.file.signature, hash, sizeof(hash), keys[*by].public) != 0)
        return error_set(err, ERROR_TRUST, "not what key %s signed: the bytes were changed", sign_key_id(&maker, id));
    if (crypto_sign_verify_detached(parts.second, whole,
                                    put_global(whole, parts.file.signature, parts.comment.chars, parts.comment.count),
                                    keys[*by].public) != 0)
        return error_set(err, ERROR_TRUST, "not the comment that key %s signed", sign_key_id(&maker, id));
    *comment = arena_strndup(arena, parts.comment.chars, parts.comment.count);
    return *comment ? 0 : error_memory(err);
}

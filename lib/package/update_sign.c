/*
 * The last member before `.end`, signature.minisig, is a signature in minisign's format of the 64 hex digits of the sha256 of all
 * bytes before its own tar header: a stream is signed as it is written, and
 *   head -c OFFSET a.update | sha256sum | cut -c -64 | tr -d '\n' >d; minisign -V -m d -x signature.minisig -p a.pub
 * verifies it.
 */
#include <inttypes.h>
#include <string.h>

#include "package/internal.h"
#include "stream/stream.h"

char *update_statement(struct arena *arena, const struct update *update)
{
    char base[65];

    return arena_printf(arena, "coedge update of round %" PRId64 " to base %s by site %s", update->round,
                        digest_hex(&update->base, base), update->site);
}

int signature_put(struct tar_writer *tar, const struct update *update, const struct sign_key *key, struct error *err)
{
    const struct digest digest = tar_digest(tar);
    struct arena arena = { 0 };
    const char *statement = update_statement(&arena, update);
    char hex[65], *text;
    int rc = statement ? 0 : error_memory(err);

    if (rc == 0)
        rc = sign_make(key, digest_hex(&digest, hex), 64, statement, &arena, &text, err);
    if (rc == 0)
        rc = tar_add(tar, MEMBER_SIGNATURE, text, strlen(text), err);
    arena_free(&arena);
    return rc;
}

int signature_check(const struct digest *digest, struct bytes signature, const struct update *update,
                    const struct sign_key *keys, int key_count, int *by, struct error *err)
{
    struct arena arena = { 0 };
    const char *comment, *statement = update_statement(&arena, update);
    char hex[65];
    int rc = statement ? 0 : error_memory(err);

    if (rc == 0)
        rc = sign_check(keys, key_count, digest_hex(digest, hex), 64, (const char *)signature.at, signature.count,
                        &arena, by, &comment, err);
    if (rc == 0 && strcmp(comment, statement) != 0) {
        error_set(err, ERROR_TRUST, "signed as '%s', but it is the %s", comment, statement);
        rc = -1;
    }
    arena_free(&arena);
    return rc;
}

int package_claimed_key(const struct model *model, char id[17], struct error *err)
{
    struct members members;

    if (members_read(&members, model->source.bytes, model->source.count, err) < 0)
        return -1;
    if (members.signature.at == NULL)
        return 0;
    if (sign_claimed_id((const char *)members.signature.at, members.signature.count, id, err) < 0)
        return error_in(err, MEMBER_SIGNATURE);
    return 1;
}

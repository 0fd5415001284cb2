/* channel.c - what a channel means, and what it meant: read and checked. */
#include <inttypes.h>
#include <string.h>

#include "registry/channel.h"

enum { KEYS = 64, LOG_ENTRIES = 100000 };

int trust_add(struct trust *trust, struct arena *arena, const char *path, struct error *err)
{
    struct sign_key *keys = arena_grow(arena, trust->key, (size_t)trust->count, (size_t)trust->count + 1,
                                       sizeof(*keys));
    struct input in;
    int rc;

    if (keys == NULL)
        return error_memory(err);
    if (trust->count == KEYS)
        return error_set(err, ERROR_USAGE, "more than %d keys to trust", KEYS);
    if (input_open(&in, path, SIGN_TEXT_BYTES, err) < 0)
        return -1;
    rc = sign_key_read(&keys[trust->count], (const char *)in.bytes, in.count, err);
    input_close(&in);
    if (rc < 0)
        return error_in(err, "%s", path);
    sign_key_forget(&keys[trust->count]); /* to check takes the public half alone */
    trust->key = keys;
    trust->count++;
    return 0;
}

int trust_add_said(struct trust *trust, struct arena *arena, const struct tree *said, struct error *err)
{
    const struct tree *one = said->kind == TREE_LIST ? said->first : said;

    if (one == NULL)
        return error_set(err, ERROR_USAGE, "remotes: trust: an empty list");
    for (; one != NULL; one = said->kind == TREE_LIST ? one->next : NULL) {
        if (one->kind != TREE_TEXT)
            return error_set(err, ERROR_USAGE, "remotes: trust: expected a file or a list of them");
        if (trust_add(trust, arena, one->text, err) < 0)
            return error_in(err, "remotes: trust");
    }
    return 0;
}

const char *release_comment(struct arena *arena, const struct release *release)
{
    return arena_printf(arena, "coedge release %s:%s version %" PRId64, release->name, release->channel,
                        release->version);
}

/* A layer of the release's manifest by its media type. */
static int read_layer(struct remote *remote, struct arena *arena, const struct tree *layers, const char *media,
                      int64_t most, struct input *in, struct error *err)
{
    for (const struct tree *one = layers->first; one; one = one->next) {
        const struct tree *type = tree_get(one, "mediaType");
        struct digest digest;
        int64_t size;

        if (type == NULL || type->kind != TREE_TEXT || strcmp(type->text, media) != 0)
            continue;
        if (descriptor_read(one, &digest, &size, err) < 0)
            return -1;
        if (size > most)
            return error_set(err, ERROR_INPUT, "%s of %" PRId64 " bytes, expected at most %" PRId64, media, size, most);
        return remote_blob(remote, arena, &digest, size, in, err);
    }
    return error_set(err, ERROR_TRUST, "a release without %s", media);
}

/* Signed for what it says it is. */
static int check_signature(const struct input *document, const struct input *signature, const struct trust *trust,
                           struct arena *arena, const char **comment, const char **key, struct error *err)
{
    char id[17];
    int by;

    *key = *comment = NULL;
    if (trust->count == 0)
        return 0;
    if (sign_check(trust->key, trust->count, document->bytes, document->count, (const char *)signature->bytes,
                   signature->count, arena, &by, comment, err) < 0) {
        if (err != NULL && err->kind == ERROR_INPUT)
            err->kind = ERROR_TRUST; /* a signature that cannot be read vouches for nothing */
        return -1;
    }
    *key = arena_strdup(arena, sign_key_id(&trust->key[by], id));
    return *key ? 0 : error_memory(err);
}

static int check_meaning(const struct release *release, const struct reference *reference, const char *comment,
                         struct arena *arena, struct error *err)
{
    const char *expected = release_comment(arena, release);

    if (expected == NULL)
        return error_memory(err);
    if (strcmp(release->name, reference->name) != 0 || strcmp(release->channel, reference->tag) != 0)
        return error_set(err, ERROR_TRUST, "a release of %s:%s, expected one of %s:%s", release->name, release->channel,
                         reference->name, reference->tag);
    if (comment != NULL && strcmp(comment, expected) != 0)
        return error_set(err, ERROR_TRUST, "the trusted comment is '%.100s', expected '%s'", comment, expected);
    return 0;
}

static int read_signed(struct release *release, const struct input *document, const struct input *signature,
                       const struct reference *reference, const struct trust *trust, struct arena *arena,
                       struct error *err)
{
    const char *comment, *key;

    if (check_signature(document, signature, trust, arena, &comment, &key, err) < 0)
        return -1;
    if (release_parse(release, arena, (const char *)document->bytes, document->count, err) < 0)
        return error_in(err, "document");
    release->key = key;
    return check_meaning(release, reference, comment, arena, err);
}

int channel_read(struct remote *remote, const struct tree *descriptor, const struct reference *reference,
                 const struct trust *trust, struct arena *arena, struct release *release, struct error *err)
{
    const struct tree *manifest, *layers;
    struct input document, signature;
    struct digest digest;
    int rc;

    if (remote_manifest(remote, arena, descriptor, &manifest, &digest, err) < 0 ||
        tree_need(manifest, "layers", TREE_LIST, &layers, err) < 0 ||
        read_layer(remote, arena, layers, MEDIA_RELEASE, DOCUMENT_BYTES, &document, err) < 0)
        return -1;
    rc = read_layer(remote, arena, layers, MEDIA_SIGNATURE, SIGN_TEXT_BYTES, &signature, err);
    if (rc == 0) {
        rc = read_signed(release, &document, &signature, reference, trust, arena, err);
        input_close(&signature);
    }
    input_close(&document);
    return rc;
}

int channel_descriptor(struct remote *remote, const struct reference *reference, const struct trust *trust,
                       struct arena *arena, const struct tree **descriptor, struct release **release, struct error *err)
{
    *release = NULL;
    if (remote_find(remote, arena, reference, descriptor, err) < 0)
        return -1;
    if (!descriptor_is_release(*descriptor))
        return 0;
    *release = arena_alloc(arena, sizeof(**release));
    if (*release == NULL)
        return error_memory(err);
    if (channel_read(remote, *descriptor, reference, trust, arena, *release, err) < 0)
        return error_in(err, "%s:%s", reference->name, reference->tag);
    return 0;
}

int channel_find(struct remote *remote, const struct reference *reference, const struct trust *trust,
                 struct arena *arena, struct release **release, struct error *err)
{
    const struct tree *descriptor;

    return channel_descriptor(remote, reference, trust, arena, &descriptor, release, err);
}

/* The one that `after` names as the one before it. */
static int read_previous(struct remote *remote, const struct reference *reference, const struct trust *trust,
                         const struct release *after, struct arena *arena, struct release *release, struct error *err)
{
    const struct tree *descriptor = descriptor_make(arena, MEDIA_MANIFEST, &after->previous, after->previous_size);

    if (descriptor == NULL)
        return error_memory(err);
    if (channel_read(remote, descriptor, reference, trust, arena, release, err) < 0)
        return error_in(err, "before version %" PRId64, after->version);
    if (release->version < after->version)
        return 0;
    return error_set(err, ERROR_TRUST, "version %" PRId64 " says that version %" PRId64 " was before it",
                     after->version, release->version);
}

int channel_history(struct remote *remote, const struct reference *reference, const struct trust *trust,
                    const struct release *newest, struct arena *arena, struct release **list, int *count,
                    struct error *err)
{
    size_t room = 16;
    struct release *all = arena_array(arena, room, sizeof(*all));

    if (all == NULL)
        return error_memory(err);
    all[0] = *newest;
    for (*count = 1; all[*count - 1].has_previous; ++*count) {
        if (*count == LOG_ENTRIES)
            return error_set(err, ERROR_LIMIT, "more than %d releases", LOG_ENTRIES);
        if ((size_t)*count == room) {
            all = arena_grow(arena, all, room, room * 2, sizeof(*all));
            room *= 2;
        }
        if (all == NULL)
            return error_memory(err);
        if (read_previous(remote, reference, trust, &all[*count - 1], arena, &all[*count], err) < 0)
            return error_in(err, "%s:%s", reference->name, reference->tag);
    }
    *list = all;
    return 0;
}

int channel_log(struct remote *remote, const struct reference *reference, const struct trust *trust,
                struct arena *arena, struct release **list, int *count, struct error *err)
{
    struct release *newest;
    int rc;

    if (channel_find(remote, reference, trust, arena, &newest, err) < 0)
        return -1;
    if (newest == NULL) {
        error_set(err, ERROR_ANSWER, "%s:%s is no channel: nothing was released to it", reference->name,
                  reference->tag);
        return error_hint(err, "coedge release promote makes one");
    }
    rc = channel_history(remote, reference, trust, newest, arena, list, count, err);
    if (rc == 0)
        remote_done(remote);
    return rc;
}

int channel_pull(struct remote *remote, const struct release_package *package, struct output *out,
                 struct artifact *artifact, struct arena *arena, const struct job *job, struct error *err)
{
    const struct tree *descriptor = descriptor_make(arena, MEDIA_MANIFEST, &package->manifest, package->manifest_size);
    char hex[65], found[65];

    if (descriptor == NULL)
        return error_memory(err);
    if (pull_descriptor(remote, descriptor, out, artifact, arena, job, err) < 0)
        return -1;
    if (!digest_equal(&artifact->digest, &package->package) || artifact->size != package->size)
        return error_set(err, ERROR_TRUST, "the package has the digest %.12s, the release says %.12s",
                         digest_hex(&artifact->digest, found), digest_hex(&package->package, hex));
    remote_done(remote);
    return 0;
}

/* promote.c - new releases: the document, its signature, and the channel that moves. */
#include <inttypes.h>
#include <string.h>

#include "registry/channel.h"
#include "json/json.h"

/* What a channel means before it is moved. */
struct before {
    struct reference channel;
    struct trust trust;
    struct release *newest; /* NULL: none yet */
    const struct tree *descriptor;
};

/* Who signs now may have signed before, and whom the caller trusts. */
static int trust_of(const struct release_wish *wish, struct arena *arena, struct trust *trust, struct error *err)
{
    trust->count = wish->trust ? wish->trust->count : 0;
    trust->key = arena_array(arena, (size_t)trust->count + 1, sizeof(*trust->key));
    if (trust->key == NULL)
        return error_memory(err);
    if (trust->count > 0)
        memcpy(trust->key, wish->trust->key, (size_t)trust->count * sizeof(*trust->key));
    trust->key[trust->count] = *wish->key;
    sign_key_forget(&trust->key[trust->count++]);
    return 0;
}

static int read_before(struct before *before, struct remote *remote, const struct reference *reference,
                       const struct release_wish *wish, struct arena *arena, struct error *err)
{
    const char *tag = wish->channel ? wish->channel : reference->tag;
    const struct tree *index;

    *before = (struct before){ .channel = { .folder = reference->folder, .name = reference->name, .tag = tag } };
    if (!component_good(tag))
        return error_set(err, ERROR_USAGE, "channel '%s': expected letters, digits and ._-+", tag);
    if (trust_of(wish, arena, &before->trust, err) < 0 || remote_index(remote, arena, &index, err) < 0)
        return -1;
    before->descriptor = index_find(index, reference_name(arena, &before->channel));
    if (!descriptor_is_release(before->descriptor)) {
        before->descriptor = tree_map(arena);
        return before->descriptor ? 0 : error_memory(err);
    }
    return channel_descriptor(remote, &before->channel, &before->trust, arena, &before->descriptor, &before->newest,
                              err);
}

/* ---- writing ---- */

static int add_blob(struct arena *arena, const char *folder, struct tree *layers, const char *media, const void *bytes,
                    size_t count, struct error *err)
{
    struct digest digest;

    if (blob_write(arena, folder, bytes, count, &digest, err) < 0)
        return -1;
    return tree_add(arena, layers, NULL, descriptor_make(arena, media, &digest, (int64_t)count)) ? 0
                                                                                                 : error_memory(err);
}

/* The parts of a package, so that who copies the release copies them. */
static int add_package(struct remote *remote, struct arena *arena, struct tree *layers,
                       const struct release_package *package, struct error *err)
{
    const struct tree *manifest, *list;
    struct tree *descriptor = descriptor_make(arena, MEDIA_MANIFEST, &package->manifest, package->manifest_size);
    struct digest digest;
    int64_t size;

    if (descriptor == NULL)
        return error_memory(err);
    if (remote_manifest(remote, arena, descriptor, &manifest, &digest, err) < 0 ||
        tree_need(manifest, "layers", TREE_LIST, &list, err) < 0)
        return -1;
    tree_add(arena, layers, NULL, descriptor_make(arena, MEDIA_PARTS, &package->manifest, package->manifest_size));
    for (const struct tree *one = list->first; one; one = one->next) {
        if (descriptor_read(one, &digest, &size, err) < 0)
            return -1;
        tree_add(arena, layers, NULL, descriptor_make(arena, MEDIA_LAYER, &digest, size));
    }
    return arena->failed ? error_memory(err) : 0;
}

static int add_signed(struct arena *arena, const char *folder, struct tree *layers, struct release *release,
                      const struct sign_key *key, struct error *err)
{
    const char *comment = release_comment(arena, release);
    struct text text = { 0 };
    char *signature;
    int rc;

    release_write(&text, arena, release);
    rc = comment ? text_check(&text, err) : error_memory(err);
    if (rc == 0)
        rc = sign_make(key, text.chars, text.length, comment, arena, &signature, err);
    if (rc == 0)
        rc = add_blob(arena, folder, layers, MEDIA_RELEASE, text.chars, text.length, err);
    if (rc == 0)
        rc = add_blob(arena, folder, layers, MEDIA_SIGNATURE, signature, strlen(signature), err);
    if (rc == 0)
        release->document = digest_of(text.chars, text.length);
    text_free(&text);
    return rc;
}

static int write_manifest(struct arena *arena, const char *folder, const struct tree *manifest,
                          struct tree **descriptor, struct error *err)
{
    struct text text = { 0 };
    struct digest digest;
    int rc;

    json_write(&text, manifest);
    rc = text_check(&text, err);
    if (rc == 0)
        rc = blob_write(arena, folder, text.chars, text.length, &digest, err) < 0 ? -1 : 0;
    if (rc == 0) {
        *descriptor = descriptor_make(arena, MEDIA_MANIFEST, &digest, (int64_t)text.length);
        rc = tree_add_text(arena, *descriptor, "artifactType", TYPE_RELEASE) ? 0 : error_memory(err);
    }
    text_free(&text);
    return rc;
}

/* Document and signature, then the manifest, then the name: who reads meanwhile finds the one before, whole. */
static int write_release(struct remote *remote, const struct before *before, struct release *release,
                         const struct sign_key *key, struct arena *arena, struct error *err)
{
    const char *folder = before->channel.folder, *name = reference_name(arena, &before->channel);
    struct tree *manifest = tree_map(arena), *layers, *descriptor = NULL;
    struct digest empty;

    if (name == NULL)
        return error_memory(err);
    if (blob_write(arena, folder, "{}", 2, &empty, err) < 0)
        return -1;
    tree_add_int(arena, manifest, "schemaVersion", 2);
    tree_add_text(arena, manifest, "mediaType", MEDIA_MANIFEST);
    tree_add_text(arena, manifest, "artifactType", TYPE_RELEASE);
    tree_add(arena, manifest, "config", descriptor_make(arena, MEDIA_EMPTY, &empty, 2));
    layers = tree_add_list(arena, manifest, "layers");
    if (add_signed(arena, folder, layers, release, key, err) < 0 ||
        add_package(remote, arena, layers, &release->package, err) < 0 ||
        (release->has_rest && add_package(remote, arena, layers, &release->rest, err) < 0) ||
        write_manifest(arena, folder, manifest, &descriptor, err) < 0)
        return -1;
    return index_set(arena, folder, name, before->descriptor, descriptor, err);
}

/* A clock that was set back would make releases that expire before they reach anyone. */
static int64_t date_of(const struct before *before, const struct release_wish *wish, const struct job *job)
{
    const struct release *newest = before->newest;
    char date[DATE_TEXT];

    if (newest == NULL || wish->dated || wish->now >= newest->date)
        return wish->now;
    job_note(job,
             "version %" PRId64 " is of %s, before which this machine's clock is: version %" PRId64
             " has that date, too (SOURCE_DATE_EPOCH says another)",
             newest->version, date_text(date, newest->date), newest->version + 1);
    return newest->date;
}

/* The one after `before`. */
static int follow(struct release *release, const struct before *before, const struct release_wish *wish,
                  const struct job *job, struct error *err)
{
    const int64_t date = date_of(before, wish, job);

    *release = (struct release){ .name = before->channel.name,
                                 .channel = before->channel.tag,
                                 .message = wish->message ? wish->message : "",
                                 .version = before->newest ? before->newest->version + 1 : 1,
                                 .date = date,
                                 .expires = date + wish->days * 24 * 3600,
                                 .share = wish->share };
    if (before->newest == NULL)
        return 0;
    release->has_previous = true;
    return descriptor_read(before->descriptor, &release->previous, &release->previous_size, err);
}

/* ---- promote ---- */

/* Whole, and a model where that is wished, as devices will find it: every digest is checked. */
static int examine(struct remote *remote, const struct tree *descriptor, bool any, struct release_package *package,
                   struct arena *arena, const struct job *job, struct error *err)
{
    struct artifact artifact;

    if (descriptor_read(descriptor, &package->manifest, &package->manifest_size, err) < 0 ||
        pull_descriptor(remote, descriptor, NULL, &artifact, arena, job, err) < 0)
        return -1;
    if (!any && (artifact.type == NULL || strcmp(artifact.type, TYPE_MODEL) != 0)) {
        error_set(err, ERROR_INPUT, "its type is %s, expected a package (%s)",
                  artifact.type ? artifact.type : "not told", TYPE_MODEL);
        return error_hint(err, "--any releases whatever it is");
    }
    package->package = artifact.digest;
    package->size = artifact.size;
    return 0;
}

/* What a tag means, or what a channel means for those in its share. */
static int find_package(struct remote *remote, const struct reference *reference, const struct before *before, bool any,
                        struct release_package *package, struct arena *arena, const struct job *job, struct error *err)
{
    const struct tree *descriptor;
    struct release *release;
    int rc;

    if (channel_descriptor(remote, reference, &before->trust, arena, &descriptor, &release, err) < 0)
        return -1;
    if (release != NULL) {
        descriptor = descriptor_make(arena, MEDIA_MANIFEST, &release->package.manifest, release->package.manifest_size);
        if (descriptor == NULL)
            return error_memory(err);
    }
    rc = examine(remote, descriptor, any, package, arena, job, err);
    return rc < 0 ? error_in(err, "%s:%s", reference->name, reference->tag) : 0;
}

/* What devices outside the share go on with: what all had before. */
static void keep_rest(struct release *release, const struct release *before)
{
    const struct release_package *rest = NULL;

    if (before != NULL && before->share >= 100)
        rest = &before->package;
    else if (before != NULL && before->has_rest)
        rest = &before->rest;
    if (rest == NULL || release->share >= 100 || digest_equal(&rest->package, &release->package.package))
        return;
    release->has_rest = true;
    release->rest = *rest;
}

static int promote(struct remote *remote, const struct reference *reference, const struct release_wish *wish,
                   struct arena *arena, struct release *release, const struct job *job, struct error *err)
{
    struct before before;

    if (read_before(&before, remote, reference, wish, arena, err) < 0 || follow(release, &before, wish, job, err) < 0 ||
        find_package(remote, reference, &before, wish->any, &release->package, arena, job, err) < 0)
        return -1;
    keep_rest(release, before.newest);
    return write_release(remote, &before, release, wish->key, arena, err);
}

/* ---- rollback ---- */

static bool was_withdrawn(const struct release *list, int count, const struct digest *package)
{
    for (int i = 0; i < count; i++)
        if (list[i].has_withdrawn && digest_equal(&list[i].withdrawn, package))
            return true;
    return false;
}

/* The newest that all devices had, is another one, and was not taken back since. */
static const struct release_package *find_good(const struct release *list, int count)
{
    const struct digest *bad = &list[0].package.package;

    for (int i = 0; i < count; i++) {
        const struct release_package *one = list[i].share >= 100 ? &list[i].package : &list[i].rest;

        if ((list[i].share >= 100 || list[i].has_rest) && !digest_equal(&one->package, bad) &&
            !was_withdrawn(list, i, &one->package))
            return one;
    }
    return NULL;
}

static const struct release_package *find_version(const struct release *list, int count, int64_t version)
{
    for (int i = 0; i < count; i++)
        if (list[i].version == version)
            return &list[i].package;
    return NULL;
}

static int choose(struct release *release, const struct release *list, int count, const struct release_wish *wish,
                  struct error *err)
{
    const struct release_package *good = wish->version > 0 ? find_version(list, count, wish->version)
                                                           : find_good(list, count);

    if (good == NULL && wish->version > 0)
        return error_set(err, ERROR_ANSWER, "%s:%s has no version %" PRId64, release->name, release->channel,
                         wish->version);
    if (good == NULL) {
        error_set(err, ERROR_ANSWER, "%s:%s has nothing to go back to: no other package was released to all devices",
                  release->name, release->channel);
        return error_hint(err, "coedge release promote gives the channel another package");
    }
    release->package = *good;
    release->share = 100;
    release->has_withdrawn = !digest_equal(&good->package, &list[0].package.package);
    release->withdrawn = list[0].package.package;
    return 0;
}

static int rollback(struct remote *remote, const struct reference *reference, const struct release_wish *wish,
                    struct arena *arena, struct release *release, const struct job *job, struct error *err)
{
    const struct tree *descriptor;
    struct release *list;
    struct before before;
    int count, rc;

    if (read_before(&before, remote, reference, wish, arena, err) < 0)
        return -1;
    if (before.newest == NULL)
        return error_set(err, ERROR_ANSWER, "%s:%s is no channel: nothing was released to it", reference->name,
                         reference->tag);
    if (follow(release, &before, wish, job, err) < 0 ||
        channel_history(remote, &before.channel, &before.trust, before.newest, arena, &list, &count, err) < 0 ||
        choose(release, list, count, wish, err) < 0)
        return -1;
    descriptor = descriptor_make(arena, MEDIA_MANIFEST, &release->package.manifest, release->package.manifest_size);
    rc = descriptor ? examine(remote, descriptor, wish->any, &release->package, arena, job, err) : error_memory(err);
    return rc < 0 ? error_in(err, "the package to go back to")
                  : write_release(remote, &before, release, wish->key, arena, err);
}

/* ---- both ---- */

static int release_with(int (*make)(struct remote *, const struct reference *, const struct release_wish *,
                                    struct arena *, struct release *, const struct job *, struct error *),
                        const struct reference *reference, const struct release_wish *wish, struct arena *arena,
                        const struct release **release, const struct job *job, struct error *err)
{
    struct release *made = arena_alloc(arena, sizeof(*made));
    struct remote *remote;
    int rc;

    if (made == NULL)
        return error_memory(err);
    if (!wish->key->has_secret)
        return error_set(err, ERROR_USAGE, "a public key, expected a secret one to sign with");
    if (reference_writable(reference, err) < 0 || (remote = remote_open(reference->folder, NULL, job, err)) == NULL)
        return -1;
    rc = make(remote, reference, wish, arena, made, job, err);
    remote_close(remote);
    *release = made;
    return rc;
}

int release_promote(const struct reference *reference, const struct release_wish *wish, struct arena *arena,
                    const struct release **release, const struct job *job, struct error *err)
{
    return release_with(promote, reference, wish, arena, release, job, err);
}

int release_rollback(const struct reference *reference, const struct release_wish *wish, struct arena *arena,
                     const struct release **release, const struct job *job, struct error *err)
{
    return release_with(rollback, reference, wish, arena, release, job, err);
}

/* pull.c - from a remote to bytes, every digest checked on the way. */
#include <string.h>

#include "registry/internal.h"
#include "json/json.h"

const char *reference_name(struct arena *arena, const struct reference *reference)
{
    return arena_printf(arena, "%s:%s", reference->name, reference->tag);
}

int remote_find(struct remote *remote, struct arena *arena, const struct reference *reference,
                const struct tree **descriptor, struct error *err)
{
    const char *name = reference_name(arena, reference);
    const struct tree *index;

    if (name == NULL)
        return error_memory(err);
    if (remote_index(remote, arena, &index, err) < 0)
        return -1;
    *descriptor = index_find(index, name);
    if (*descriptor != NULL)
        return 0;
    error_set(err, ERROR_ANSWER, "%s: nothing is named '%s'", reference->folder, name);
    return error_hint(err, "coedge pull --list %s shows what is there", reference->folder);
}

int remote_manifest(struct remote *remote, struct arena *arena, const struct tree *descriptor,
                    const struct tree **manifest, struct digest *digest, struct error *err)
{
    struct input in;
    int64_t size;
    int rc;

    if (descriptor_read(descriptor, digest, &size, err) < 0)
        return -1;
    if (size > MANIFEST_BYTES)
        return error_set(err, ERROR_INPUT, "a manifest of %lld bytes, expected at most %d", (long long)size,
                         MANIFEST_BYTES);
    if (remote_blob(remote, arena, digest, size, &in, err) < 0)
        return -1;
    rc = json_parse(arena, (const char *)in.bytes, in.count, manifest, err);
    input_close(&in);
    return rc < 0 ? error_in(err, "manifest") : 0;
}

static int pull_layers(struct remote *remote, struct arena *arena, const struct tree *layers, struct output *out,
                       struct artifact *artifact, const struct job *job, struct error *err)
{
    struct digest_stream *whole = digest_begin(err);
    int rc = whole ? 0 : -1;

    for (const struct tree *one = layers->first; one && rc == 0; one = one->next) {
        struct digest digest;
        struct input in;
        int64_t size;

        if (descriptor_read(one, &digest, &size, err) < 0 || remote_blob(remote, arena, &digest, size, &in, err) < 0) {
            rc = -1;
            break;
        }
        digest_add(whole, in.bytes, in.count);
        rc = out ? output_write(out, in.bytes, in.count, err) : 0;
        artifact->size += size;
        artifact->layers++;
        input_close(&in);
        job_step(job, "pull", (uint64_t)artifact->layers, layers->count);
    }
    if (whole != NULL)
        artifact->digest = digest_end(whole);
    return rc;
}

int pull_descriptor(struct remote *remote, const struct tree *descriptor, struct output *out, struct artifact *artifact,
                    struct arena *arena, const struct job *job, struct error *err)
{
    const struct tree *manifest, *layers, *notes;
    const char *said = NULL;
    char hex[65];

    *artifact = (struct artifact){ 0 };
    if (remote_manifest(remote, arena, descriptor, &manifest, &artifact->manifest, err) < 0 ||
        tree_need(manifest, "layers", TREE_LIST, &layers, err) < 0 ||
        tree_take_text(manifest, "artifactType", &artifact->type, err) < 0)
        return -1;
    notes = tree_get(manifest, "annotations");
    if (notes && (tree_take_text(notes, "org.opencontainers.image.title", &artifact->title, err) < 0 ||
                  tree_take_text(notes, "io.coedge.privacy", &artifact->privacy, err) < 0 ||
                  tree_take_text(notes, "io.coedge.content", &artifact->content, err) < 0 ||
                  tree_take_text(notes, "io.coedge.sha256", &said, err) < 0))
        return -1;
    if (pull_layers(remote, arena, layers, out, artifact, job, err) < 0)
        return -1;
    if (said != NULL && strcmp(said, digest_hex(&artifact->digest, hex)) != 0)
        return error_set(err, ERROR_TRUST, "the layers together have the digest %.12s, the manifest says %.12s", hex,
                         said);
    return 0;
}

int registry_pull(struct remote *remote, const struct reference *reference, struct output *out,
                  struct artifact *artifact, struct arena *arena, const struct job *job, struct error *err)
{
    const struct tree *descriptor;

    if (remote_find(remote, arena, reference, &descriptor, err) < 0)
        return -1;
    if (pull_descriptor(remote, descriptor, out, artifact, arena, job, err) < 0)
        return error_in(err, "%s:%s", reference->name, reference->tag);
    remote_done(remote);
    return 0;
}

int registry_list(struct remote *remote, struct arena *arena, struct tree **list, struct error *err)
{
    const struct tree *index, *manifests;

    if (remote_index(remote, arena, &index, err) < 0)
        return -1;
    *list = tree_list(arena);
    manifests = tree_get(index, "manifests");
    for (const struct tree *one = manifests->first; one; one = one->next) {
        const struct tree *name = tree_get(tree_get(one, "annotations"), "org.opencontainers.image.ref.name");
        const struct tree *digest = tree_get(one, "digest");
        struct tree *row = tree_add_map(arena, *list, NULL);

        tree_add_text(arena, row, "name", name && name->text ? name->text : "");
        tree_add_text(arena, row, "digest", digest && digest->text ? digest->text : "");
    }
    return *list ? 0 : error_memory(err);
}

/* export.c - what one name means, and nothing else, from a layout into another. */
#include "registry/internal.h"

static int copy_blob(struct remote *remote, const struct digest *digest, int64_t size, const char *to,
                     struct artifact *artifact, struct arena *arena, struct error *err)
{
    struct digest written;
    struct input in;
    int rc;

    if (remote_blob(remote, arena, digest, size, &in, err) < 0)
        return -1;
    rc = blob_write(arena, to, in.bytes, in.count, &written, err);
    input_close(&in);
    if (rc < 0)
        return -1;
    artifact->layers++;
    artifact->layers_new += rc;
    artifact->size += size;
    return 0;
}

static int copy_named(struct remote *remote, const struct tree *descriptor, const char *to, struct artifact *artifact,
                      struct arena *arena, struct error *err)
{
    struct digest digest;
    int64_t size;

    if (descriptor_read(descriptor, &digest, &size, err) < 0)
        return -1;
    return copy_blob(remote, &digest, size, to, artifact, arena, err);
}

/* Blobs first, the manifest after them. */
static int copy_artifact(struct remote *remote, const struct tree *descriptor, const char *to,
                         struct artifact *artifact, struct arena *arena, const struct job *job, struct error *err)
{
    const struct tree *manifest, *layers, *config;
    int64_t done = 0;

    if (remote_manifest(remote, arena, descriptor, &manifest, &artifact->manifest, err) < 0 ||
        tree_need(manifest, "layers", TREE_LIST, &layers, err) < 0)
        return -1;
    config = tree_get(manifest, "config");
    if (config != NULL && copy_named(remote, config, to, artifact, arena, err) < 0)
        return -1;
    for (const struct tree *one = layers->first; one; one = one->next) {
        if (copy_named(remote, one, to, artifact, arena, err) < 0)
            return -1;
        job_step(job, "export", (uint64_t)++done, layers->count);
    }
    return copy_named(remote, descriptor, to, artifact, arena, err);
}

/* As the index has it, without the name. */
static struct tree *copy_descriptor(struct arena *arena, const struct tree *from, const struct digest *digest)
{
    const struct tree *type = tree_get(from, "artifactType"), *size = tree_get(from, "size");
    struct tree *to = descriptor_make(arena, MEDIA_MANIFEST, digest, size->integer);

    if (type != NULL && type->kind == TREE_TEXT && tree_add_text(arena, to, "artifactType", type->text) == NULL)
        return NULL;
    return to;
}

/* A channel may follow a channel, or take a plain tag's place; a plain tag never takes a channel's. */
static int move_name(const char *to, const char *name, const struct tree *descriptor, struct arena *arena,
                     struct error *err)
{
    const struct tree *index, *there;

    if (!descriptor_is_release(descriptor))
        return index_set(arena, to, name, NULL, descriptor, err);
    if (index_read(arena, to, &index, err) < 0)
        return -1;
    there = index_find(index, name);
    return index_set(arena, to, name, descriptor_is_release(there) ? there : tree_map(arena), descriptor, err);
}

int registry_export(struct remote *remote, const struct reference *reference, const char *to, struct artifact *artifact,
                    struct arena *arena, const struct job *job, struct error *err)
{
    const char *name = reference_name(arena, reference);
    const struct tree *found;
    struct tree *descriptor;

    *artifact = (struct artifact){ 0 };
    if (name == NULL)
        return error_memory(err);
    if (remote_find(remote, arena, reference, &found, err) < 0)
        return -1;
    if (layout_prepare(arena, to, err) < 0 || copy_artifact(remote, found, to, artifact, arena, job, err) < 0)
        return error_in(err, "%s", name);
    descriptor = copy_descriptor(arena, found, &artifact->manifest);
    if (descriptor == NULL)
        return error_memory(err);
    if (move_name(to, name, descriptor, arena, err) < 0)
        return -1;
    remote_done(remote);
    return 0;
}

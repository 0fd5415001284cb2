#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "registry/internal.h"
#include "json/json.h"

/* The bytes as blobs of at most LAYER_BYTES; those that are there already stay. */
static int push_layers(struct arena *arena, const char *folder, const unsigned char *bytes, size_t count,
                       struct tree *list, struct artifact *artifact, const struct job *job, struct error *err)
{
    for (size_t done = 0; done < count || done == 0;) {
        const size_t take = count - done < LAYER_BYTES ? count - done : LAYER_BYTES;
        struct digest digest;
        int rc = blob_write(arena, folder, bytes + done, take, &digest, err);

        if (rc < 0)
            return -1;
        artifact->layers++;
        artifact->layers_new += rc;
        if (tree_add(arena, list, NULL, descriptor_make(arena, MEDIA_LAYER, &digest, (int64_t)take)) == NULL)
            return error_memory(err);
        done += take;
        job_step(job, "push", done, count);
        if (count == 0)
            break;
    }
    return 0;
}

static void annotate(struct arena *arena, struct tree *manifest, const struct artifact *artifact)
{
    struct tree *notes = tree_add_map(arena, manifest, "annotations");
    char hex[65];

    tree_add_text(arena, notes, "org.opencontainers.image.title", artifact->title);
    tree_add_text(arena, notes, "io.coedge.sha256", digest_hex(&artifact->digest, hex));
    if (artifact->privacy)
        tree_add_text(arena, notes, "io.coedge.privacy", artifact->privacy);
    if (artifact->content)
        tree_add_text(arena, notes, "io.coedge.content", artifact->content);
}

static int push_manifest(struct arena *arena, const char *folder, struct tree *manifest, struct artifact *artifact,
                         int64_t *size, struct error *err)
{
    struct text text = { 0 };
    int rc;

    json_write(&text, manifest);
    rc = text_check(&text, err);
    if (rc == 0)
        rc = blob_write(arena, folder, text.chars, text.length, &artifact->manifest, err) < 0 ? -1 : 0;
    *size = (int64_t)text.length;
    text_free(&text);
    return rc;
}

static int push(struct arena *arena, const struct reference *reference, const void *bytes, size_t count,
                struct artifact *artifact, const struct job *job, struct error *err)
{
    struct tree *manifest = tree_map(arena), *config;
    const char *folder = reference->folder, *name = reference_name(arena, reference);
    struct digest empty;
    int64_t size;

    if (name == NULL)
        return error_memory(err);
    if (layout_prepare(arena, folder, err) < 0 || blob_write(arena, folder, "{}", 2, &empty, err) < 0)
        return -1;
    tree_add_int(arena, manifest, "schemaVersion", 2);
    tree_add_text(arena, manifest, "mediaType", MEDIA_MANIFEST);
    tree_add_text(arena, manifest, "artifactType", artifact->type);
    config = tree_add(arena, manifest, "config", descriptor_make(arena, MEDIA_EMPTY, &empty, 2));
    if (config == NULL)
        return error_memory(err);
    if (push_layers(arena, folder, bytes, count, tree_add_list(arena, manifest, "layers"), artifact, job, err) < 0)
        return -1;
    annotate(arena, manifest, artifact);
    if (push_manifest(arena, folder, manifest, artifact, &size, err) < 0)
        return -1;
    return index_set(arena, folder, name, NULL, descriptor_make(arena, MEDIA_MANIFEST, &artifact->manifest, size), err);
}

int registry_push(const struct reference *reference, const void *bytes, size_t count, struct artifact *artifact,
                  const struct job *job, struct error *err)
{
    struct arena arena = { 0 };
    int rc;

    artifact->digest = digest_of(bytes, count);
    artifact->size = (int64_t)count;
    artifact->layers = artifact->layers_new = 0;
    rc = push(&arena, reference, bytes, count, artifact, job, err);
    arena_free(&arena);
    return rc;
}

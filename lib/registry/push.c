#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "registry/internal.h"
#include "json/json.h"

static const char *full_name(struct arena *arena, const struct reference *reference)
{
    return arena_printf(arena, "%s:%s", reference->name, reference->tag);
}

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
    const char *folder = reference->folder, *name = full_name(arena, reference);
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
    return index_set(arena, folder, name, descriptor_make(arena, MEDIA_MANIFEST, &artifact->manifest, size), err);
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

/* ---- pull ---- */

static int find_manifest(struct arena *arena, const struct reference *reference, const struct tree **manifest,
                         struct artifact *artifact, struct error *err)
{
    const char *name = full_name(arena, reference);
    const struct tree *index, *found;
    struct input in;
    int64_t size;
    int rc;

    if (name == NULL)
        return error_memory(err);
    if (!path_is_folder(reference->folder))
        return error_set(err, ERROR_ANSWER, "%s: no such layout folder", reference->folder);
    if (index_read(arena, reference->folder, &index, err) < 0)
        return -1;
    found = index_find(index, name);
    if (found == NULL) {
        error_set(err, ERROR_ANSWER, "%s: nothing is named '%s'", reference->folder, name);
        return error_hint(err, "coedge pull --list %s shows what is there", reference->folder);
    }
    if (descriptor_read(found, &artifact->manifest, &size, err) < 0 ||
        blob_read(arena, reference->folder, &artifact->manifest, size, &in, err) < 0)
        return error_in(err, "%s", name);
    rc = json_parse(arena, (const char *)in.bytes, in.count, manifest, err);
    input_close(&in);
    return rc < 0 ? error_in(err, "%s: manifest", name) : 0;
}

static int pull_layers(struct arena *arena, const char *folder, const struct tree *layers, struct output *out,
                       struct artifact *artifact, const struct job *job, struct error *err)
{
    struct digest_stream *whole = digest_begin(err);
    int rc = whole ? 0 : -1;

    for (const struct tree *one = layers->first; one && rc == 0; one = one->next) {
        struct digest digest;
        struct input in;
        int64_t size;

        if (descriptor_read(one, &digest, &size, err) < 0 || blob_read(arena, folder, &digest, size, &in, err) < 0) {
            rc = -1;
            break;
        }
        digest_add(whole, in.bytes, in.count);
        rc = output_write(out, in.bytes, in.count, err);
        artifact->size += size;
        artifact->layers++;
        input_close(&in);
        job_step(job, "pull", (uint64_t)artifact->layers, layers->count);
    }
    if (whole != NULL)
        artifact->digest = digest_end(whole);
    return rc;
}

int registry_pull(const struct reference *reference, struct output *out, struct artifact *artifact, struct arena *arena,
                  const struct job *job, struct error *err)
{
    const struct tree *manifest, *layers, *notes;
    const char *said = NULL;
    char hex[65];

    *artifact = (struct artifact){ 0 };
    if (find_manifest(arena, reference, &manifest, artifact, err) < 0 ||
        tree_need(manifest, "layers", TREE_LIST, &layers, err) < 0 ||
        tree_take_text(manifest, "artifactType", &artifact->type, err) < 0)
        return -1;
    notes = tree_get(manifest, "annotations");
    if (notes && (tree_take_text(notes, "org.opencontainers.image.title", &artifact->title, err) < 0 ||
                  tree_take_text(notes, "io.coedge.privacy", &artifact->privacy, err) < 0 ||
                  tree_take_text(notes, "io.coedge.content", &artifact->content, err) < 0 ||
                  tree_take_text(notes, "io.coedge.sha256", &said, err) < 0))
        return -1;
    if (pull_layers(arena, reference->folder, layers, out, artifact, job, err) < 0)
        return -1;
    if (said != NULL && strcmp(said, digest_hex(&artifact->digest, hex)) != 0)
        return error_set(err, ERROR_TRUST, "the layers together have the digest %.12s, the manifest says %.12s", hex,
                         said);
    return 0;
}

int registry_list(struct arena *arena, const char *folder, struct tree **list, struct error *err)
{
    const struct tree *index, *manifests;

    if (!path_is_folder(folder))
        return error_set(err, ERROR_ANSWER, "%s: no such layout folder", folder);
    if (index_read(arena, folder, &index, err) < 0)
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

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"
#include "package/internal.h"
#include "yaml/yaml.h"

/* Bytes that are read for the digest at a time. */
enum { PIECE = 1 << 18 };

/* The digest of the package, taken on a thread of its own while the model is used. */
struct pending {
    pthread_t thread;
    bool running; /* false: already known */
    const unsigned char *bytes;
    size_t count;
    atomic_bool rests; /* memory of what was read is given back */
    struct digest_stream *stream;
    struct digest claimed;
    bool good;
    char *place;
};

static void *take_digest(void *context)
{
    struct pending *pending = context;
    struct digest digest;

    for (size_t at = 0, count; at < pending->count; at += count) {
        count = pending->count - at < PIECE ? pending->count - at : PIECE;
        digest_add(pending->stream, pending->bytes + at, count);
        if (atomic_load(&pending->rests))
            input_rest(pending->bytes + at, count);
    }
    digest = digest_end(pending->stream);
    pending->good = digest_equal(&digest, &pending->claimed);
    return NULL;
}

static void wait_for(struct pending *pending)
{
    if (pending->running)
        pthread_join(pending->thread, NULL);
    pending->running = false;
}

/* model->settle: whoever frees the model without asking does not want to know. */
static void drop(struct model *model)
{
    struct pending *pending = model->pending;

    model->pending = NULL;
    if (pending == NULL)
        return;
    wait_for(pending);
    free(pending->place);
    free(pending);
}

static int begin(struct model *model, const struct members *members, const char *name, struct error *err)
{
    struct pending *pending = sys_alloc(sizeof(*pending));
    size_t length = strlen(name);

    if (pending == NULL)
        return error_memory(err);
    pending->place = sys_alloc(length + 1);
    if (pending->place == NULL) {
        free(pending);
        return error_memory(err);
    }
    pending->stream = digest_begin(err);
    if (pending->stream == NULL) {
        free(pending->place);
        free(pending);
        return -1;
    }
    memcpy(pending->place, name, length + 1);
    pending->bytes = model->source.bytes;
    pending->count = members->digested;
    pending->claimed = members->claimed;
    pending->running = pthread_create(&pending->thread, NULL, take_digest, pending) == 0;
    if (!pending->running)
        take_digest(pending);
    model->pending = pending;
    model->settle = drop;
    return 0;
}

void package_rest(const struct model *model)
{
    if (model->source.fixed)
        input_rest(model->source.bytes, model->source.count);
}

int package_settle(struct model *model, struct error *err)
{
    struct pending *pending = model->pending;
    int rc = 0;

    if (pending == NULL)
        return 0;
    wait_for(pending);
    if (!pending->good) {
        error_set(err, ERROR_INPUT, "%s: the bytes do not have the sha256 that .end states", pending->place);
        error_hint(err, "the file was damaged after it was written; get it again");
        rc = -1;
    }
    drop(model);
    return rc;
}

static int read_statistics(struct model *model, struct bytes bytes, struct error *err)
{
    const struct tree *root;

    if (bytes.at == NULL)
        return 0;
    if (yaml_parse(&model->arena, (const char *)bytes.at, bytes.count, &root, err) < 0)
        return error_in(err, MEMBER_STATISTICS);
    if (root->kind != TREE_MAP)
        return error_set(err, ERROR_INPUT, MEMBER_STATISTICS ": expected a map");
    model->statistics = (struct tree *)(uintptr_t)root; /* the arena is the model's own */
    return 0;
}

static int read_members(struct model *model, const struct members *members, bool verified, struct error *err)
{
    struct arena scratch = { 0 };
    struct weights_store store;
    const struct tree *root;
    int rc = model_yaml_parse(&root, &scratch, members->model, err);

    if (rc == 0)
        rc = weights_open(&store, &scratch, &model->arena, members->weights, err);
    if (rc == 0)
        rc = model_yaml_read(model, root, &store.store, err);
    if (rc == 0)
        rc = weights_all_used(&store, err);
    if (rc == 0 && !verified && model_check_finite(model, err) < 0)
        rc = error_in(err, MEMBER_WEIGHTS);
    if (rc == 0)
        rc = golden_read(model, members->golden, err);
    if (rc == 0)
        rc = read_statistics(model, members->statistics, err);
    model->extras = members->extras;
    if (rc == 0 && model->content == CONTENT_DATA && package_has(model, PACKAGE_REPLAY))
        model->content = CONTENT_PARAMETERS; /* the samples are, and they are not read */
    arena_free(&scratch);
    return rc;
}

/* model->source is set. */
static int read_source(struct model *model, const char *name, bool verified, struct error *err)
{
    struct members members;

    if (model->source.fixed) {
        model->graph.fixed = model->source.bytes;
        model->graph.fixed_bytes = model->source.count;
    }
    if (members_read(&members, model->source.bytes, model->source.count, err) < 0 ||
        (!verified && begin(model, &members, name, err) < 0) || read_members(model, &members, verified, err) < 0) {
        model_free(model);
        return error_in(err, "%s", name);
    }
    if (!verified)
        atomic_store(&((struct pending *)model->pending)->rests, model->source.fixed);
    return 0;
}

int package_open_bytes(struct input *in, const char *path, struct error *err)
{
    return input_open(in, path, 0, err);
}

int package_read(struct model *model, const char *path, struct error *err)
{
    struct input in;

    return package_open_bytes(&in, path, err) < 0 ? -1 : package_take(model, &in, path, err);
}

static int take(struct model *model, struct input *in, const char *path, bool verified, struct error *err)
{
    model_init(model);
    model->source = *in;
    *in = (struct input){ 0 };
    return read_source(model, strcmp(path, "-") == 0 ? "standard input" : path, verified, err);
}

int package_take(struct model *model, struct input *in, const char *path, struct error *err)
{
    return take(model, in, path, false, err);
}

int package_take_installed(struct model *model, struct input *in, const char *path, struct error *err)
{
    return take(model, in, path, true, err);
}

int package_read_memory(struct model *model, const void *bytes, size_t count, const char *name, struct error *err)
{
    model_init(model);
    model->source = (struct input){ .bytes = (unsigned char *)(uintptr_t)bytes, .count = count, .keep = true };
    return read_source(model, name, false, err);
}

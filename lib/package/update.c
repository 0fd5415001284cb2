/*
 * Updates are verified once, when they are opened, and then seen through their
 * map: a tensor's pages are given back when it was passed, so that many open
 * updates cost little.
 */
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"
#include "package/internal.h"

struct update_reader {
    struct arena arena;
    struct input source;
    const unsigned char *data;
    struct safetensors_entry *entry; /* F32 only, in stored order */
    int count, next, last;           /* last: whose pages are in use, or -1 */
    float *copy;                     /* of a tensor that lies unaligned */
    struct digest digest;
    struct bytes signature;
    struct digest signed_digest; /* of what it is of */
};

/* One pass: `.end`'s digest, checked, and the whole file's. */
static int verify(struct update_reader *reader, const struct members *members, struct error *err)
{
    struct digest_stream *stream = digest_begin(err);
    struct digest found;

    if (stream == NULL)
        return -1;
    digest_add(stream, reader->source.bytes, members->signed_bytes);
    reader->signed_digest = digest_peek(stream);
    digest_add(stream, reader->source.bytes + members->signed_bytes, members->digested - members->signed_bytes);
    found = digest_peek(stream);
    digest_add(stream, reader->source.bytes + members->digested, reader->source.count - members->digested);
    reader->digest = digest_end(stream);
    if (digest_equal(&found, &members->claimed))
        return 0;
    return error_set(err, ERROR_INPUT, "the bytes do not have the sha256 that .end states");
}

/* What is kept of the header: few bytes, the tree of its JSON is many. */
static int keep_entries(struct update_reader *reader, const struct safetensors *st, struct error *err)
{
    reader->entry = arena_array(&reader->arena, (size_t)st->count + 1, sizeof(reader->entry[0]));
    if (reader->entry == NULL)
        return error_memory(err);
    for (int i = 0; i < st->count; i++) {
        if (st->entry[i].dtype != DTYPE_F32)
            continue; /* constants, which training does not change */
        reader->entry[reader->count] = st->entry[i];
        reader->entry[reader->count++].name = arena_strdup(&reader->arena, st->entry[i].name);
    }
    return reader->arena.failed ? error_memory(err) : 0;
}

static int parse(struct update_reader *reader, struct update *update, enum privacy *privacy,
                 const struct members *members, struct error *err)
{
    struct arena scratch = { 0 };
    const struct tree *root;
    struct safetensors st;
    int rc = model_yaml_parse(&root, &scratch, members->model, err);

    if (rc == 0)
        rc = model_yaml_update(update, privacy, root, err);
    if (rc == 0) {
        update->site = arena_strdup(&reader->arena, update->site);
        rc = update->site == NULL ? error_memory(err) : 0;
    }
    if (rc == 0 && safetensors_parse(&st, &scratch, members->weights.at, members->weights.count, err) < 0)
        rc = error_in(err, MEMBER_WEIGHTS);
    if (rc == 0) {
        reader->data = members->weights.at + st.data_offset;
        rc = keep_entries(reader, &st, err);
    }
    arena_free(&scratch);
    return rc;
}

/* Nothing was written to the map: pages come back from the file. */
static void give_back(const struct update_reader *reader, const unsigned char *bytes, size_t count)
{
    if (reader->source.fixed)
        input_rest(bytes, count);
}

struct update_reader *update_open(const char *path, struct update *update, enum privacy *privacy, struct error *err)
{
    struct update_reader *reader = sys_alloc(sizeof(*reader));
    struct members members;

    if (reader == NULL) {
        error_memory(err);
        return NULL;
    }
    *reader = (struct update_reader){ .last = -1 };
    if (package_open_bytes(&reader->source, path, err) < 0) {
        free(reader);
        return NULL;
    }
    input_fix(&reader->source);
    if (members_read(&members, reader->source.bytes, reader->source.count, err) < 0 ||
        verify(reader, &members, err) < 0 || parse(reader, update, privacy, &members, err) < 0) {
        error_in(err, "%s", path);
        update_close(reader);
        return NULL;
    }
    reader->signature = members.signature;
    give_back(reader, reader->source.bytes, reader->source.count);
    return reader;
}

static int show(struct update_reader *reader, int index, struct update_tensor *tensor, struct error *err)
{
    const struct safetensors_entry *entry = &reader->entry[index], *last;
    const unsigned char *data = reader->data + entry->begin;

    if (reader->last >= 0 && reader->last != index) {
        last = &reader->entry[reader->last];
        give_back(reader, reader->data + last->begin, last->end - last->begin);
    }
    reader->last = index;
    *tensor = (struct update_tensor){ .name = entry->name, .shape = entry->shape };
    if ((uintptr_t)data % sizeof(float) != 0) {
        float *copy = sys_realloc(reader->copy, entry->end - entry->begin);

        if (copy == NULL)
            return error_memory(err);
        reader->copy = copy;
        memcpy(copy, data, entry->end - entry->begin);
        data = (const unsigned char *)copy;
    }
    tensor->data = (const float *)(const void *)data;
    return 0;
}

int update_next(struct update_reader *reader, struct update_tensor *tensor, struct error *err)
{
    if (reader->next == reader->count)
        return 0;
    return show(reader, reader->next++, tensor, err) < 0 ? -1 : 1;
}

int update_find(struct update_reader *reader, const char *name, struct update_tensor *tensor, struct error *err)
{
    /* Most callers go in stored order. */
    for (int i = 0; i < reader->count; i++) {
        int at = (reader->last + 1 + i) % reader->count;

        if (strcmp(reader->entry[at].name, name) == 0)
            return show(reader, at, tensor, err);
    }
    return error_set(err, ERROR_INPUT, "there is no tensor '%s'", name);
}

struct digest update_digest(const struct update_reader *reader)
{
    return reader->digest;
}

bool update_is_signed(const struct update_reader *reader)
{
    return reader->signature.at != NULL;
}

int update_signed_by(const struct update_reader *reader, const struct update *update, const struct sign_key *keys,
                     int key_count, int *by, struct error *err)
{
    return signature_check(&reader->signed_digest, reader->signature, update, keys, key_count, by, err);
}

void update_close(struct update_reader *reader)
{
    if (reader == NULL)
        return;
    input_close(&reader->source);
    arena_free(&reader->arena);
    free(reader->copy);
    free(reader);
}

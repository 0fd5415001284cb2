#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/sys.h"
#include "base/text.h"
#include "stream/internal.h"

#define HEADER_NAME ".dataset.yaml"

enum { PART_ALIGN = 16 };

struct sample_reader {
    struct tar_reader *tar;
    struct tar_member member; /* the next one, its bytes not yet taken */
    bool have_member, started;
    struct name_set keys;
    struct text store;                                     /* key, extensions and bytes of one sample */
    size_t ext[SAMPLE_MAX_PARTS], bytes[SAMPLE_MAX_PARTS]; /* places in store */
    uint64_t samples;
    struct text header;
    bool have_header;
};

static struct sample_reader *reader_new(struct tar_reader *tar, struct error *err)
{
    struct sample_reader *reader;

    if (tar == NULL)
        return NULL;
    reader = sys_alloc(sizeof(*reader));
    if (reader == NULL) {
        tar_close(tar);
        error_memory(err);
        return NULL;
    }
    *reader = (struct sample_reader){ .tar = tar };
    tar_limit_member(tar, limit_get(LIMIT_SAMPLE_BYTES));
    return reader;
}

struct sample_reader *sample_open(const char *path, struct error *err)
{
    return reader_new(tar_open(path, err), err);
}

struct sample_reader *sample_open_begun(int fd, const void *first, size_t count, const char *name, struct error *err)
{
    return reader_new(tar_open_begun(fd, first, count, name, err), err);
}

struct sample_reader *sample_open_memory(const void *bytes, size_t count, const char *name, struct error *err)
{
    return reader_new(tar_open_memory(bytes, count, name, err), err);
}

void sample_close(struct sample_reader *reader)
{
    if (reader == NULL)
        return;
    tar_close(reader->tar);
    name_set_free(&reader->keys);
    text_free(&reader->store);
    text_free(&reader->header);
    free(reader);
}

static const char *last_component(const char *name)
{
    const char *slash = strrchr(name, '/');

    return slash != NULL ? slash + 1 : name;
}

static size_t key_length(const char *name)
{
    const char *last = last_component(name);

    return (size_t)(last - name) + strcspn(last, ".");
}

static int keep_header(struct sample_reader *reader, struct error *err)
{
    if (reader->member.count > limit_get(LIMIT_YAML_BYTES)) {
        error_set(err, ERROR_INPUT, HEADER_NAME " has %zu bytes, the limit is %" PRIu64, reader->member.count,
                  limit_get(LIMIT_YAML_BYTES));
        return tar_error_in(reader->tar, err);
    }
    if (tar_load(reader->tar, &reader->member, err) < 0)
        return -1;
    text_add_bytes(&reader->header, reader->member.bytes, reader->member.count);
    reader->have_header = true;
    return text_check(&reader->header, err);
}

/* reader->member becomes the next that belongs to a sample. 1, 0, -1. */
static int advance(struct sample_reader *reader, struct error *err)
{
    for (;;) {
        bool first = !reader->started;
        int rc = tar_next_open(reader->tar, &reader->member, err);

        reader->started = true;
        reader->have_member = rc == 1;
        if (rc != 1)
            return rc;
        if (last_component(reader->member.name)[0] != '.')
            return 1;
        if (first && strcmp(reader->member.name, HEADER_NAME) == 0 && keep_header(reader, err) < 0)
            return -1;
    }
}

static void align_store(struct text *store)
{
    static const char zeros[PART_ALIGN];

    text_add_bytes(store, zeros, -store->length % PART_ALIGN);
}

/* The open member as one more part. */
static int keep_part(struct sample_reader *reader, struct sample *sample, struct error *err)
{
    struct text *store = &reader->store;
    const char *ext = reader->member.name + key_length(reader->member.name);
    int part = sample->part_count;

    if (part == SAMPLE_MAX_PARTS) {
        error_set(err, ERROR_INPUT, "sample '%s' has more than %d members", store->chars, SAMPLE_MAX_PARTS);
        return tar_error_in(reader->tar, err);
    }
    if (*ext == '.')
        ext++;
    reader->ext[part] = store->length;
    text_add_bytes(store, ext, strlen(ext) + 1);
    align_store(store);
    if (tar_load(reader->tar, &reader->member, err) < 0)
        return -1;
    reader->bytes[part] = store->length;
    text_add_bytes(store, reader->member.bytes, reader->member.count);
    sample->part[part].count = reader->member.count;
    sample->part_count++;
    return text_check(store, err);
}

static int begin_sample(struct sample_reader *reader, size_t length, struct error *err)
{
    struct text *store = &reader->store;
    int fresh = name_set_add(&reader->keys, reader->member.name, length, err);

    if (fresh < 0)
        return -1;
    if (fresh == 0) {
        error_set(err, ERROR_INPUT, "the members of sample '%.*s' do not follow one another", (int)length,
                  reader->member.name);
        error_hint(err, "write the shard with coedge dataset pack, or tar --sort=name");
        return tar_error_in(reader->tar, err);
    }
    store->length = 0;
    text_add_bytes(store, reader->member.name, length);
    text_add_bytes(store, "", 1);
    return text_check(store, err);
}

static int check_samples(const struct sample_reader *reader, struct error *err)
{
    uint64_t expected = tar_end_samples(reader->tar);

    if (tar_end_state(reader->tar, NULL) == TAR_END_MISSING || expected == reader->samples)
        return 0;
    error_set(err, ERROR_INPUT, ".end: expected %" PRIu64 " samples, found %" PRIu64, expected, reader->samples);
    return tar_error_in(reader->tar, err);
}

int sample_next(struct sample_reader *reader, struct sample *sample, struct error *err)
{
    size_t length;
    int rc = 1;

    sample->part_count = 0;
    if (!reader->have_member)
        rc = advance(reader, err);
    if (rc == 0)
        return check_samples(reader, err);
    if (rc < 0)
        return -1;
    length = key_length(reader->member.name);
    if (begin_sample(reader, length, err) < 0)
        return -1;
    do {
        if (keep_part(reader, sample, err) < 0)
            return -1;
        rc = advance(reader, err);
    } while (rc == 1 && key_length(reader->member.name) == length &&
             memcmp(reader->member.name, reader->store.chars, length) == 0);
    reader->samples++;
    if (rc < 0 || (rc == 0 && check_samples(reader, err) < 0))
        return -1;
    sample->key = reader->store.chars;
    for (int i = 0; i < sample->part_count; i++) {
        sample->part[i].ext = reader->store.chars + reader->ext[i];
        sample->part[i].bytes = (const unsigned char *)reader->store.chars + reader->bytes[i];
    }
    return 1;
}

const char *sample_header(const struct sample_reader *reader, size_t *count)
{
    if (!reader->have_header)
        return NULL;
    *count = reader->header.length;
    return reader->header.chars;
}

enum tar_end sample_end_state(const struct sample_reader *reader, struct digest *digest)
{
    return tar_end_state(reader->tar, digest);
}

const struct sample_part *sample_find(const struct sample *sample, const char *ext)
{
    for (int i = 0; i < sample->part_count; i++)
        if (strcmp(sample->part[i].ext, ext) == 0)
            return &sample->part[i];
    return NULL;
}

/* gzip by zlib itself: libarchive's filter does not compare the checksum, zlib does. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#define ZLIB_CONST /* next_in points to const */
#include <zlib.h>

#include "base/sys.h"
#include "stream/internal.h"

struct inflater {
    z_stream z;
    inflater_source *source;
    void *context;
    bool started; /* a member is being undone */
    bool ended;
};

bool stream_is_gzip(const void *bytes, size_t count)
{
    const unsigned char *b = bytes;

    return count >= 3 && b[0] == 0x1f && b[1] == 0x8b && b[2] == 8;
}

struct inflater *inflater_new(inflater_source *source, void *context, struct error *err)
{
    struct inflater *inflater = sys_alloc(sizeof(*inflater));

    if (inflater == NULL) {
        error_memory(err);
        return NULL;
    }
    *inflater = (struct inflater){ .source = source, .context = context };
    if (inflateInit2(&inflater->z, MAX_WBITS + 16) != Z_OK) { /* 16: the gzip wrapper */
        free(inflater);
        error_memory(err);
        return NULL;
    }
    return inflater;
}

/* 1: there is input, 0: none is left, -1: error. */
static int refill(struct inflater *inflater, struct error *err)
{
    const unsigned char *bytes;
    int64_t got;

    if (inflater->z.avail_in > 0)
        return 1;
    got = inflater->source(inflater->context, &bytes, err);
    if (got <= 0)
        return (int)got;
    inflater->z.next_in = bytes;
    inflater->z.avail_in = (uInt)got;
    return 1;
}

static int undo(struct inflater *inflater, struct error *err)
{
    int rc = inflate(&inflater->z, Z_NO_FLUSH);

    if (rc == Z_STREAM_END) {
        inflater->started = false; /* another member may follow, as gzip files may be joined */
        inflateReset(&inflater->z);
        return 0;
    }
    if (rc == Z_OK || rc == Z_BUF_ERROR)
        return 0;
    if (rc == Z_MEM_ERROR)
        return error_memory(err);
    return error_set(err, ERROR_INPUT, "gzip data is damaged: %s",
                     inflater->z.msg != NULL ? inflater->z.msg : "not what the format allows");
}

int64_t inflater_read(struct inflater *inflater, unsigned char *out, size_t room, struct error *err)
{
    inflater->z.next_out = out;
    inflater->z.avail_out = room > UINT_MAX ? UINT_MAX : (uInt)room;
    room = inflater->z.avail_out;
    while (inflater->z.avail_out == room && !inflater->ended) {
        int more = refill(inflater, err);

        if (more < 0)
            return -1;
        if (more == 0) {
            if (inflater->started)
                return error_set(err, ERROR_INPUT, "gzip data is cut");
            inflater->ended = true;
            break;
        }
        inflater->started = true;
        if (undo(inflater, err) < 0)
            return -1;
    }
    return (int64_t)(room - inflater->z.avail_out);
}

void inflater_free(struct inflater *inflater)
{
    if (inflater == NULL)
        return;
    inflateEnd(&inflater->z);
    free(inflater);
}

struct memory_source {
    const unsigned char *bytes;
    size_t count;
};

static int64_t from_memory(void *context, const unsigned char **bytes, struct error *err)
{
    struct memory_source *source = context;
    size_t count = source->count < 1 << 20 ? source->count : 1 << 20;

    (void)err;
    *bytes = source->bytes;
    source->bytes += count;
    source->count -= count;
    return (int64_t)count;
}

/* Appends all of it to *out, which grows as bytes really come. */
static int inflate_all(struct inflater *inflater, size_t max_bytes, unsigned char **out, size_t *out_count,
                       struct error *err)
{
    size_t capacity = 0;
    int64_t got;

    do {
        if (*out_count == capacity) {
            unsigned char *larger;

            capacity = capacity > 0 ? capacity * 2 : 1 << 16;
            larger = sys_realloc(*out, capacity);
            if (larger == NULL)
                return error_memory(err);
            *out = larger;
        }
        got = inflater_read(inflater, *out + *out_count, capacity - *out_count, err);
        if (got < 0)
            return -1;
        *out_count += (size_t)got;
        if (*out_count > max_bytes)
            return error_set(err, ERROR_LIMIT, "gzip data hold more than %zu bytes", max_bytes);
    } while (got > 0);
    return 0;
}

int stream_gunzip(const void *bytes, size_t count, size_t max_bytes, unsigned char **out, size_t *out_count,
                  struct error *err)
{
    struct memory_source source = { bytes, count };
    struct inflater *inflater;
    int rc;

    if (!stream_is_gzip(bytes, count))
        return error_set(err, ERROR_INPUT, "not gzip data");
    inflater = inflater_new(from_memory, &source, err);
    if (inflater == NULL)
        return -1;
    *out = NULL;
    *out_count = 0;
    rc = inflate_all(inflater, max_bytes, out, out_count, err);
    inflater_free(inflater);
    if (rc < 0) {
        free(*out);
        *out = NULL;
    }
    return rc;
}

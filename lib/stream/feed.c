#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sys.h"
#include "stream/internal.h"

enum { FEED_BLOCK = 128 * 1024, RAW_BLOCK = 64 * 1024 };

static int begin(struct feed *feed, struct error *err)
{
    feed->digest = digest_begin(err);
    return feed->digest == NULL ? -1 : 0;
}

int feed_open(struct feed *feed, const char *path, struct error *err)
{
    int fd = STDIN_FILENO;

    *feed = (struct feed){ .fd = -1 };
    if (strcmp(path, "-") != 0)
        fd = sys_open(path, O_RDONLY | O_CLOEXEC, 0);
    return fd < 0 ? error_errno(err, ERROR_IO, "%s", path) : feed_open_begun(feed, fd, NULL, 0, err);
}

int feed_open_begun(struct feed *feed, int fd, const void *first, size_t count, struct error *err)
{
    *feed = (struct feed){ .fd = fd, .own_fd = fd != STDIN_FILENO };
    /* The second half holds gzip bytes before they are undone. */
    feed->buffer = sys_alloc(FEED_BLOCK + RAW_BLOCK);
    if (feed->buffer == NULL)
        return error_memory(err);
    if (count > 0)
        memcpy(feed->buffer, first, count);
    feed->held = count;
    return begin(feed, err);
}

int feed_open_memory(struct feed *feed, const void *bytes, size_t count, struct error *err)
{
    *feed = (struct feed){ .fd = -1, .memory = bytes, .memory_count = count };
    feed->direct = !stream_is_gzip(bytes, count);
    if (feed->direct)
        return 0;
    feed->buffer = sys_alloc(FEED_BLOCK);
    if (feed->buffer == NULL)
        return error_memory(err);
    return begin(feed, err);
}

static int64_t read_file(const struct feed *feed, unsigned char *out, size_t room, struct error *err)
{
    ssize_t got = sys_read(feed->fd, out, room);

    if (got < 0)
        return error_errno(err, ERROR_IO, "cannot read");
    return got;
}

/* The inflater's source: bytes as they are stored. */
static int64_t raw_bytes(void *context, const unsigned char **bytes, struct error *err)
{
    struct feed *feed = context;
    unsigned char *raw = feed->buffer + FEED_BLOCK;

    if (feed->memory != NULL) {
        size_t left = feed->memory_count - feed->memory_at;

        *bytes = feed->memory + feed->memory_at;
        left = left < 1 << 20 ? left : 1 << 20;
        feed->memory_at += left;
        return (int64_t)left;
    }
    *bytes = raw;
    if (feed->raw_held > 0) {
        size_t held = feed->raw_held;

        feed->raw_held = 0;
        return (int64_t)held;
    }
    return read_file(feed, raw, RAW_BLOCK, err);
}

static int64_t plain_bytes(struct feed *feed, unsigned char *out, size_t room, struct error *err)
{
    if (feed->inflater != NULL)
        return inflater_read(feed->inflater, out, room, err);
    return read_file(feed, out, room, err);
}

/* Looks at the first bytes: gzip or not. A pipe may bring them one by one. */
static int start(struct feed *feed, struct error *err)
{
    feed->started = true;
    while (feed->memory == NULL && feed->held < 3) {
        int64_t got = read_file(feed, feed->buffer + feed->held, TAR_BLOCK - feed->held, err);

        if (got < 0)
            return -1;
        if (got == 0)
            break;
        feed->held += (size_t)got;
    }
    if (feed->memory != NULL || stream_is_gzip(feed->buffer, feed->held)) {
        if (feed->held > 0)
            memcpy(feed->buffer + FEED_BLOCK, feed->buffer, feed->held);
        feed->raw_held = feed->held;
        feed->held = 0;
        feed->inflater = inflater_new(raw_bytes, feed, err);
        return feed->inflater == NULL ? -1 : 0;
    }
    return 0;
}

/* The whole memory is one block; a second one is empty. */
static int next_direct(struct feed *feed)
{
    feed->block_at += feed->block_count;
    feed->block = feed->memory + feed->block_at;
    feed->block_count = feed->started ? 0 : feed->memory_count;
    feed->started = true;
    return feed->block_count > 0;
}

int feed_next(struct feed *feed, struct error *err)
{
    int64_t got = 1;
    size_t keep;

    if (feed->direct)
        return next_direct(feed);
    if (feed->block_count > 0) {
        if (feed->digest != NULL)
            digest_add(feed->digest, feed->block, feed->block_count);
        feed->block_at += feed->block_count;
        /* Bytes read beyond the last whole 512 move to the front. */
        memmove(feed->buffer, feed->block + feed->block_count, feed->held);
        feed->block_count = 0;
    }
    if (!feed->started && start(feed, err) < 0)
        return -1;
    while (got > 0 && feed->held < TAR_BLOCK) {
        got = plain_bytes(feed, feed->buffer + feed->held, FEED_BLOCK - feed->held, err);
        if (got < 0)
            return -1;
        feed->held += (size_t)got;
    }
    keep = got > 0 ? feed->held % TAR_BLOCK : 0;
    feed->block = feed->buffer;
    feed->block_count = feed->held - keep;
    feed->held = keep;
    return feed->block_count > 0;
}

struct digest feed_end_digest(struct feed *feed, uint64_t count)
{
    struct digest_stream *digest = feed->digest;

    if (feed->direct)
        return digest_of(feed->memory, (size_t)count);
    digest_add(digest, feed->block, (size_t)(count - feed->block_at));
    feed->digest = NULL;
    return digest_end(digest);
}

void feed_close(struct feed *feed)
{
    inflater_free(feed->inflater);
    if (feed->digest != NULL)
        (void)digest_end(feed->digest);
    if (feed->own_fd && feed->fd >= 0)
        (void)sys_close(feed->fd);
    free(feed->buffer);
    *feed = (struct feed){ .fd = -1 };
}

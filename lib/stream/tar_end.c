#include <inttypes.h>
#include <string.h>

#include "stream/tar_read.h"
#include "json/json.h"

/* Tools pad a tar to their record size, 10 KiB or a little more. */
enum { MAX_PADDING = 1 << 20 };

static bool all_zeros(const unsigned char *bytes, size_t count)
{
    return count == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, count - 1) == 0);
}

int tar_end_plain(struct tar_reader *tar, uint64_t last, uint64_t at, struct error *err)
{
    struct feed *feed = &tar->feed;
    uint64_t end = (last + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
    size_t from = (size_t)(at - feed->block_at);
    uint64_t padding = 0;
    int rc;

    if (at < end + 2 * (uint64_t)TAR_BLOCK || at < feed->block_at)
        return error_set(err, ERROR_INPUT, "cut: the two empty blocks that end a tar are missing");
    do {
        padding += feed->block_count - from;
        if (!all_zeros(feed->block + from, feed->block_count - from))
            return error_set(err, ERROR_INPUT, "there are bytes after the end of the tar, at %" PRIu64,
                             feed->block_at + from);
        if (padding > MAX_PADDING)
            return error_set(err, ERROR_INPUT, "more than %d bytes of padding after the end of the tar", MAX_PADDING);
        from = 0;
        rc = feed_next(feed, err);
    } while (rc > 0);
    if (rc < 0)
        return -1;
    tar->end = TAR_END_MISSING;
    tar->digest = feed_end_digest(feed, feed->block_at + feed->block_count);
    return 0;
}

/* All that follows `offset` into tail, at most one byte too many. */
static int collect(struct tar_reader *tar, uint64_t offset, unsigned char tail[TAR_TAIL + 1], size_t *count,
                   struct error *err)
{
    struct feed *feed = &tar->feed;
    size_t from = (size_t)(offset - feed->block_at);
    int rc;

    *count = 0;
    do {
        size_t part = feed->block_count - from;

        if (part > (size_t)TAR_TAIL + 1 - *count)
            part = (size_t)TAR_TAIL + 1 - *count;
        memcpy(tail + *count, feed->block + from, part);
        *count += part;
        from = 0;
        rc = *count <= TAR_TAIL ? feed_next(feed, err) : 0;
    } while (rc > 0);
    return rc;
}

struct claim {
    int64_t members, samples;
    struct digest digest;
};

static int parse(struct claim *claim, const unsigned char *json, struct error *err)
{
    static const char *const known[] = { "members", "samples", "sha256", NULL };
    struct arena arena = { 0 };
    const struct tree *root;
    const char *hex;
    int rc = -1;

    if (json_parse(&arena, (const char *)json, strnlen((const char *)json, TAR_BLOCK), &root, err) == 0 &&
        tree_only(root, known, err) == 0 && tree_need_int(root, "members", 0, INT64_MAX, &claim->members, err) == 0 &&
        tree_need_int(root, "samples", 0, INT64_MAX, &claim->samples, err) == 0 &&
        tree_need_text(root, "sha256", &hex, err) == 0 && digest_parse(&claim->digest, hex, err) == 0)
        rc = 0;
    arena_free(&arena);
    return rc;
}

int tar_end_mark(struct tar_reader *tar, uint64_t offset, struct error *err)
{
    unsigned char tail[TAR_TAIL + 1], expected[TAR_TAIL];
    struct digest digest = { 0 };
    struct claim claim = { 0 };
    bool known = !(tar->defer && tar->feed.direct);
    size_t count;

    if (offset < tar->feed.block_at || offset > tar->feed.block_at + tar->feed.block_count)
        return error_set(err, ERROR_INPUT, ".end: its header is not where a plain one would be");
    if (known)
        digest = feed_end_digest(&tar->feed, offset);
    if (collect(tar, offset, tail, &count, err) < 0)
        return -1;
    if (count < TAR_TAIL)
        return error_set(err, ERROR_INPUT, ".end: cut, %zu of %d bytes", count, TAR_TAIL);
    if (count > TAR_TAIL)
        return error_set(err, ERROR_INPUT, ".end: there are bytes after the end of the tar");
    if (parse(&claim, tail + TAR_BLOCK, err) < 0) {
        if (err != NULL && err->kind == ERROR_INPUT)
            return error_in(err, ".end");
        return -1;
    }
    if ((uint64_t)claim.members != tar->members)
        return error_set(err, ERROR_INPUT, ".end: expected %" PRId64 " members, found %" PRIu64, claim.members,
                         tar->members);
    if (known && digest_is_none(&digest))
        return error_memory(err);
    if (known && !digest_equal(&digest, &claim.digest))
        return error_set(err, ERROR_INPUT, ".end: the bytes before it do not have the sha256 that it states");
    tar_tail(expected, (uint64_t)claim.members, (uint64_t)claim.samples, &claim.digest);
    if (memcmp(tail, expected, TAR_TAIL) != 0)
        return error_set(err, ERROR_INPUT, ".end: damaged");
    tar->end = TAR_END_GOOD;
    tar->digest = claim.digest;
    tar->end_offset = offset;
    tar->end_samples = (uint64_t)claim.samples;
    return 0;
}

void tar_defer_digest(struct tar_reader *tar)
{
    tar->defer = true;
}

enum tar_end tar_end_state(const struct tar_reader *tar, struct digest *digest)
{
    if (digest != NULL)
        *digest = tar->digest;
    return tar->end;
}

uint64_t tar_end_offset(const struct tar_reader *tar)
{
    return tar->end_offset;
}

uint64_t tar_end_samples(const struct tar_reader *tar)
{
    return tar->end_samples;
}

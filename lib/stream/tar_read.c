/* libarchive finds the members; feed.c gives it the bytes, tar_end.c judges how they end. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/sys.h"
#include "base/text.h"
#include "stream/tar_read.h"

enum { ABSURD_BITS = 53 };

static la_ssize_t on_read(struct archive *archive, void *context, const void **bytes)
{
    struct tar_reader *tar = context;
    int rc = feed_next(&tar->feed, &tar->feed_error);

    (void)archive;
    if (rc < 0)
        return ARCHIVE_FATAL;
    *bytes = tar->feed.block;
    return rc == 0 ? 0 : (la_ssize_t)tar->feed.block_count;
}

static struct tar_reader *reader_new(const char *name, struct error *err)
{
    struct tar_reader *tar = sys_alloc(sizeof(*tar));

    if (tar == NULL) {
        error_memory(err);
        return NULL;
    }
    *tar = (struct tar_reader){ .member_limit = limit_get(LIMIT_PACKAGE_BYTES), .feed.fd = -1 };
    tar->path = arena_strdup(&tar->arena, strcmp(name, "-") == 0 ? "standard input" : name);
    tar->archive = archive_read_new();
    if (tar->path == NULL || tar->archive == NULL || archive_read_support_format_tar(tar->archive) != ARCHIVE_OK) {
        tar_close(tar);
        error_memory(err);
        return NULL;
    }
    return tar;
}

struct tar_reader *tar_open(const char *path, struct error *err)
{
    struct tar_reader *tar = reader_new(path, err);

    if (tar != NULL && feed_open(&tar->feed, path, err) < 0) {
        tar_close(tar);
        return NULL;
    }
    return tar;
}

struct tar_reader *tar_open_begun(int fd, const void *first, size_t count, const char *name, struct error *err)
{
    struct tar_reader *tar = reader_new(name, err);

    if (tar == NULL) {
        if (fd != STDIN_FILENO)
            (void)sys_close(fd);
        return NULL;
    }
    if (feed_open_begun(&tar->feed, fd, first, count, err) == 0)
        return tar;
    tar_close(tar);
    return NULL;
}

struct tar_reader *tar_open_memory(const void *bytes, size_t count, const char *name, struct error *err)
{
    struct tar_reader *tar = reader_new(name, err);

    if (tar != NULL && feed_open_memory(&tar->feed, bytes, count, err) < 0) {
        tar_close(tar);
        return NULL;
    }
    return tar;
}

void tar_close(struct tar_reader *tar)
{
    if (tar == NULL)
        return;
    if (tar->archive != NULL)
        archive_read_free(tar->archive);
    feed_close(&tar->feed);
    name_set_free(&tar->names);
    free(tar->buffer);
    free(tar->name);
    arena_free(&tar->arena);
    free(tar);
}

void tar_limit_member(struct tar_reader *tar, uint64_t bytes)
{
    tar->member_limit = bytes;
}

int tar_error_in(const struct tar_reader *tar, struct error *err)
{
    return tar->path[0] != '\0' ? error_in(err, "%s", tar->path) : -1;
}

/* What libarchive, or the feed under it, has to say. */
static int archive_fault(struct tar_reader *tar, struct error *err)
{
    const char *what = archive_error_string(tar->archive);
    struct text visible = { 0 };

    if (tar->feed_error.kind != ERROR_NONE) {
        if (err != NULL)
            *err = tar->feed_error;
        return -1;
    }
    text_add_visible(&visible, what != NULL ? what : "damaged", strlen(what != NULL ? what : "damaged"));
    if (archive_errno(tar->archive) == ENOMEM)
        error_memory(err);
    else if (visible.chars != NULL && strstr(visible.chars, "Unrecognized archive format") != NULL)
        error_set(err, ERROR_INPUT,
                  tar->feed.block_at + tar->feed.block_count == 0 ? "empty, expected a tar" : "not a tar");
    else
        error_set(err, ERROR_INPUT, "damaged tar: %s", visible.chars != NULL ? visible.chars : "");
    text_free(&visible);
    return -1;
}

static const char *kind_name(struct archive_entry *entry)
{
    if (archive_entry_hardlink(entry) != NULL)
        return "a hard link";
    switch (archive_entry_filetype(entry)) {
    case AE_IFREG: return archive_entry_sparse_count(entry) > 0 ? "a sparse file" : NULL;
    case AE_IFLNK: return "a symbolic link";
    case AE_IFCHR:
    case AE_IFBLK: return "a device";
    case AE_IFIFO: return "a fifo";
    default: return "of an unknown type";
    }
}

/* A copy of the name without leading "./", for folders also without the slash at the end. */
static int keep_name(struct tar_reader *tar, struct archive_entry *entry, struct error *err)
{
    const char *name = archive_entry_pathname(entry);
    size_t length;

    if (name == NULL)
        name = archive_entry_pathname_utf8(entry);
    if (name == NULL)
        return error_set(err, ERROR_INPUT, "a member has no readable name");
    while (name[0] == '.' && name[1] == '/')
        name += 2;
    length = strlen(name);
    while (archive_entry_filetype(entry) == AE_IFDIR && length > 0 && name[length - 1] == '/')
        length--;
    free(tar->name);
    tar->name = sys_alloc(length + 1);
    if (tar->name == NULL)
        return error_memory(err);
    memcpy(tar->name, name, length);
    tar->name[length] = '\0';
    return 0;
}

/* 1: a member to show, 0: a folder to pass over, -1: refused. */
static int check_entry(struct tar_reader *tar, struct archive_entry *entry, struct error *err)
{
    bool folder = archive_entry_filetype(entry) == AE_IFDIR && archive_entry_hardlink(entry) == NULL;
    const char *kind;
    int64_t size;
    int fresh;

    if (keep_name(tar, entry, err) < 0)
        return -1;
    if (folder && (tar->name[0] == '\0' || strcmp(tar->name, ".") == 0))
        return 0;
    if (name_check(tar->name, err) < 0)
        return -1;
    if (folder && archive_entry_size(entry) > 0)
        return error_set(err, ERROR_INPUT, "member '%s' is a folder that holds bytes", tar->name);
    if (folder)
        return 0;
    kind = kind_name(entry);
    if (kind != NULL)
        return error_set(err, ERROR_INPUT, "member '%s' is %s, only regular files are read", tar->name, kind);
    size = archive_entry_size(entry);
    if (size < 0 || size >> ABSURD_BITS != 0)
        return error_set(err, ERROR_INPUT, "member '%s' claims an impossible size", tar->name);
    fresh = name_set_add(&tar->names, tar->name, strlen(tar->name), err);
    if (fresh == 0)
        return error_set(err, ERROR_INPUT, "member '%s' is there twice", tar->name);
    if (fresh < 0)
        return -1;
    if (tar->members >= limit_get(LIMIT_TAR_MEMBERS))
        return error_set(err, ERROR_LIMIT, "more than %" PRIu64 " members", tar->members);
    return 1;
}

/* One entry on. 1: a member, 0: the end, 2: nothing to show. */
static int step(struct tar_reader *tar, struct tar_member *member, struct error *err)
{
    struct archive_entry *entry;
    int64_t before;
    int rc;

    if (!tar->started) {
        tar->started = true;
        if (archive_read_open(tar->archive, tar, NULL, on_read, NULL) != ARCHIVE_OK)
            return archive_fault(tar, err);
    } else if (archive_read_data_skip(tar->archive) < ARCHIVE_OK) {
        return archive_fault(tar, err);
    }
    before = archive_filter_bytes(tar->archive, 0);
    rc = archive_read_next_header(tar->archive, &entry);
    if (rc == ARCHIVE_EOF)
        return tar_end_plain(tar, (uint64_t)before, (uint64_t)archive_filter_bytes(tar->archive, 0), err);
    /* A name that the locale cannot show is a mere warning; keep_name() takes its UTF-8. */
    if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN)
        return archive_fault(tar, err);
    rc = check_entry(tar, entry, err);
    if (rc < 0)
        return -1;
    if (rc == 0)
        return 2;
    if (strcmp(tar->name, TAR_END_NAME) == 0)
        return tar_end_mark(tar, (uint64_t)archive_read_header_position(tar->archive), err);
    tar->members++;
    tar->piece_count = 0;
    tar->taken = 0;
    tar->size = (uint64_t)archive_entry_size(entry);
    *member = (struct tar_member){ .name = tar->name, .count = (size_t)tar->size };
    return 1;
}

int tar_next_open(struct tar_reader *tar, struct tar_member *member, struct error *err)
{
    int rc;

    if (tar->ended)
        return 0;
    if (tar->failed) {
        error_set(err, ERROR_INPUT, "reading ended at an earlier error");
        return tar_error_in(tar, err);
    }
    do
        rc = step(tar, member, err);
    while (rc == 2);
    tar->ended = rc == 0;
    tar->failed = rc < 0;
    return rc < 0 ? tar_error_in(tar, err) : rc;
}

/* Makes tar->piece the next bytes of the member; gaps are holes of sparse files. */
static int next_piece(struct tar_reader *tar, struct error *err)
{
    const void *piece;
    size_t count;
    la_int64_t offset;
    int rc = archive_read_data_block(tar->archive, &piece, &count, &offset);

    if (rc == ARCHIVE_EOF || (rc == ARCHIVE_OK && (uint64_t)offset != tar->taken))
        return error_set(err, ERROR_INPUT, "member '%s' has holes or is cut: %" PRIu64 " of %" PRIu64 " bytes",
                         tar->name, tar->taken, tar->size);
    if (rc != ARCHIVE_OK) {
        archive_fault(tar, err);
        return error_in(err, "member '%s'", tar->name);
    }
    if (count > tar->size - tar->taken)
        return error_set(err, ERROR_INPUT, "member '%s' is longer than it says", tar->name);
    tar->piece = piece;
    tar->piece_count = count;
    return 0;
}

static int take(struct tar_reader *tar, unsigned char *bytes, size_t count, struct error *err)
{
    if (count > tar->size - tar->taken)
        return error_set(err, ERROR_INPUT, "member '%s' ends after %" PRIu64 " bytes, expected more", tar->name,
                         tar->size);
    while (count > 0) {
        size_t part;

        if (tar->piece_count == 0 && next_piece(tar, err) < 0)
            return -1;
        part = tar->piece_count < count ? tar->piece_count : count;
        if (part > 0)
            memcpy(bytes, tar->piece, part);
        bytes += part;
        count -= part;
        tar->piece += part;
        tar->piece_count -= part;
        tar->taken += part;
    }
    return 0;
}

/* Grows as bytes really come, so that a size in a header costs nothing. */
static int load_copy(struct tar_reader *tar, struct error *err)
{
    while (tar->taken < tar->size) {
        uint64_t have = tar->taken, room;

        if (have == tar->capacity) {
            size_t larger = tar->capacity > 0 ? tar->capacity * 2 : 1 << 16;
            unsigned char *buffer = sys_realloc(tar->buffer, larger);

            if (buffer == NULL)
                return error_memory(err);
            tar->buffer = buffer;
            tar->capacity = larger;
        }
        room = tar->capacity - have;
        if (take(tar, tar->buffer + have, (size_t)(room < tar->size - have ? room : tar->size - have), err) < 0)
            return -1;
    }
    return 0;
}

static int load(struct tar_reader *tar, struct tar_member *member, struct error *err)
{
    member->bytes = (const unsigned char *)"";
    if (tar->size == 0)
        return 0;
    if (tar->feed.direct) {
        if (next_piece(tar, err) < 0)
            return -1;
        member->in_place = tar->piece_count == tar->size && tar->piece >= tar->feed.memory &&
                           tar->piece + tar->size <= tar->feed.memory + tar->feed.memory_count;
        if (member->in_place) {
            member->bytes = tar->piece;
            tar->taken = tar->size;
            tar->piece_count = 0;
            return 0;
        }
    }
    if (tar->size > tar->member_limit)
        return error_set(err, ERROR_LIMIT, "member '%s' has %" PRIu64 " bytes, the limit is %" PRIu64, tar->name,
                         tar->size, tar->member_limit);
    if (load_copy(tar, err) < 0)
        return -1;
    member->bytes = tar->buffer;
    return 0;
}

int tar_load(struct tar_reader *tar, struct tar_member *member, struct error *err)
{
    if (load(tar, member, err) == 0)
        return 0;
    tar->failed = true;
    return tar_error_in(tar, err);
}

int tar_next(struct tar_reader *tar, struct tar_member *member, struct error *err)
{
    int rc = tar_next_open(tar, member, err);

    if (rc == 1 && tar_load(tar, member, err) < 0)
        return -1;
    return rc;
}

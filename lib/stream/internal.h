/*
 * internal.h - what the files of stream share: bytes that come in (feed), the
 * layout of what goes out (header, tail), and names that were seen.
 */
#ifndef STREAM_INTERNAL_H
#define STREAM_INTERNAL_H

#include "stream/stream.h"

enum {
    TAR_BLOCK = 512,
    TAR_TAIL = 4 * TAR_BLOCK, /* `.end`: header, data, two blocks of zeros */
};

#define TAR_END_NAME ".end"

/* ---- tar_header.c ---- */

/*
 * tar_header - the blocks before a member's data, appended to `out`: one ustar
 * header, with a pax header before it where name or size do not fit.
 */
void tar_header(struct text *out, const char *name, uint64_t count);
/* All bytes from `.end`'s header to the end of the file. */
void tar_tail(unsigned char tail[TAR_TAIL], uint64_t members, uint64_t samples, const struct digest *digest);

/* ---- name.c ---- */

/* Errors: ERROR_INPUT saying what is wrong with a member's name, shown with escapes. */
MUST_CHECK int name_check(const char *name, struct error *err);

/* A digest that could not be taken, for want of memory. */
bool digest_is_none(const struct digest *digest);

/* Names by their digests: no text is kept, and nobody can make them collide. */
struct name_set {
    struct digest *slot; /* open addressing; zeros: free */
    size_t capacity, count;
};
/* 1: new, 0: was there, -1: memory. */
MUST_CHECK int name_set_add(struct name_set *set, const char *name, size_t length, struct error *err);
void name_set_free(struct name_set *set);

/* ---- feed.c ---- */

struct inflater;

/*
 * A tar's bytes in order, gzip undone, in blocks of a multiple of 512 so that a
 * tar header never lies across two. What was handed out is digested when the next
 * block is asked for: at a header in the newest block, exactly the bytes before
 * that block are in the digest.
 */
struct feed {
    int fd; /* -1: memory */
    bool own_fd;
    const unsigned char *memory;
    size_t memory_count, memory_at;
    struct inflater *inflater;  /* NULL: not gzip */
    bool started, direct;       /* direct: blocks are views of memory, not digested */
    unsigned char *buffer;      /* FEED_BLOCK bytes */
    size_t held;                /* bytes at the front of buffer not yet handed out */
    size_t raw_held;            /* gzip bytes that were read to know that they are */
    const unsigned char *block; /* the newest */
    size_t block_count;
    uint64_t block_at;            /* its place in the tar */
    struct digest_stream *digest; /* of the bytes before block_at */
};

MUST_CHECK int feed_open(struct feed *feed, const char *path, struct error *err);
/* The same of a descriptor, of which first[count], at most TAR_BLOCK, was read already. */
MUST_CHECK int feed_open_begun(struct feed *feed, int fd, const void *first, size_t count, struct error *err);
MUST_CHECK int feed_open_memory(struct feed *feed, const void *bytes, size_t count, struct error *err);
/* 1: feed->block is the next, 0: no more, -1: error. */
MUST_CHECK int feed_next(struct feed *feed, struct error *err);
/* Digest of the first `count` bytes, asked once; unless direct, count lies within the newest block or at its end. */
struct digest feed_end_digest(struct feed *feed, uint64_t count);
void feed_close(struct feed *feed);

/* ---- gunzip.c ---- */

/* Where compressed bytes come from: up to `room` into `buffer`; 0 at the end, -1 on error. */
typedef int64_t inflater_source(void *context, const unsigned char **bytes, struct error *err);

MUST_CHECK struct inflater *inflater_new(inflater_source *source, void *context, struct error *err);
/* Up to `room` plain bytes; 0 at the end, which has been checked; -1 on error. */
MUST_CHECK int64_t inflater_read(struct inflater *inflater, unsigned char *out, size_t room, struct error *err);
void inflater_free(struct inflater *inflater);

/* ---- tar_read.c, for sample.c: tar_next() in two steps ---- */
/* bytes stay NULL until tar_load(); a member that is not loaded is skipped. */
MUST_CHECK int tar_next_open(struct tar_reader *tar, struct tar_member *member, struct error *err);
MUST_CHECK int tar_load(struct tar_reader *tar, struct tar_member *member, struct error *err);
/* -1 with the reader's path in front of the message. */
int tar_error_in(const struct tar_reader *tar, struct error *err);

#endif

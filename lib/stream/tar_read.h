/*
 * tar_read.h - the reader's state, for tar_read.c and tar_end.c alone.
 */
#ifndef STREAM_TAR_READ_H
#define STREAM_TAR_READ_H

#include "stream/internal.h"

struct archive;

struct tar_reader {
    struct arena arena;
    const char *path; /* for messages */
    struct archive *archive;
    struct feed feed;
    struct error feed_error; /* what the callback met */
    struct name_set names;
    char *name;                 /* of the open member */
    uint64_t size, taken;       /* of the open member */
    const unsigned char *piece; /* libarchive's, not yet taken */
    size_t piece_count;
    unsigned char *buffer; /* the last member, copied */
    size_t capacity;
    uint64_t member_limit;
    uint64_t members;
    bool started, ended, failed, defer;
    enum tar_end end;
    struct digest digest;
    uint64_t end_offset, end_samples;
};

/* The end that every tar has: two blocks of zeros from `last` (the last member's end) to `at`, then zeros at most. 0 or -1. */
MUST_CHECK int tar_end_plain(struct tar_reader *tar, uint64_t last, uint64_t at, struct error *err);
/* `.end`, whose header is at `offset`: everything from there on is compared with what it must be. 0 or -1. */
MUST_CHECK int tar_end_mark(struct tar_reader *tar, uint64_t offset, struct error *err);

#endif

/*
 * stream.h - tar in and out, samples, and the `.end` mark.
 *
 * Written tars are plain ustar (pax only where a member exceeds 8 GiB or a name
 * does not fit) with fixed mtime 0, owner 0, mode 0644, so the same members give
 * the same bytes. The last member is `.end`, JSON
 * {"members":N,"samples":N,"sha256":HEX}: the digest over all bytes before its own
 * header, which with N fixes every byte that follows. Foreign tars lack it.
 * Reading: regular files only (folders are passed over, a leading `./` is dropped);
 * no links, devices, sparse members, no absolute or `..` names, no control
 * characters or bad UTF-8 in names, no duplicate names, nothing but zeros after the
 * end; limits of limits.h. gzip is undone when the content says so.
 *
 * Errors of reading begin with the path ("standard input" for "-") and the member.
 */
#ifndef STREAM_STREAM_H
#define STREAM_STREAM_H

#include "base/arena.h"
#include "base/digest.h"
#include "base/file.h"

struct text;

/* ---- out ---- */
struct tar_writer;
/* Writes into `out`, which stays the caller's to commit or abort. */
MUST_CHECK struct tar_writer *tar_create(struct output *out, struct error *err);
/* The same, appended to a text. */
MUST_CHECK struct tar_writer *tar_create_text(struct text *out, struct error *err);
/* data_align: data begins on a multiple of 512 anyway. samples are counted by the caller's tar_finish. */
MUST_CHECK int tar_add(struct tar_writer *tar, const char *name, const void *bytes, size_t count, struct error *err);
/* For large members: begin with the exact size, then pieces. */
MUST_CHECK int tar_begin(struct tar_writer *tar, const char *name, uint64_t count, struct error *err);
MUST_CHECK int tar_piece(struct tar_writer *tar, const void *bytes, size_t count, struct error *err);
/* The digest over all bytes so far, between two members. */
struct digest tar_digest(const struct tar_writer *tar);
/* Where tar_finish() shall put the digest over the whole file, `.end` and trailer included. */
void tar_digest_to(struct tar_writer *tar, struct digest *whole);
/* Writes `.end` and the trailer; frees tar either way. */
MUST_CHECK int tar_finish(struct tar_writer *tar, uint64_t samples, struct error *err);
void tar_abandon(struct tar_writer *tar); /* frees; NULL is fine */

/* ---- in ---- */
struct tar_reader;

struct tar_member {
    const char *name;
    const unsigned char *bytes; /* valid until the next call, or as long as the memory when mapped */
    size_t count;
    bool in_place; /* bytes point into the memory given to tar_open_memory */
};

enum tar_end { TAR_END_MISSING, TAR_END_GOOD };

/* From a path or "-", streaming (entries of a slow pipe arrive at once). */
MUST_CHECK struct tar_reader *tar_open(const char *path, struct error *err);
/* From a descriptor, which it closes unless it is standard input, of which first[count], at most 512, was read already. */
MUST_CHECK struct tar_reader *tar_open_begun(int fd, const void *first, size_t count, const char *name,
                                             struct error *err);
/* From memory: members of an uncompressed tar are views into it. name: for messages; "" where the caller says it. */
MUST_CHECK struct tar_reader *tar_open_memory(const void *bytes, size_t count, const char *name, struct error *err);
/* 1: a member; 0: the end; -1: error (ERROR_INPUT for damage, a bad `.end` digest or count, a cut anywhere; ERROR_LIMIT). `.end` itself is not shown. */
MUST_CHECK int tar_next(struct tar_reader *tar, struct tar_member *member, struct error *err);
/* Largest member that tar_next() holds in memory; LIMIT_PACKAGE_BYTES at first. Beyond: ERROR_LIMIT. */
void tar_limit_member(struct tar_reader *tar, uint64_t bytes);
/* For memory, before the first tar_next(): `.end` is checked but for its digest, which the caller compares (on another thread). */
void tar_defer_digest(struct tar_reader *tar);
/* After the end: whether a `.end` was there. The digest of all bytes before its header (with TAR_END_GOOD verified, or deferred), else of the whole tar. */
enum tar_end tar_end_state(const struct tar_reader *tar, struct digest *digest);
uint64_t tar_end_offset(const struct tar_reader *tar);  /* bytes before `.end`'s header; 0 when missing */
uint64_t tar_end_samples(const struct tar_reader *tar); /* as `.end` says; 0 when missing */
void tar_close(struct tar_reader *tar);

/* ---- samples: members that share the name up to the first dot of the last component, contiguous ---- */
enum { SAMPLE_MAX_PARTS = 64 };

struct sample_part {
    const char *ext;            /* "jpg", "cls", "t0.npy" */
    const unsigned char *bytes; /* aligned to 16 */
    size_t count;
};

struct sample {
    const char *key; /* "0001", with folders if any */
    struct sample_part part[SAMPLE_MAX_PARTS];
    int part_count;
};

struct sample_reader;
MUST_CHECK struct sample_reader *sample_open(const char *path, struct error *err); /* tar or tar.gz, "-" */
MUST_CHECK struct sample_reader *sample_open_begun(int fd, const void *first, size_t count, const char *name,
                                                   struct error *err);
MUST_CHECK struct sample_reader *sample_open_memory(const void *bytes, size_t count, const char *name,
                                                    struct error *err);
/* 1, 0, -1 as tar_next. All memory is the reader's until the next call. Members whose last component starts with "."
 * (`.dataset.yaml`) are not samples: see sample_header(). A key that comes back after another one is ERROR_INPUT. */
MUST_CHECK int sample_next(struct sample_reader *reader, struct sample *sample, struct error *err);
/* The bytes of `.dataset.yaml` when it was the first member (known after the first sample_next), else NULL. */
const char *sample_header(const struct sample_reader *reader, size_t *count);
enum tar_end sample_end_state(const struct sample_reader *reader, struct digest *digest);
void sample_close(struct sample_reader *reader);
const struct sample_part *sample_find(const struct sample *sample, const char *ext); /* or NULL */

/* ---- gzip alone, for idx files ---- */
bool stream_is_gzip(const void *bytes, size_t count);
/* *out is malloc'ed. ERROR_INPUT for damage or a cut, ERROR_LIMIT beyond max_bytes. */
MUST_CHECK int stream_gunzip(const void *bytes, size_t count, size_t max_bytes, unsigned char **out, size_t *out_count,
                             struct error *err);

#endif

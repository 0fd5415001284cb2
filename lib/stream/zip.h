/*
 * zip.h - as much of zip as NumPy's .npz needs: members stored or deflated, in memory.
 *
 * Stricter than the format, so that an archive has one meaning: the directory is the last thing but its own end,
 * members lie in its order without overlap, and what stands before a member repeats what the directory says.
 * No encryption, no comment, no parts. Names are keys, never paths: one may begin with "/", none may lead upwards.
 *
 * Written archives are stored, with one time stamp for all, so the same members give the same bytes.
 *
 * Source: PKWARE, APPNOTE.TXT, version 6.3.9, sections 4.3 and 4.5.3.
 */
#ifndef STREAM_ZIP_H
#define STREAM_ZIP_H

#include "base/arena.h"
#include "base/file.h"

struct zip_member {
    const char *name;
    const unsigned char *packed; /* in the archive */
    size_t packed_count;
    size_t count; /* bytes once unpacked, as the directory says */
    bool deflated;
    uint32_t crc;
};

struct zip {
    struct zip_member *member;
    int count;
};

bool zip_is(const void *bytes, size_t count); /* by the first bytes */
/* The directory, checked; nothing is unpacked. ERROR_INPUT; ERROR_LIMIT for more members or bytes than limits.h allows. */
MUST_CHECK int zip_open(struct zip *zip, struct arena *arena, const void *bytes, size_t count, struct error *err);
/* A member's bytes, of the arena when it was deflated, else where they lie. ERROR_INPUT naming it when they are not what
 * the directory says. */
MUST_CHECK int zip_unpack(const struct zip_member *member, struct arena *arena, const unsigned char **bytes,
                          struct error *err);

/* ---- out ---- */
struct zip_writer;
MUST_CHECK struct zip_writer *zip_create(struct output *out, struct error *err);
/* A member of two pieces, one after the other. ERROR_LIMIT beyond 4 GiB in all. */
MUST_CHECK int zip_add(struct zip_writer *zip, const char *name, const void *head, size_t head_count, const void *body,
                       size_t body_count, struct error *err);
/* The directory; frees zip either way. */
MUST_CHECK int zip_finish(struct zip_writer *zip, struct error *err);
void zip_abandon(struct zip_writer *zip); /* frees; NULL is fine */

#endif

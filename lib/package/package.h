/*
 * package.h - a model as one stream and back: `NAME.coedge`, a plain tar of
 * model.yaml, weights.safetensors, golden.safetensors and further members, then
 * `.end`. coedge-package(5) is the reader's view of it.
 *
 * Weights are used where they lie in the map: the safetensors header is padded
 * so that data begin on a multiple of 64, tensors are ordered so that each is aligned.
 */
#ifndef PACKAGE_PACKAGE_H
#define PACKAGE_PACKAGE_H

#include "base/job.h"
#include "model/model.h"

/*
 * package_read - path, or "-" for standard input. The digest is checked on
 * another thread while the caller goes on; package_settle() waits for it and must
 * be called before the first result leaves the program (package_write calls it).
 * Errors: ERROR_INPUT with the member and line, ERROR_IO, ERROR_LIMIT.
 */
MUST_CHECK int package_read(struct model *model, const char *path, struct error *err);
/* The same from what is open already; `in` is taken over, also when it fails. */
MUST_CHECK int package_take(struct model *model, struct input *in, const char *path, struct error *err);
/* The same of what was verified when it was installed: neither the digest nor whether weights are finite is looked at
 * again, which is most of the time that reading takes. */
MUST_CHECK int package_take_installed(struct model *model, struct input *in, const char *path, struct error *err);
MUST_CHECK int package_settle(struct model *model, struct error *err);
/* The model was made ready to run: what stays unread of a fixed source need not be in memory. */
void package_rest(const struct model *model);

/*
 * Members that reading passes over: what they tell is of the very weights and graph they came with, so whoever
 * makes a package of another leaves them out, and says so. The i-th was there when bit i of model->extras is set.
 */
struct package_extra {
    const char *name, *why; /* why it is not taken along, as a clause */
};
#define PACKAGE_REPLAY "replay.tar"
extern const struct package_extra package_extras[]; /* ends with a NULL name */
/*
 * package_take_state - for whoever goes on where the package's maker stopped: model->state becomes what its
 * state.safetensors holds, which then is no extra that is left out. Without one it stays NULL.
 */
MUST_CHECK int package_take_state(struct model *model, struct error *err);
/* Whether the file that the model was read from has the member of that name. */
bool package_has(const struct model *model, const char *name);
/* Its bytes, which live as long as the model. ERROR_INPUT: there is none. They are what the digest says once
 * package_settle() was called. */
MUST_CHECK int package_extra_find(const struct model *model, const char *name, const void **bytes, size_t *count,
                                  struct error *err);
/* What kind of thing the file is that the model was read from: its samples are data, whatever it says of itself. */
enum content package_content(const struct model *model);

/*
 * package_write - path or "-". Computes golden samples anew (not for updates, parts after the first
 * and graphs that cannot run), checks that weights are finite, and appears whole or not at all. With model->replay the
 * samples are a member, and the package's content is data.
 * digest (may be NULL) receives the sha256 of the file's bytes. job NULL: no golden samples.
 */
MUST_CHECK int package_write(struct model *model, const char *path, const struct job *job, struct digest *digest,
                             struct error *err);
/* An update with the signature of its site: its own bytes, round, base and site cannot be changed unseen. ERROR_USAGE when
 * the key has no secret. */
struct sign_key;
MUST_CHECK int package_write_signed(struct model *model, const char *path, const struct sign_key *key,
                                    struct error *err);
/* The same, on disk but not yet under its name: the caller commits it, after others that belong to it. */
MUST_CHECK struct output *package_write_open(struct model *model, const char *path, const struct job *job,
                                             struct error *err);
/* The same into memory (tests, push, gates): *bytes is malloc'ed. */
MUST_CHECK int package_write_memory(struct model *model, unsigned char **bytes, size_t *count, const struct job *job,
                                    struct error *err);
/* bytes stay the caller's and must outlive the model; weights lie in them, so training writes to them. */
MUST_CHECK int package_read_memory(struct model *model, const void *bytes, size_t count, const char *name,
                                   struct error *err);

/*
 * package_verify - runs the golden samples on this CPU, through the package's own preprocessing.
 * *worst is the largest difference found; ERROR_ANSWER when beyond the stored tolerance. A package without
 * golden samples (model->golden NULL) gives 0.
 */
MUST_CHECK int package_verify(struct model *model, const struct job *job, double *worst, struct error *err);

/*
 * update_next - the tensors of an update in stored order without loading all:
 * for aggregate, which needs the memory of one model.
 */
struct update_reader;
struct update_tensor {
    const char *name;
    struct shape shape;
    const float *data; /* dense F32, in place or a copy; valid until the next call */
};
/* Errors name the path; those of the functions below do not. */
MUST_CHECK struct update_reader *update_open(const char *path, struct update *update, enum privacy *privacy,
                                             struct error *err);
MUST_CHECK int update_next(struct update_reader *reader, struct update_tensor *tensor,
                           struct error *err); /* 1, 0, -1 */
/* Any tensor by name, out of order; the view holds until the next call. ERROR_INPUT when it is not there. Memory of a
 * tensor that was passed is given back (madvise), so that a thousand open updates do not add up. */
MUST_CHECK int update_find(struct update_reader *reader, const char *name, struct update_tensor *tensor,
                           struct error *err);
/* sha256 of the file; it was verified against `.end` before update_open returned. */
struct digest update_digest(const struct update_reader *reader);
bool update_is_signed(const struct update_reader *reader);
/*
 * update_signed_by - which of the keys made the signature of what update_open() read.
 * Errors: ERROR_TRUST when none did, the bytes were changed, or it was signed as another update than it says;
 * ERROR_INPUT when the member is no signature.
 */
MUST_CHECK int update_signed_by(const struct update_reader *reader, const struct update *update,
                                const struct sign_key *keys, int key_count, int *by, struct error *err);
void update_close(struct update_reader *reader);
/* The id of the key that a package read as a whole says it is signed with, unverified. 1, 0: not signed, -1. */
MUST_CHECK int package_claimed_key(const struct model *model, char id[17], struct error *err);

/* ---- safetensors (huggingface's format; stricter: header <= 8 MiB, no holes, no overlap) ---- */
struct safetensors_entry {
    const char *name;
    enum dtype dtype;
    struct shape shape;
    size_t begin, end; /* bytes within the data section */
};
struct safetensors {
    struct safetensors_entry *entry; /* by rising begin */
    int count;
    size_t data_offset; /* of the data section in the bytes */
};
MUST_CHECK int safetensors_parse(struct safetensors *st, struct arena *arena, const void *bytes, size_t count,
                                 struct error *err);
struct text;
/* Header for these tensors, ordered and padded as above; *order lists their indices as they must be written. */
MUST_CHECK int safetensors_header(struct text *out, struct arena *arena, const struct tensor *const *tensors,
                                  const char *const *names, int count, int **order, struct error *err);

/* ---- npy (NumPy's format 1.0 and 2.0, C order, little endian) ---- */
/* A view: tensor->data may be unaligned to its dtype (copy it with memcpy) and is not to be written. */
MUST_CHECK int npy_parse(struct tensor *tensor, const void *bytes, size_t count, struct error *err);
/* BF16 is written as the <u2 of its bits. */
void npy_write(struct text *out, const struct tensor *tensor);
/* What stands before the data. */
void npy_header(struct text *out, const struct tensor *tensor);

#endif

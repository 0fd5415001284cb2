/*
 * tuned.h - the ways that tune_model() chose, in a file of their own: one for each processor and model, JSON, made to be
 * read by people and safe to delete. Nothing that a package says depends on it.
 *
 *   {"format": 1, "cpu": "x86-vnni AMD EPYC 26 2", "model": IDENTITY, "batch": 1, "nodes": {"conv2": "direct"}}
 */
#ifndef INFER_TUNED_H
#define INFER_TUNED_H

#include "base/file.h"
#include "base/job.h"
#include "infer/tune.h"

/* For whom ways were chosen. */
struct tuned_key {
    const char *cpu;    /* the path of kernels and the processor's name */
    const char *folder; /* the same, as a file may be called */
    char model[65];     /* the identity of graph and weights */
};

MUST_CHECK int tuned_key(struct tuned_key *key, const struct model *model, const struct job *job, struct arena *arena,
                         struct error *err);
/* STORE/tuned/CPU/IDENTITY.json; NULL: out of memory. */
const char *tuned_path(const struct tuned_key *key, const char *store, struct arena *arena);
/*
 * tuned_create - a file to write to, with its folders: who times for a minute knows first that the result can be kept. It
 * appears whole with tuned_write(), or goes with output_abort(). Errors: ERROR_IO, also for what is no regular file.
 */
MUST_CHECK struct output *tuned_create(const char *path, struct arena *arena, struct error *err);
/* `out` is gone, whether or not it fails. */
MUST_CHECK int tuned_write(struct output *out, const struct tuned_key *key, const struct tune *tune, int64_t batch,
                           struct arena *arena, struct error *err);
/*
 * tuned_parse - the text's ways become those of the model's nodes; nodes that it does not have are passed over, and so
 * is, later, a way that does not fit. On error no node has one. ERROR_INPUT: not such a file, or of another key.
 */
MUST_CHECK int tuned_parse(struct model *model, const struct tuned_key *key, const char *text, size_t length,
                           struct error *err);
/*
 * tuned_read - tuned_parse() of the file, its path in errors: 1; 0 where there is none. ERROR_IO: no regular file, which
 * might never end; ERROR_LIMIT: more than 1 MiB.
 */
MUST_CHECK int tuned_read(struct model *model, const struct tuned_key *key, const char *path, struct error *err);

#endif

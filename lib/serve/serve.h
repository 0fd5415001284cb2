/*
 * serve.h - models that answer over HTTP, by the Open Inference Protocol.
 *
 * Requests wait in one bounded queue. Workers take samples from its head: a
 * request of many samples is shared by those that are free, small ones run
 * beside each other. Every worker has runners of its own of each model, all with
 * the same weights. Samples that wait may share a run of a model in which they
 * never meet (graph_apart()): no bit of an answer depends on what else is asked.
 *
 * A model can be exchanged while it answers: a new one is loaded beside it, new
 * requests get that, and the old one goes when its last request has its answer.
 */
#ifndef SERVE_SERVE_H
#define SERVE_SERVE_H

#include "base/job.h"
#include "model/model.h"
#include "wire/http.h"

struct serve_options {
    /*
     * [NAME[:VERSION]=]WHAT. Without NAME it is what the file or the store's entry is called, the version that of the
     * store's entry, else 1. A request that names no version gets the first of that name.
     */
    const char *const *operand;
    int operand_count;
    struct http_limits limits;
    int workers;
    int queue;       /* requests that wait or run; one more is answered with 503 */
    int most_batch;  /* samples in a run, of one request or of many */
    double delay_ms; /* that a request may wait for others to share its run */
    int drain_s;
    /* The file that WHAT means now, and a model of it, verified. */
    int (*locate)(void *context, const char *what, struct arena *arena, const char **path, struct error *err);
    /* *user is told what becomes of the model. */
    int (*load)(void *context, const char *what, const char *path, struct model *model, void **user, struct error *err);
    void (*proved)(void *user);                         /* it has given good answers */
    void (*freed)(void *user, const struct error *why); /* the last call; why it could not answer, or NULL */
    void *context;
    const struct job *job; /* kernels; remarks */
};
struct serve;

/* Loads every model; nothing listens yet. Options must outlive it. Errors: ERROR_USAGE for names, those of loading. */
MUST_CHECK struct serve *serve_new(const struct serve_options *options, struct error *err);
/* From now on it answers. Errors: those of http_start(). */
MUST_CHECK int serve_start(struct serve *serve, struct listener *listeners, int count, struct error *err);
/* About once a second: exchanges models whose file is another one now, ends connections that take too long. */
void serve_tick(struct serve *serve);
/* Since anything was asked. */
double serve_idle_seconds(struct serve *serve);
/* Answers what was asked, then frees it. NULL is fine. */
void serve_stop(struct serve *serve);

#endif

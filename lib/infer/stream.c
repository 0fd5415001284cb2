/* stream.c - every sample of every source in order: the infer command. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "infer/activations.h"
#include "infer/streaming.h"
#include "net/net.h"

static const char *path_shown(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

static int check_end(const struct streaming *s, const struct source *source, struct error *err)
{
    if (source_end_state(source) == TAR_END_GOOD)
        return 0;
    if (s->options->require_end)
        return error_set(err, ERROR_INPUT, "no .end: the stream may have been cut");
    job_note(s->job, "no .end: the stream may have been cut (--require-end makes this an error)");
    return 0;
}

/* Activations are as private as the most private of the model and the samples they are of. */
static int write_level(struct streaming *s, const struct source *source, struct error *err)
{
    const enum privacy level = source_privacy(source);
    struct text text = { 0 };
    int rc;

    if (s->has_level && level > s->level) {
        error_set(err, ERROR_USAGE, "%s samples after %s ones in one stream", privacy_name(level),
                  privacy_name(s->level));
        return error_hint(err, "name the most private data first");
    }
    if (s->tar == NULL || s->has_level)
        return 0;
    s->has_level = true;
    s->level = level > s->model->privacy ? level : s->model->privacy;
    rc = dataset_header(&text, NULL, 0, s->level, NULL, err);
    if (rc == 0)
        rc = tar_add(s->tar, ".dataset.yaml", text.chars, text.length, err);
    text_free(&text);
    return rc;
}

/* One sample with all threads: the soonest it can be known. */
static int answer_one(struct streaming *s, struct source *source, struct error *err)
{
    struct reply reply = { 0 };
    struct error why;
    struct item item;
    int rc = source_next(source, &item, err); /* whose errors name the path */

    if (s->camera != NULL && camera_remark(s->camera, &why))
        job_note(s->job, "%s: %s: connects again", s->place, why.message);
    if (rc < 1)
        return rc;
    s->counts->dropped += item.dropped;
    reply_make(&reply, s, s->runner, &item);
    rc = reply_send(&reply, s, &item, err) < 0 ? error_in(err, "%s", s->place) : 1;
    reply_free(&reply);
    job_step(s->job, "infer", (uint64_t)s->counts->samples, 0);
    return rc;
}

/*
 * More of a file or folder is there already, so it can be read ahead. A pipe may hand out one sample a second: each is
 * answered before the next is waited for.
 */
static bool may_read_ahead(const struct streaming *s, const char *path)
{
    struct stat st;

    if (s->job == NULL || pool_threads(s->job->pool) == 1 || s->tar != NULL || s->seen != NULL || s->offload != NULL ||
        s->camera != NULL || model_reads_activations(s->model))
        return false;
    return strcmp(path, "-") != 0 || (fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode));
}

/* The most private level of which samples, or their features, may leave for some server; -1: none may. */
static int most_cleared(const struct offload_options *options, bool features)
{
    int most = -1;

    for (int i = 0; i < options->remote_count; i++) {
        const int level = features ? options->remote[i].features : options->remote[i].data;
        most = level > most ? level : most;
    }
    return most;
}

/* What is more private than the servers are cleared for does not leave: the run is refused, or it is answered here. */
static int check_clearance(struct streaming *s, const struct source *source, struct error *err)
{
    const struct offload_options *options = s->options->offload;
    enum privacy level = source_privacy(source);
    bool features, by_head;
    int most;

    s->stays = false;
    if (options == NULL || s->offload == NULL)
        return 0;
    features = options->head != NULL;
    by_head = features && options->head->privacy > level; /* as activations are in a file: write_level() */
    if (by_head)
        level = options->head->privacy;
    s->stays = !offload_clear(s->offload, level);
    if (!s->stays)
        return 0;
    if (options->keeps) {
        job_note(s->job, "%s: %s %s and stay here", s->place, by_head ? "features are" : "samples are",
                 privacy_name(level));
        return 0;
    }
    most = most_cleared(options, features);
    error_set(err, ERROR_TRUST, "%s %s, --offload is cleared for %s%s", by_head ? "the head is" : "samples are",
              privacy_name(level), features ? "features of " : "",
              most < 0 ? "none" : privacy_name((enum privacy)most));
    if (!features && most_cleared(options, true) >= (int)level)
        return error_hint(err, "their features may leave: --head PACKAGE, and the tail at the server");
    return error_hint(err,
                      "--clearance %s, or clearance in remotes of coedge.yaml, lets them leave; --keep-private "
                      "answers them here",
                      privacy_name(level));
}

static struct source *open_source(struct streaming *s, const char *path, struct error *err)
{
    s->place = path_shown(path);
    if (!net_is_address(path) && !(s->options->latest && strcmp(path, "-") == 0))
        return source_open_unhashed(path, err);
    s->camera = camera_open(path, &s->options->camera, err);
    if (s->camera == NULL)
        return NULL;
    s->place = camera_shown(s->camera);
    return source_open_latest(camera_feed(s->camera), err);
}

static int one_source(struct streaming *s, const char *path, struct error *err)
{
    struct source *source = open_source(s, path, err);
    int rc = source == NULL ? -1 : 1;

    if (rc == 1 && (write_level(s, source, err) < 0 || check_clearance(s, source, err) < 0))
        rc = error_in(err, "%s", s->place);

    s->source = source;
    for (int i = 0; rc == 1 && !job_stopped(s->job); i++) {
        if (i == 1 && may_read_ahead(s, path))
            rc = crew_answer(s, source, err);
        else
            rc = answer_one(s, source, err);
    }
    if (rc == 0 && check_end(s, source, err) < 0)
        rc = error_in(err, "%s", s->place);
    source_close(source);
    camera_close(s->camera);
    s->camera = NULL;
    return rc < 0 ? -1 : 0;
}

/* Pictures are compared as the model gets them. */
static int begin_seen(struct streaming *s, struct error *err)
{
    const struct seen_options *options = &s->options->seen;

    if (options->filter <= 0 && options->cache == 0)
        return 0;
    if (!s->model->has_preprocess || s->sink->activations != NULL)
        return error_set(err, ERROR_USAGE, "--filter and --cache are for models that answer pictures");
    s->seen = seen_new(options, shape_count(&runner_output(s->runner, 0)->shape), err);
    return s->seen != NULL ? 0 : -1;
}

static int begin_offload(struct streaming *s, struct error *err)
{
    if (s->options->offload == NULL)
        return 0;
    if (!s->model->has_preprocess || s->sink->activations != NULL)
        return error_set(err, ERROR_USAGE, "--offload is for models that answer pictures");
    s->offload = offload_new(s->options->offload, s->model, s->job, err);
    return s->offload != NULL ? 0 : -1;
}

static int begin(struct streaming *s, struct error *err)
{
    if (begin_seen(s, err) < 0)
        return -1;
    if (begin_offload(s, err) < 0)
        return -1;
    if (s->options->hard != NULL && s->model->label_count == 0)
        return error_set(err, ERROR_USAGE, "--hard is for models that have labels");
    if (s->sink->activations == NULL)
        return 0;
    if (model_identity(s->model, &s->identity, err) < 0)
        return -1;
    s->tar = tar_create(s->sink->activations, err);
    return s->tar ? 0 : -1;
}

int infer_stream(const struct model *model, const char *const *paths, int path_count,
                 const struct infer_options *options, const struct infer_sink *sink, const struct job *job,
                 struct infer_counts *counts, struct error *err)
{
    struct streaming s = { .model = model, .options = options, .sink = sink, .job = job, .counts = counts };
    int rc;

    *counts = (struct infer_counts){ 0 };
    s.runner = runner_new(model, job, err);
    rc = s.runner ? begin(&s, err) : -1;
    for (int i = 0; i < path_count && rc == 0; i++)
        rc = one_source(&s, paths[i], err);
    if (rc == 0 && counts->samples + counts->failed == 0 && !job_stopped(job))
        rc = error_set(err, ERROR_INPUT, "%s%s: no samples", path_shown(paths[0]),
                       path_count > 1 ? " and the others" : "");
    if (s.tar != NULL && rc == 0)
        rc = tar_finish(s.tar, (uint64_t)counts->samples, err);
    else
        tar_abandon(s.tar);
    if (s.offload != NULL) {
        const struct offload_counts asked = offload_counts(s.offload);
        counts->asked = asked.asked;
        counts->answered = asked.answered;
        counts->alone = asked.alone;
        counts->asked_bytes = asked.bytes;
    }
    offload_free(s.offload);
    seen_free(s.seen);
    runner_free(s.runner);
    return rc;
}

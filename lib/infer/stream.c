#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "infer/activations.h"
#include "infer/streaming.h"
#include "json/json.h"

const char *const infer_fields[] = { "key", "label", "class", "score", "top", "truth", "route", "ms", NULL };

static bool wanted(const struct streaming *s, const char *field)
{
    const char *const *fields = s->options->fields;

    for (; fields && *fields; fields++)
        if (strcmp(*fields, field) == 0)
            return true;
    return s->options->fields == NULL;
}

/* A probability with the digits that tell one float from the next, no more. */
static void add_probability(struct arena *arena, struct tree *map, const char *key, float value)
{
    double shown = value;
    char text[32];

    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, (double)value);
        if (text_to_real(text, &shown) == 0 && (float)shown == value)
            break;
    }
    tree_add_real(arena, map, key, shown);
}

static void add_top(const struct streaming *s, struct arena *arena, struct tree *map, const struct answer *answer,
                    const float *probability)
{
    struct tree *list = tree_add_list(arena, map, "top");

    for (int i = 0; i < answer->top_count && i < s->options->top; i++) {
        struct tree *one = tree_add_map(arena, list, NULL);

        tree_add_text(arena, one, "label", s->model->label[answer->top[i]]);
        add_probability(arena, one, "score", probability[answer->top[i]]);
    }
}

/* A classifier's result; models without labels give their numbers. */
static struct tree *result_of(struct reply *reply, const struct streaming *s, struct runner *runner,
                              struct arena *arena, const struct item *item, double ms)
{
    const float *probability = runner_probability(runner);
    const int truth = class_index_of(s->source, item, s->model->label, s->model->label_count);
    struct tree *map = tree_map(arena);
    struct answer answer;

    if (wanted(s, "key"))
        tree_add_text(arena, map, "key", item->key);
    if (s->model->label_count == 0) {
        const struct tensor *out = runner_output(runner, 0);
        struct tree *list = tree_add_list(arena, map, "output");

        for (int64_t i = 0; i < shape_count(&out->shape); i++)
            add_probability(arena, list, NULL, probability[i]);
        return map;
    }
    answer = answer_of(s->model, probability);
    reply->with_truth = truth >= 0;
    reply->right = truth == answer.class_index;
    if (wanted(s, "label"))
        tree_add_text(arena, map, "label", s->model->label[answer.class_index]);
    if (wanted(s, "class"))
        tree_add_int(arena, map, "class", answer.class_index);
    if (wanted(s, "score"))
        add_probability(arena, map, "score", answer.score);
    if (wanted(s, "top") && s->options->top > 0)
        add_top(s, arena, map, &answer, probability);
    if (wanted(s, "truth") && item->class_text != NULL) /* also a class that the model was never told of */
        tree_add_text(arena, map, "truth", truth >= 0 ? s->model->label[truth] : class_shown(s->source, item));
    if (wanted(s, "route"))
        tree_add_text(arena, map, "route", "edge");
    if (wanted(s, "ms"))
        tree_add_real(arena, map, "ms", (double)(int64_t)(ms * 1000 + 0.5) / 1000);
    return map;
}

/* Finite weights and values may still add up to what is no number. */
static int check_outputs(const struct streaming *s, struct runner *runner, struct error *err)
{
    for (int i = 0; i < s->model->graph.output_count; i++)
        if (!tensor_finite(runner_output(runner, i)))
            return error_set(err, ERROR_INPUT, "the model's answer is not finite");
    return 0;
}

static int run_one(const struct streaming *s, struct runner *runner, const struct item *item, struct error *err)
{
    if ((model_reads_activations(s->model) ? activations_load(runner, s->model, item->sample, err)
                                           : runner_load(runner, item, err)) < 0)
        return error_in(err, "%s", item->key);
    runner_run(runner);
    return check_outputs(s, runner, err) < 0 ? error_in(err, "%s", item->key) : 0;
}

void reply_make(struct reply *reply, const struct streaming *s, struct runner *runner, const struct item *item)
{
    const double started = clock_seconds();
    struct arena arena = { 0 };

    if (run_one(s, runner, item, &reply->err) == 0 && s->tar == NULL) {
        json_write(&reply->line, result_of(reply, s, runner, &arena, item, (clock_seconds() - started) * 1000));
        if (text_check(&reply->line, &reply->err) < 0)
            text_free(&reply->line);
    }
    arena_free(&arena);
}

static int send_failure(struct streaming *s, const struct item *item, const struct error *why, struct error *err)
{
    struct arena arena = { 0 };
    struct tree *map = tree_map(&arena);
    struct text text = { 0 };
    int rc;

    s->counts->failed++;
    tree_add_text(&arena, map, "key", item->key);
    tree_add_text(&arena, map, "error", why->message);
    if (s->sink->line == NULL) {
        job_note(s->job, "%s: %s", item->key, why->message);
        arena_free(&arena);
        return 0;
    }
    json_write(&text, map);
    arena_free(&arena);
    rc = text_check(&text, err);
    if (rc == 0)
        rc = s->sink->line(s->sink->context, text.chars, text.length, err);
    text_free(&text);
    return rc;
}

int reply_send(struct reply *reply, struct streaming *s, const struct item *item, struct error *err)
{
    /* by name: the next part does not see what this set's numbers mean */
    const char *class_text = item->class_text != NULL ? class_shown(s->source, item) : NULL;

    if (reply->err.kind == ERROR_INPUT && s->options->keep_going)
        return send_failure(s, item, &reply->err, err);
    if (reply->err.kind != ERROR_NONE) {
        *err = reply->err;
        return -1;
    }
    s->counts->samples++;
    s->counts->with_truth += reply->with_truth;
    s->counts->right += reply->right;
    if (s->tar != NULL)
        return activations_write(s->runner, s->model, &s->identity, item->key, class_text, s->tar, err);
    return s->sink->line(s->sink->context, reply->line.chars, reply->line.length, err);
}

void reply_free(struct reply *reply)
{
    text_free(&reply->line);
    *reply = (struct reply){ 0 };
}

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
    struct item item;
    int rc = source_next(source, &item, err); /* whose errors name the path */

    if (rc < 1)
        return rc;
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

    if (s->job == NULL || pool_threads(s->job->pool) == 1 || s->tar != NULL || model_reads_activations(s->model))
        return false;
    return strcmp(path, "-") != 0 || (fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode));
}

static int one_source(struct streaming *s, const char *path, struct error *err)
{
    struct source *source = source_open(path, err);
    int rc = source == NULL ? -1 : write_level(s, source, err) < 0 ? error_in(err, "%s", path_shown(path)) : 1;

    s->source = source;
    s->place = path_shown(path);
    for (int i = 0; rc == 1 && !job_stopped(s->job); i++) {
        if (i == 1 && may_read_ahead(s, path))
            rc = crew_answer(s, source, err);
        else
            rc = answer_one(s, source, err);
    }
    if (rc == 0 && check_end(s, source, err) < 0)
        rc = error_in(err, "%s", path_shown(path));
    source_close(source);
    return rc < 0 ? -1 : 0;
}

static int begin(struct streaming *s, struct error *err)
{
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
    runner_free(s.runner);
    return rc;
}

/*
 * infer.h - a model made ready to answer, one sample at a time or a set at once.
 *
 * Every sample runs with batch 1, so an answer never depends on its neighbours;
 * sets are spread over the pool, one runner a thread.
 */
#ifndef INFER_INFER_H
#define INFER_INFER_H

#include "data/data.h"
#include "data/mine.h"
#include "graph/exec.h"
#include "infer/camera.h"
#include "infer/hard.h"
#include "infer/seen.h"
#include "metric/metric.h"
#include "model/model.h"

/* ---- one sample ---- */
struct runner;

/* The model must outlive it. job may be NULL: one thread; its pool serves the operators. */
MUST_CHECK struct runner *runner_new(const struct model *model, const struct job *job, struct error *err);
/* The same for so many samples in one run: with bits of one by one where they stay apart (graph_apart()), and only there. */
MUST_CHECK struct runner *runner_new_batch(const struct model *model, int64_t batch, const struct job *job,
                                           struct error *err);
/* Which sample of the batch all below is about, but for runner_run(): the first, until another is named. */
void runner_select(struct runner *runner, int64_t sample);
/* Another, to run at the same time on one thread: it shares the first's weights. The first must outlive it, and not run
 * while it is made. */
MUST_CHECK struct runner *runner_twin(const struct runner *runner, struct error *err);
void runner_free(struct runner *runner);
/* Through the package's preprocessing (or npy bytes, by ext "npy"). ERROR_INPUT for damaged images and wrong shapes. */
MUST_CHECK int runner_load(struct runner *runner, const struct item *item, struct error *err);
/* Pixels [height, width, channels] or values of a dataset's sample. */
void runner_set(struct runner *runner, const struct dataset *set, int64_t sample);
/* [height, width, channels] of the image that was loaded last, as the model gets it; NULL: it was an array. */
const uint8_t *runner_pixels(const struct runner *runner);
/* The i-th input's elements, as many as it has: of its own type, or reals (aligned) for one of U8 with a scale. */
void runner_fill(struct runner *runner, int i, enum dtype dtype, const void *data);
void runner_run(struct runner *runner);
/* The i-th input or output tensor of one sample as the graph has it (outputs of parts: any dtype). */
struct tensor *runner_input(struct runner *runner, int i);
const struct tensor *runner_output(struct runner *runner, int i);
/* [classes] reals summing to 1 (Softmax applied when the model gives logits): the first output. A model without labels
 * gives its numbers as they are. Valid until the next run. */
const float *runner_probability(struct runner *runner);

enum { ANSWER_TOP = 5 };
struct answer {
    int class_index; /* -1: the model has no labels */
    float score;     /* its probability */
    int top[ANSWER_TOP], top_count;
};
/*
 * answer_of - the class with the largest probability, unless the model has thresholds: then the class that reaches its
 * own, by the largest factor of it; where none does, the most probable of those without one (threshold 0); where all
 * have one, the most probable. A threshold on one class so makes it the answer exactly when its probability reaches it.
 *   probability [classes] of runner_probability()
 */
struct answer answer_of(const struct model *model, const float *probability);

/* ---- a stream of samples: the infer command ---- */
/* Who is asked about hard samples, and what may leave for there; see offload.h. */
struct offload_remote {
    const char *url;    /* http(s)://HOST/v2/models/NAME, or unix:SOCKET/v2/models/NAME */
    int data, features; /* the most private level (enum privacy) whose samples may leave so; -1: none may */
};
struct offload_options {
    const struct offload_remote *remote; /* in order of preference */
    int remote_count;
    double deadline_ms;       /* for one sample, all of it */
    double most_share;        /* of all samples seen so far */
    const struct model *head; /* features by this part of theirs leave, no samples; NULL: the samples do */
    bool keeps;               /* what may not leave is answered here; else the run is refused */
    double alone_seconds;     /* who failed so often is left alone; 0: OFFLOAD_ALONE_SECONDS */
};
struct infer_options {
    bool keep_going;                       /* a sample that cannot be read becomes {"key","error"} */
    bool require_end;                      /* a tar without `.end` is ERROR_INPUT */
    int top;                               /* entries of `top`, 0..5 */
    const char *const *fields;             /* only these keys of a result, NULL-terminated; NULL: all */
    const struct hard *hard;               /* which samples are called hard; NULL: none is */
    const struct offload_options *offload; /* who else is asked about those; NULL: nobody */
    struct seen_options seen;              /* what is not run again; zeros: nothing */
    bool latest;                           /* standard input does not wait, as a camera's address never does */
    struct camera_options camera;
};
struct infer_sink {
    /* One result, a JSON object without newline, as soon as it is known. NULL for parts that give activations. */
    int (*line)(void *context, const char *json, size_t length, struct error *err);
    void *context;
    struct mine *mine;          /* gets the hard samples; or NULL */
    struct output *activations; /* where a part before the last writes its tar; NULL otherwise */
};
struct infer_counts {
    int64_t samples, failed, right, with_truth, hard;
    int64_t dropped;         /* frames of live streams that came too fast */
    int64_t asked, answered; /* of the hard ones, elsewhere */
    int64_t alone;           /* hard ones about which nobody was asked, for who failed is left alone */
    uint64_t asked_bytes;
};
/* Names that --emit knows. */
extern const char *const infer_fields[];
/*
 * infer_stream - answers every sample of every path in order; of a live stream (an address; with `latest`, "-") those
 * there is time for. Parts of a split model read and write activation
 * streams (KEY.t0.npy ..., KEY.json with the head's digest).
 * Errors: ERROR_INPUT naming path and key, or when there is no sample at all; with keep_going damaged samples only count as failed.
 */
MUST_CHECK int infer_stream(const struct model *model, const char *const *paths, int path_count,
                            const struct infer_options *options, const struct infer_sink *sink, const struct job *job,
                            struct infer_counts *counts, struct error *err);

/* ---- a set: eval, gates ---- */
/* probability [count, classes] is filled, in the pool. ERROR_INPUT for parts, models without labels, unlabelled samples. */
MUST_CHECK int infer_probabilities(const struct model *model, const struct dataset *set, const struct job *job,
                                   float *probability, struct error *err);
/* Answers against the truth, by the model's thresholds; `given` is what infer_probabilities() filled, NULL: it is run. */
MUST_CHECK int infer_scores(const struct model *model, const struct dataset *set, const float *given,
                            const struct job *job, struct arena *arena, struct scores *scores, struct error *err);

/* Whole-run times of batch 1 with `job`'s threads: milliseconds [runs], sorted by percentile(). */
MUST_CHECK int infer_times(const struct model *model, int runs, const struct job *job, double *ms, struct error *err);

/*
 * measure_model - what gates, eval and inspect call measures: {name, parameters, macs, size (bytes of the package),
 * sparsity, ...}; with a set also the scores' keys; with runs > 0 median_ms, p95_ms, p99_ms, threads.
 */
struct measure_options {
    const struct dataset *set; /* or NULL */
    const float *probability;  /* [count, classes] of the set, where it is known already; or NULL */
    int runs;                  /* timing runs; 0: none */
    int64_t size;              /* bytes of the package; 0 left out */
};
MUST_CHECK int measure_model(struct arena *arena, const struct model *model, const struct measure_options *options,
                             const struct job *job, struct tree **measures, struct error *err);

/*
 * infer_sweep - every threshold of P(good) that changes something, and the one with the fewest false calls (of equals,
 * the fewest escapes) among those with at most most_escapes: into measures as {sweep: {points: [{threshold, escapes,
 * false_calls}]}, chosen: {threshold, escapes, false_calls, accuracy}}, and into model->threshold.
 *   probability [count, classes] as infer_probabilities() fills it
 * Errors: ERROR_INPUT when the set has no good sample or no defect.
 */
struct sweep_options {
    int good; /* label */
    double most_escapes;
    int points; /* most that are shown; the choice is among all */
};
MUST_CHECK int infer_sweep(struct model *model, const struct dataset *set, const float *probability,
                           const struct sweep_options *options, struct arena *arena, struct tree *measures,
                           struct error *err);

#endif

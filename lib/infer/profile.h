/*
 * profile.h - how long a model takes on this machine, as a whole and step by
 * step, on random inputs.
 */
#ifndef INFER_PROFILE_H
#define INFER_PROFILE_H

#include "graph/profile.h"
#include "model/model.h"

struct profile_options {
    int64_t batch;
    int64_t warmup; /* runs that do not count */
    int64_t runs;   /* 0: as many as `seconds` take, at least 10 */
    double seconds;
    /* "[NAME=]AxBxC": sizes of an input but for an open batch; without a name, of the only one. */
    const char *const *sizes;
    int size_count;
    bool steps; /* also time each step, for some of the runs again, and the machine's peak */
};

struct profile {
    double median_ms, p95_ms, p99_ms, min_ms, mean_ms; /* of whole runs */
    int64_t runs;
    double macs; /* of one run: of the whole batch */

    /* with options->steps; else none */
    struct profile_step *step;
    double *step_ms; /* medians */
    int step_count;
    double steps_ms; /* their sum */
    double peak;     /* profile_peak() */
};

/*
 * profile_model - all memory is the arena's. Reals are drawn from job->seed, uniform from -2 to 2, bytes too; other
 * inputs are zeros. Errors: ERROR_USAGE for sizes that do not fit the inputs, that stay open, and for a batch of a model
 * that has one of its own; and what exec_new() and exec_run() refuse.
 */
MUST_CHECK int profile_model(const struct model *model, const struct profile_options *options, const struct job *job,
                             struct arena *arena, struct profile *profile, struct error *err);
/* The part of profile->peak that a step reaches; -1 where that says nothing: no multiply-adds, or of integers. */
double profile_peak_share(const struct profile *profile, int step);

#endif

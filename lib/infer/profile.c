/* profile.c - see profile.h. */
#include "infer/profile.h"

#include <math.h>

#include "base/clock.h"
#include "infer/profile_input.h"
#include "metric/metric.h"

enum { LEAST_RUNS = 10, MOST_RUNS = 1000000, MOST_STEP_RUNS = 100 };

struct timing {
    struct exec *exec;
    struct arena *arena;
    const struct profile_options *options;
    const struct job *job;
    struct profile *profile;
};

/* ---- whole runs ---- */

static int add_time(struct timing *t, double **ms, int64_t *capacity, double one, struct error *err)
{
    if (t->profile->runs == *capacity) {
        const int64_t more = *capacity < 64 ? 64 : 2 * *capacity;

        *ms = arena_grow(t->arena, *ms, (size_t)*capacity, (size_t)more, sizeof(**ms));
        *capacity = more;
    }
    if (*ms == NULL)
        return error_memory(err);
    (*ms)[t->profile->runs++] = one;
    return 0;
}

static bool is_enough(const struct timing *t, double begin)
{
    const int64_t runs = t->profile->runs;

    if (t->options->runs > 0)
        return runs >= t->options->runs;
    return runs >= MOST_RUNS || (runs >= LEAST_RUNS && clock_seconds() - begin >= t->options->seconds);
}

static void sum_up(struct profile *profile, double *ms)
{
    double sum = 0;

    profile->median_ms = percentile(ms, profile->runs, 0.5);
    profile->p95_ms = percentile(ms, profile->runs, 0.95);
    profile->p99_ms = percentile(ms, profile->runs, 0.99);
    profile->min_ms = percentile(ms, profile->runs, 0);
    for (int64_t i = 0; i < profile->runs; i++)
        sum += ms[i];
    profile->mean_ms = sum / (double)profile->runs;
}

static int time_runs(struct timing *t, struct error *err)
{
    int64_t capacity = 0;
    double *ms = NULL, begin;

    for (int64_t i = 0; i < t->options->warmup; i++)
        if (exec_run(t->exec, err) < 0)
            return -1;
    begin = clock_seconds();
    do {
        const double before = clock_seconds();

        if (exec_run(t->exec, err) < 0 || add_time(t, &ms, &capacity, (clock_seconds() - before) * 1e3, err) < 0)
            return -1;
        job_step(t->job, "timing", (uint64_t)t->profile->runs, (uint64_t)t->options->runs);
    } while (!is_enough(t, begin));
    sum_up(t->profile, ms);
    return 0;
}

/* ---- step by step ---- */

static int time_steps(struct timing *t, struct error *err)
{
    struct profile *profile = t->profile;
    const int64_t runs = profile->runs < MOST_STEP_RUNS ? profile->runs : MOST_STEP_RUNS;
    const size_t steps = (size_t)profile->step_count + 1;
    double *seconds = arena_array(t->arena, steps, sizeof(double));
    double *all = arena_array(t->arena, steps * (size_t)runs, sizeof(double));

    profile->step_ms = arena_array(t->arena, steps, sizeof(double));
    if (seconds == NULL || all == NULL || profile->step_ms == NULL)
        return error_memory(err);
    for (int64_t r = 0; r < runs; r++) {
        if (exec_run_timed(t->exec, seconds, err) < 0)
            return -1;
        for (int s = 0; s < profile->step_count; s++)
            all[s * runs + r] = seconds[s] * 1e3;
    }
    for (int s = 0; s < profile->step_count; s++) {
        profile->step_ms[s] = percentile(all + s * runs, runs, 0.5);
        profile->steps_ms += profile->step_ms[s];
    }
    return 0;
}

static int measure(struct timing *t, struct error *err)
{
    struct profile *profile = t->profile;

    if (exec_steps(t->exec, t->arena, &profile->step, &profile->step_count, err) < 0)
        return -1;
    for (int s = 0; s < profile->step_count; s++)
        profile->macs += profile->step[s].macs;
    if (time_runs(t, err) < 0)
        return -1;
    if (!t->options->steps) {
        profile->step = NULL;
        profile->step_count = 0;
        return 0;
    }
    profile->peak = profile_peak(t->job->kern, t->job->pool);
    return time_steps(t, err);
}

/* What the caller keeps of steps must not go with the exec. */
static int keep_names(struct profile *profile, struct arena *arena, struct error *err)
{
    for (int s = 0; s < profile->step_count; s++) {
        struct profile_step *step = &profile->step[s];
        const char **does = arena_array(arena, (size_t)step->does_count + 1, sizeof(*does));

        step->name = arena_strdup(arena, step->name);
        for (int i = 0; i < step->does_count && does != NULL; i++)
            does[i] = arena_strdup(arena, step->does[i]);
        step->does = does;
    }
    return arena->failed ? error_memory(err) : 0;
}

int profile_model(const struct model *model, const struct profile_options *options, const struct job *job,
                  struct arena *arena, struct profile *profile, struct error *err)
{
    struct arena scratch = { 0 };
    struct timing t = { .arena = arena, .options = options, .job = job, .profile = profile };
    struct graph graph;
    int rc = graph_copy(&graph, &scratch, &model->graph, false, err);

    *profile = (struct profile){ 0 };
    if (rc == 0)
        rc = profile_bind(&graph, options, err);
    if (rc == 0) {
        t.exec = exec_new(&graph, options->batch, EXEC_INFER, job, err);
        rc = t.exec == NULL ? -1 : 0;
    }
    if (rc == 0) {
        profile_fill(&graph, t.exec, job->seed);
        rc = measure(&t, err);
    }
    if (rc == 0)
        rc = keep_names(profile, arena, err);
    exec_free(t.exec);
    arena_free(&scratch);
    return rc;
}

double profile_peak_share(const struct profile *profile, int step)
{
    const double ms = profile->step_ms[step];

    return profile->step[step].real && ms > 0 ? profile->step[step].macs / (ms * 1e-3) / profile->peak : -1;
}

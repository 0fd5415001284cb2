/* tune.c - see tune.h. */
#include "infer/tune.h"

#include <string.h>

#include "base/clock.h"
#include "infer/profile_input.h"
#include "metric/metric.h"

enum { LEAST_PAIRS = 15, MOST_PAIRS = 200 };

static const double most_ratio = 0.97; /* of a way that is worth it */

struct tuning {
    const struct model *model;
    const struct profile_options *options;
    struct job job; /* of one thread */
    struct arena *arena, scratch;
    struct tune *tune;
    struct exec *usual;
    struct profile_step *step;
    int step_count;
    /* of one contest, by step and last of the whole: */
    double *seconds[2]; /* the usual way's and the other's, in this pair */
    double *ms, *ratio; /* [step_count + 1][MOST_PAIRS] */
    int64_t pairs;
};

/* ---- two ways in turn ---- */

static int run_one(struct tuning *t, struct exec *exec, double *seconds, struct error *err)
{
    if (exec_run_timed(exec, seconds, err) < 0)
        return -1;
    seconds[t->step_count] = 0;
    for (int s = 0; s < t->step_count; s++)
        seconds[t->step_count] += seconds[s];
    return 0;
}

/* Who goes first changes from pair to pair. */
static int run_pair(struct tuning *t, struct exec *other, struct error *err)
{
    for (int i = 0; i < 2; i++) {
        const int which = (t->pairs + i) % 2 == 0 ? 0 : 1;

        if (run_one(t, which == 0 ? t->usual : other, t->seconds[which], err) < 0)
            return -1;
    }
    return 0;
}

static void keep_pair(struct tuning *t)
{
    for (int s = 0; s <= t->step_count; s++) {
        const double usual = t->seconds[0][s], other = t->seconds[1][s];

        t->ms[s * MOST_PAIRS + t->pairs] = usual * 1e3;
        t->ratio[s * MOST_PAIRS + t->pairs] = usual > 0 ? other / usual : 1;
    }
    t->pairs++;
}

static bool is_enough(const struct tuning *t, double begin)
{
    const int64_t wanted = t->options->runs < MOST_PAIRS ? t->options->runs : MOST_PAIRS;

    if (wanted > 0)
        return t->pairs >= wanted && t->pairs >= LEAST_PAIRS;
    return t->pairs >= MOST_PAIRS || (t->pairs >= LEAST_PAIRS && clock_seconds() - begin >= t->options->seconds);
}

static int contest(struct tuning *t, struct exec *other, struct error *err)
{
    double begin;

    for (int64_t i = 0; i <= t->options->warmup; i++) /* once at least: weights are seen for the first time */
        if (run_pair(t, other, err) < 0)
            return -1;
    t->pairs = 0;
    begin = clock_seconds();
    do {
        if (run_pair(t, other, err) < 0)
            return -1;
        keep_pair(t);
    } while (!is_enough(t, begin));
    return 0;
}

bool tune_is_worth(double *ratio, int64_t pairs, double *median)
{
    *median = percentile(ratio, pairs, 0.5);
    return *median <= most_ratio && percentile(ratio, pairs, 0.75) < 1;
}

/* ---- compiled ---- */

/* A graph of the options' sizes to set ways in; the exec's, which must not outlive it. */
static int open_graph(struct tuning *t, struct graph *graph, struct arena *arena, struct error *err)
{
    if (graph_copy(graph, arena, &t->model->graph, false, err) < 0)
        return -1;
    return profile_bind(graph, t->options, err);
}

static struct exec *compile(struct tuning *t, const struct graph *graph, struct error *err)
{
    struct exec *exec = exec_new(graph, t->options->batch, EXEC_INFER, &t->job, err);

    if (exec != NULL)
        profile_fill(graph, exec, t->job.seed);
    return exec;
}

/* Its steps stand beside the usual ones, one for one. */
static struct exec *compile_other(struct tuning *t, const struct graph *graph, struct arena *arena,
                                  struct profile_step **step, struct error *err)
{
    struct exec *exec = compile(t, graph, err);
    int count;

    if (exec == NULL)
        return NULL;
    if (exec_steps(exec, arena, step, &count, err) == 0) {
        if (count == t->step_count)
            return exec;
        error_set(err, ERROR_INTERNAL, "%d steps in another way, expected %d", count, t->step_count);
    }
    exec_free(exec);
    return NULL;
}

/* ---- what each way does ---- */

/* The node that the step is of, NULL when the compiler made it. */
static struct tune_node *node_of(struct tuning *t, const struct profile_step *step)
{
    struct tune *tune = t->tune;

    for (int n = 0; n < tune->count; n++)
        if (strcmp(tune->node[n].name, step->name) == 0)
            return &tune->node[n];
    if (graph_find_node(&t->model->graph, step->name) < 0)
        return NULL;
    tune->node[tune->count] = (struct tune_node){ .name = step->name, .usual = step->kernel };
    return &tune->node[tune->count++];
}

static void note(struct tuning *t, int s, enum op_way way)
{
    const size_t at = (size_t)s * MOST_PAIRS;
    struct tune_node *node = node_of(t, &t->step[s]);

    if (node == NULL)
        return;
    node->ms = percentile(t->ms + at, t->pairs, 0.5);
    if (tune_is_worth(t->ratio + at, t->pairs, &node->ratio[way]) &&
        (node->way == OP_WAY_ANY || node->ratio[way] < node->ratio[node->way]))
        node->way = way;
}

/* The steps that go otherwise than usual; none: not worth a contest. */
static int compare(struct tuning *t, struct exec *other, const struct profile_step *step, enum op_way way,
                   struct error *err)
{
    int differ = 0;

    for (int s = 0; s < t->step_count; s++)
        differ += strcmp(step[s].kernel, t->step[s].kernel) != 0;
    if (differ > 0 && contest(t, other, err) < 0)
        return -1;
    for (int s = 0; s < t->step_count; s++)
        if (strcmp(step[s].kernel, t->step[s].kernel) != 0)
            note(t, s, way);
    return 0;
}

static int try_way(struct tuning *t, enum op_way way, struct error *err)
{
    struct arena arena = { 0 };
    struct exec *other = NULL;
    struct profile_step *step;
    struct graph graph;
    int rc = open_graph(t, &graph, &arena, err);

    for (int n = 0; rc == 0 && n < graph.node_count; n++)
        graph.node[n].way = way;
    if (rc == 0)
        other = compile_other(t, &graph, &arena, &step, err);
    rc = other != NULL ? compare(t, other, step, way, err) : -1;
    exec_free(other);
    arena_free(&arena);
    return rc;
}

/* ---- all of them together ---- */

static void choose_nothing(struct tune *tune)
{
    for (int n = 0; n < tune->count; n++)
        tune->node[n].way = OP_WAY_ANY;
    tune->chosen = 0;
    tune->ratio = 1;
}

static int try_all(struct tuning *t, struct error *err)
{
    struct tune *tune = t->tune;
    struct arena arena = { 0 };
    struct exec *other = NULL;
    struct profile_step *step;
    struct graph graph;
    int rc = open_graph(t, &graph, &arena, err);

    for (int n = 0; rc == 0 && n < tune->count; n++)
        graph.node[graph_find_node(&graph, tune->node[n].name)].way = tune->node[n].way;
    if (rc == 0)
        other = compile_other(t, &graph, &arena, &step, err);
    rc = other != NULL ? contest(t, other, err) : -1;
    if (rc == 0)
        tune->ratio = percentile(t->ratio + (size_t)t->step_count * MOST_PAIRS, t->pairs, 0.5);
    if (rc == 0 && tune->ratio >= 1)
        choose_nothing(tune);
    exec_free(other);
    arena_free(&arena);
    return rc;
}

static int begin(struct tuning *t, const struct graph *graph, struct error *err)
{
    size_t steps;

    t->usual = compile(t, graph, err);
    if (t->usual == NULL || exec_steps(t->usual, &t->scratch, &t->step, &t->step_count, err) < 0)
        return -1;
    steps = (size_t)t->step_count + 1;
    t->seconds[0] = arena_array(&t->scratch, steps, sizeof(double));
    t->seconds[1] = arena_array(&t->scratch, steps, sizeof(double));
    t->ms = arena_array(&t->scratch, steps * MOST_PAIRS, sizeof(double));
    t->ratio = arena_array(&t->scratch, steps * MOST_PAIRS, sizeof(double));
    t->tune->node = arena_array(t->arena, steps, sizeof(*t->tune->node));
    return t->seconds[0] == NULL || t->seconds[1] == NULL || t->ms == NULL || t->ratio == NULL || t->tune->node == NULL
               ? error_memory(err)
               : 0;
}

static int tune_all(struct tuning *t, struct error *err)
{
    struct tune *tune = t->tune;

    for (int way = OP_WAY_ANY + 1; way < OP_WAYS; way++) {
        job_step(&t->job, "tuning", (uint64_t)way, OP_WAYS);
        if (try_way(t, (enum op_way)way, err) < 0)
            return -1;
    }
    for (int n = 0; n < tune->count; n++) {
        tune->chosen += tune->node[n].way != OP_WAY_ANY;
        tune->node[n].name = arena_strdup(t->arena, tune->node[n].name); /* the exec goes */
        if (tune->node[n].name == NULL)
            return error_memory(err);
    }
    job_step(&t->job, "tuning", OP_WAYS, OP_WAYS);
    tune->ratio = 1;
    return tune->chosen > 0 ? try_all(t, err) : 0;
}

int tune_model(const struct model *model, const struct profile_options *options, const struct job *job,
               struct arena *arena, struct tune *tune, struct error *err)
{
    struct tuning t = { .model = model, .options = options, .job = *job, .arena = arena, .tune = tune };
    struct graph graph;
    int rc;

    *tune = (struct tune){ 0 };
    t.job.pool = NULL;
    rc = open_graph(&t, &graph, &t.scratch, err);
    if (rc == 0)
        rc = begin(&t, &graph, err);
    if (rc == 0)
        rc = tune_all(&t, err);
    exec_free(t.usual);
    arena_free(&t.scratch);
    return rc;
}

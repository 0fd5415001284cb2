#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "infer/infer.h"

struct scoring {
    const struct dataset *set;
    struct runner **runner; /* one a thread, twins of the first */
    float *probability;     /* [count, classes] */
    int64_t classes, part;
};

static void score_part(void *context, size_t index, int worker)
{
    const struct scoring *scoring = context;
    struct runner *runner = scoring->runner[worker];
    int64_t first = (int64_t)index * scoring->part, last = first + scoring->part;

    for (int64_t i = first; i < last && i < scoring->set->count; i++) {
        runner_set(runner, scoring->set, i);
        runner_run(runner);
        memcpy(scoring->probability + i * scoring->classes, runner_probability(runner),
               (size_t)scoring->classes * sizeof(float));
    }
}

static int check_set(const struct model *model, const struct dataset *set, struct error *err)
{
    if (model->part != NULL) {
        error_set(err, ERROR_INPUT, "this is part %d of %d of a split model, which cannot be judged alone",
                  model->part->index + 1, model->part->count);
        return error_hint(err, "judge the whole: its parts together give the same bits");
    }
    if (model->label_count == 0)
        return error_set(err, ERROR_INPUT, "the model has no labels to judge by");
    for (int64_t i = 0; i < set->count; i++)
        if (set->label[i] < 0)
            return error_set(err, ERROR_INPUT, "sample '%s' has no class to judge by", set->key[i]);
    if (model->graph.input_count != 1)
        return error_set(err, ERROR_INPUT, "judging needs one input, the graph has %d", model->graph.input_count);
    return dataset_fits(set, &model->graph.value[model->graph.input[0]].tensor, err);
}

static int run_scoring(struct scoring *scoring, const struct model *model, const struct job *job, struct error *err)
{
    struct pool *pool = job ? job->pool : NULL;
    int threads = pool_threads(pool);
    struct job single = { 0 };
    int rc = 0;

    if (job)
        single = *job;
    single.pool = NULL;
    scoring->runner = calloc((size_t)threads, sizeof(struct runner *));
    if (scoring->runner == NULL)
        return error_memory(err);
    for (int i = 0; i < threads && rc == 0; i++) {
        scoring->runner[i] = i == 0 ? runner_new(model, &single, err) : runner_twin(scoring->runner[0], err);
        rc = scoring->runner[i] ? 0 : -1;
    }
    if (rc == 0)
        pool_run(pool, (size_t)((scoring->set->count + scoring->part - 1) / scoring->part), score_part, scoring);
    while (--threads >= 0) /* the first last: the others' weights are its */
        runner_free(scoring->runner[threads]);
    free(scoring->runner);
    return rc;
}

static int add_score(struct scores *scores, const struct model *model, const struct dataset *set, int64_t i,
                     const float *probability, struct error *err)
{
    for (int c = 0; c < model->label_count; c++)
        if (!isfinite(probability[c]))
            return error_set(err, ERROR_INPUT, "sample '%s': the model's answer is not finite", set->key[i]);
    scores_add(scores, probability, set->label[i], answer_of(model, probability).class_index);
    return 0;
}

int infer_probabilities(const struct model *model, const struct dataset *set, const struct job *job, float *probability,
                        struct error *err)
{
    struct scoring scoring = { .set = set, .classes = model->label_count, .part = 16, .probability = probability };

    return check_set(model, set, err) < 0 ? -1 : run_scoring(&scoring, model, job, err);
}

int infer_scores(const struct model *model, const struct dataset *set, const float *given, const struct job *job,
                 struct arena *arena, struct scores *scores, struct error *err)
{
    const int64_t classes = model->label_count;
    float *run = given ? NULL : malloc((size_t)(set->count * classes + 1) * sizeof(float));
    const float *probability = given ? given : run;
    int rc = scores_init(scores, arena, model->label_count, err);

    if (rc == 0 && probability == NULL)
        rc = error_memory(err);
    if (rc == 0 && run != NULL)
        rc = infer_probabilities(model, set, job, run, err);
    for (int64_t i = 0; i < set->count && rc == 0; i++)
        rc = add_score(scores, model, set, i, probability + i * classes, err);
    free(run);
    return rc;
}

int infer_times(const struct model *model, int runs, const struct job *job, double *ms, struct error *err)
{
    struct runner *runner = runner_new(model, job, err);
    const int warm_up = runs < 10 ? 1 : runs / 10;

    if (runner == NULL)
        return -1;
    for (int i = 0; i < model->graph.input_count; i++) {
        struct tensor *in = runner_input(runner, i);

        memset(in->data, 0, tensor_bytes(in));
    }
    for (int i = -warm_up; i < runs; i++) {
        double started = clock_seconds();

        runner_run(runner);
        if (i >= 0)
            ms[i] = (clock_seconds() - started) * 1000;
    }
    runner_free(runner);
    return 0;
}

/* live.c - see live.h. */
#include "infer/live.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "metric/drift.h"
#include "json/json.h"

double live_level(const uint8_t *pixels, int64_t count)
{
    uint64_t sum = 0;

    for (int64_t i = 0; i < count; i++)
        sum += pixels[i];
    return (double)sum / (255.0 * (double)count);
}

int live_learn(struct model *model, const struct dataset *set, const struct job *job, struct error *err)
{
    float *probability = malloc((size_t)(set->count * model->label_count) * sizeof(*probability));
    struct habit habit;
    int rc = probability == NULL ? error_memory(err) : infer_probabilities(model, set, job, probability, err);

    if (rc == 0)
        rc = habit_init(&habit, &model->arena, model->label_count, err);
    for (int64_t i = 0; rc == 0 && i < set->count; i++) {
        const struct answer answer = answer_of(model, probability + i * model->label_count);

        habit_add(&habit, answer.class_index, (double)answer.score,
                  set->pixels == NULL ? -1 : live_level(set->pixels + i * set->elements, set->elements));
    }
    free(probability);
    if (rc < 0)
        return -1;
    model->statistics = habit_to_tree(&habit, &model->arena, (const char *const *)model->label);
    return model->arena.failed ? error_memory(err) : 0;
}

/* ---- lines ---- */

struct live {
    const struct model *model;
    struct arena *arena;
    struct habit now;
    struct tree *routes;
    int64_t failed, hard, with_hard, right, with_truth;
};

static void count_route(struct live *live, const char *route)
{
    struct tree *one = (struct tree *)(uintptr_t)tree_get(live->routes, route); /* our own tree */

    if (one == NULL && live->routes != NULL && live->routes->count < 32) {
        const char *name = arena_strdup(live->arena, route);
        one = name == NULL ? NULL : tree_add_int(live->arena, live->routes, name, 0);
    }
    if (one != NULL)
        one->real = (double)++one->integer;
}

static int take_result(struct live *live, const struct tree *line, struct error *err)
{
    const char *label, *truth = NULL, *route = "edge";
    double score, level = -1;
    bool hard = false;
    int class_index;

    if (tree_need_text(line, "label", &label, err) < 0 || tree_need_real(line, "score", &score, err) < 0 ||
        tree_take_text(line, "truth", &truth, err) < 0 || tree_take_text(line, "route", &route, err) < 0 ||
        tree_take_bool(line, "hard", &hard, err) < 0 || tree_take_real(line, "level", &level, err) < 0)
        return -1;
    class_index = model_find_label(live->model, label);
    if (class_index < 0)
        return error_set(err, ERROR_INPUT, "label '%.100s' is not the model's", label);
    if (!(score >= 0 && score <= 1) || !(level == -1 || (level >= 0 && level <= 1)))
        return error_set(err, ERROR_INPUT, "a score and a level are from 0 to 1");
    habit_add(&live->now, class_index, score, level);
    count_route(live, route);
    live->hard += hard;
    live->with_hard += tree_get(line, "hard") != NULL;
    live->with_truth += truth != NULL;
    live->right += truth != NULL && strcmp(truth, label) == 0;
    return 0;
}

static int take_line(struct live *live, const char *text, size_t count, struct error *err)
{
    struct arena arena = { 0 };
    const struct tree *line;
    int rc = json_parse(&arena, text, count, &line, err);

    if (rc == 0 && line->kind != TREE_MAP)
        rc = error_set(err, ERROR_INPUT, "expected a JSON object");
    if (rc == 0 && tree_get(line, "error") != NULL)
        live->failed++;
    else if (rc == 0)
        rc = take_result(live, line, err);
    arena_free(&arena);
    return rc;
}

static int take_lines(struct live *live, const char *text, size_t count, struct error *err)
{
    size_t at = 0;

    for (int64_t number = 1; at < count; number++) {
        const char *end = memchr(text + at, '\n', count - at);
        const size_t length = end ? (size_t)(end - text) - at : count - at;

        if (length > 0 && take_line(live, text + at, length, err) < 0)
            return error_in(err, "line %" PRId64, number);
        at += length + 1;
    }
    if (live->now.score.count + live->failed == 0)
        return error_set(err, ERROR_INPUT, "no results, expected lines as coedge infer prints them");
    return 0;
}

/* ---- what they add up to ---- */

static double mean_of(const struct spread *spread)
{
    return spread->count > 0 ? spread->sum / (double)spread->count : NAN;
}

static void add_share(struct arena *arena, struct tree *map, const char *key, int64_t part, int64_t all)
{
    if (all > 0)
        tree_add_real(arena, map, key, (double)part / (double)all);
}

static int add_drift(struct tree *map, const struct live *live, struct error *err)
{
    struct arena *arena = live->arena;
    struct habit before;
    struct drift drift;
    int rc = habit_from_tree(&before, arena, live->model->statistics, (const char *const *)live->model->label,
                             live->model->label_count, err);

    if (rc < 1 || live->now.score.count == 0)
        return rc < 0 ? error_in(err, "statistics.yaml") : 0;
    drift = drift_between(&before, &live->now);
    tree_add_real(arena, map, "drift", drift.most);
    tree_add_real(arena, map, "drift_confidence", drift.score);
    tree_add_real(arena, map, "drift_said", drift.said);
    if (isfinite(drift.level))
        tree_add_real(arena, map, "drift_level", drift.level);
    tree_add_real(arena, map, "confidence_loss", mean_of(&before.score) - mean_of(&live->now.score));
    return 0;
}

int live_measure(struct arena *arena, const struct model *model, const char *text, size_t count, struct tree **measures,
                 struct error *err)
{
    struct live live = { .model = model, .arena = arena, .routes = tree_map(arena) };
    struct tree *map = tree_map(arena);

    if (model->label_count == 0)
        return error_set(err, ERROR_INPUT, "the model has no labels: there is no habit to compare with");
    if (habit_init(&live.now, arena, model->label_count, err) < 0 || take_lines(&live, text, count, err) < 0)
        return -1;
    tree_add_text(arena, map, "name", model->name);
    tree_add_int(arena, map, "samples", live.now.score.count);
    tree_add_int(arena, map, "failed", live.failed);
    if (live.now.score.count > 0)
        tree_add_real(arena, map, "confidence", mean_of(&live.now.score));
    add_share(arena, map, "hard", live.hard, live.with_hard);
    add_share(arena, map, "accuracy", live.right, live.with_truth);
    if (add_drift(map, &live, err) < 0)
        return -1;
    tree_add(arena, map, "routes", live.routes);
    *measures = map;
    return arena->failed ? error_memory(err) : 0;
}

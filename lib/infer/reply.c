/* reply.c - what is found out about one sample, and how it leaves. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "infer/activations.h"
#include "infer/live.h"
#include "infer/streaming.h"
#include "json/json.h"

const char *const infer_fields[] = { "key",  "label",  "class", "score",   "top",  "truth", "route",
                                     "hard", "unsure", "level", "dropped", "sent", "ms",    NULL };

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

/* An answer, and where it is from. */
struct known {
    const float *probability;
    const char *route;
    double level; /* of the picture; below 0: there is none */
    double ms;
    float unsure; /* with a rule: what its threshold is compared with */
    int64_t sent; /* bytes of what was asked elsewhere */
    bool hard, offloaded;
    struct offload_answer other; /* with offloaded: it counts */
};

static void add_top(const struct streaming *s, struct arena *arena, struct tree *map, const struct offload_class *class,
                    int count)
{
    struct tree *list = tree_add_list(arena, map, "top");

    for (int i = 0; i < count && i < s->options->top; i++) {
        struct tree *one = tree_add_map(arena, list, NULL);

        tree_add_text(arena, one, "label", class[i].label);
        add_probability(arena, one, "score", class[i].score);
    }
}

/* The classes of the answer that counts, the one that is said first. Returns how many follow it in falling order. */
static struct offload_class said_of(const struct streaming *s, const struct known *known,
                                    struct offload_class top[ANSWER_TOP], int *count)
{
    struct answer answer;

    if (known->offloaded) {
        *count = known->other.count;
        memcpy(top, known->other.top, sizeof(known->other.top));
        return top[0];
    }
    answer = answer_of(s->model, known->probability);
    *count = answer.top_count;
    for (int i = 0; i < answer.top_count; i++)
        top[i] = (struct offload_class){ s->model->label[answer.top[i]], answer.top[i],
                                         known->probability[answer.top[i]] };
    return (struct offload_class){ s->model->label[answer.class_index], answer.class_index, answer.score };
}

static struct tree *numbers_of(struct runner *runner, struct arena *arena, struct tree *map, const float *number)
{
    struct tree *list = tree_add_list(arena, map, "output");
    const int64_t count = shape_count(&runner_output(runner, 0)->shape);

    for (int64_t i = 0; i < count; i++)
        add_probability(arena, list, NULL, number[i]);
    return map;
}

/* A classifier's result; models without labels give their numbers. */
static struct tree *result_of(struct reply *reply, const struct streaming *s, struct runner *runner,
                              struct arena *arena, const struct item *item, const struct known *known)
{
    const float *probability = known->probability;
    const int truth = class_index_of(s->source, item, s->model->label, s->model->label_count);
    struct tree *map = tree_map(arena);
    struct offload_class said, top[ANSWER_TOP];
    int count;

    if (wanted(s, "key"))
        tree_add_text(arena, map, "key", item->key);
    if (s->model->label_count == 0)
        return numbers_of(runner, arena, map, probability);
    said = said_of(s, known, top, &count);
    reply->with_truth = truth >= 0;
    reply->right = truth == said.class_index;
    reply->hard = known->hard;
    reply->teacher = known->offloaded ? said.label : NULL;
    if (wanted(s, "label"))
        tree_add_text(arena, map, "label", said.label);
    if (wanted(s, "class"))
        tree_add_int(arena, map, "class", said.class_index);
    if (wanted(s, "score"))
        add_probability(arena, map, "score", said.score);
    if (wanted(s, "top") && s->options->top > 0)
        add_top(s, arena, map, top, count);
    if (wanted(s, "truth") && item->class_text != NULL) /* also a class that the model was never told of */
        tree_add_text(arena, map, "truth", truth >= 0 ? s->model->label[truth] : class_shown(s->source, item));
    if (wanted(s, "route"))
        tree_add_text(arena, map, "route", known->route);
    if (wanted(s, "hard") && s->options->hard != NULL)
        tree_add_bool(arena, map, "hard", reply->hard);
    if (wanted(s, "unsure") && s->options->hard != NULL)
        add_probability(arena, map, "unsure", known->unsure);
    if (wanted(s, "level") && known->level >= 0)
        tree_add_real(arena, map, "level", (double)(int64_t)(known->level * 1e4 + 0.5) / 1e4);
    if (wanted(s, "dropped") && item->dropped > 0)
        tree_add_int(arena, map, "dropped", item->dropped);
    if (wanted(s, "sent") && known->sent > 0)
        tree_add_int(arena, map, "sent", known->sent);
    if (wanted(s, "ms"))
        tree_add_real(arena, map, "ms", (double)(int64_t)(known->ms * 1000 + 0.5) / 1000);
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

static int load_one(const struct streaming *s, struct runner *runner, const struct item *item, struct error *err)
{
    return model_reads_activations(s->model) ? activations_load(runner, s->model, item->sample, err)
                                             : runner_load(runner, item, err);
}

/* The answer of a picture that looks the same, or the network's. */
static int find_out(struct known *known, const struct streaming *s, struct runner *runner, struct error *err)
{
    const uint8_t *pixels = runner_pixels(runner);
    const struct preprocess *size = &s->model->preprocess;
    enum seen_how how = SEEN_NEVER;

    *known = (struct known){ .route = "edge", .level = -1 };
    if (pixels != NULL && s->tar == NULL)
        known->level = live_level(pixels, (int64_t)size->height * size->width * size->channels);
    if (s->seen != NULL && pixels != NULL)
        known->probability = seen_find(s->seen, pixels, size->height, size->width, size->channels, &how);
    if (known->probability != NULL) {
        known->route = how == SEEN_LAST ? "filter" : "cache";
        return 0;
    }
    runner_run(runner);
    if (check_outputs(s, runner, err) < 0)
        return -1;
    if (s->tar == NULL)
        known->probability = runner_probability(runner);
    if (s->seen != NULL && pixels != NULL)
        seen_add(s->seen, known->probability);
    return 0;
}

/* A sample that the model is not sure about may be asked elsewhere; its own answer stands if that fails. */
static void ask_elsewhere(struct known *known, const struct streaming *s, const struct item *item)
{
    const bool counts = s->options->hard != NULL && s->tar == NULL;

    if (counts)
        known->unsure = (float)hard_share(s->options->hard, known->probability, s->model->label_count, item->key);
    known->hard = counts && hard_is(s->options->hard, known->probability, s->model->label_count, item->key);
    if (s->offload == NULL || !offload_may(s->offload, known->hard && !s->stays && item->bytes != NULL))
        return;
    known->sent = -(int64_t)offload_counts(s->offload).bytes;
    known->offloaded = offload_ask(s->offload, item, &known->other, NULL);
    known->sent += (int64_t)offload_counts(s->offload).bytes;
    known->route = known->offloaded ? "cloud" : "edge-fallback";
}

void reply_make(struct reply *reply, const struct streaming *s, struct runner *runner, const struct item *item)
{
    const double started = clock_seconds();
    struct arena arena = { 0 };
    struct known known;

    if (load_one(s, runner, item, &reply->err) < 0 || find_out(&known, s, runner, &reply->err) < 0) {
        (void)error_in(&reply->err, "%s", item->key);
        return;
    }
    ask_elsewhere(&known, s, item);
    if (s->tar == NULL) {
        known.ms = (clock_seconds() - started) * 1000;
        json_write(&reply->line, result_of(reply, s, runner, &arena, item, &known));
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
    s->counts->hard += reply->hard;
    if (s->tar != NULL)
        return activations_write(s->runner, s->model, &s->identity, item->key, class_text, s->tar, err);
    if (reply->hard && s->sink->mine != NULL &&
        mine_add(s->sink->mine, s->source, item, reply->teacher, reply->line.chars, err) < 0)
        return -1;
    return s->sink->line(s->sink->context, reply->line.chars, reply->line.length, err);
}

void reply_free(struct reply *reply)
{
    text_free(&reply->line);
    *reply = (struct reply){ 0 };
}

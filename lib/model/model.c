/* model.c - a model's life: begun, copied, labelled, freed. */
#include "model/internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void model_init(struct model *model)
{
    *model = (struct model){ .name = "model", .task = "none", .content = CONTENT_PARAMETERS };
    graph_init(&model->graph, &model->arena);
}

void model_free(struct model *model)
{
    if (model->pending != NULL && model->settle != NULL)
        model->settle(model);
    arena_free(&model->arena);
    free(model->replay);
    input_close(&model->source);
    *model = (struct model){ 0 };
}

/* Texts, labels, thresholds; part of model_copy. */
static int copy_words(struct model *to, const struct model *from, struct error *err)
{
    to->name = arena_strdup(&to->arena, from->name);
    to->task = arena_strdup(&to->arena, from->task);
    if (to->name == NULL || to->task == NULL)
        return error_memory(err);
    to->label = NULL;
    to->label_count = 0;
    if (from->label != NULL && model_set_labels(to, from->label, from->label_count, err) < 0)
        return -1;
    to->threshold = NULL;
    if (from->threshold == NULL || from->label_count == 0)
        return 0;
    to->threshold = arena_array(&to->arena, (size_t)from->label_count, sizeof(float));
    if (to->threshold == NULL)
        return error_memory(err);
    memcpy(to->threshold, from->threshold, (size_t)from->label_count * sizeof(float));
    return 0;
}

int model_copy_statistics(struct model *to, const struct model *from, struct error *err)
{
    to->statistics = tree_copy(&to->arena, from->statistics);
    return from->statistics != NULL && to->statistics == NULL ? error_memory(err) : 0;
}

static int copy_origin(struct model *to, const struct model *from, struct error *err)
{
    if (from->update != NULL) {
        to->update = arena_alloc(&to->arena, sizeof(*to->update));
        if (to->update == NULL)
            return error_memory(err);
        *to->update = *from->update;
        if (from->update->site != NULL && (to->update->site = arena_strdup(&to->arena, from->update->site)) == NULL)
            return error_memory(err);
    }
    if (from->part != NULL) {
        to->part = arena_alloc(&to->arena, sizeof(*to->part));
        if (to->part == NULL)
            return error_memory(err);
        *to->part = *from->part;
    }
    to->history = tree_copy(&to->arena, from->history);
    if (from->history != NULL && to->history == NULL)
        return error_memory(err);
    return model_copy_statistics(to, from, err);
}

static int copy_golden(struct model *to, const struct model *from, struct error *err)
{
    const int count = from->graph.output_count;

    to->golden = NULL;
    if (from->golden == NULL)
        return 0;
    to->golden = arena_array(&to->arena, (size_t)count + 1, sizeof(*to->golden));
    if (to->golden == NULL)
        return error_memory(err);
    for (int i = 0; i < count; i++) {
        const size_t bytes = tensor_bytes(&from->golden[i]);

        to->golden[i] = from->golden[i];
        to->golden[i].quant = NULL; /* outputs of golden samples are reals */
        if (from->golden[i].data == NULL)
            continue;
        to->golden[i].data = arena_alloc(&to->arena, bytes);
        if (to->golden[i].data == NULL)
            return error_memory(err);
        memcpy(to->golden[i].data, from->golden[i].data, bytes);
    }
    return 0;
}

int model_copy(struct model *to, const struct model *from, struct error *err)
{
    *to = *from;
    to->arena = (struct arena){ 0 };
    to->source = (struct input){ 0 };
    to->pending = NULL;
    to->state = NULL; /* of the weights that it was made with */
    to->replay = NULL;
    to->replay_bytes = 0;
    to->update = NULL;
    to->part = NULL;
    to->history = to->statistics = NULL;
    graph_init(&to->graph, &to->arena);
    if (graph_copy(&to->graph, &to->arena, &from->graph, true, err) < 0 || copy_words(to, from, err) < 0 ||
        copy_origin(to, from, err) < 0 || copy_golden(to, from, err) < 0) {
        model_free(to);
        return -1;
    }
    return 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Two outputs of one name could not be told apart in results. */
static int check_distinct(struct model *model, const char **label, int count, struct error *err)
{
    const char **sorted = arena_array(&model->arena, (size_t)count, sizeof(*sorted));

    if (sorted == NULL)
        return error_memory(err);
    memcpy(sorted, label, (size_t)count * sizeof(*sorted));
    qsort(sorted, (size_t)count, sizeof(*sorted), compare_names);
    for (int i = 1; i < count; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            return error_set(err, ERROR_INPUT, "label '%s' stands twice in the list", sorted[i]);
    return 0;
}

int model_set_labels(struct model *model, const char *const *labels, int count, struct error *err)
{
    const char **own;

    if (count < 1)
        return error_set(err, ERROR_INPUT, "the list of labels is empty");
    own = arena_array(&model->arena, (size_t)count, sizeof(*own));
    if (own == NULL)
        return error_memory(err);
    for (int i = 0; i < count; i++) {
        own[i] = labels != NULL ? arena_strdup(&model->arena, labels[i]) : arena_printf(&model->arena, "%d", i);
        if (own[i] == NULL)
            return error_memory(err);
        if (own[i][0] == '\0')
            return error_set(err, ERROR_INPUT, "label %d is empty", i);
    }
    if (check_distinct(model, own, count, err) < 0)
        return -1;
    model->label = own;
    model->label_count = count;
    return 0;
}

void model_forget_answers(struct model *model)
{
    model->golden = NULL;
    model->golden_count = 0;
    model->threshold = NULL;
}

int model_check_labels(const struct model *model, const struct shape *answer, struct error *err)
{
    const struct graph *graph = &model->graph;
    const struct value *output = graph->output_count > 0 ? &graph->value[graph->output[0]] : NULL;
    int64_t count;
    char text[160];

    if (model->label_count == 0)
        return 0;
    if (output == NULL)
        return error_set(err, ERROR_INPUT, "%d labels, but the graph has no output", model->label_count);
    if (answer == NULL)
        answer = &output->tensor.shape;
    count = shape_count(answer);
    if (count == model->label_count)
        return 0;
    error_set(err, ERROR_INPUT, "%d labels, expected %" PRId64 ": the output '%s' is %s", model->label_count, count,
              output->name, shape_text(answer, text));
    return error_hint(err, "labels name the output's numbers in order, one each");
}

int model_find_label(const struct model *model, const char *name)
{
    for (int i = 0; i < model->label_count; i++)
        if (strcmp(model->label[i], name) == 0)
            return i;
    return -1;
}

/* split.c - parts of a model. */
#include "split/split.h"

#include <string.h>

#include "base/text.h"

static int refuse_unfit(const struct model *model, struct error *err)
{
    if (model->update != NULL)
        return error_set(err, ERROR_INPUT, "this is an update, not a model");
    if (model->part != NULL) {
        error_set(err, ERROR_INPUT, "this is part %d of %d already", model->part->index + 1, model->part->count);
        return error_hint(err, "split the whole at all its cuts at once");
    }
    return 0;
}

static int unknown_node(const struct graph *graph, const char *name, struct error *err)
{
    struct arena arena = { 0 };
    const char **names = arena_array(&arena, (size_t)graph->node_count + 1, sizeof(*names)), *near = NULL;

    error_set(err, ERROR_USAGE, "the folded graph has no node '%s'", name);
    if (names != NULL) {
        for (int i = 0; i < graph->node_count; i++)
            names[i] = graph->node[i].name;
        near = text_nearest(name, names);
    }
    if (near != NULL)
        error_hint(err, "did you mean '%s'?", near);
    else
        error_hint(err, "coedge inspect lists the nodes");
    arena_free(&arena);
    return -1;
}

/* The node called so, or the one that makes the value called so; -1 after an error. */
static int find_cut(const struct graph *graph, const char *name, struct error *err)
{
    int node = graph_find_node(graph, name), value;

    if (node < 0) {
        value = graph_find_value(graph, name);
        node = value < 0 ? -1 : graph_producer(graph, value);
    }
    if (node < 0)
        return unknown_node(graph, name, err);
    if (node == graph->node_count - 1) {
        error_set(err, ERROR_USAGE, "'%s' is the last node: nothing would be left for the next part", name);
        if (node > 0)
            error_hint(err, "the last to cut after is '%s'", graph->node[node - 1].name);
        return -1;
    }
    return node;
}

/* last[0..count-1]: the last node of each part but the final one. */
static int find_cuts(const struct graph *graph, const char *const *at, int count, int *last, struct error *err)
{
    for (int i = 0; i < count; i++) {
        last[i] = find_cut(graph, at[i], err);
        if (last[i] < 0)
            return -1;
        if (i > 0 && last[i] <= last[i - 1])
            return error_set(err, ERROR_USAGE, "'%s' does not come after '%s': cuts go from input to output", at[i],
                             at[i - 1]);
    }
    last[count] = graph->node_count - 1;
    return 0;
}

/* What both ends of a cut share: origin, privacy, history. */
static int take_origin(struct model *part, const struct model *whole, struct error *err)
{
    part->name = arena_strdup(&part->arena, whole->name);
    part->privacy = whole->privacy;
    part->content = whole->content;
    part->golden_seed = whole->golden_seed;
    if (part->name == NULL)
        return error_memory(err);
    for (const struct tree *record = whole->history != NULL ? whole->history->first : NULL; record != NULL;
         record = record->next)
        if (model_add_history(part, record, err) < 0)
            return -1;
    return 0;
}

static int take_answers(struct model *part, const struct model *whole, struct error *err)
{
    part->task = arena_strdup(&part->arena, whole->task);
    part->softmax = whole->softmax;
    if (part->task == NULL)
        return error_memory(err);
    if (whole->label != NULL && model_set_labels(part, whole->label, whole->label_count, err) < 0)
        return -1;
    if (whole->threshold == NULL)
        return 0;
    part->threshold = arena_array(&part->arena, (size_t)whole->label_count + 1, sizeof(float));
    if (part->threshold == NULL)
        return error_memory(err);
    memcpy(part->threshold, whole->threshold, (size_t)whole->label_count * sizeof(float));
    return 0;
}

static int make_part(struct model *part, const struct model *whole, const struct part *place, int first, int last,
                     struct error *err)
{
    part->part = arena_alloc(&part->arena, sizeof(*part->part));
    if (part->part == NULL)
        return error_memory(err);
    *part->part = *place;
    if (graph_cut(&part->graph, &part->arena, &whole->graph, first, last, err) < 0 || take_origin(part, whole, err) < 0)
        return -1;
    if (place->index == 0) {
        part->has_preprocess = whole->has_preprocess;
        part->preprocess = whole->preprocess;
        if (model_copy_statistics(part, whole, err) < 0)
            return -1;
    }
    if (place->index == place->count - 1 && take_answers(part, whole, err) < 0)
        return -1;
    return graph_infer_shapes(&part->graph, 1, err);
}

static int make_parts(struct model *part, const struct model *whole, const int *last, int count,
                      const struct digest *identity, struct error *err)
{
    struct part place = { .count = count, .whole = *identity };

    for (int i = 0; i < count; i++) {
        place.index = i;
        if (i > 0 && model_identity(&part[i - 1], &place.head, err) < 0)
            return -1;
        if (make_part(&part[i], whole, &place, i > 0 ? last[i - 1] + 1 : 0, last[i], err) < 0)
            return -1;
    }
    return 0;
}

int split_model(struct model *part, struct model *model, const char *const *at, int count, struct error *err)
{
    struct digest identity;
    int *last, rc;

    if (refuse_unfit(model, err) < 0)
        return -1;
    if (count < 1)
        return error_set(err, ERROR_USAGE, "no node to cut after");
    last = arena_array(&model->arena, (size_t)count + 1, sizeof(*last));
    if (last == NULL)
        return error_memory(err);
    if (model_identity(model, &identity, err) < 0 || graph_fold(&model->graph, err) < 0 ||
        find_cuts(&model->graph, at, count, last, err) < 0)
        return -1;
    for (int i = 0; i <= count; i++)
        model_init(&part[i]);
    rc = make_parts(part, model, last, count + 1, &identity, err);
    for (int i = 0; rc < 0 && i <= count; i++)
        model_free(&part[i]);
    return rc;
}

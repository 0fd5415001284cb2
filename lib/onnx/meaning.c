/*
 * meaning.c - what a graph is for: in metadata_props under keys of our own, both
 * ways; and where a file says nothing, what its shapes tell.
 */
#include <inttypes.h>
#include <string.h>

#include "onnx/export.h"
#include "onnx/internal.h"
#include "json/json.h"

/* ---- out ---- */

static void put_entry(struct text *out, const char *key, const char *value)
{
    const size_t begin = wire_open(out, 14);

    wire_put_text(out, 1, key);
    wire_put_text(out, 2, value);
    wire_close(out, begin);
}

static void put_tree(struct text *out, const char *key, const struct tree *tree)
{
    struct text json = { 0 };

    json_write(&json, tree);
    if (json.failed || tree == NULL)
        out->failed = true;
    else
        put_entry(out, key, json.chars);
    text_free(&json);
}

void export_meaning(struct text *out, const struct model *model)
{
    struct arena arena = { 0 };
    struct tree *labels = tree_list(&arena);

    put_entry(out, "coedge.name", model->name);
    put_entry(out, "coedge.task", model->task);
    put_entry(out, "coedge.softmax", model->softmax ? "true" : "false");
    put_entry(out, "coedge.privacy", privacy_name(model->privacy));
    put_entry(out, "coedge.content", content_name(model->content));
    for (int i = 0; i < model->label_count; i++)
        tree_add_text(&arena, labels, NULL, model->label[i]);
    if (model->label_count > 0)
        put_tree(out, "coedge.labels", labels);
    if (model->has_preprocess)
        put_tree(out, "coedge.preprocess", preprocess_to_tree(&arena, &model->preprocess));
    out->failed = out->failed || arena.failed;
    arena_free(&arena);
}

/* ---- in ---- */

static const char *find(const struct import *import, const char *key)
{
    for (int i = 0; i < import->file.metadata_count; i++)
        if (strcmp(import->file.metadata[i].key, key) == 0)
            return import->file.metadata[i].value;
    return NULL;
}

static int read_tree(const struct import *import, const char *key, const struct tree **tree, struct error *err)
{
    const char *value = find(import, key);

    *tree = NULL;
    if (value == NULL)
        return 0;
    return json_parse(import->scratch, value, strlen(value), tree, err) < 0 ? error_in(err, "metadata '%s'", key) : 0;
}

static int read_labels(const struct import *import, struct model *model, struct error *err)
{
    const struct tree *list;
    const char **labels;
    int count = 0;

    if (read_tree(import, "coedge.labels", &list, err) < 0)
        return -1;
    if (list == NULL)
        return 0;
    labels = arena_array(import->scratch, list->count + 1, sizeof(*labels));
    if (labels == NULL)
        return error_memory(err);
    for (const struct tree *item = list->first; list->kind == TREE_LIST && item != NULL; item = item->next)
        if (item->kind == TREE_TEXT)
            labels[count++] = item->text;
    if (list->kind != TREE_LIST || count != (int)list->count)
        return error_set(err, ERROR_INPUT, "metadata 'coedge.labels' is no list of texts");
    return model_set_labels(model, labels, count, err) < 0 ? error_in(err, "metadata 'coedge.labels'") : 0;
}

/* Of an input [N, C, H, W] of the same channels and size, and no other. */
static int read_preprocess(const struct import *import, struct model *model, struct error *err)
{
    const struct graph *graph = &model->graph;
    const struct shape *in = graph->input_count == 1 ? &graph->value[graph->input[0]].tensor.shape : NULL;
    const struct tree *map;
    struct preprocess *p = &model->preprocess;

    if (read_tree(import, "coedge.preprocess", &map, err) < 0)
        return -1;
    if (map == NULL)
        return 0;
    if (preprocess_from_tree(p, map, err) < 0)
        return error_in(err, "metadata 'coedge.preprocess'");
    if (in == NULL || in->rank != 4 || in->dim[1] != p->channels || in->dim[2] != p->height || in->dim[3] != p->width)
        return error_set(err, ERROR_INPUT, "metadata 'coedge.preprocess' gives [%d, %d, %d], the graph's input differs",
                         p->channels, p->height, p->width);
    model->has_preprocess = true;
    return 0;
}

static int read_levels(const struct import *import, struct model *model, struct error *err)
{
    const char *privacy = find(import, "coedge.privacy"), *content = find(import, "coedge.content");

    if (privacy != NULL && privacy_parse(&model->privacy, privacy, err) < 0)
        return error_in(err, "metadata 'coedge.privacy'");
    if (content != NULL && content_parse(&model->content, content, err) < 0)
        return error_in(err, "metadata 'coedge.content'");
    return 0;
}

/* "classify" and the like; another word is somebody else's. */
static const char *read_task(const struct import *import)
{
    static const char *const tasks[] = { "classify", "embed", "none" };
    const char *task = find(import, "coedge.task");

    for (size_t i = 0; task != NULL && i < COUNT(tasks); i++)
        if (strcmp(tasks[i], task) == 0)
            return tasks[i];
    return NULL;
}

static bool is_probability(const struct graph *graph, int value)
{
    static const char *const last[] = { "Softmax", "Sigmoid", NULL };
    const int producer = graph_producer(graph, value);

    for (int i = 0; producer >= 0 && last[i] != NULL; i++)
        if (strcmp(graph->node[producer].op->name, last[i]) == 0)
            return true;
    return false;
}

int import_meaning(const struct import *import, struct model *model, struct error *err)
{
    const char *softmax = find(import, "coedge.softmax"), *task = read_task(import);
    const char *name = find(import, "coedge.name");

    if (name != NULL && name[0] != '\0' && (model->name = arena_strdup(&model->arena, name)) == NULL)
        return error_memory(err);

    model->softmax = softmax != NULL
                         ? strcmp(softmax, "true") == 0
                         : model->graph.output_count > 0 && !is_probability(&model->graph, model->graph.output[0]);
    if (read_labels(import, model, err) < 0 || read_preprocess(import, model, err) < 0 ||
        read_levels(import, model, err) < 0)
        return -1;
    if (task == NULL)
        return model_guess_task(model, err);
    model->task = task;
    return 0;
}

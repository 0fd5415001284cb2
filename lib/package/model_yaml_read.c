#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "package/internal.h"
#include "yaml/yaml.h"

/* Only what is wrong with the text is wrong in it: running out of memory is not. */
static int in_yaml(struct error *err)
{
    return err == NULL || (err->kind != ERROR_INPUT && err->kind != ERROR_LIMIT) ? -1 : error_in(err, MEMBER_MODEL);
}

static int check_format(const struct tree *root, struct error *err)
{
    int64_t format;

    if (root->kind != TREE_MAP)
        return tree_error(root, err, "expected a map");
    if (tree_need_int(root, "format", 1, INT64_MAX, &format, err) < 0)
        return -1;
    if (format == PACKAGE_FORMAT)
        return 0;
    tree_error(tree_get(root, "format"), err, "format %" PRId64 " is newer than this program reads (%d)", format,
               PACKAGE_FORMAT);
    return error_hint(err, "a newer coedge wrote it; update coedge here");
}

int model_yaml_parse(const struct tree **root, struct arena *arena, struct bytes text, struct error *err)
{
    if (yaml_parse(arena, (const char *)text.at, text.count, root, err) < 0 || check_format(*root, err) < 0)
        return in_yaml(err);
    return 0;
}

/* ---- the parts of it ---- */

static int need_visible(const struct tree *map, const char *key, const char **out, struct error *err)
{
    struct text visible = { 0 };
    int rc = tree_need_text(map, key, out, err);

    if (rc < 0)
        return -1;
    text_add_visible(&visible, *out, strlen(*out));
    rc = text_check(&visible, err);
    if (rc == 0 && (visible.length == 0 || strcmp(visible.chars, *out) != 0))
        rc = tree_error(tree_get(map, key), err, "'%s' is empty or has control characters", key);
    text_free(&visible);
    return rc;
}

static int need_digest(const struct tree *map, const char *key, struct digest *digest, struct error *err)
{
    const char *text;

    if (tree_need_text(map, key, &text, err) < 0)
        return -1;
    return digest_parse(digest, text, err) < 0 ? tree_error(tree_get(map, key), err, "'%s' is no sha256 digest", key)
                                               : 0;
}

static int read_labels(struct model *model, const struct tree *root, struct error *err)
{
    const struct tree *list = tree_get(root, "labels");
    const char **labels;
    int count = 0;

    if (list == NULL)
        return 0;
    if (tree_need(root, "labels", TREE_LIST, &list, err) < 0)
        return -1;
    labels = arena_array(&model->arena, list->count + 1, sizeof(*labels));
    if (labels == NULL)
        return error_memory(err);
    for (const struct tree *item = list->first; item != NULL; item = item->next) {
        if (item->kind != TREE_TEXT || strlen(item->text) != item->text_length)
            return tree_error(item, err, "a label is not a text");
        labels[count++] = item->text;
    }
    return model_set_labels(model, labels, count, err) < 0 ? error_in(err, "%d:%d", list->line, list->column) : 0;
}

static int read_thresholds(struct model *model, const struct tree *root, struct error *err)
{
    const struct tree *list = tree_get(root, "thresholds");
    int i = 0;

    if (list == NULL)
        return 0;
    if (tree_need(root, "thresholds", TREE_LIST, &list, err) < 0)
        return -1;
    if (list->count == 0 || list->count != (size_t)model->label_count)
        return tree_error(list, err, "%zu thresholds for %d labels", list->count, model->label_count);
    model->threshold = arena_array(&model->arena, list->count, sizeof(float));
    if (model->threshold == NULL)
        return error_memory(err);
    for (const struct tree *item = list->first; item != NULL; item = item->next) {
        if ((item->kind != TREE_REAL && item->kind != TREE_INT) || !isfinite((float)item->real))
            return tree_error(item, err, "a threshold is not a number");
        model->threshold[i++] = (float)item->real;
    }
    return 0;
}

static int read_privacy(enum privacy *privacy, enum content *content, const struct tree *root, struct error *err)
{
    const char *level, *kind;

    if (tree_need_text(root, "privacy", &level, err) < 0 || tree_need_text(root, "content", &kind, err) < 0)
        return -1;
    if (privacy_parse(privacy, level, err) < 0)
        return error_in(err, "%d:%d", tree_get(root, "privacy")->line, tree_get(root, "privacy")->column);
    if (content_parse(content, kind, err) < 0)
        return error_in(err, "%d:%d", tree_get(root, "content")->line, tree_get(root, "content")->column);
    return 0;
}

static int read_update(struct update *update, const struct tree *map, struct error *err)
{
    static const char *const known[] = { "base", "site", "round", "examples", "steps", NULL };

    if (map->kind != TREE_MAP)
        return tree_error(map, err, "'update' is not a map");
    if (tree_only(map, known, err) < 0 || need_digest(map, "base", &update->base, err) < 0 ||
        need_visible(map, "site", &update->site, err) < 0 ||
        tree_need_int(map, "round", 0, INT64_MAX, &update->round, err) < 0 ||
        tree_need_int(map, "examples", 0, INT64_MAX, &update->examples, err) < 0 ||
        tree_need_int(map, "steps", 0, INT64_MAX, &update->steps, err) < 0)
        return -1;
    return 0;
}

static int read_part(struct part *part, const struct tree *map, struct error *err)
{
    static const char *const known[] = { "index", "count", "head", "whole", NULL };
    int64_t index, count;

    if (map->kind != TREE_MAP)
        return tree_error(map, err, "'part' is not a map");
    if (tree_only(map, known, err) < 0 || tree_need_int(map, "count", 1, INT32_MAX, &count, err) < 0 ||
        tree_need_int(map, "index", 0, count - 1, &index, err) < 0 || need_digest(map, "whole", &part->whole, err) < 0)
        return -1;
    part->index = (int)index;
    part->count = (int)count;
    return index > 0 ? need_digest(map, "head", &part->head, err) : 0;
}

static int read_origin(struct model *model, const struct tree *root, struct error *err)
{
    const struct tree *update = tree_get(root, "update"), *part = tree_get(root, "part");

    if (update != NULL) {
        model->update = arena_alloc(&model->arena, sizeof(*model->update));
        if (model->update == NULL)
            return error_memory(err);
        if (read_update(model->update, update, err) < 0)
            return -1;
    }
    if (part == NULL)
        return 0;
    model->part = arena_alloc(&model->arena, sizeof(*model->part));
    if (model->part == NULL)
        return error_memory(err);
    return read_part(model->part, part, err);
}

/* The outputs are in a member of their own: golden_read(). */
static int read_golden(struct model *model, const struct tree *root, struct error *err)
{
    static const char *const known[] = { "seed", "samples", "tolerance", NULL };
    const struct tree *map = tree_get(root, "golden");
    int64_t seed, samples;

    if (map == NULL)
        return 0;
    if (map->kind != TREE_MAP)
        return tree_error(map, err, "'golden' is not a map");
    if (tree_only(map, known, err) < 0 || tree_need_int(map, "seed", INT64_MIN, INT64_MAX, &seed, err) < 0 ||
        tree_need_int(map, "samples", 1, 1024, &samples, err) < 0 ||
        tree_need_real(map, "tolerance", &model->golden_tolerance, err) < 0)
        return -1;
    if (!isfinite(model->golden_tolerance) || model->golden_tolerance < 0)
        return tree_error(map, err, "'tolerance' is not a number from 0");
    model->golden_seed = (uint64_t)seed;
    model->golden_count = (int)samples;
    return 0;
}

static int read_preprocess(struct model *model, const struct tree *root, struct error *err)
{
    const struct tree *map = tree_get(root, "preprocess");

    model->has_preprocess = map != NULL;
    if (map == NULL)
        return 0;
    if (map->kind != TREE_MAP)
        return tree_error(map, err, "'preprocess' is not a map");
    return preprocess_from_tree(&model->preprocess, map, err);
}

static int read_history(struct model *model, const struct tree *root, struct error *err)
{
    const struct tree *list = tree_get(root, "history");

    if (list == NULL)
        return 0;
    if (tree_need(root, "history", TREE_LIST, &list, err) < 0)
        return -1;
    for (const struct tree *item = list->first; item != NULL; item = item->next) {
        if (item->kind != TREE_MAP)
            return tree_error(item, err, "a record of 'history' is not a map");
        if (model_add_history(model, item, err) < 0)
            return -1;
    }
    return 0;
}

/* The texts that would go with the tree. */
static int keep_texts(struct model *model, struct error *err)
{
    model->name = arena_strdup(&model->arena, model->name);
    model->task = arena_strdup(&model->arena, model->task);
    if (model->update != NULL)
        model->update->site = arena_strdup(&model->arena, model->update->site);
    return model->arena.failed ? error_memory(err) : 0;
}

/* Answers are read by label: every command may rely on there being as many as labels. */
static int check_output(const struct model *model, const struct tree *root, struct error *err)
{
    const struct tree *labels = tree_get(root, "labels");

    if (model_check_labels(model, NULL, err) < 0)
        return error_in(err, "%d:%d", labels->line, labels->column);
    return 0;
}

/* Preprocessing makes exactly one image for exactly one input. */
static int check_input(const struct model *model, const struct tree *root, struct error *err)
{
    const struct preprocess *p = &model->preprocess;
    const struct tensor *input = &model->graph.value[model->graph.input[0]].tensor;

    if (!model->has_preprocess)
        return 0;
    if (model->graph.input_count != 1 || input->shape.rank != 4 || input->shape.dim[1] != p->channels ||
        input->shape.dim[2] != p->height || input->shape.dim[3] != p->width ||
        (input->dtype != DTYPE_F32 && (input->dtype != DTYPE_U8 || input->quant == NULL)))
        return tree_error(tree_get(root, "preprocess"), err,
                          "'preprocess' gives [%d, %d, %d], the graph's input differs", p->channels, p->height,
                          p->width);
    return 0;
}

static int read_all(struct model *model, const struct tree *root, struct graph_store *store, struct error *err)
{
    static const char *const known[] = { "format",     "name",    "task",    "preprocess", "labels",
                                         "thresholds", "softmax", "privacy", "content",    "update",
                                         "part",       "golden",  "graph",   "history",    NULL };
    const struct tree *graph;

    if (tree_only(root, known, err) < 0 || need_visible(root, "name", &model->name, err) < 0 ||
        need_visible(root, "task", &model->task, err) < 0 || read_preprocess(model, root, err) < 0 ||
        read_labels(model, root, err) < 0 || read_thresholds(model, root, err) < 0 ||
        tree_take_bool(root, "softmax", &model->softmax, err) < 0 ||
        read_privacy(&model->privacy, &model->content, root, err) < 0 || read_origin(model, root, err) < 0 ||
        read_golden(model, root, err) < 0 || tree_need(root, "graph", TREE_MAP, &graph, err) < 0 ||
        graph_from_tree(&model->graph, graph, store, err) < 0 || check_input(model, root, err) < 0 ||
        check_output(model, root, err) < 0)
        return -1;
    return read_history(model, root, err) < 0 ? -1 : keep_texts(model, err);
}

int model_yaml_read(struct model *model, const struct tree *root, struct graph_store *store, struct error *err)
{
    return read_all(model, root, store, err) < 0 ? in_yaml(err) : 0;
}

int model_yaml_update(struct update *update, enum privacy *privacy, const struct tree *root, struct error *err)
{
    const struct tree *map = tree_get(root, "update");
    enum content content;

    if (map == NULL) {
        error_set(err, ERROR_INPUT, "a model, expected an update");
        return error_hint(err, "coedge train-local --update makes updates");
    }
    if (read_update(update, map, err) < 0 || read_privacy(privacy, &content, root, err) < 0)
        return in_yaml(err);
    return 0;
}

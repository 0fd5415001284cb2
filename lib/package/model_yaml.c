#include <inttypes.h>

#include "base/limits.h"
#include "package/internal.h"
#include "yaml/yaml.h"

static void add_digest(struct arena *arena, struct tree *map, const char *key, const struct digest *digest)
{
    char hex[65];
    const char *text = arena_printf(arena, "sha256:%s", digest_hex(digest, hex));

    if (text != NULL)
        tree_add_text(arena, map, key, text);
}

static void add_labels(struct arena *arena, struct tree *root, const struct model *model)
{
    struct tree *list;

    if (model->label == NULL)
        return;
    list = tree_add_list(arena, root, "labels");
    if (list != NULL)
        list->flow = true;
    for (int i = 0; i < model->label_count; i++)
        tree_add_text(arena, list, NULL, model->label[i]);
    if (model->threshold == NULL)
        return;
    list = tree_add_list(arena, root, "thresholds");
    if (list != NULL)
        list->flow = true;
    for (int i = 0; i < model->label_count; i++)
        tree_add_real(arena, list, NULL, (double)model->threshold[i]);
}

static void add_update(struct arena *arena, struct tree *root, const struct update *update)
{
    struct tree *map;

    if (update == NULL)
        return;
    map = tree_add_map(arena, root, "update");
    add_digest(arena, map, "base", &update->base);
    tree_add_text(arena, map, "site", update->site);
    tree_add_int(arena, map, "round", update->round);
    tree_add_int(arena, map, "examples", update->examples);
    tree_add_int(arena, map, "steps", update->steps);
}

static void add_part(struct arena *arena, struct tree *root, const struct part *part)
{
    struct tree *map;

    if (part == NULL)
        return;
    map = tree_add_map(arena, root, "part");
    tree_add_int(arena, map, "index", part->index);
    tree_add_int(arena, map, "count", part->count);
    if (part->index > 0)
        add_digest(arena, map, "head", &part->head);
    add_digest(arena, map, "whole", &part->whole);
}

static void add_golden(struct arena *arena, struct tree *root, const struct model *model)
{
    struct tree *map;

    if (model->golden == NULL)
        return;
    map = tree_add_map(arena, root, "golden");
    if (map != NULL)
        map->flow = true;
    tree_add_int(arena, map, "seed", (int64_t)model->golden_seed);
    tree_add_int(arena, map, "samples", model->golden_count);
    tree_add_real(arena, map, "tolerance", model->golden_tolerance);
}

/* The list itself is copied: hanging a node into a tree changes it. */
static void add_history(struct arena *arena, struct tree *root, const struct model *model)
{
    struct tree *copy;

    if (model->history == NULL || model->history->count == 0)
        return;
    copy = arena_alloc(arena, sizeof(*copy));
    if (copy == NULL)
        return;
    *copy = *model->history;
    copy->next = NULL;
    tree_add(arena, root, "history", copy);
}

static struct tree *to_tree(struct arena *arena, const struct model *model)
{
    struct tree *root = tree_map(arena);

    tree_add_int(arena, root, "format", PACKAGE_FORMAT);
    tree_add_text(arena, root, "name", model->name);
    tree_add_text(arena, root, "task", model->task);
    if (model->has_preprocess)
        tree_add(arena, root, "preprocess", preprocess_to_tree(arena, &model->preprocess));
    add_labels(arena, root, model);
    if (model->softmax)
        tree_add_bool(arena, root, "softmax", true);
    tree_add_text(arena, root, "privacy", privacy_name(model->privacy));
    tree_add_text(arena, root, "content", content_name(model->replay != NULL ? CONTENT_DATA : model->content));
    add_update(arena, root, model->update);
    add_part(arena, root, model->part);
    add_golden(arena, root, model);
    tree_add(arena, root, "graph", graph_to_tree(arena, &model->graph));
    add_history(arena, root, model);
    return arena->failed ? NULL : root;
}

int model_yaml_write(struct text *out, const struct model *model, struct error *err)
{
    uint64_t limit = limit_get(LIMIT_YAML_BYTES);
    struct arena arena = { 0 };
    struct tree *root = to_tree(&arena, model);
    int rc;

    if (root == NULL) {
        rc = error_memory(err);
    } else {
        yaml_write(out, root);
        rc = text_check(out, err);
    }
    arena_free(&arena);
    if (rc == 0 && out->length > limit)
        rc = error_set(err, ERROR_LIMIT, MEMBER_MODEL " would have %zu bytes, the limit is %" PRIu64, out->length,
                       limit);
    return rc;
}

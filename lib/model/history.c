/* history.c - what was done to a model, and trees copied from arena to arena. */
#include "model/internal.h"

#include <string.h>

static bool copy_text(struct arena *arena, struct tree *to, const struct tree *from)
{
    char *text;

    if (from->text == NULL)
        return true;
    text = arena_alloc(arena, from->text_length + 1);
    if (text == NULL)
        return false;
    memcpy(text, from->text, from->text_length); /* the arena's zeros end it */
    to->text = text;
    return true;
}

static struct tree *copy_alone(struct arena *arena, const struct tree *from)
{
    struct tree *to = arena_alloc(arena, sizeof(*to));

    if (to == NULL)
        return NULL;
    *to = *from;
    to->next = to->first = to->last = NULL;
    to->count = 0;
    to->key = NULL;
    return copy_text(arena, to, from) ? to : NULL;
}

struct tree *tree_copy(struct arena *arena, const struct tree *tree)
{
    struct tree *to = tree != NULL ? copy_alone(arena, tree) : NULL;

    if (to == NULL)
        return NULL;
    for (const struct tree *child = tree->first; child != NULL; child = child->next) {
        const char *key = child->key != NULL ? arena_strdup(arena, child->key) : NULL;

        if (child->key != NULL && key == NULL)
            return NULL;
        if (tree_add(arena, to, key, tree_copy(arena, child)) == NULL)
            return NULL;
    }
    return to;
}

int model_add_history(struct model *model, const struct tree *record, struct error *err)
{
    if (model->history == NULL)
        model->history = tree_list(&model->arena);
    if (tree_add(&model->arena, model->history, NULL, tree_copy(&model->arena, record)) == NULL)
        return error_memory(err);
    return 0;
}

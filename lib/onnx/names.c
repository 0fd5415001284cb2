/* names.c - names with control or invisible characters, made visible: they go into packages and messages. */
#include <string.h>

#include "base/text.h"
#include "onnx/internal.h"

static bool is_plain(const char *name)
{
    for (; *name != '\0'; name++)
        if (*name < ' ' || *name > '~')
            return false;
    return true;
}

int import_visible(struct arena *arena, const char **name, struct error *err)
{
    struct text visible = { 0 };
    int rc;

    if (is_plain(*name))
        return 0;
    text_add_visible(&visible, *name, strlen(*name));
    rc = text_check(&visible, err);
    if (rc == 0)
        *name = arena_strndup(arena, visible.chars, visible.length);
    text_free(&visible);
    return rc < 0 ? -1 : *name == NULL ? error_memory(err) : 0;
}

static int make_all_visible(struct arena *arena, const char **names, int count, struct error *err)
{
    for (int i = 0; i < count; i++)
        if (import_visible(arena, &names[i], err) < 0)
            return -1;
    return 0;
}

static int name_nodes(struct import *import, struct error *err)
{
    for (int i = 0; i < import->file.node_count; i++) {
        struct onnx_node *node = &import->file.node[i];

        if (import_visible(import->scratch, &node->name, err) < 0 ||
            make_all_visible(import->scratch, node->input, node->input_count, err) < 0 ||
            make_all_visible(import->scratch, node->output, node->output_count, err) < 0)
            return -1;
    }
    return 0;
}

static int name_values(struct arena *arena, struct onnx_value *value, int count, struct error *err)
{
    for (int i = 0; i < count; i++)
        if (import_visible(arena, &value[i].name, err) < 0)
            return -1;
    return 0;
}

int import_names(struct import *import, struct error *err)
{
    struct onnx_model *file = &import->file;

    for (int i = 0; i < file->initializer_count; i++)
        if (import_visible(import->scratch, &file->initializer[i].name, err) < 0)
            return -1;
    if (name_values(import->scratch, file->input, file->input_count, err) < 0 ||
        name_values(import->scratch, file->output, file->output_count, err) < 0)
        return -1;
    return name_nodes(import, err);
}

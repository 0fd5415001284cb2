#include <string.h>

#include "model/graph_yaml.h"

char *graph_scale_name(struct arena *arena, const char *value)
{
    return arena_printf(arena, "%s.scale", value);
}

static void add_quant(struct arena *arena, struct tree *map, const struct quant *quant)
{
    struct tree *pair;

    if (quant == NULL)
        return;
    pair = tree_add_map(arena, map, "quant");
    if (quant->axis >= 0) {
        tree_add_int(arena, pair, "axis", quant->axis);
        return;
    }
    tree_add_real(arena, pair, "scale", (double)quant->scale[0]);
    tree_add_int(arena, pair, "zero_point", quant->zero_point[0]);
}

/* One line of a list. */
static struct tree *add_line(struct arena *arena, struct tree *list, const char *name)
{
    struct tree *map = tree_add_map(arena, list, NULL);

    if (map != NULL)
        map->flow = true;
    tree_add_text(arena, map, "name", name);
    return map;
}

static void add_value(struct arena *arena, struct tree *list, const struct value *value)
{
    struct tree *map = add_line(arena, list, value->name);
    struct tree *shape;

    if (value->tensor.dtype != DTYPE_F32)
        tree_add_text(arena, map, "dtype", dtype_name(value->tensor.dtype));
    shape = tree_add_list(arena, map, "shape");
    for (int axis = 0; axis < value->tensor.shape.rank; axis++)
        tree_add_int(arena, shape, NULL, value->tensor.shape.dim[axis]);
    if (value->kind == VALUE_WEIGHT && value->trainable != (value->tensor.dtype == DTYPE_F32))
        tree_add_bool(arena, map, "trainable", value->trainable);
    add_quant(arena, map, value->tensor.quant);
}

static void add_attribute(struct arena *arena, struct tree *map, const struct attribute *attribute)
{
    struct tree *list;

    switch (attribute->kind) {
    case ATTRIBUTE_INT: tree_add_int(arena, map, attribute->name, attribute->i); break;
    case ATTRIBUTE_FLOAT: tree_add_real(arena, map, attribute->name, attribute->f); break;
    case ATTRIBUTE_TEXT: tree_add_text(arena, map, attribute->name, attribute->s); break;
    case ATTRIBUTE_INTS:
        list = tree_add_list(arena, map, attribute->name);
        for (int i = 0; i < attribute->count; i++)
            tree_add_int(arena, list, NULL, attribute->ints[i]);
        break;
    case ATTRIBUTE_FLOATS:
        list = tree_add_list(arena, map, attribute->name);
        for (int i = 0; i < attribute->count; i++)
            tree_add_real(arena, list, NULL, (double)attribute->floats[i]);
        break;
    }
}

static bool named_by_rule(const struct graph *graph, const struct node *node)
{
    return node->out_count == 1 && strcmp(graph->value[node->out[0]].name, node->name) == 0;
}

static void add_node(struct arena *arena, struct tree *list, const struct graph *graph, const struct node *node)
{
    struct tree *map = add_line(arena, list, node->name);
    struct tree *names;

    tree_add_text(arena, map, "op", node->op->name);
    names = tree_add_list(arena, map, "inputs");
    for (int i = 0; i < node->in_count; i++)
        tree_add_text(arena, names, NULL, node->in[i] < 0 ? "" : graph->value[node->in[i]].name);
    if (!named_by_rule(graph, node)) {
        names = tree_add_list(arena, map, "outputs");
        for (int i = 0; i < node->out_count; i++)
            tree_add_text(arena, names, NULL, graph->value[node->out[i]].name);
    }
    if (node->attributes.count > 0) {
        struct tree *attributes = tree_add_map(arena, map, "attributes");

        for (int i = 0; i < node->attributes.count; i++)
            add_attribute(arena, attributes, &node->attributes.item[i]);
    }
}

static void add_quantized(struct arena *arena, struct tree *root, const struct graph *graph)
{
    struct tree *list = NULL;

    for (int i = 0; i < graph->value_count; i++) {
        const struct value *value = &graph->value[i];

        if (value->kind != VALUE_COMPUTED || value->tensor.quant == NULL)
            continue;
        if (list == NULL)
            list = tree_add_list(arena, root, "values");
        add_quant(arena, add_line(arena, list, value->name), value->tensor.quant);
    }
}

struct tree *graph_to_tree(struct arena *arena, const struct graph *graph)
{
    struct tree *root = tree_map(arena);
    struct tree *list = tree_add_list(arena, root, "inputs");

    for (int i = 0; i < graph->input_count; i++)
        add_value(arena, list, &graph->value[graph->input[i]]);
    list = tree_add_list(arena, root, "weights");
    for (int i = 0; i < graph->value_count; i++)
        if (graph->value[i].kind == VALUE_WEIGHT)
            add_value(arena, list, &graph->value[i]);
    list = tree_add_list(arena, root, "nodes");
    for (int i = 0; i < graph->node_count; i++)
        add_node(arena, list, graph, &graph->node[i]);
    add_quantized(arena, root, graph);
    list = tree_add_list(arena, root, "outputs");
    if (list != NULL)
        list->flow = true;
    for (int i = 0; i < graph->output_count; i++)
        tree_add_text(arena, list, NULL, graph->value[graph->output[i]].name);
    return arena->failed ? NULL : root;
}

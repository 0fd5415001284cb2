/* Everything is untrusted: each name is looked up, each number has a range, each kind is checked. */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "model/graph_yaml.h"

struct reading {
    struct graph *graph;
    struct graph_store *store; /* or NULL */
};

/* Where a callee did not know it. */
static int place(const struct tree *node, struct error *err)
{
    return node->line > 0 ? error_in(err, "%d:%d", node->line, node->column) : -1;
}

/* Names go into messages and reports as they are. */
static int take_name(const struct tree *map, const char **name, struct error *err)
{
    struct text visible = { 0 };
    int rc = tree_need_text(map, "name", name, err);

    if (rc < 0)
        return -1;
    text_add_visible(&visible, *name, strlen(*name));
    rc = text_check(&visible, err);
    if (rc == 0 && (visible.length == 0 || strcmp(visible.chars, *name) != 0))
        rc = tree_error(tree_get(map, "name"), err, "a name is empty or has control characters");
    text_free(&visible);
    return rc;
}

static int need_map(const struct tree *item, const char *what, struct error *err)
{
    return item->kind == TREE_MAP ? 0 : tree_error(item, err, "%s is not a map", what);
}

/* Of an input (`open`): -1 where only the run tells the size. */
static int take_shape(const struct tree *map, struct shape *shape, bool open, struct error *err)
{
    const struct tree *list;

    if (tree_need(map, "shape", TREE_LIST, &list, err) < 0)
        return -1;
    if (list->count > SHAPE_MAX_RANK)
        return tree_error(list, err, "shape has %zu axes, expected at most %d", list->count, SHAPE_MAX_RANK);
    *shape = (struct shape){ 0 };
    for (const struct tree *item = list->first; item != NULL; item = item->next) {
        bool unknown = open && item->kind == TREE_INT && item->integer == -1;

        if (!unknown && (item->kind != TREE_INT || item->integer < 0 || item->integer > INT32_MAX))
            return tree_error(item, err, "an axis of a shape is a number from 0");
        shape->dim[shape->rank++] = item->integer;
    }
    return 0;
}

static int take_dtype(const struct tree *map, enum dtype *dtype, struct error *err)
{
    const char *name = "F32";

    if (tree_take_text(map, "dtype", &name, err) < 0)
        return -1;
    return dtype_parse(dtype, name, err) < 0 ? place(tree_get(map, "dtype"), err) : 0;
}

/* ---- quantization ---- */

static struct quant *make_quant(struct arena *arena, int axis, int count, float **scale, int32_t **zero_point)
{
    struct quant *quant = arena_alloc(arena, sizeof(*quant));

    *scale = arena_array(arena, (size_t)count + 1, sizeof(**scale));
    *zero_point = arena_array(arena, (size_t)count + 1, sizeof(**zero_point));
    if (quant == NULL || *scale == NULL || *zero_point == NULL)
        return NULL;
    *quant = (struct quant){ .axis = axis, .count = count, .scale = *scale, .zero_point = *zero_point };
    return quant;
}

static bool is_scale(float scale)
{
    return isfinite(scale) && scale > 0;
}

static int take_pair(struct reading *r, struct value *value, const struct tree *map, struct error *err)
{
    int64_t low = value->tensor.dtype == DTYPE_I8 ? INT8_MIN : value->tensor.dtype == DTYPE_U8 ? 0 : INT32_MIN;
    int64_t high = value->tensor.dtype == DTYPE_I8 ? INT8_MAX : value->tensor.dtype == DTYPE_U8 ? UINT8_MAX : INT32_MAX;
    int32_t *zero_point;
    struct quant *quant;
    int64_t zero = 0;
    double real;
    float *scale;

    if (tree_need_real(map, "scale", &real, err) < 0 || tree_take_int(map, "zero_point", low, high, &zero, err) < 0)
        return -1;
    if (!is_scale((float)real))
        return tree_error(map, err, "scale must be above 0");
    quant = make_quant(r->graph->arena, -1, 1, &scale, &zero_point);
    if (quant == NULL)
        return error_memory(err);
    scale[0] = (float)real;
    zero_point[0] = (int32_t)zero;
    value->tensor.quant = quant;
    return 0;
}

/* Scales come from the store: NAME.scale, one per index of the axis. */
static int take_axis(struct reading *r, struct value *value, const struct tree *map, struct error *err)
{
    const struct shape *shape = &value->tensor.shape;
    struct tensor stored;
    struct quant *quant;
    int32_t *zero_point;
    int64_t axis;
    float *scale;
    char *name;

    if (r->store == NULL || value->kind != VALUE_WEIGHT)
        return tree_error(map, err, "only stored weights are quantized by axis");
    if (tree_need_int(map, "axis", 0, shape->rank - 1, &axis, err) < 0)
        return -1;
    name = graph_scale_name(r->graph->arena, value->name);
    quant = make_quant(r->graph->arena, (int)axis, (int)shape->dim[axis], &scale, &zero_point);
    if (name == NULL || quant == NULL)
        return error_memory(err);
    if (r->store->find(r->store, name, &stored, err) < 0)
        return place(map, err);
    if (stored.dtype != DTYPE_F32 || stored.shape.rank != 1 || stored.shape.dim[0] != shape->dim[axis])
        return tree_error(map, err, "tensor '%s' must be F32 [%d]", name, quant->count);
    memcpy(scale, stored.data, (size_t)quant->count * sizeof(*scale));
    for (int i = 0; i < quant->count; i++)
        if (!is_scale(scale[i]))
            return tree_error(map, err, "tensor '%s': every scale must be above 0", name);
    value->tensor.quant = quant;
    return 0;
}

static int take_quant(struct reading *r, struct value *value, const struct tree *map, struct error *err)
{
    static const char *const known[] = { "scale", "zero_point", "axis", NULL };
    const struct tree *quant = tree_get(map, "quant");
    enum dtype dtype = value->tensor.dtype;

    if (quant == NULL)
        return 0;
    if (need_map(quant, "quant", err) < 0 || tree_only(quant, known, err) < 0)
        return -1;
    if (dtype != DTYPE_U8 && (value->kind != VALUE_WEIGHT || (dtype != DTYPE_I8 && dtype != DTYPE_I32)))
        return tree_error(quant, err, "'%s' is %s, which is not quantized%s", value->name, dtype_name(dtype),
                          value->kind == VALUE_WEIGHT ? ": expected I8, U8 or I32" : ": expected U8");
    if (tree_get(quant, "axis") == NULL)
        return take_pair(r, value, quant, err);
    if (quant->count != 1)
        return tree_error(quant, err, "quant has an axis, or scale and zero_point, not both");
    return take_axis(r, value, quant, err);
}

/* ---- inputs, weights, nodes, values, outputs ---- */

static int read_input(struct reading *r, const struct tree *map, struct error *err)
{
    static const char *const known[] = { "name", "dtype", "shape", "quant", NULL };
    struct shape shape;
    enum dtype dtype;
    const char *name;
    int value;

    if (need_map(map, "an input", err) < 0 || tree_only(map, known, err) < 0 || take_name(map, &name, err) < 0 ||
        take_dtype(map, &dtype, err) < 0 || take_shape(map, &shape, true, err) < 0)
        return -1;
    value = graph_add_input(r->graph, name, dtype, &shape, err);
    if (value < 0)
        return place(map, err);
    return take_quant(r, &r->graph->value[value], map, err);
}

static int load_weight(struct reading *r, struct tensor *tensor, const char *name, const struct tree *map,
                       struct error *err)
{
    char wanted[160], found[160];
    struct tensor stored;

    if (r->store == NULL)
        return 0;
    if (r->store->find(r->store, name, &stored, err) < 0)
        return place(map, err);
    if (stored.dtype != tensor->dtype || !shape_equal(&stored.shape, &tensor->shape))
        return tree_error(map, err, "weight '%s' is %s %s, the stored tensor is %s %s", name, dtype_name(tensor->dtype),
                          shape_text(&tensor->shape, wanted), dtype_name(stored.dtype),
                          shape_text(&stored.shape, found));
    tensor->data = stored.data;
    return 0;
}

static int read_weight(struct reading *r, const struct tree *map, struct error *err)
{
    static const char *const known[] = { "name", "dtype", "shape", "trainable", "quant", NULL };
    struct shape shape;
    enum dtype dtype;
    const char *name;
    bool trainable;
    int value;

    if (need_map(map, "a weight", err) < 0 || tree_only(map, known, err) < 0 || take_name(map, &name, err) < 0 ||
        take_dtype(map, &dtype, err) < 0 || take_shape(map, &shape, false, err) < 0)
        return -1;
    trainable = dtype == DTYPE_F32;
    if (tree_take_bool(map, "trainable", &trainable, err) < 0)
        return -1;
    value = graph_add_weight(r->graph, name, dtype, &shape, NULL, trainable, err);
    if (value < 0)
        return place(map, err);
    if (load_weight(r, &r->graph->value[value].tensor, name, map, err) < 0)
        return -1;
    return take_quant(r, &r->graph->value[value], map, err);
}

static int read_attribute_list(struct attribute *attribute, const struct tree *list, struct arena *arena,
                               struct error *err)
{
    int64_t *ints = arena_array(arena, list->count + 1, sizeof(*ints));
    float *floats = arena_array(arena, list->count + 1, sizeof(*floats));

    if (ints == NULL || floats == NULL)
        return error_memory(err);
    attribute->kind = ATTRIBUTE_INTS;
    for (const struct tree *item = list->first; item != NULL; item = item->next) {
        if (item->kind != TREE_INT && item->kind != TREE_REAL)
            return tree_error(item, err, "attribute '%s' is a list of other things than numbers", attribute->name);
        if (item->kind == TREE_REAL)
            attribute->kind = ATTRIBUTE_FLOATS;
        ints[attribute->count] = item->integer;
        floats[attribute->count++] = (float)item->real;
    }
    attribute->ints = attribute->kind == ATTRIBUTE_INTS ? ints : NULL;
    attribute->floats = attribute->kind == ATTRIBUTE_FLOATS ? floats : NULL;
    return 0;
}

static int read_attribute(struct attribute *attribute, const struct tree *item, struct arena *arena, struct error *err)
{
    *attribute = (struct attribute){ .name = item->key };
    switch (item->kind) {
    case TREE_INT:
        attribute->kind = ATTRIBUTE_INT;
        attribute->i = item->integer;
        return 0;
    case TREE_REAL:
        attribute->kind = ATTRIBUTE_FLOAT;
        attribute->f = item->real;
        return 0;
    case TREE_TEXT:
        attribute->kind = ATTRIBUTE_TEXT;
        attribute->s = item->text;
        return 0;
    case TREE_LIST: return read_attribute_list(attribute, item, arena, err);
    default:
        return tree_error(item, err, "attribute '%s' is neither a number, a text nor a list of numbers", item->key);
    }
}

static int read_attributes(struct attributes *attributes, const struct tree *map, struct arena *arena,
                           struct error *err)
{
    const struct tree *list = tree_get(map, "attributes");

    *attributes = (struct attributes){ 0 };
    if (list == NULL)
        return 0;
    if (need_map(list, "attributes", err) < 0)
        return -1;
    attributes->item = arena_array(arena, list->count + 1, sizeof(attributes->item[0]));
    if (attributes->item == NULL)
        return error_memory(err);
    for (const struct tree *item = list->first; item != NULL; item = item->next)
        if (read_attribute(&attributes->item[attributes->count++], item, arena, err) < 0)
            return -1;
    return 0;
}

static int find_value(const struct graph *graph, const struct tree *item, struct error *err)
{
    int value;

    if (item->kind != TREE_TEXT)
        return tree_error(item, err, "expected the name of a value");
    value = graph_find_value(graph, item->text);
    return value >= 0 ? value : tree_error(item, err, "no value is named '%s' before this", item->text);
}

static int read_node_inputs(struct reading *r, const struct tree *list, int *in, struct error *err)
{
    for (const struct tree *item = list->first; item != NULL; item = item->next, in++) {
        *in = -1;
        if (item->kind == TREE_TEXT && item->text[0] == '\0')
            continue; /* an optional one that is absent */
        *in = find_value(r->graph, item, err);
        if (*in < 0)
            return -1;
    }
    return 0;
}

static int read_node_outputs(const struct tree *map, const char *name, struct arena *arena, const char ***names,
                             int *count, struct error *err)
{
    const struct tree *list = tree_get(map, "outputs");

    if (list != NULL && (list->kind != TREE_LIST || list->count == 0))
        return tree_error(list, err, "outputs is not a list of names");
    *names = arena_array(arena, list != NULL ? list->count : 1, sizeof(**names));
    if (*names == NULL)
        return error_memory(err);
    (*names)[0] = name;
    *count = list != NULL ? 0 : 1;
    for (const struct tree *item = list != NULL ? list->first : NULL; item != NULL; item = item->next) {
        if (item->kind != TREE_TEXT || item->text[0] == '\0')
            return tree_error(item, err, "outputs is not a list of names");
        (*names)[(*count)++] = item->text;
    }
    return 0;
}

static int read_node(struct reading *r, const struct tree *map, struct error *err)
{
    static const char *const known[] = { "name", "op", "inputs", "outputs", "attributes", NULL };
    struct arena *arena = r->graph->arena;
    struct attributes attributes;
    const struct tree *inputs;
    const char *name, *op, **outputs = NULL;
    int *in, output_count = 0;

    if (need_map(map, "a node", err) < 0 || tree_only(map, known, err) < 0 || take_name(map, &name, err) < 0 ||
        tree_need_text(map, "op", &op, err) < 0 || tree_need(map, "inputs", TREE_LIST, &inputs, err) < 0)
        return -1;
    in = arena_array(arena, inputs->count + 1, sizeof(*in));
    if (in == NULL)
        return error_memory(err);
    if (read_node_inputs(r, inputs, in, err) < 0 ||
        read_node_outputs(map, name, arena, &outputs, &output_count, err) < 0 ||
        read_attributes(&attributes, map, arena, err) < 0)
        return -1;
    if (graph_add_node(r->graph, name, op, in, (int)inputs->count, output_count, outputs, &attributes, err) < 0)
        return place(map, err);
    return 0;
}

static int read_value(struct reading *r, const struct tree *map, struct error *err)
{
    static const char *const known[] = { "name", "quant", NULL };
    const struct tree *quant;
    const char *name;
    int value;

    if (need_map(map, "a value", err) < 0 || tree_only(map, known, err) < 0 || take_name(map, &name, err) < 0 ||
        tree_need(map, "quant", TREE_MAP, &quant, err) < 0)
        return -1;
    value = find_value(r->graph, tree_get(map, "name"), err);
    if (value < 0)
        return -1;
    if (r->graph->value[value].kind != VALUE_COMPUTED || r->graph->value[value].tensor.quant != NULL)
        return tree_error(map, err, "'%s' is not a computed value, or is here twice", name);
    r->graph->value[value].tensor.dtype = DTYPE_U8;
    return take_quant(r, &r->graph->value[value], map, err);
}

static int read_output(struct reading *r, const struct tree *item, struct error *err)
{
    int value = find_value(r->graph, item, err);

    for (int i = 0; value >= 0 && i < r->graph->output_count; i++)
        if (r->graph->output[i] == value)
            return tree_error(item, err, "'%s' is an output twice", item->text);
    return value < 0 ? -1 : graph_add_output(r->graph, value, err);
}

enum list_kind { LIST_ABSENT, LIST_EMPTY, LIST_FULL }; /* the least it may be */

static int read_list(struct reading *r, const struct tree *map, const char *key, enum list_kind least,
                     int (*read)(struct reading *r, const struct tree *item, struct error *err), struct error *err)
{
    const struct tree *list = tree_get(map, key);

    if (list == NULL && least == LIST_ABSENT)
        return 0;
    if (tree_need(map, key, TREE_LIST, &list, err) < 0)
        return -1;
    if (least == LIST_FULL && list->count == 0)
        return tree_error(list, err, "'%s' is empty", key);
    for (const struct tree *item = list->first; item != NULL; item = item->next)
        if (read(r, item, err) < 0)
            return -1;
    return 0;
}

int graph_from_tree(struct graph *graph, const struct tree *map, struct graph_store *store, struct error *err)
{
    static const char *const known[] = { "inputs", "weights", "nodes", "values", "outputs", NULL };
    struct reading r = { graph, store };

    if (need_map(map, "graph", err) < 0 || tree_only(map, known, err) < 0 ||
        read_list(&r, map, "inputs", LIST_FULL, read_input, err) < 0 ||
        read_list(&r, map, "weights", LIST_ABSENT, read_weight, err) < 0 ||
        read_list(&r, map, "nodes", LIST_EMPTY, read_node, err) < 0 ||
        read_list(&r, map, "values", LIST_ABSENT, read_value, err) < 0 ||
        read_list(&r, map, "outputs", LIST_FULL, read_output, err) < 0)
        return -1;
    if (graph_check(graph, err) < 0 || (graph_is_sized(graph) && graph_infer_shapes(graph, 1, err) < 0))
        return place(map, err);
    return 0;
}

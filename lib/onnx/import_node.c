/* import_node.c - nodes as the file has them become nodes of the graph. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/real.h"
#include "graph/graph.h"
#include "onnx/internal.h"
#include "tensor/element.h"

/* What is known and never run here. */
static const struct {
    const char *op, *why;
} refused[] = {
    { "If", "control flow is not run here" },
    { "Loop", "control flow is not run here" },
    { "Scan", "control flow is not run here" },
    { "SequenceAt", "sequences are not run here" },
    { "SequenceConstruct", "sequences are not run here" },
    { "SequenceEmpty", "sequences are not run here" },
    { "SequenceErase", "sequences are not run here" },
    { "SequenceInsert", "sequences are not run here" },
    { "SequenceLength", "sequences are not run here" },
    { "SequenceMap", "sequences are not run here" },
    { "SplitToSequence", "sequences are not run here" },
    { "ConcatFromSequence", "sequences are not run here" },
    { "Optional", "optional values are not run here" },
    { "OptionalGetElement", "optional values are not run here" },
    { "OptionalHasElement", "optional values are not run here" },
    { "StringNormalizer", "strings are not run here" },
    { "StringConcat", "strings are not run here" },
    { "StringSplit", "strings are not run here" },
    { "RegexFullMatch", "strings are not run here" },
    { "TfIdfVectorizer", "strings are not run here" },
    { "LabelEncoder", "strings are not run here" },
};

/* ---- into the graph ---- */

/* The wanted name, or with a number behind it. */
static const char *free_node_name(struct import *import, const char *wanted)
{
    const char *name = wanted;

    for (int i = 1; name != NULL && graph_find_node(import->graph, name) >= 0; i = graph_next_number(import->graph, i))
        name = arena_printf(import->scratch, "%s.%d", wanted, i);
    return name;
}

static const char *free_value_name(struct import *import, const char *wanted)
{
    const char *name = wanted;

    for (int i = 1; name != NULL && graph_find_value(import->graph, name) >= 0; i = graph_next_number(import->graph, i))
        name = arena_printf(import->scratch, "%s.%d", wanted, i);
    return name;
}

int import_add(struct import *import, const struct draft *draft, struct error *err)
{
    const char *name = free_node_name(import, draft->name), *op = draft->op;
    const char **out = arena_array(import->scratch, (size_t)draft->out_count + 1, sizeof(*out));

    if (name == NULL || out == NULL)
        return error_memory(err);
    for (int i = 0; i < draft->out_count; i++) {
        out[i] = draft->out[i];
        if (out[i][0] == '\0') /* nobody reads it, but it has a place */
            out[i] = arena_printf(import->scratch, "%s.unused%d", name, i);
        out[i] = out[i] == NULL ? NULL : draft->out[i][0] == '\0' ? free_value_name(import, out[i]) : out[i];
        if (out[i] == NULL)
            return error_memory(err);
    }
    return graph_add_node(import->graph, name, op, draft->more_in != NULL ? draft->more_in : draft->in, draft->in_count,
                          draft->out_count, out, &draft->attributes, err);
}

int import_between(struct import *import, const char *base, const char *op, const int *in, int in_count,
                   const struct attributes *attributes, struct error *err)
{
    const char *wanted = arena_printf(import->scratch, "%s.%s", base, op), *out;
    struct draft draft = { .name = wanted, .op = op, .out = &out, .out_count = 1, .in_count = in_count };

    out = wanted == NULL ? NULL : free_value_name(import, wanted);
    if (out == NULL)
        return error_memory(err);
    memcpy(draft.in, in, (size_t)in_count * sizeof(int));
    if (attributes != NULL)
        draft.attributes = *attributes;
    return import_add(import, &draft, err);
}

int import_constant(struct import *import, const char *name, enum dtype dtype, const struct shape *shape,
                    const void *data, struct error *err)
{
    const struct tensor tensor = { .dtype = dtype, .shape = *shape };
    const char *own = free_value_name(import, name);
    void *copy = arena_alloc(import->graph->arena, tensor_bytes(&tensor) + 1);

    if (own == NULL || copy == NULL)
        return error_memory(err);
    memcpy(copy, data, tensor_bytes(&tensor));
    return graph_add_weight(import->graph, own, dtype, shape, copy, false, err);
}

/* ---- attributes ---- */

struct attribute *draft_attribute(struct draft *draft, const char *name)
{
    for (int i = 0; i < draft->attributes.count; i++)
        if (strcmp(draft->attributes.item[i].name, name) == 0)
            return &draft->attributes.item[i];
    return NULL;
}

void draft_remove(struct draft *draft, const char *name)
{
    struct attribute *found = draft_attribute(draft, name);

    if (found == NULL)
        return;
    *found = draft->attributes.item[draft->attributes.count - 1];
    draft->attributes.count--;
}

int draft_set(struct import *import, struct draft *draft, const struct attribute *attribute, struct error *err)
{
    struct attribute *found = draft_attribute(draft, attribute->name), *longer;
    const int count = draft->attributes.count;

    if (found != NULL) {
        *found = *attribute;
        return 0;
    }
    longer = arena_grow(import->scratch, draft->attributes.item, (size_t)count, (size_t)count + 1, sizeof(*longer));
    if (longer == NULL)
        return error_memory(err);
    longer[count] = *attribute;
    draft->attributes = (struct attributes){ longer, count + 1 };
    return 0;
}

/* Texts one behind the other with a space between: RNN's activations. */
static const char *join(struct arena *arena, const char *const *texts, int count)
{
    const char *joined = "";

    for (int i = 0; i < count && joined != NULL; i++)
        joined = i == 0 ? texts[0] : arena_printf(arena, "%s %s", joined, texts[i]);
    return joined;
}

static int take_attribute(struct import *import, struct attribute *to, const struct onnx_attribute *from,
                          struct error *err)
{
    *to = (struct attribute){ .name = from->name, .count = from->count };
    switch (from->type) {
    case ONNX_FLOAT:
        to->kind = ATTRIBUTE_FLOAT;
        to->f = real_of_float(from->f); /* 0.00001 as it was meant */
        return 0;
    case ONNX_INT:
        to->kind = ATTRIBUTE_INT;
        to->i = from->i;
        return 0;
    case ONNX_STRING:
        to->kind = ATTRIBUTE_TEXT;
        to->s = from->s;
        return 0;
    case ONNX_FLOATS:
        to->kind = ATTRIBUTE_FLOATS;
        to->floats = from->floats;
        return 0;
    case ONNX_INTS:
        to->kind = ATTRIBUTE_INTS;
        to->ints = from->ints;
        return 0;
    case ONNX_STRINGS:
        to->kind = ATTRIBUTE_TEXT;
        to->s = join(import->scratch, from->strings, from->count);
        to->count = 0;
        return to->s == NULL ? error_memory(err) : 0;
    case ONNX_TENSOR: return error_set(err, ERROR_INPUT, "attribute '%s' is a tensor, expected a number", from->name);
    case ONNX_GRAPH:
        return error_set(err, ERROR_INPUT, "attribute '%s' is a graph: control flow is not run here", from->name);
    default:
        return error_set(err, ERROR_INPUT, "attribute '%s' is of type %d, which is not known here", from->name,
                         from->type);
    }
}

/* ---- constants ---- */

static const struct onnx_attribute *find_attribute(const struct onnx_node *node, const char *name)
{
    for (int i = 0; i < node->attribute_count; i++)
        if (strcmp(node->attribute[i].name, name) == 0)
            return &node->attribute[i];
    return NULL;
}

/* A plain number or list of them, copied; a tensor stays where it is. */
static int constant_tensor(struct import *import, const struct onnx_attribute *a, struct tensor *t, struct error *err)
{
    const bool real = a->type == ONNX_FLOAT || a->type == ONNX_FLOATS;
    const bool list = a->type == ONNX_FLOATS || a->type == ONNX_INTS;
    const void *from = a->type == ONNX_FLOAT ? (const void *)&a->f
                       : a->type == ONNX_INT ? (const void *)&a->i
                       : real                ? (const void *)a->floats
                                             : (const void *)a->ints;

    if (strcmp(a->name, "value") == 0 && a->type == ONNX_TENSOR)
        return onnx_load(t, a->tensor, import->graph->arena, import->folder, err);
    if (!real && !list && a->type != ONNX_INT)
        return error_set(err, ERROR_INPUT, "attribute '%s': only numbers are constants here", a->name);
    *t = (struct tensor){ .dtype = real ? DTYPE_F32 : DTYPE_I64 };
    if (list)
        t->shape = shape_of(1, (int64_t)a->count);
    t->data = arena_alloc(import->graph->arena, tensor_bytes(t) + 1);
    if (t->data == NULL)
        return error_memory(err);
    if (tensor_bytes(t) > 0)
        memcpy(t->data, from, tensor_bytes(t));
    return 0;
}

static int take_constant(struct import *import, const struct onnx_node *node, struct error *err)
{
    struct tensor t;

    if (node->attribute_count != 1 || node->output_count != 1)
        return error_set(err, ERROR_INPUT, "%d attributes and %d outputs, expected one value and one output",
                         node->attribute_count, node->output_count);
    if (constant_tensor(import, &node->attribute[0], &t, err) < 0)
        return -1;
    return graph_add_weight(import->graph, node->output[0], t.dtype, &t.shape, t.data, false, err);
}

/* ConstantOfShape's one element, as two plain attributes. */
static int take_fill(struct import *import, struct draft *draft, const struct onnx_node *node, struct error *err)
{
    const struct onnx_attribute *value = find_attribute(node, "value");
    struct attribute dtype = { .name = "dtype", .kind = ATTRIBUTE_INT }, number = { .name = "value" };
    struct tensor t;

    draft->attributes.count = 0;
    if (value == NULL)
        return 0;
    if (value->type != ONNX_TENSOR)
        return error_set(err, ERROR_INPUT, "attribute 'value' is not a tensor");
    if (onnx_load(&t, value->tensor, import->scratch, NULL, err) < 0)
        return -1;
    if (shape_count(&t.shape) != 1)
        return error_set(err, ERROR_INPUT, "attribute 'value' has %" PRId64 " elements, expected one",
                         shape_count(&t.shape));
    dtype.i = onnx_data_type(t.dtype);
    number.kind = dtype_is_float(t.dtype) ? ATTRIBUTE_FLOAT : ATTRIBUTE_INT;
    number.f = element_real(t.dtype, t.data, 0);
    number.i = element_int(t.dtype, t.data, 0);
    return draft_set(import, draft, &dtype, err) < 0 || draft_set(import, draft, &number, err) < 0 ? -1 : 0;
}

/* ---- one node ---- */

static int draft_inputs(struct import *import, struct draft *draft, const struct onnx_node *node, struct error *err)
{
    int *in = draft->in;

    draft->in_count = node->input_count;
    if (node->input_count > NODE_ROOM) {
        in = draft->more_in = arena_array(import->scratch, (size_t)node->input_count, sizeof(int));
        if (in == NULL)
            return error_memory(err);
    }
    for (int i = 0; i < node->input_count; i++) {
        in[i] = node->input[i][0] == '\0' ? -1 : graph_find_value(import->graph, node->input[i]);
        if (in[i] < 0 && node->input[i][0] != '\0')
            return error_set(err, ERROR_INPUT, "reads '%s', which no node before it makes", node->input[i]);
    }
    while (draft->in_count > 0 && in[draft->in_count - 1] < 0)
        draft->in_count--;
    return 0;
}

static int draft_node(struct import *import, struct draft *draft, const struct onnx_node *node, struct error *err)
{
    bool fill = strcmp(node->op_type, "ConstantOfShape") == 0;

    draft->op = node->op_type;
    draft->domain = node->domain;
    draft->out = node->output;
    draft->out_count = node->output_count;
    while (draft->out_count > 1 && draft->out[draft->out_count - 1][0] == '\0')
        draft->out_count--;
    draft->attributes.item = arena_array(import->scratch, (size_t)node->attribute_count + 1, sizeof(struct attribute));
    if (draft->attributes.item == NULL)
        return error_memory(err);
    if (draft_inputs(import, draft, node, err) < 0)
        return -1;
    for (int i = 0; i < node->attribute_count && !fill; i++)
        if (take_attribute(import, &draft->attributes.item[draft->attributes.count++], &node->attribute[i], err) < 0)
            return -1;
    return fill ? take_fill(import, draft, node, err) : 0;
}

static int refuse_operator(const struct onnx_node *node, struct error *err)
{
    for (size_t i = 0; i < COUNT(refused); i++)
        if (strcmp(refused[i].op, node->op_type) == 0)
            return error_set(err, ERROR_INPUT, "%s", refused[i].why);
    return 0;
}

static bool is_own_domain(const char *domain)
{
    return domain[0] == '\0' || strcmp(domain, "ai.onnx") == 0;
}

static int take_node(struct import *import, const struct onnx_node *node, const char *name, struct error *err)
{
    struct draft draft = { .name = name };
    bool done = false;

    if (!is_own_domain(node->domain) && strcmp(node->domain, "com.microsoft") != 0)
        return error_set(err, ERROR_INPUT, "domain '%s' is not known here", node->domain);
    if (is_own_domain(node->domain) && import->opset == 0)
        return error_set(err, ERROR_INPUT, "the file names no opset for it");
    if (refuse_operator(node, err) < 0)
        return -1;
    if (is_own_domain(node->domain) && strcmp(node->op_type, "Constant") == 0)
        return take_constant(import, node, err) < 0 ? -1 : 0;
    if (draft_node(import, &draft, node, err) < 0)
        return -1;
    if (!is_own_domain(draft.domain))
        return import_microsoft(import, &draft, err);
    if (import_upgrade(import, &draft, &done, err) < 0)
        return -1;
    if (!done && op_find(draft.op) == NULL)
        return error_set(err, ERROR_INPUT, "not known here");
    return done ? 0 : import_add(import, &draft, err) < 0 ? -1 : 0;
}

/* A problem is noted and the outputs are taken as given, so that the next one is found too. */
static int note_and_go_on(struct import *import, const struct onnx_node *node, const char *name,
                          const struct error *why, struct error *err)
{
    static const struct shape unknown = { .rank = SHAPE_UNKNOWN };

    if (import_note(import, name, node->op_type, why->message, err) < 0)
        return -1;
    for (int i = 0; i < node->output_count; i++)
        if (node->output[i][0] != '\0' && graph_find_value(import->graph, node->output[i]) < 0 &&
            graph_add_input(import->graph, node->output[i], DTYPE_F32, &unknown, err) < 0)
            return -1;
    return 0;
}

/* Its own, that of the first value it makes, or at last its operator's. */
static const char *node_name(const struct onnx_node *node)
{
    const char *name = node->name;

    for (int i = 0; i < node->output_count && name[0] == '\0'; i++)
        name = node->output[i];
    return name[0] != '\0' ? name : node->op_type;
}

int import_nodes(struct import *import, struct error *err)
{
    for (int n = 0; n < import->file.node_count; n++) {
        const struct onnx_node *node = &import->file.node[n];
        const char *name = node_name(node);
        struct error why = { 0 };

        if (take_node(import, node, name, import->report != NULL ? &why : err) == 0)
            continue;
        if (import->report == NULL)
            return error_in(err, "node '%s' (%s, opset %" PRId64 ")", name, node->op_type, import->opset);
        if (note_and_go_on(import, node, name, &why, err) < 0)
            return -1;
    }
    return 0;
}

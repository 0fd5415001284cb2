/* ModelProto, GraphProto and what is small in them. */
#include <inttypes.h>

#include "onnx/parse.h"

enum { IR_VERSION = 1, PRODUCER_NAME = 2, GRAPH = 7, OPSET_IMPORT = 8, METADATA_PROPS = 14, FUNCTIONS = 25 };

/* All fields, because onnx_sniff() goes by them. */
static const struct wire_rule model_rules[] = {
    { IR_VERSION, WIRE_VARINT, "ir_version" },
    { PRODUCER_NAME, WIRE_BYTES, "producer_name" },
    { 3, WIRE_BYTES, "producer_version" },
    { 4, WIRE_BYTES, "domain" },
    { 5, WIRE_VARINT, "model_version" },
    { 6, WIRE_BYTES, "doc_string" },
    { GRAPH, WIRE_BYTES, "graph" },
    { OPSET_IMPORT, WIRE_BYTES, "opset_import" },
    { METADATA_PROPS, WIRE_BYTES, "metadata_props" },
    { 20, WIRE_BYTES, "training_info" },
    { FUNCTIONS, WIRE_BYTES, "functions" },
    { 26, WIRE_BYTES, "configuration" },
    { 0 },
};

enum { NODE = 1, GRAPH_NAME = 2, INITIALIZER = 5, INPUT = 11, OUTPUT = 12, SPARSE_INITIALIZER = 15 };

static const struct wire_rule graph_rules[] = {
    { NODE, WIRE_BYTES, "node" },
    { GRAPH_NAME, WIRE_BYTES, "name" },
    { INITIALIZER, WIRE_BYTES, "initializer" },
    { 10, WIRE_BYTES, "doc_string" },
    { INPUT, WIRE_BYTES, "input" },
    { OUTPUT, WIRE_BYTES, "output" },
    { 13, WIRE_BYTES, "value_info" },
    { 14, WIRE_BYTES, "quantization_annotation" },
    { SPARSE_INITIALIZER, WIRE_BYTES, "sparse_initializer" },
    { 16, WIRE_BYTES, "metadata_props" },
    { 0 },
};

enum { DOMAIN = 1, VERSION = 2 };

static const struct wire_rule opset_rules[] = {
    { DOMAIN, WIRE_BYTES, "domain" },
    { VERSION, WIRE_VARINT, "version" },
    { 0 },
};

static int parse_opset(struct wire wire, void *to, struct arena *arena, struct error *err)
{
    struct onnx_opset *opset = to;
    struct wire_field field;
    int rc;

    *opset = (struct onnx_opset){ .domain = "" };
    while ((rc = wire_next(&wire, &field, err)) == 1) {
        if (field.rule->number == VERSION)
            opset->version = (int64_t)field.value;
        else if (wire_text(&field, arena, &opset->domain, err) < 0)
            return -1;
    }
    return rc;
}

/* Lists of a graph, read after its own fields. */
static int parse_graph_lists(struct onnx_model *model, struct wire wire, struct arena *arena, struct error *err)
{
    static const struct wire_items nodes = {
        NODE, "node", node_rules, sizeof(struct onnx_node), LIMIT_NODES, parse_node
    };
    static const struct wire_items initializers = { INITIALIZER,   "initializer",
                                                    tensor_rules,  sizeof(struct onnx_tensor),
                                                    LIMIT_TENSORS, parse_tensor };
    static const struct wire_items inputs = { INPUT,         "input",    value_rules, sizeof(struct onnx_value),
                                              LIMIT_TENSORS, parse_value };
    static const struct wire_items outputs = { OUTPUT,        "output",   value_rules, sizeof(struct onnx_value),
                                               LIMIT_TENSORS, parse_value };

    model->node = wire_items(wire, &nodes, arena, &model->node_count, err);
    if (model->node != NULL)
        model->initializer = wire_items(wire, &initializers, arena, &model->initializer_count, err);
    if (model->initializer != NULL)
        model->input = wire_items(wire, &inputs, arena, &model->input_count, err);
    if (model->input != NULL)
        model->output = wire_items(wire, &outputs, arena, &model->output_count, err);
    return model->output != NULL ? 0 : -1;
}

static int parse_graph(struct onnx_model *model, struct wire wire, struct arena *arena, struct error *err)
{
    const struct wire message = wire;
    struct wire_field field;
    int rc;

    while ((rc = wire_next(&wire, &field, err)) == 1) {
        if (field.rule->number == GRAPH_NAME && wire_text(&field, arena, &model->graph_name, err) < 0)
            return -1;
        model->sparse_initializer_count += field.rule->number == SPARSE_INITIALIZER;
    }
    return rc < 0 ? -1 : parse_graph_lists(model, message, arena, err);
}

static int parse_model_lists(struct onnx_model *model, struct wire wire, struct arena *arena, struct error *err)
{
    static const struct wire_items opsets = { OPSET_IMPORT, "opset_import", opset_rules, sizeof(struct onnx_opset),
                                              LIMIT_COUNT,  parse_opset };
    static const struct wire_items metadata = { METADATA_PROPS, "metadata_props",
                                                entry_rules,    sizeof(struct onnx_entry),
                                                LIMIT_COUNT,    parse_entry };

    model->opset = wire_items(wire, &opsets, arena, &model->opset_count, err);
    if (model->opset != NULL)
        model->metadata = wire_items(wire, &metadata, arena, &model->metadata_count, err);
    return model->metadata != NULL ? 0 : -1;
}

int onnx_parse(struct onnx_model *model, struct arena *arena, unsigned char *bytes, size_t count, struct error *err)
{
    struct wire wire = { .file = bytes, .at = bytes, .end = bytes + count, .rules = model_rules };
    const struct wire message = wire;
    struct wire graph = { 0 };
    struct wire_field field;
    int rc;

    *model = (struct onnx_model){ .producer_name = "", .graph_name = "" };
    while ((rc = wire_next(&wire, &field, err)) == 1) {
        switch (field.rule->number) {
        case IR_VERSION: model->ir_version = (int64_t)field.value; break;
        case PRODUCER_NAME: rc = wire_text(&field, arena, &model->producer_name, err); break;
        case FUNCTIONS: model->function_count++; break;
        case GRAPH:
            if (graph.rules != NULL)
                rc = error_set(err, ERROR_INPUT, "a model of two graphs, expected one");
            graph = field.body;
            graph.rules = graph_rules;
            break;
        default: break;
        }
        if (rc < 0)
            return -1;
    }
    if (rc < 0 || parse_model_lists(model, message, arena, err) < 0)
        return -1;
    if (graph.rules == NULL)
        return error_set(err, ERROR_INPUT, "a model without a graph");
    return parse_graph(model, graph, arena, err);
}

/* Writers put ir_version first. A body that goes on beyond the bytes given ends the search: nobody looks inside.
 * After two good fields a bad one is a model's own fault. */
bool onnx_sniff(const unsigned char *bytes, size_t count)
{
    enum { FIELDS = 16, CERTAIN = 2, HIGHEST_VERSION = 255 };
    unsigned char *begin = (unsigned char *)(uintptr_t)bytes; /* only read */
    struct wire wire = { .file = begin, .at = begin, .end = begin + count, .rules = model_rules };
    bool found = false;
    int rc = 1;

    for (int i = 0; rc == 1 && i < FIELDS; i++) {
        const struct wire_rule *next = wire_peek(wire);
        struct wire_field field;

        rc = wire_next(&wire, &field, NULL);
        if (rc == 1 && field.rule->number == IR_VERSION)
            found = field.value >= 1 && field.value <= HIGHEST_VERSION;
        if (rc < 0)
            return found && (i >= CERTAIN || (next != NULL && next->type == WIRE_BYTES));
    }
    return found;
}

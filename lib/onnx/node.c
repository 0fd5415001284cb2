/* NodeProto and AttributeProto. */
#include <inttypes.h>

#include "onnx/parse.h"

enum { INPUT = 1, OUTPUT = 2, NODE_NAME = 3, OP_TYPE = 4, ATTRIBUTE = 5, DOMAIN = 7 };

const struct wire_rule node_rules[] = {
    { INPUT, WIRE_BYTES, "input" },
    { OUTPUT, WIRE_BYTES, "output" },
    { NODE_NAME, WIRE_BYTES, "name" },
    { OP_TYPE, WIRE_BYTES, "op_type" },
    { ATTRIBUTE, WIRE_BYTES, "attribute" },
    { DOMAIN, WIRE_BYTES, "domain" },
    { 0 },
};

enum {
    NAME = 1,
    F = 2,
    I = 3,
    S = 4,
    T = 5,
    G = 6,
    FLOATS = 7,
    INTS = 8,
    STRINGS = 9,
    TENSORS = 10,
    GRAPHS = 11,
    TYPE_PROTO = 14,
    TYPE_PROTOS = 15,
    TYPE = 20,
    REFERENCE = 21,
    SPARSE_TENSOR = 22,
    SPARSE_TENSORS = 23,
    FIELDS = 24,
};

static const struct wire_rule attribute_rules[] = {
    { NAME, WIRE_BYTES, "name" },
    { F, WIRE_FIXED32, "f" },
    { I, WIRE_VARINT, "i" },
    { S, WIRE_BYTES, "s" },
    { T, WIRE_BYTES, "t" },
    { G, WIRE_BYTES, "g" },
    { FLOATS, WIRE_FIXED32S, "floats" },
    { INTS, WIRE_VARINTS, "ints" },
    { STRINGS, WIRE_BYTES, "strings" },
    { TENSORS, WIRE_BYTES, "tensors" },
    { GRAPHS, WIRE_BYTES, "graphs" },
    { TYPE_PROTO, WIRE_BYTES, "tp" },
    { TYPE_PROTOS, WIRE_BYTES, "type_protos" },
    { TYPE, WIRE_VARINT, "type" },
    { REFERENCE, WIRE_BYTES, "ref_attr_name" },
    { SPARSE_TENSOR, WIRE_BYTES, "sparse_tensor" },
    { SPARSE_TENSORS, WIRE_BYTES, "sparse_tensors" },
    { 0 },
};

/* AttributeProto.AttributeType of a value in this field. */
static const struct {
    int type;
    const char *name;
} types[FIELDS] = {
    [F] = { ONNX_FLOAT, "FLOAT" },
    [I] = { ONNX_INT, "INT" },
    [S] = { ONNX_STRING, "STRING" },
    [T] = { ONNX_TENSOR, "TENSOR" },
    [G] = { ONNX_GRAPH, "GRAPH" },
    [FLOATS] = { ONNX_FLOATS, "FLOATS" },
    [INTS] = { ONNX_INTS, "INTS" },
    [STRINGS] = { ONNX_STRINGS, "STRINGS" },
    [TENSORS] = { 9, "TENSORS" },
    [GRAPHS] = { 10, "GRAPHS" },
    [SPARSE_TENSOR] = { 11, "SPARSE_TENSOR" },
    [SPARSE_TENSORS] = { 12, "SPARSE_TENSORS" },
    [TYPE_PROTO] = { 13, "TYPE_PROTO" },
    [TYPE_PROTOS] = { 14, "TYPE_PROTOS" },
};

/* Bodies inside bodies are not read, but for this: `level` counts messages, three to a body. */
static int check_depth(struct wire wire, int level, struct error *err)
{
    enum { DEEPEST = 16, NODE_OF_GRAPH = 1 };
    static const struct wire_rule ways[][3] = {
        { { NODE_OF_GRAPH, WIRE_BYTES, "node" } },
        { { ATTRIBUTE, WIRE_BYTES, "attribute" } },
        { { G, WIRE_BYTES, "g" }, { GRAPHS, WIRE_BYTES, "graphs" } },
    };
    struct wire_field field;
    int rc;

    if (level == DEEPEST * (int)COUNT(ways))
        return error_set(err, ERROR_INPUT, "byte %zu: bodies inside one another, more than %d deep",
                         (size_t)(wire.at - wire.file), DEEPEST);
    wire.rules = ways[level % (int)COUNT(ways)];
    while ((rc = wire_next(&wire, &field, err)) == 1)
        if (check_depth(field.body, level + 1, err) < 0)
            return -1;
    return rc;
}

static int parse_t(struct onnx_attribute *attribute, const struct wire_field *field, struct arena *arena,
                   struct error *err)
{
    struct wire body = field->body;

    attribute->tensor = arena_alloc(arena, sizeof(*attribute->tensor));
    if (attribute->tensor == NULL)
        return error_memory(err);
    body.rules = tensor_rules;
    return parse_tensor(body, attribute->tensor, arena, err);
}

static int parse_field(struct onnx_attribute *attribute, const struct wire_field *field, struct arena *arena,
                       struct error *err)
{
    switch (field->rule->number) {
    case NAME: return wire_text(field, arena, &attribute->name, err);
    case TYPE: attribute->type = (int32_t)field->value; return 0;
    case F: attribute->f = wire_real(field); return 0;
    case I: attribute->i = (int64_t)field->value; return 0;
    case S: return wire_text(field, arena, &attribute->s, err);
    case T: return parse_t(attribute, field, arena, err);
    case G:
    case GRAPHS: return check_depth(field->body, 0, err);
    case REFERENCE: return error_set(err, ERROR_INPUT, "refers to an attribute of a function, outside of one");
    default: return 0;
    }
}

static const char *type_name(int type)
{
    for (size_t i = 0; i < COUNT(types); i++)
        if (types[i].name != NULL && types[i].type == type)
            return types[i].name;
    return "unknown";
}

/* One kind of value, the one that `type` names; files of before IR version 2 do not name it. */
static int settle_type(struct onnx_attribute *attribute, unsigned seen, struct error *err)
{
    for (size_t i = 0; i < COUNT(types); i++) {
        if (types[i].name == NULL || (seen & 1u << i) == 0)
            continue;
        if (attribute->type == 0)
            attribute->type = types[i].type;
        if (attribute->type != types[i].type)
            return error_set(err, ERROR_INPUT, "holds a value of type %s, expected %s", types[i].name,
                             type_name(attribute->type));
    }
    if (attribute->type == 0)
        return error_set(err, ERROR_INPUT, "has neither a type nor a value");
    if (attribute->type == ONNX_TENSOR && attribute->tensor == NULL)
        return error_set(err, ERROR_INPUT, "is of type TENSOR and holds none");
    return 0;
}

static int parse_lists(struct onnx_attribute *attribute, struct wire message, struct arena *arena, struct error *err)
{
    switch (attribute->type) {
    case ONNX_FLOATS: return wire_reals(message, FLOATS, arena, &attribute->floats, &attribute->count, err);
    case ONNX_INTS: return wire_ints(message, INTS, arena, &attribute->ints, &attribute->count, err);
    case ONNX_STRINGS: return wire_texts(message, STRINGS, arena, &attribute->strings, &attribute->count, err);
    default: return 0;
    }
}

static int parse_attribute(struct wire wire, void *to, struct arena *arena, struct error *err)
{
    struct onnx_attribute *attribute = to;
    const struct wire message = wire;
    struct wire_field field;
    unsigned seen = 0;
    int rc;

    *attribute = (struct onnx_attribute){ .name = "", .s = "" };
    while ((rc = wire_next(&wire, &field, err)) == 1) {
        if (parse_field(attribute, &field, arena, err) < 0)
            return -1;
        seen |= 1u << field.rule->number;
    }
    if (rc < 0)
        return -1;
    if (attribute->name[0] == '\0')
        return error_set(err, ERROR_INPUT, "has no name");
    return settle_type(attribute, seen, err) < 0 ? -1 : parse_lists(attribute, message, arena, err);
}

int parse_node(struct wire wire, void *to, struct arena *arena, struct error *err)
{
    static const struct wire_items attributes = { ATTRIBUTE,       "attribute",
                                                  attribute_rules, sizeof(struct onnx_attribute),
                                                  LIMIT_COUNT,     parse_attribute };
    struct onnx_node *node = to;
    const struct wire message = wire;
    struct wire_field field;
    int rc;

    *node = (struct onnx_node){ .name = "", .op_type = "", .domain = "" };
    while ((rc = wire_next(&wire, &field, err)) == 1) {
        const uint32_t number = field.rule->number;

        if ((number == NODE_NAME && wire_text(&field, arena, &node->name, err) < 0) ||
            (number == OP_TYPE && wire_text(&field, arena, &node->op_type, err) < 0) ||
            (number == DOMAIN && wire_text(&field, arena, &node->domain, err) < 0))
            return -1;
    }
    if (rc == 0 && node->op_type[0] == '\0')
        return error_set(err, ERROR_INPUT, "has no op_type, expected an operator's name");
    if (rc < 0 || wire_texts(message, INPUT, arena, &node->input, &node->input_count, err) < 0 ||
        wire_texts(message, OUTPUT, arena, &node->output, &node->output_count, err) < 0)
        return -1;
    node->attribute = wire_items(message, &attributes, arena, &node->attribute_count, err);
    return node->attribute != NULL ? 0 : -1;
}

/* ValueInfoProto: the name, type and shape of a graph's input or output. */
#include <inttypes.h>

#include "onnx/parse.h"

enum { NAME = 1, TYPE = 2 };
enum { TENSOR_TYPE = 1 };
enum { ELEM_TYPE = 1, SHAPE = 2 };
enum { DIM = 1 };
enum { DIM_VALUE = 1, DIM_PARAM = 2 };
enum { UNKNOWN = -1, NOT_A_TENSOR = -1 };

const struct wire_rule value_rules[] = {
    { NAME, WIRE_BYTES, "name" },
    { TYPE, WIRE_BYTES, "type" },
    { 0 },
};

static const struct wire_rule type_rules[] = {
    { TENSOR_TYPE, WIRE_BYTES, "tensor_type" },
    { 4, WIRE_BYTES, "sequence_type" },
    { 5, WIRE_BYTES, "map_type" },
    { 7, WIRE_BYTES, "opaque_type" },
    { 8, WIRE_BYTES, "sparse_tensor_type" },
    { 9, WIRE_BYTES, "optional_type" },
    { 0 },
};

static const struct wire_rule tensor_type_rules[] = {
    { ELEM_TYPE, WIRE_VARINT, "elem_type" },
    { SHAPE, WIRE_BYTES, "shape" },
    { 0 },
};

static const struct wire_rule shape_rules[] = {
    { DIM, WIRE_BYTES, "dim" },
    { 0 },
};

static const struct wire_rule dim_rules[] = {
    { DIM_VALUE, WIRE_VARINT, "dim_value" },
    { DIM_PARAM, WIRE_BYTES, "dim_param" },
    { 0 },
};

static struct wire with_rules(const struct wire_field *field, const struct wire_rule *rules)
{
    struct wire wire = field->body;

    wire.rules = rules;
    return wire;
}

static int parse_dim(struct wire wire, int64_t *dim, struct error *err)
{
    struct wire_field field;
    int rc;

    *dim = UNKNOWN;
    while ((rc = wire_next(&wire, &field, err)) == 1)
        *dim = field.rule->number == DIM_VALUE ? (int64_t)field.value : UNKNOWN;
    return rc;
}

/* Sizes that are known must not overflow, whatever the others turn out to be. */
static int check(const struct shape *shape, struct error *err)
{
    struct shape known = *shape;

    for (int i = 0; i < known.rank; i++)
        if (known.dim[i] == UNKNOWN)
            known.dim[i] = 1;
    return shape_check(&known, INT64_MAX / 8, err);
}

static int parse_shape(struct wire wire, struct shape *shape, struct error *err)
{
    struct wire_field field;
    int rc;

    *shape = (struct shape){ 0 };
    while ((rc = wire_next(&wire, &field, err)) == 1) {
        if (shape->rank == SHAPE_MAX_RANK)
            return error_set(err, ERROR_INPUT, "more than %d axes", SHAPE_MAX_RANK);
        if (parse_dim(with_rules(&field, dim_rules), &shape->dim[shape->rank++], err) < 0)
            return -1;
    }
    return rc < 0 ? -1 : check(shape, err);
}

static int parse_tensor_type(struct wire wire, struct onnx_value *value, struct error *err)
{
    struct wire_field field;
    int rc;

    value->elem_type = 0;
    value->has_shape = false;
    while ((rc = wire_next(&wire, &field, err)) == 1) {
        if (field.rule->number == ELEM_TYPE) {
            value->elem_type = (int32_t)field.value;
        } else {
            value->has_shape = true;
            if (parse_shape(with_rules(&field, shape_rules), &value->shape, err) < 0)
                return -1;
        }
    }
    return rc;
}

static int parse_type(struct wire wire, struct onnx_value *value, struct error *err)
{
    struct wire_field field;
    int rc;

    while ((rc = wire_next(&wire, &field, err)) == 1) {
        value->elem_type = NOT_A_TENSOR;
        if (field.rule->number == TENSOR_TYPE &&
            parse_tensor_type(with_rules(&field, tensor_type_rules), value, err) < 0)
            return -1;
    }
    return rc;
}

int parse_value(struct wire wire, void *to, struct arena *arena, struct error *err)
{
    struct onnx_value *value = to;
    struct wire_field field;
    int rc;

    *value = (struct onnx_value){ .name = "" };
    while ((rc = wire_next(&wire, &field, err)) == 1)
        if ((field.rule->number == NAME ? wire_text(&field, arena, &value->name, err)
                                        : parse_type(with_rules(&field, type_rules), value, err)) < 0)
            return -1;
    return rc;
}

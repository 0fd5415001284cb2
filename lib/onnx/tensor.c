/* TensorProto: a shape and where its elements lie. Nothing of them is read here; see load.c. */
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "onnx/parse.h"

enum { DIMS = 1, DATA_TYPE = 2, SEGMENT = 3, NAME = 8, EXTERNAL_DATA = 13, DATA_LOCATION = 14 };
enum { KEY = 1, VALUE = 2, EXTERNAL = 1 };

const struct wire_rule tensor_rules[] = {
    { DIMS, WIRE_VARINTS, "dims" },
    { DATA_TYPE, WIRE_VARINT, "data_type" },
    { SEGMENT, WIRE_BYTES, "segment" },
    { FLOAT_DATA, WIRE_FIXED32S, "float_data" },
    { INT32_DATA, WIRE_VARINTS, "int32_data" },
    { STRING_DATA, WIRE_BYTES, "string_data" },
    { INT64_DATA, WIRE_VARINTS, "int64_data" },
    { NAME, WIRE_BYTES, "name" },
    { RAW_DATA, WIRE_BYTES, "raw_data" },
    { DOUBLE_DATA, WIRE_FIXED64S, "double_data" },
    { UINT64_DATA, WIRE_VARINTS, "uint64_data" },
    { EXTERNAL_DATA, WIRE_BYTES, "external_data" },
    { DATA_LOCATION, WIRE_VARINT, "data_location" },
    { 0 },
};

const struct wire_rule entry_rules[] = {
    { KEY, WIRE_BYTES, "key" },
    { VALUE, WIRE_BYTES, "value" },
    { 0 },
};

int parse_entry(struct wire wire, void *to, struct arena *arena, struct error *err)
{
    struct onnx_entry *entry = to;
    struct wire_field field;
    int rc;

    *entry = (struct onnx_entry){ .key = "", .value = "" };
    while ((rc = wire_next(&wire, &field, err)) == 1)
        if (wire_text(&field, arena, field.rule->number == KEY ? &entry->key : &entry->value, err) < 0)
            return -1;
    return rc;
}

/* One axis, or all of them packed. */
static int add_dims(struct shape *shape, struct wire_field *field, struct error *err)
{
    uint64_t dim = field->value;

    do {
        if (field->type == WIRE_BYTES) {
            if (field->body.at == field->body.end)
                return 0;
            if (wire_varint(&field->body, "dims", &dim, err) < 0)
                return -1;
        }
        if (shape->rank == SHAPE_MAX_RANK)
            return error_set(err, ERROR_INPUT, "more than %d axes", SHAPE_MAX_RANK);
        shape->dim[shape->rank++] = (int64_t)dim;
    } while (field->type == WIRE_BYTES);
    return 0;
}

/* What one field after the other told. */
struct found {
    struct onnx_span data;
    unsigned held; /* a bit for each field that holds elements */
    bool scattered, external, segment;
};

static void add_elements(struct found *found, const struct wire_field *field)
{
    const size_t bytes = (size_t)(field->body.end - field->body.at);
    const unsigned bit = 1u << field->rule->number;

    if (bytes == 0 && field->type != WIRE_VARINT)
        return; /* as good as absent, and some writers put all fields */
    if (field->rule->number != RAW_DATA && ((found->held & bit) != 0 || field->type != WIRE_BYTES))
        found->scattered = true;
    found->held |= bit;
    found->data = (struct onnx_span){ field->body.at, bytes };
}

/* location, offset, length; others, such as checksum, say nothing that is needed. */
static int parse_external(struct onnx_tensor *tensor, struct wire wire, struct arena *arena, struct error *err)
{
    static const struct wire_items entries = { EXTERNAL_DATA, "external_data", entry_rules, sizeof(struct onnx_entry),
                                               LIMIT_COUNT,   parse_entry };
    int count;
    const struct onnx_entry *entry = wire_items(wire, &entries, arena, &count, err);

    if (entry == NULL)
        return -1;
    for (int i = 0; i < count; i++, entry++) {
        const bool offset = strcmp(entry->key, "offset") == 0;
        int64_t *number = offset ? &tensor->offset : &tensor->length;

        if (strcmp(entry->key, "location") == 0)
            tensor->location = entry->value;
        if ((offset || strcmp(entry->key, "length") == 0) && (text_to_int(entry->value, number) < 0 || *number < 0))
            return error_set(err, ERROR_INPUT, "external_data has %s '%.80s', expected a whole number from 0",
                             entry->key, entry->value);
    }
    return tensor->location ? 0 : error_set(err, ERROR_INPUT, "external_data has no location");
}

static const char *field_name(unsigned number)
{
    const struct wire_rule *rule = tensor_rules;

    while (rule->number != number)
        rule++;
    return rule->name;
}

/* Elements lie in one place: raw_data, the field of their type, or a file. */
static int settle(struct onnx_tensor *tensor, const struct found *found, struct error *err)
{
    const struct data_type *type = data_type_find(tensor->data_type);
    const unsigned raw = 1u << RAW_DATA, own = type ? 1u << type->field : 0;
    const unsigned stray = found->held & ~raw & ~own;

    if (found->segment)
        return error_set(err, ERROR_INPUT, "a segment of a larger tensor, expected all of it");
    if (stray != 0 && type != NULL)
        return error_set(err, ERROR_INPUT, "%s elements lie in %s, expected raw_data or %s", type->name,
                         field_name((unsigned)__builtin_ctz(stray)), field_name(type->field));
    if ((found->held & (found->held - 1)) != 0 || (found->external && found->held != 0))
        return error_set(err, ERROR_INPUT, "elements lie in %s and in %s, expected one of them",
                         field_name((unsigned)__builtin_ctz(found->held)),
                         found->external ? "external_data"
                                         : field_name((unsigned)__builtin_ctz(found->held & (found->held - 1))));
    tensor->data = found->data;
    tensor->raw = found->held == raw;
    tensor->scattered = found->scattered;
    return shape_check(&tensor->shape, INT64_MAX / 8, err);
}

int parse_tensor(struct wire wire, void *to, struct arena *arena, struct error *err)
{
    struct onnx_tensor *tensor = to;
    struct wire message = wire;
    struct found found = { .data = { wire.at, 0 } };
    struct wire_field field;
    int rc;

    *tensor = (struct onnx_tensor){ .name = "", .length = -1 };
    while ((rc = wire_next(&wire, &field, err)) == 1) {
        switch (field.rule->number) {
        case DIMS: rc = add_dims(&tensor->shape, &field, err); break;
        case DATA_TYPE: tensor->data_type = (int32_t)field.value; break;
        case SEGMENT: found.segment = true; break;
        case NAME: rc = wire_text(&field, arena, &tensor->name, err); break;
        case EXTERNAL_DATA: break;
        case DATA_LOCATION: found.external = field.value == EXTERNAL; break;
        default: add_elements(&found, &field);
        }
        if (rc < 0)
            return -1;
    }
    if (rc < 0 || (found.external && parse_external(tensor, message, arena, err) < 0))
        return -1;
    return settle(tensor, &found, err);
}

int onnx_parse_tensor(struct onnx_tensor *tensor, struct arena *arena, unsigned char *bytes, size_t count,
                      struct error *err)
{
    const struct wire wire = { .file = bytes, .at = bytes, .end = bytes + count, .rules = tensor_rules };

    if (parse_tensor(wire, tensor, arena, err) == 0)
        return 0;
    return tensor->name[0] != '\0' ? error_in(err, "tensor '%.200s'", tensor->name) : -1;
}

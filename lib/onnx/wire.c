/* One field after the other; see wire.h. */
#include "onnx/wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/quote.h"

enum { LAST_SHIFT = 63, TYPE_BITS = 3, TYPE_MASK = 7 };

static size_t offset(const struct wire *wire)
{
    return (size_t)(wire->at - wire->file);
}

int wire_varint(struct wire *wire, const char *name, uint64_t *value, struct error *err)
{
    const size_t begin = offset(wire);
    uint64_t sum = 0;

    for (int shift = 0;; shift += 7) {
        unsigned char byte;

        if (wire->at == wire->end)
            return error_set(err, ERROR_INPUT, "byte %zu: %s is cut off", begin, name);
        byte = *wire->at++;
        if (shift == LAST_SHIFT && byte > 1)
            return error_set(err, ERROR_INPUT, "byte %zu: %s has more than 64 bits", begin, name);
        sum |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            break;
    }
    *value = sum;
    return 0;
}

static const struct wire_rule *rule_of(const struct wire_rule *rules, uint64_t number)
{
    while (rules->number != 0 && rules->number != number)
        rules++;
    return rules->number != 0 ? rules : NULL;
}

/* `count` bytes become the field's body. */
static int take_bytes(struct wire *wire, struct wire_field *field, uint64_t count, const char *name, struct error *err)
{
    const size_t left = (size_t)(wire->end - wire->at);

    if (count > left)
        return error_set(err, ERROR_INPUT, "byte %zu: %s has %" PRIu64 " bytes, only %zu are left", offset(wire), name,
                         count, left);
    field->body = (struct wire){ .file = wire->file, .at = wire->at, .end = wire->at + count };
    wire->at += count;
    return 0;
}

static int take_fixed(struct wire *wire, struct wire_field *field, size_t count, const char *name, struct error *err)
{
    if (take_bytes(wire, field, count, name, err) < 0)
        return -1;
    field->value = 0;
    for (size_t i = count; i-- > 0;)
        field->value = field->value << 8 | field->body.at[i];
    return 0;
}

/* The value behind a tag. `begin` is the tag's offset. */
static int take_value(struct wire *wire, struct wire_field *field, size_t begin, const char *name, struct error *err)
{
    uint64_t count;

    field->body = (struct wire){ .file = wire->file, .at = wire->at, .end = wire->at };
    switch (field->type) {
    case WIRE_VARINT: return wire_varint(wire, name, &field->value, err);
    case WIRE_FIXED64: return take_fixed(wire, field, 8, name, err);
    case WIRE_FIXED32: return take_fixed(wire, field, 4, name, err);
    case WIRE_BYTES:
        if (wire_varint(wire, name, &count, err) < 0)
            return -1;
        return take_bytes(wire, field, count, name, err);
    default: break;
    }
    return error_set(err, ERROR_INPUT, "byte %zu: %s is of wire type %d, expected 0, 1, 2 or 5", begin, name,
                     (int)field->type);
}

static bool fits(const struct wire_rule *rule, enum wire_type type)
{
    return type == (rule->type & TYPE_MASK) || ((rule->type & WIRE_MANY) != 0 && type == WIRE_BYTES);
}

const struct wire_rule *wire_peek(struct wire wire)
{
    const struct wire_rule *rule;
    uint64_t tag;

    if (wire_varint(&wire, "", &tag, NULL) < 0)
        return NULL;
    rule = rule_of(wire.rules, tag >> TYPE_BITS);
    return rule != NULL && fits(rule, (enum wire_type)(tag & TYPE_MASK)) ? rule : NULL;
}

static int check_type(const struct wire_field *field, size_t begin, struct error *err)
{
    const struct wire_rule *rule = field->rule;

    if (fits(rule, field->type))
        return 0;
    return error_set(err, ERROR_INPUT, "byte %zu: %s is of wire type %d, expected %d", begin, rule->name,
                     (int)field->type, (int)(rule->type & TYPE_MASK));
}

int wire_next(struct wire *wire, struct wire_field *field, struct error *err)
{
    while (wire->at < wire->end) {
        const size_t begin = offset(wire);
        char unknown[32];
        uint64_t tag;

        if (wire_varint(wire, "the number of a field", &tag, err) < 0)
            return -1;
        if (tag > UINT32_MAX || tag >> TYPE_BITS == 0)
            return error_set(err, ERROR_INPUT, "byte %zu: %" PRIu64 " is no number of a field", begin,
                             tag >> TYPE_BITS);
        field->rule = rule_of(wire->rules, tag >> TYPE_BITS);
        field->type = (enum wire_type)(tag & TYPE_MASK);
        if (field->rule == NULL)
            snprintf(unknown, sizeof(unknown), "field %" PRIu64, tag >> TYPE_BITS);
        if (take_value(wire, field, begin, field->rule ? field->rule->name : unknown, err) < 0)
            return -1;
        if (field->rule != NULL)
            return check_type(field, begin, err) < 0 ? -1 : 1;
    }
    return 0;
}

int wire_text(const struct wire_field *field, struct arena *arena, const char **text, struct error *err)
{
    const char *chars = (const char *)field->body.at;
    const size_t count = (size_t)(field->body.end - field->body.at);
    uint32_t code;
    size_t length;

    for (size_t i = 0; i < count; i += length) {
        length = utf8_next(chars + i, count - i, &code);
        if (length == 0 || code == 0)
            return error_set(err, ERROR_INPUT, "byte %zu: %s %s", offset(&field->body) + i, field->rule->name,
                             length == 0 ? "is not UTF-8" : "holds a NUL");
    }
    *text = count > 0 ? arena_strndup(arena, chars, count) : "";
    return *text != NULL ? 0 : error_memory(err);
}

float wire_real(const struct wire_field *field)
{
    const uint32_t bits = (uint32_t)field->value;
    float real;

    memcpy(&real, &bits, sizeof(real));
    return real;
}

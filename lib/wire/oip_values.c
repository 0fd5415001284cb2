/*
 * oip_values.c - a tensor's values between JSON and bytes: a flat list in
 * row-major order, or lists nested as the shape says.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/quote.h"
#include "base/real.h"
#include "tensor/element.h"
#include "wire/internal.h"
#include "json/json.h"

static bool is_half(enum dtype dtype)
{
    return dtype == DTYPE_F16 || dtype == DTYPE_BF16;
}

static int refuse_half(const struct oip_tensor *tensor, struct error *err)
{
    error_set(err, ERROR_INPUT, "'%.64s': %s has no form in JSON", tensor->name, oip_datatype(tensor));
    return error_hint(err, "send and ask for it as raw bytes (binary_data_size, binary_data)");
}

/* ---- reading ---- */

struct reading {
    struct oip_tensor *tensor;
    unsigned char *data; /* of numbers */
    struct text bytes;   /* of BYTES */
    bool base64;
    int64_t next, count;
};

static int wrong_value(const struct reading *reading, const char *found, struct error *err)
{
    return error_set(err, ERROR_INPUT, "'%.64s': value %" PRId64 " is %s, expected %s", reading->tensor->name,
                     reading->next, found, oip_datatype(reading->tensor));
}

static const char *kind_name(enum tree_kind kind)
{
    static const char *const names[] = { "null",   "a truth value", "a whole number", "a real",
                                         "a text", "a list",        "an object" };

    return names[kind];
}

static bool int_fits(enum dtype dtype, int64_t value)
{
    const int bits = 8 * (int)dtype_bytes(dtype);
    const bool is_signed = dtype == DTYPE_I8 || dtype == DTYPE_I16 || dtype == DTYPE_I32 || dtype == DTYPE_I64;

    if (!is_signed)
        return value >= 0 && (bits == 64 || value >> bits == 0);
    return bits == 64 || (value >= -(INT64_C(1) << (bits - 1)) && value < INT64_C(1) << (bits - 1));
}

static int take_base64(struct reading *reading, const struct tree *value, struct error *err)
{
    struct text decoded = { 0 };
    int rc = 0;

    if (!oip_base64_read(&decoded, value->text, value->text_length))
        rc = wrong_value(reading, "not base64", err);
    else if ((rc = text_check(&decoded, err)) == 0)
        oip_bytes_add(&reading->bytes, decoded.chars, decoded.length);
    text_free(&decoded);
    return rc;
}

static int take_text(struct reading *reading, const struct tree *value, struct error *err)
{
    if (value->kind != TREE_TEXT)
        return wrong_value(reading, kind_name(value->kind), err);
    if (reading->base64)
        return take_base64(reading, value, err);
    oip_bytes_add(&reading->bytes, value->text, value->text_length);
    return 0;
}

static int take_number(struct reading *reading, const struct tree *value, struct error *err)
{
    const enum dtype dtype = reading->tensor->dtype;

    if (dtype == DTYPE_BOOL) {
        if (value->kind != TREE_BOOL)
            return wrong_value(reading, kind_name(value->kind), err);
        reading->data[reading->next] = value->boolean;
    } else if (dtype_is_float(dtype)) {
        if (value->kind != TREE_INT && value->kind != TREE_REAL)
            return wrong_value(reading, kind_name(value->kind), err);
        if (dtype == DTYPE_F32 && isinf((float)value->real))
            return wrong_value(reading, "too large", err);
        element_set_real(dtype, reading->data, reading->next, value->real);
    } else {
        if (value->kind != TREE_INT)
            return wrong_value(reading, kind_name(value->kind), err);
        if (!int_fits(dtype, value->integer))
            return wrong_value(reading, "out of range", err);
        element_set_int(dtype, reading->data, reading->next, value->integer);
    }
    return 0;
}

static int take_value(struct reading *reading, const struct tree *value, struct error *err)
{
    if (reading->next == reading->count)
        return error_set(err, ERROR_INPUT, "'%.64s': more values than the shape's %" PRId64, reading->tensor->name,
                         reading->count);
    if ((reading->tensor->is_bytes ? take_text : take_number)(reading, value, err) < 0)
        return -1;
    reading->next++;
    return 0;
}

/* Axis `axis` of nested lists. */
static int take_nested(struct reading *reading, const struct tree *list, int axis, struct error *err)
{
    const struct shape *shape = &reading->tensor->shape;

    if (axis == shape->rank)
        return take_value(reading, list, err);
    if (list->kind != TREE_LIST || (int64_t)list->count != shape->dim[axis])
        return error_set(err, ERROR_INPUT, "'%.64s': a list of %zu on axis %d, the shape says %" PRId64,
                         reading->tensor->name, list->count, axis, shape->dim[axis]);
    for (const struct tree *child = list->first; child; child = child->next)
        if (take_nested(reading, child, axis + 1, err) < 0)
            return -1;
    return 0;
}

static int take_all(struct reading *reading, const struct tree *data, struct error *err)
{
    if (data->kind != TREE_LIST)
        return error_set(err, ERROR_INPUT, "'%.64s': data is %s, expected a list", reading->tensor->name,
                         kind_name(data->kind));
    if (data->first && data->first->kind == TREE_LIST)
        return take_nested(reading, data, 0, err);
    for (const struct tree *child = data->first; child; child = child->next)
        if (take_value(reading, child, err) < 0)
            return -1;
    if (reading->next == reading->count)
        return 0;
    return error_set(err, ERROR_INPUT, "'%.64s': %" PRId64 " values, the shape says %" PRId64, reading->tensor->name,
                     reading->next, reading->count);
}

static int64_t count_values(const struct tree *data)
{
    int64_t count = 0;

    if (data->kind != TREE_LIST)
        return 1;
    for (const struct tree *child = data->first; child; child = child->next)
        count += count_values(child);
    return count;
}

static int take_bytes(struct reading *reading, struct arena *arena, const struct tree *data, struct error *err)
{
    struct text *bytes = &reading->bytes;
    int rc = take_all(reading, data, err);

    if (rc == 0)
        rc = text_check(bytes, err);
    if (rc == 0) {
        reading->data = arena_alloc(arena, bytes->length + 1);
        if (reading->data == NULL)
            rc = error_memory(err);
        else if (bytes->length > 0)
            memcpy(reading->data, bytes->chars, bytes->length);
    }
    reading->tensor->data = reading->data;
    reading->tensor->data_bytes = bytes->length;
    reading->tensor->binary = reading->base64;
    text_free(bytes);
    return rc;
}

int oip_values_read(struct oip_tensor *tensor, struct arena *arena, const struct tree *data, bool base64,
                    struct error *err)
{
    struct reading reading = { .tensor = tensor, .base64 = base64, .count = shape_count(&tensor->shape) };

    if (tensor->is_bytes)
        return take_bytes(&reading, arena, data, err);
    if (is_half(tensor->dtype))
        return refuse_half(tensor, err);
    /* No more memory than the text had values, whatever the shape says. */
    if (count_values(data) < reading.count)
        return error_set(err, ERROR_INPUT, "'%.64s': %" PRId64 " values, the shape says %" PRId64, tensor->name,
                         count_values(data), reading.count);
    reading.data = arena_array(arena, (size_t)reading.count + 1, dtype_bytes(tensor->dtype));
    if (reading.data == NULL)
        return error_memory(err);
    tensor->data = reading.data;
    tensor->data_bytes = (size_t)reading.count * dtype_bytes(tensor->dtype);
    return take_all(&reading, data, err);
}

/* ---- writing ---- */

static int write_texts(struct text *out, const struct oip_tensor *tensor, struct error *err)
{
    struct oip_bytes bytes = oip_bytes_of(tensor);
    const unsigned char *element;
    size_t count;

    for (int64_t i = 0; oip_bytes_next(&bytes, &element, &count) > 0; i++) {
        for (size_t at = 0, length; at < count; at += length) {
            uint32_t code;

            length = utf8_next((const char *)element + at, count - at, &code);
            if (length == 0 || code == 0)
                return error_set(err, ERROR_INPUT, "'%.64s': element %" PRId64 " is no text", tensor->name, i);
        }
        text_add(out, i > 0 ? "," : "");
        text_add_quoted(out, (const char *)element, count);
    }
    return 0;
}

static int write_number(struct text *out, const struct oip_tensor *tensor, int64_t i, struct error *err)
{
    /* Raw bytes may lie anywhere; an element is copied to where it may be read. */
    const size_t size = dtype_bytes(tensor->dtype);
    uint64_t element = 0;
    double real;

    memcpy(&element, (const char *)tensor->data + (size_t)i * size, size);
    if (!dtype_is_float(tensor->dtype)) {
        if (tensor->dtype == DTYPE_BOOL)
            text_add(out, element ? "true" : "false");
        else if (tensor->dtype == DTYPE_U64)
            text_printf(out, "%" PRIu64, element);
        else
            text_printf(out, "%" PRId64, element_int(tensor->dtype, &element, 0));
        return 0;
    }
    real = element_real(tensor->dtype, &element, 0);
    if (!isfinite(real))
        return error_set(err, ERROR_INPUT, "'%.64s': value %" PRId64 " is not finite: JSON has no such number",
                         tensor->name, i);
    json_add_real(out, tensor->dtype == DTYPE_F32 ? real_of_float((float)real) : real);
    return 0;
}

int oip_values_write(struct text *out, const struct oip_tensor *tensor, struct error *err)
{
    const int64_t count = shape_count(&tensor->shape);

    if (tensor->is_bytes)
        return write_texts(out, tensor, err);
    if (is_half(tensor->dtype))
        return refuse_half(tensor, err);
    for (int64_t i = 0; i < count; i++) {
        text_add(out, i > 0 ? "," : "");
        if (write_number(out, tensor, i, err) < 0)
            return -1;
    }
    return 0;
}

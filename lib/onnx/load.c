/* Elements: used where they lie when they can be, else decoded into the arena. */
#include <inttypes.h>
#include <string.h>

#include "onnx/parse.h"
#include "tensor/element.h"

void *room_for(struct arena *arena, size_t bytes, struct error *err)
{
    void *room = arena_alloc(arena, bytes > 0 ? bytes : 1);

    if (room == NULL)
        error_memory(err);
    return room;
}

static int wrong_count(const struct tensor *to, const char *unit, int64_t expected, size_t found, struct error *err)
{
    char text[160];

    return error_set(err, ERROR_INPUT, "%s of shape %s has %" PRId64 " %s, found %zu", dtype_name(to->dtype),
                     shape_text(&to->shape, text), expected, unit, found);
}

/* Varints of as many elements as the shape has. Halves come as their bits. */
static int decode(struct tensor *to, const struct onnx_tensor *tensor, struct arena *arena, struct error *err)
{
    const enum dtype dtype = to->dtype == DTYPE_F16 || to->dtype == DTYPE_BF16 ? DTYPE_U16 : to->dtype;
    const bool narrow = data_type_find(tensor->data_type)->field == INT32_DATA;
    const int64_t count = shape_count(&to->shape);
    const size_t found = wire_varints(tensor->data.at, tensor->data.bytes);
    struct wire wire = { tensor->data.at, tensor->data.at, tensor->data.at + tensor->data.bytes, NULL };

    if (found != (uint64_t)count)
        return wrong_count(to, "elements", count, found, err);
    to->data = room_for(arena, tensor_bytes(to), err);
    if (to->data == NULL)
        return -1;
    for (int64_t i = 0; i < count; i++) {
        uint64_t value;

        if (wire_varint(&wire, "an element", &value, err) < 0)
            return error_in(err, "elements");
        element_set_int(dtype, to->data, i, narrow ? (int32_t)value : (int64_t)value);
    }
    if (wire.at != wire.end)
        return error_set(err, ERROR_INPUT, "the last element is cut off");
    return 0;
}

/*
 * The bytes as they are, moved down to a multiple of an element's size where need be: over what stood
 * in front of them, a tag of one byte or more and their length, which were read already.
 */
static void *in_place(struct onnx_span *span, size_t size, struct arena *arena, struct error *err)
{
    const size_t over = (uintptr_t)span->at % size, room = 1 + wire_varint_bytes(span->bytes);
    void *copy;

    if (over <= room) {
        if (over > 0)
            memmove(span->at - over, span->at, span->bytes);
        span->at -= over; /* the next time it lies right */
        return span->at;
    }
    copy = room_for(arena, span->bytes, err);
    if (copy != NULL)
        memcpy(copy, span->at, span->bytes);
    return copy;
}

static int take_bytes(struct tensor *to, struct onnx_tensor *tensor, struct arena *arena, struct error *err)
{
    const size_t bytes = tensor_bytes(to);

    if (tensor->data.bytes != bytes)
        return wrong_count(to, "bytes", (int64_t)bytes, tensor->data.bytes, err);
    to->data = bytes > 0 ? in_place(&tensor->data, dtype_bytes(to->dtype), arena, err) : room_for(arena, 0, err);
    return to->data != NULL ? 0 : -1;
}

/* Any byte but 0 is true, and 1 from here on. */
static void settle_bools(struct tensor *tensor)
{
    unsigned char *bytes = tensor->data;

    for (size_t i = 0; tensor->dtype == DTYPE_BOOL && i < tensor_bytes(tensor); i++)
        if (bytes[i] > 1)
            bytes[i] = 1;
}

static int load(struct tensor *to, struct onnx_tensor *tensor, struct arena *arena, const char *folder,
                struct error *err)
{
    const enum tensor_field field = data_type_find(tensor->data_type)->field;

    if (tensor->scattered)
        return error_set(err, ERROR_INPUT, "elements one by one, expected them packed");
    if (tensor->location != NULL)
        return external_read(to, tensor, arena, folder, err);
    if (tensor->raw || field == FLOAT_DATA || field == DOUBLE_DATA)
        return take_bytes(to, tensor, arena, err);
    return decode(to, tensor, arena, err);
}

int onnx_load(struct tensor *to, struct onnx_tensor *tensor, struct arena *arena, const char *folder, struct error *err)
{
    *to = (struct tensor){ .shape = tensor->shape };
    if (onnx_dtype(&to->dtype, tensor->data_type, err) == 0 && load(to, tensor, arena, folder, err) == 0) {
        settle_bools(to);
        return 0;
    }
    return tensor->name[0] != '\0' ? error_in(err, "tensor '%.200s'", tensor->name) : -1;
}

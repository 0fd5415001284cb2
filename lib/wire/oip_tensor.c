/* oip_tensor.c - a body and the tensors in it: what requests and responses have in common. */
#include <inttypes.h>
#include <string.h>

#include "base/limits.h"
#include "base/quote.h"
#include "wire/internal.h"
#include "json/json.h"

/* ---- reading ---- */

int oip_body_open(struct oip_body *body, struct arena *arena, const void *bytes, size_t count, int64_t header_length,
                  struct error *err)
{
    const size_t length = header_length == OIP_JSON_ONLY ? count : (size_t)header_length;

    if (header_length < OIP_JSON_ONLY || length > count)
        return error_set(err, ERROR_INPUT, OIP_HEADER_LENGTH " is %" PRId64 ", the body has %zu bytes", header_length,
                         count);
    if (json_parse(arena, bytes, length, &body->root, err) < 0)
        return -1;
    if (body->root->kind != TREE_MAP)
        return error_set(err, ERROR_INPUT, "expected a JSON object");
    body->raw = (const unsigned char *)bytes + length;
    body->raw_left = count - length;
    return 0;
}

int oip_body_close(const struct oip_body *body, struct error *err)
{
    if (body->raw_left == 0)
        return 0;
    return error_set(err, ERROR_INPUT, "%zu bytes after the JSON object belong to no tensor", body->raw_left);
}

int oip_flag_read(bool *flag, const struct tree *map, const char *key, struct error *err)
{
    const struct tree *parameters = tree_get(map, "parameters");

    return parameters == NULL ? 0 : tree_take_bool(parameters, key, flag, err);
}

static int read_datatype(struct oip_tensor *tensor, const char *name, struct error *err)
{
    tensor->is_bytes = strcmp(name, "BYTES") == 0;
    if (tensor->is_bytes)
        return 0;
    for (int i = 0; i < DTYPE_COUNT; i++) {
        if (strcmp(name, oip_datatype_of((enum dtype)i)) == 0) {
            tensor->dtype = (enum dtype)i;
            return 0;
        }
    }
    error_set(err, ERROR_INPUT, "'%.64s': unknown datatype '%.32s'", tensor->name, name);
    return error_hint(err, "known are BOOL, UINT8 to UINT64, INT8 to INT64, FP16, BF16, FP32, FP64, BYTES");
}

static int read_shape(struct oip_tensor *tensor, const struct tree *map, struct error *err)
{
    const struct tree *list;

    if (tree_need(map, "shape", TREE_LIST, &list, err) < 0)
        return error_in(err, "'%.64s'", tensor->name);
    if (list->count > SHAPE_MAX_RANK)
        return error_set(err, ERROR_INPUT, "'%.64s': %zu axes, at most %d are supported", tensor->name, list->count,
                         SHAPE_MAX_RANK);
    for (const struct tree *one = list->first; one; one = one->next) {
        if (one->kind != TREE_INT)
            return error_set(err, ERROR_INPUT, "'%.64s': axis %d of the shape is no whole number", tensor->name,
                             tensor->shape.rank);
        tensor->shape.dim[tensor->shape.rank++] = one->integer;
    }
    /* So that bytes of elements do not overflow either. */
    if (shape_check(&tensor->shape, INT64_MAX / 16, err) < 0)
        return error_in(err, "'%.64s'", tensor->name);
    return 0;
}

/* The lengths of the elements end where the tensor does, after as many as the shape says. */
static int check_elements(const struct oip_tensor *tensor, struct error *err)
{
    struct oip_bytes bytes = oip_bytes_of(tensor);
    const unsigned char *element;
    int64_t found = 0;
    size_t count;
    int rc;

    while ((rc = oip_bytes_next(&bytes, &element, &count)) > 0)
        found++;
    if (rc < 0)
        return error_set(err, ERROR_INPUT, "'%.64s': element %" PRId64 " is longer than what is left", tensor->name,
                         found);
    if (found != shape_count(&tensor->shape))
        return error_set(err, ERROR_INPUT, "'%.64s': %" PRId64 " elements, the shape says %" PRId64, tensor->name,
                         found, shape_count(&tensor->shape));
    return 0;
}

static int read_raw(struct oip_tensor *tensor, struct oip_body *body, int64_t size, struct error *err)
{
    const int64_t expected = shape_count(&tensor->shape) * (int64_t)dtype_bytes(tensor->dtype);

    if ((uint64_t)size > body->raw_left)
        return error_set(err, ERROR_INPUT, "'%.64s': binary_data_size is %" PRId64 ", %zu bytes are left", tensor->name,
                         size, body->raw_left);
    tensor->binary = true;
    tensor->data = body->raw;
    tensor->data_bytes = (size_t)size;
    if (tensor->is_bytes && check_elements(tensor, err) < 0)
        return -1;
    if (!tensor->is_bytes && size != expected)
        return error_set(err, ERROR_INPUT, "'%.64s': binary_data_size is %" PRId64 ", shape and datatype need %" PRId64,
                         tensor->name, size, expected);
    body->raw += size;
    body->raw_left -= (size_t)size;
    return 0;
}

static int read_data(struct oip_tensor *tensor, struct oip_body *body, struct arena *arena, const struct tree *map,
                     struct error *err)
{
    const struct tree *data = tree_get(map, "data"), *parameters = tree_get(map, "parameters");
    const char *content_type = "";
    int64_t size = -1;

    if (parameters != NULL && (tree_take_int(parameters, "binary_data_size", 0, INT64_MAX, &size, err) < 0 ||
                               tree_take_text(parameters, "content_type", &content_type, err) < 0))
        return error_in(err, "'%.64s'", tensor->name);
    if ((data != NULL) == (size >= 0))
        return error_set(err, ERROR_INPUT, "'%.64s': expected data or binary_data_size, %s", tensor->name,
                         data != NULL ? "both are there" : "none is there");
    if (data == NULL)
        return read_raw(tensor, body, size, err);
    return oip_values_read(tensor, arena, data, strcmp(content_type, "base64") == 0, err);
}

static int read_tensor(struct oip_tensor *tensor, struct oip_body *body, struct arena *arena, const struct tree *map,
                       struct error *err)
{
    const char *datatype;

    if (map->kind != TREE_MAP)
        return error_set(err, ERROR_INPUT, "expected an object");
    if (tree_need_text(map, "name", &tensor->name, err) < 0)
        return -1;
    if (tree_need_text(map, "datatype", &datatype, err) < 0)
        return error_in(err, "'%.64s'", tensor->name);
    if (read_datatype(tensor, datatype, err) < 0 || read_shape(tensor, map, err) < 0)
        return -1;
    return read_data(tensor, body, arena, map, err);
}

int oip_tensors_read(struct oip_tensor **tensors, int *tensor_count, struct oip_body *body, struct arena *arena,
                     const char *key, const char *what, struct error *err)
{
    const struct tree *list, *map;

    if (tree_need(body->root, key, TREE_LIST, &list, err) < 0)
        return -1;
    if (list->count > OIP_MOST_TENSORS)
        return error_set(err, ERROR_INPUT, "%zu %ss, at most %d are supported", list->count, what, OIP_MOST_TENSORS);
    *tensors = arena_array(arena, list->count + 1, sizeof(**tensors));
    if (*tensors == NULL)
        return error_memory(err);
    map = list->first;
    for (*tensor_count = 0; map; map = map->next, (*tensor_count)++)
        if (read_tensor(&(*tensors)[*tensor_count], body, arena, map, err) < 0)
            return error_in(err, "%s %d", what, *tensor_count);
    return 0;
}

/* ---- writing ---- */

static int write_tensor(struct text *out, const struct oip_tensor *tensor, struct error *err)
{
    text_add(out, "{\"name\":");
    text_add_quoted(out, tensor->name, strlen(tensor->name));
    text_printf(out, ",\"datatype\":\"%s\",\"shape\":[", oip_datatype(tensor));
    for (int i = 0; i < tensor->shape.rank; i++)
        text_printf(out, "%s%" PRId64, i > 0 ? "," : "", tensor->shape.dim[i]);
    if (tensor->binary) {
        text_printf(out, "],\"parameters\":{\"binary_data_size\":%zu}}", tensor->data_bytes);
        return 0;
    }
    text_add(out, "],\"data\":[");
    if (oip_values_write(out, tensor, err) < 0)
        return -1;
    text_add(out, "]}");
    return 0;
}

int oip_tensors_write(struct text *out, const char *key, const struct oip_tensor *tensors, int count, const char *what,
                      struct error *err)
{
    text_printf(out, "\"%s\":[", key);
    for (int i = 0; i < count; i++) {
        text_add(out, i > 0 ? "," : "");
        if (write_tensor(out, &tensors[i], err) < 0)
            return error_in(err, "%s %d", what, i);
    }
    text_add(out, "]");
    return 0;
}

void oip_raw_write(struct text *out, int64_t *header_length, const struct oip_tensor *tensors, int count)
{
    *header_length = OIP_JSON_ONLY;
    for (int i = 0; i < count; i++) {
        if (!tensors[i].binary)
            continue;
        if (*header_length == OIP_JSON_ONLY)
            *header_length = (int64_t)out->length;
        if (tensors[i].data_bytes > 0)
            text_add_bytes(out, tensors[i].data, tensors[i].data_bytes);
    }
}

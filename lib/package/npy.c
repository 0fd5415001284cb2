/*
 * NumPy's format 1.0: "\x93NUMPY" 1 0, two bytes of header length, a Python dict
 * as text, data; in 2.0 the length has four bytes. Source: NumPy Enhancement Proposal 1.
 */
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "package/package.h"

enum { PREFIX = 10, PREFIX_2 = 12, HEADER_ALIGN = 64 };

static const char magic[] = "\x93NUMPY\x01";

static const struct {
    const char *descr;
    enum dtype dtype;
} types[] = {
    { "<f4", DTYPE_F32 }, { "<f8", DTYPE_F64 }, { "<f2", DTYPE_F16 }, { "|i1", DTYPE_I8 },
    { "|u1", DTYPE_U8 },  { "<i2", DTYPE_I16 }, { "<u2", DTYPE_U16 }, { "<i4", DTYPE_I32 },
    { "<u4", DTYPE_U32 }, { "<i8", DTYPE_I64 }, { "<u8", DTYPE_U64 }, { "|b1", DTYPE_BOOL },
};

struct cursor {
    const char *at, *end;
};

static void skip_spaces(struct cursor *cursor)
{
    while (cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\n'))
        cursor->at++;
}

/* Takes `word` when it comes next. */
static bool take(struct cursor *cursor, const char *word)
{
    size_t length = strlen(word);

    skip_spaces(cursor);
    if ((size_t)(cursor->end - cursor->at) < length || memcmp(cursor->at, word, length) != 0)
        return false;
    cursor->at += length;
    return true;
}

static int take_descr(struct cursor *cursor, enum dtype *dtype, struct error *err)
{
    for (size_t i = 0; i < COUNT(types); i++) {
        struct cursor try = *cursor;

        if (take(&try, "'") && take(&try, types[i].descr) && take(&try, "'")) {
            *cursor = try;
            *dtype = types[i].dtype;
            return 0;
        }
    }
    return error_set(err, ERROR_INPUT, "npy descr is not a little-endian number type such as '<f4'");
}

static int take_order(struct cursor *cursor, struct error *err)
{
    if (take(cursor, "False"))
        return 0;
    if (!take(cursor, "True"))
        return error_set(err, ERROR_INPUT, "npy fortran_order is neither True nor False");
    error_set(err, ERROR_INPUT, "npy data is in Fortran order, expected C order");
    return error_hint(err, "save numpy.ascontiguousarray(x)");
}

static int take_dim(struct cursor *cursor, int64_t *dim, struct error *err)
{
    const char *first;

    skip_spaces(cursor);
    first = cursor->at;
    *dim = 0;
    while (cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9') {
        if (*dim > INT64_MAX / 10 - 1)
            return error_set(err, ERROR_INPUT, "npy shape is too large");
        *dim = *dim * 10 + (*cursor->at++ - '0');
    }
    return cursor->at > first ? 0 : error_set(err, ERROR_INPUT, "npy shape is not a tuple of integers from 0");
}

static int take_shape(struct cursor *cursor, struct shape *shape, struct error *err)
{
    *shape = (struct shape){ 0 };
    if (!take(cursor, "("))
        return error_set(err, ERROR_INPUT, "npy shape is not a tuple");
    while (!take(cursor, ")")) {
        if (shape->rank == SHAPE_MAX_RANK)
            return error_set(err, ERROR_INPUT, "npy shape has more than %d axes", SHAPE_MAX_RANK);
        if (take_dim(cursor, &shape->dim[shape->rank++], err) < 0)
            return -1;
        if (!take(cursor, ",") && !(cursor->at < cursor->end && *cursor->at == ')'))
            return error_set(err, ERROR_INPUT, "npy shape is not a tuple of integers");
    }
    return shape_check(shape, INT64_MAX / 8, err);
}

static int parse_dict(struct cursor *cursor, struct tensor *tensor, struct error *err)
{
    enum { DESCR = 1, ORDER = 2, SHAPE = 4 };
    static const char *const keys[] = { "'descr'", "'fortran_order'", "'shape'" };
    unsigned seen = 0, key;
    int rc = 0;

    if (!take(cursor, "{"))
        return error_set(err, ERROR_INPUT, "npy header is not a Python dict");
    while (rc == 0 && !take(cursor, "}")) {
        for (key = 0; key < COUNT(keys) && !take(cursor, keys[key]); key++)
            continue;
        if (key == COUNT(keys) || (seen & 1u << key) != 0 || !take(cursor, ":"))
            return error_set(err, ERROR_INPUT, "npy header has other keys than descr, fortran_order, shape once each");
        seen |= 1u << key;
        rc = 1u << key == DESCR   ? take_descr(cursor, &tensor->dtype, err)
             : 1u << key == ORDER ? take_order(cursor, err)
                                  : take_shape(cursor, &tensor->shape, err);
        if (rc == 0 && !take(cursor, ",") && !(cursor->at < cursor->end && *cursor->at == '}'))
            return error_set(err, ERROR_INPUT, "npy header is not a Python dict");
    }
    if (rc < 0)
        return -1;
    skip_spaces(cursor);
    if (seen != (DESCR | ORDER | SHAPE) || cursor->at != cursor->end)
        return error_set(err, ERROR_INPUT, "npy header lacks descr, fortran_order or shape, or goes on after them");
    return 0;
}

/* Where the dict begins, and its bytes. */
static int find_header(size_t *begin, size_t *length, const unsigned char *b, size_t count, struct error *err)
{
    if (count < PREFIX || memcmp(b, magic, 6) != 0)
        return error_set(err, ERROR_INPUT, "not an npy file");
    if ((b[6] != 1 && b[6] != 2) || b[7] != 0)
        return error_set(err, ERROR_INPUT, "npy version %d.%d, expected 1.0 or 2.0", b[6], b[7]);
    *begin = b[6] == 1 ? PREFIX : PREFIX_2;
    if (count < *begin)
        return error_set(err, ERROR_INPUT, "npy header is cut: its length is missing");
    *length = (size_t)b[8] | (size_t)b[9] << 8;
    if (b[6] == 2)
        *length |= (size_t)b[10] << 16 | (size_t)b[11] << 24;
    if (*length > count - *begin)
        return error_set(err, ERROR_INPUT, "npy header is cut: %zu of %zu bytes", count - *begin, *length);
    return 0;
}

int npy_parse(struct tensor *tensor, const void *bytes, size_t count, struct error *err)
{
    const unsigned char *b = bytes;
    struct tensor found = { 0 };
    struct cursor cursor;
    size_t begin = 0, length = 0, left;

    if (find_header(&begin, &length, b, count, err) < 0)
        return -1;
    cursor = (struct cursor){ (const char *)b + begin, (const char *)b + begin + length };
    if (parse_dict(&cursor, &found, err) < 0)
        return -1;
    left = count - begin - length;
    if (tensor_bytes(&found) != left)
        return error_set(err, ERROR_INPUT, "npy data has %zu bytes, its shape needs %zu", left, tensor_bytes(&found));
    found.data = (void *)(uintptr_t)(b + begin + length); /* a view: the caller knows whether it may write */
    *tensor = found;
    return 0;
}

static const char *descr_of(enum dtype dtype)
{
    for (size_t i = 0; i < COUNT(types); i++)
        if (types[i].dtype == dtype)
            return types[i].descr;
    return "<u2"; /* BF16, which NumPy does not know: its bits */
}

void npy_header(struct text *out, const struct tensor *tensor)
{
    size_t start = out->length, length;

    text_add_bytes(out, magic, 8);
    text_add_bytes(out, "\0\0", 2);
    text_printf(out, "{'descr': '%s', 'fortran_order': False, 'shape': (", descr_of(tensor->dtype));
    for (int axis = 0; axis < tensor->shape.rank; axis++)
        text_printf(out, axis > 0 ? " %" PRId64 "," : "%" PRId64 ",", tensor->shape.dim[axis]);
    text_add(out, "), }");
    while ((out->length + 1 - start) % HEADER_ALIGN != 0 && !out->failed)
        text_add(out, " ");
    text_add(out, "\n");
    if (out->failed)
        return;
    length = out->length - start - PREFIX;
    out->chars[start + 8] = (char)(length & 0xff);
    out->chars[start + 9] = (char)(length >> 8);
}

void npy_write(struct text *out, const struct tensor *tensor)
{
    npy_header(out, tensor);
    if (tensor_bytes(tensor) > 0)
        text_add_bytes(out, tensor->data, tensor_bytes(tensor));
}

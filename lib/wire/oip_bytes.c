/* oip_bytes.c - names of element types, elements of BYTES, the header's value. */
#include <string.h>

#include "wire/internal.h"

static const char *const datatypes[DTYPE_COUNT] = {
    [DTYPE_F32] = "FP32",  [DTYPE_F64] = "FP64",   [DTYPE_F16] = "FP16",  [DTYPE_BF16] = "BF16",
    [DTYPE_I8] = "INT8",   [DTYPE_U8] = "UINT8",   [DTYPE_I16] = "INT16", [DTYPE_U16] = "UINT16",
    [DTYPE_I32] = "INT32", [DTYPE_U32] = "UINT32", [DTYPE_I64] = "INT64", [DTYPE_U64] = "UINT64",
    [DTYPE_BOOL] = "BOOL",
};

const char *oip_datatype_of(enum dtype dtype)
{
    return datatypes[dtype];
}

const char *oip_datatype(const struct oip_tensor *tensor)
{
    return tensor->is_bytes ? "BYTES" : datatypes[tensor->dtype];
}

struct oip_bytes oip_bytes_of(const struct oip_tensor *tensor)
{
    return (struct oip_bytes){ tensor->data, tensor->data_bytes };
}

int oip_bytes_next(struct oip_bytes *bytes, const unsigned char **element, size_t *count)
{
    size_t length = 0;

    if (bytes->left == 0)
        return 0;
    if (bytes->left < 4)
        return -1;
    for (int i = 3; i >= 0; i--)
        length = length << 8 | bytes->at[i];
    if (length > bytes->left - 4)
        return -1;
    *element = bytes->at + 4;
    *count = length;
    bytes->at += 4 + length;
    bytes->left -= 4 + length;
    return 1;
}

void oip_bytes_add(struct text *out, const void *element, size_t count)
{
    unsigned char length[4];

    for (int i = 0; i < 4; i++)
        length[i] = (unsigned char)(count >> (8 * i));
    text_add_bytes(out, length, sizeof(length));
    text_add_bytes(out, element, count);
}

static int base64_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

bool oip_base64_read(struct text *out, const char *chars, size_t count)
{
    size_t padding = 0;

    while (padding < 2 && padding < count && chars[count - 1 - padding] == '=')
        padding++;
    if (count % 4 != 0)
        return false;
    for (size_t i = 0; i < count; i += 4) {
        const size_t digits = i + 4 == count ? 4 - padding : 4;
        unsigned char bytes[3];
        uint32_t bits = 0;

        for (size_t k = 0; k < 4; k++) {
            const int digit = k < digits ? base64_digit(chars[i + k]) : 0;

            if (digit < 0)
                return false;
            bits = bits << 6 | (uint32_t)digit;
        }
        if (digits < 4 && (bits & (digits == 3 ? 0xff : 0xffff)) != 0)
            return false; /* bits that no byte has: another text would mean the same */
        for (int k = 0; k < 3; k++)
            bytes[k] = (unsigned char)(bits >> (16 - 8 * k));
        text_add_bytes(out, bytes, digits - 1);
    }
    return true;
}

int oip_header_length_parse(int64_t *length, const char *value, struct error *err)
{
    if (*value != '\0' && value[strspn(value, "0123456789")] == '\0' && text_to_int(value, length) == 0)
        return 0;
    return error_set(err, ERROR_INPUT, OIP_HEADER_LENGTH ": expected a number of bytes, found '%.40s'", value);
}

/* What wire.c reads, written. */
#include <string.h>

#include "onnx/wire.h"

enum { VARINT_MOST = 10 };

size_t wire_varint_bytes(uint64_t value)
{
    size_t bytes = 1;

    while (value >>= 7)
        bytes++;
    return bytes;
}

static size_t encode(unsigned char bytes[VARINT_MOST], uint64_t value)
{
    size_t used = 0;

    for (; value >= 0x80; value >>= 7)
        bytes[used++] = (unsigned char)(value | 0x80);
    bytes[used++] = (unsigned char)value;
    return used;
}

void wire_put_varint(struct text *out, uint64_t value)
{
    unsigned char bytes[VARINT_MOST];

    text_add_bytes(out, bytes, encode(bytes, value));
}

static void put_tag(struct text *out, uint32_t number, enum wire_type type)
{
    wire_put_varint(out, (uint64_t)number << 3 | (unsigned)type);
}

void wire_put_int(struct text *out, uint32_t number, int64_t value)
{
    put_tag(out, number, WIRE_VARINT);
    wire_put_varint(out, (uint64_t)value);
}

void wire_put_real(struct text *out, uint32_t number, float value)
{
    unsigned char bytes[4];
    uint32_t bits;

    memcpy(&bits, &value, sizeof(bits));
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(bits >> (8 * i));
    put_tag(out, number, WIRE_FIXED32);
    text_add_bytes(out, bytes, sizeof(bytes));
}

void wire_put_bytes(struct text *out, uint32_t number, const void *bytes, size_t count)
{
    put_tag(out, number, WIRE_BYTES);
    wire_put_varint(out, count);
    text_add_bytes(out, bytes, count);
}

void wire_put_text(struct text *out, uint32_t number, const char *text)
{
    wire_put_bytes(out, number, text, strlen(text));
}

size_t wire_open(struct text *out, uint32_t number)
{
    put_tag(out, number, WIRE_BYTES);
    return out->length;
}

/* The length goes in front of what is there already: shorter files than with a length of fixed width. */
void wire_close(struct text *out, size_t begin)
{
    unsigned char bytes[VARINT_MOST];
    const size_t count = out->length - begin, used = encode(bytes, count);

    text_add_bytes(out, bytes, used); /* for the room */
    if (out->failed)
        return;
    memmove(out->chars + begin + used, out->chars + begin, count);
    memcpy(out->chars + begin, bytes, used);
}

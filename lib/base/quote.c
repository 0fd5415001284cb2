/* quote.c - see quote.h */
#include "base/quote.h"

#include <stdbool.h>

size_t utf8_next(const char *chars, size_t count, uint32_t *code)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    const unsigned char *b = (const unsigned char *)chars;
    size_t length;
    uint32_t c;

    if (count == 0)
        return 0;
    length = b[0] < 0x80 ? 1 : b[0] < 0xc0 ? 0 : b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : b[0] < 0xf8 ? 4 : 0;
    if (length == 0 || length > count)
        return 0;
    c = length == 1 ? b[0] : b[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((b[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (b[i] & 0x3f);
    }
    if (c < least[length] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *code = c;
    return length;
}

/* Controls, marks of direction, line separators, the byte order mark, non-characters. */
static bool is_hidden(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
           (c >= 0xfff9 && c <= 0xfffb) || c == 0xfffe || c == 0xffff;
}

static const char *short_escape(uint32_t c)
{
    switch (c) {
    case '"': return "\\\"";
    case '\\': return "\\\\";
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    default: return NULL;
    }
}

void text_add_quoted(struct text *out, const char *chars, size_t count)
{
    size_t from = 0, length;

    text_add(out, "\"");
    for (size_t at = 0; at < count; at += length) {
        uint32_t code = 0xfffd;
        const char *escape;

        length = utf8_next(chars + at, count - at, &code);
        escape = short_escape(code);
        if (length > 0 && !escape && !is_hidden(code))
            continue;
        text_add_bytes(out, chars + from, at - from);
        if (length == 0) {
            text_add(out, "\xef\xbf\xbd");
            length = 1;
        } else if (escape) {
            text_add(out, escape);
        } else {
            text_printf(out, "\\u%04x", (unsigned)code);
        }
        from = at + length;
    }
    text_add_bytes(out, chars + from, count - from);
    text_add(out, "\"");
}

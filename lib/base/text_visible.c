/* What of untrusted text may reach a terminal as it is. */
#include <stdbool.h>

#include "base/text.h"

/* Bytes of the well-formed UTF-8 character at `s`, with its code point; 0 when it is none (RFC 3629). */
static size_t decode(const unsigned char *s, size_t count, uint32_t *code)
{
    static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
    const size_t length = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;

    if (length == 0 || length > count)
        return 0;
    *code = length == 1 ? s[0] : s[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | (s[i] & 0x3fu);
    }
    if (*code < smallest[length] || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff))
        return 0;
    return length;
}

static bool harmless(uint32_t code)
{
    static const struct {
        uint32_t first, last;
    } harmful[] = {
        { 0x00, 0x1f },       /* C0 controls, ESC among them */
        { 0x7f, 0x9f },       /* DEL and C1 controls */
        { 0x061c, 0x061c },   /* Arabic letter mark */
        { 0x200b, 0x200f },   /* zero width, left-to-right and right-to-left marks */
        { 0x2028, 0x202e },   /* line separators, bidi embeddings and overrides */
        { 0x2060, 0x206f },   /* invisible operators, bidi isolates */
        { 0xfeff, 0xfeff },   /* byte order mark */
        { 0xfff9, 0xfffb },   /* interlinear annotation */
        { 0xe0000, 0xe007f }, /* tags */
    };

    for (size_t i = 0; i < COUNT(harmful); i++)
        if (code >= harmful[i].first && code <= harmful[i].last)
            return false;
    return true;
}

void text_add_visible(struct text *text, const char *chars, size_t count)
{
    const unsigned char *s = (const unsigned char *)chars;
    size_t plain = 0; /* start of what is not yet appended */
    size_t i = 0;

    while (i < count) {
        uint32_t code = 0;
        const size_t length = decode(s + i, count - i, &code);
        const size_t escaped = length ? length : 1;

        if (length && harmless(code)) {
            i += length;
            continue;
        }
        text_add_bytes(text, chars + plain, i - plain);
        for (size_t j = 0; j < escaped; j++)
            text_printf(text, "\\x%02x", s[i + j]);
        i += escaped;
        plain = i;
    }
    text_add_bytes(text, chars + plain, count - plain);
}

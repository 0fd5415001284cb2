/* What of untrusted text may reach a terminal as it is. */
#include <stdbool.h>

#include "base/quote.h"

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
        const size_t length = utf8_next(chars + i, count - i, &code);
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

/*
 * quote.h - UTF-8, and text between double quotes as JSON and YAML both read it.
 *
 * Source: RFC 3629, section 4; RFC 8259, section 7; YAML 1.2.2, section 5.7.
 */
#ifndef BASE_QUOTE_H
#define BASE_QUOTE_H

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

/* Bytes of the first character and its code; 0 when it is malformed (or count is 0). */
size_t utf8_next(const char *chars, size_t count, uint32_t *code);

/*
 * text_add_quoted - appends the text quoted. Controls and invisible characters
 * that steer a terminal or the direction of writing are escaped; bytes that are
 * not UTF-8 become U+FFFD, because neither format can carry them.
 */
void text_add_quoted(struct text *out, const char *chars, size_t count);

#endif

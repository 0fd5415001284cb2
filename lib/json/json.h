/*
 * json.h - JSON to a tree by jansson (depth, duplicates, UTF-8, number range
 * checked), and back by our own writer: one line, stable key order, reals as
 * the shortest text that reads back the same, NaN and infinities as null.
 *
 * Source: RFC 8259.
 */
#ifndef JSON_JSON_H
#define JSON_JSON_H

#include "base/text.h"
#include "base/tree.h"

/* Errors: ERROR_INPUT with LINE:COLUMN in front. Nodes know no place; NUL in a text is refused. */
MUST_CHECK int json_parse(struct arena *arena, const char *text, size_t length, const struct tree **root,
                          struct error *err);

/* Appends one line without the newline. */
void json_write(struct text *out, const struct tree *root);
/* The same with two-space indentation, for files that people read. */
void json_write_indented(struct text *out, const struct tree *root);
/* A number as JSON writes it. */
void json_add_real(struct text *out, double value);

#endif

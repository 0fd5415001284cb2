/*
 * yaml.h - the YAML that coedge reads and writes: block and flow maps, lists
 * and scalars of the JSON schema (null, true, false, numbers; quoted scalars
 * are text). No anchors, aliases, tags, merge keys or second document;
 * duplicate keys are errors, and so is NUL in a text. Depth and size by limits.h.
 * A node's place is its own; in a map, its key's.
 *
 * Source: YAML 1.2.2, chapter 10.2 (JSON schema); libyaml does the scanning.
 */
#ifndef YAML_YAML_H
#define YAML_YAML_H

#include "base/text.h"
#include "base/tree.h"

/* Errors: ERROR_INPUT with LINE:COLUMN, ERROR_LIMIT never (too deep or long is ERROR_INPUT too). */
MUST_CHECK int yaml_parse(struct arena *arena, const char *text, size_t length, const struct tree **root,
                          struct error *err);

/* Appends the tree, the same bytes for the same tree: two-space blocks, `flow` nodes on
 * one line, reals as the shortest text that reads back the same, NaN and infinities as null, texts
 * quoted unless every reader of YAML 1.1 and 1.2 takes them for text. */
void yaml_write(struct text *out, const struct tree *root);

#endif

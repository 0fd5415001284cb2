/*
 * yaml.h - the YAML that coedge reads and writes: block and flow maps, lists
 * and scalars of the JSON schema (null, true, false, numbers; quoted scalars
 * are text). No anchors, aliases, tags, merge keys or second document;
 * duplicate keys are errors. Depth and size by limits.h.
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
 * one line, reals as the shortest text that reads back the same, texts quoted when needed. */
void yaml_write(struct text *out, const struct tree *root);

#endif

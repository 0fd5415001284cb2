/*
 * tree.h - a small tree of values that remembers where it was read: what yaml
 * and json read into and write from, and the only shape in which model.yaml,
 * coedge.yaml, manifests and results pass between rooms.
 *
 * All memory is the arena's. Maps keep their order; keys are unique.
 */
#ifndef BASE_TREE_H
#define BASE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"

enum tree_kind { TREE_NULL, TREE_BOOL, TREE_INT, TREE_REAL, TREE_TEXT, TREE_LIST, TREE_MAP };

struct tree {
    enum tree_kind kind;
    int line, column;          /* from 1; 0 when made by hand */
    const char *key;           /* when inside a map */
    struct tree *next;         /* sibling */
    struct tree *first, *last; /* children of LIST and MAP */
    size_t count;
    bool boolean;
    int64_t integer;
    double real;        /* also set for INT */
    const char *text;   /* TEXT; for scalars read from YAML also the source text */
    size_t text_length; /* texts that were read contain no NUL */
    bool flow;          /* written on one line in YAML */
};

/* ---- making: NULL when memory runs out; a NULL parent is passed through as NULL ---- */
struct tree *tree_map(struct arena *arena);
struct tree *tree_list(struct arena *arena);
/* Add to a map (key given) or a list (key NULL); return the child. */
struct tree *tree_add(struct arena *arena, struct tree *parent, const char *key, struct tree *child);
struct tree *tree_add_text(struct arena *arena, struct tree *parent, const char *key, const char *text);
struct tree *tree_add_int(struct arena *arena, struct tree *parent, const char *key, int64_t value);
struct tree *tree_add_real(struct arena *arena, struct tree *parent, const char *key, double value);
struct tree *tree_add_bool(struct arena *arena, struct tree *parent, const char *key, bool value);
struct tree *tree_add_map(struct arena *arena, struct tree *parent, const char *key);
struct tree *tree_add_list(struct arena *arena, struct tree *parent, const char *key);

/* ---- reading: errors are ERROR_INPUT with line and column in front where known ---- */
const struct tree *tree_get(const struct tree *map, const char *key); /* NULL when absent or no map */
/* Required: absent or of another kind is an error that names the key. */
MUST_CHECK int tree_need(const struct tree *map, const char *key, enum tree_kind kind, const struct tree **out,
                         struct error *err);
MUST_CHECK int tree_need_text(const struct tree *map, const char *key, const char **out, struct error *err);
MUST_CHECK int tree_need_int(const struct tree *map, const char *key, int64_t min, int64_t max, int64_t *out,
                             struct error *err);
MUST_CHECK int tree_need_real(const struct tree *map, const char *key, double *out, struct error *err);
/* Optional: absent leaves *out and returns 0; wrong kind is an error. */
MUST_CHECK int tree_take_text(const struct tree *map, const char *key, const char **out, struct error *err);
MUST_CHECK int tree_take_int(const struct tree *map, const char *key, int64_t min, int64_t max, int64_t *out,
                             struct error *err);
MUST_CHECK int tree_take_real(const struct tree *map, const char *key, double *out, struct error *err);
MUST_CHECK int tree_take_bool(const struct tree *map, const char *key, bool *out, struct error *err);
/* Any key outside `known` (NULL-terminated) is an error with the nearest as hint. */
MUST_CHECK int tree_only(const struct tree *map, const char *const *known, struct error *err);
/* error_set(ERROR_INPUT) with "LINE:COLUMN: " of the node in front. */
int tree_error(const struct tree *node, struct error *err, const char *format, ...) PRINTF_LIKE(3, 4);

#endif

/*
 * arena.h - memory that lives and dies together.
 *
 * An arena of zeros ({0}) is ready for use. Allocations are zeroed and aligned
 * to 64 bytes when of 64 bytes or more, else to 16. Nothing is freed singly;
 * arena_free() frees all and leaves it ready again. NULL means out of memory.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct arena_block;

struct arena {
    struct arena_block *blocks;
    size_t used_bytes; /* sum of what was asked for */
    bool failed;       /* some allocation was refused: a tree built in it may lack parts; arena_free() clears it */
};

MUST_CHECK void *arena_alloc(struct arena *arena, size_t bytes);
/* count * size with overflow checked. */
MUST_CHECK void *arena_array(struct arena *arena, size_t count, size_t size);
/* A longer copy of an array (old may be NULL when old_count is 0). */
MUST_CHECK void *arena_grow(struct arena *arena, const void *old, size_t old_count, size_t new_count, size_t size);
MUST_CHECK char *arena_strdup(struct arena *arena, const char *text);
MUST_CHECK char *arena_strndup(struct arena *arena, const char *text, size_t length);
MUST_CHECK char *arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);
void arena_free(struct arena *arena);

#endif

#include "base/arena.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

enum { FIRST_BLOCK = 4096, LARGEST_BLOCK = 1 << 20, TENSOR = 32 << 10, TENSOR_BLOCK = 8 << 20, LINE = 64, WORD = 16 };

struct arena_block {
    struct arena_block *next;
    size_t bytes; /* behind this header */
    size_t used;
};

static size_t alignment_of(size_t bytes)
{
    return bytes >= LINE ? LINE : WORD;
}

/* Takes `bytes` from a block, or NULL when they do not fit. */
static void *take(struct arena_block *block, size_t bytes)
{
    const size_t alignment = alignment_of(bytes);
    char *base = (char *)(block + 1);
    const uintptr_t free_at = (uintptr_t)base + block->used;
    const size_t skip = (size_t)(-free_at & (alignment - 1));

    if (skip > block->bytes - block->used || bytes > block->bytes - block->used - skip)
        return NULL;
    block->used += skip + bytes;
    return base + block->used - bytes;
}

/*
 * What the next shared block holds. Many tensors in one arena get blocks of their own size's order, in which memory
 * comes by the 2 MiB (sys_alloc()) and not by the page.
 */
static size_t next_block_bytes(const struct arena *arena, size_t bytes)
{
    const size_t last = arena->blocks ? arena->blocks->bytes : 0;
    size_t next = last < FIRST_BLOCK ? FIRST_BLOCK : last >= LARGEST_BLOCK / 2 ? LARGEST_BLOCK : last * 2;

    while (bytes >= TENSOR && next < 4 * arena->used_bytes && next < TENSOR_BLOCK)
        next *= 2;
    return next;
}

/* Whether an allocation gets a block of its own: one that would leave much of a
 * shared block unused, and every one under ASan, so that a step past its end is seen. */
static bool wants_own_block(size_t bytes, size_t shared)
{
#if defined(__SANITIZE_ADDRESS__)
    (void)bytes;
    (void)shared;
    return true;
#else
    return bytes > shared / 4;
#endif
}

/* Under ASan, what alignment left over behind the last allocation is out of bounds too. */
static void guard_end(struct arena_block *block)
{
#if defined(__SANITIZE_ADDRESS__)
    ASAN_POISON_MEMORY_REGION((char *)(block + 1) + block->used, block->bytes - block->used);
    block->used = block->bytes;
#else
    (void)block;
#endif
}

static void *take_new_block(struct arena *arena, size_t bytes)
{
    const size_t shared = next_block_bytes(arena, bytes);
    const bool own = wants_own_block(bytes, shared);
    const size_t room = own ? bytes + alignment_of(bytes) : shared;
    struct arena_block *block;
    void *memory;

    if (bytes > SIZE_MAX / 2)
        return NULL;
    block = sys_alloc(sizeof(*block) + room);
    if (!block)
        return NULL;
    block->bytes = room;
    if (own && arena->blocks) { /* behind the block that still has room */
        block->next = arena->blocks->next;
        arena->blocks->next = block;
    } else {
        block->next = arena->blocks;
        arena->blocks = block;
    }
    memory = take(block, bytes);
    guard_end(block);
    return memory;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
    void *memory = arena->blocks ? take(arena->blocks, bytes) : NULL;

    if (!memory)
        memory = take_new_block(arena, bytes);
    if (memory)
        arena->used_bytes += bytes;
    else
        arena->failed = true;
    return memory;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size) {
        arena->failed = true;
        return NULL;
    }
    return arena_alloc(arena, count * size);
}

void *arena_grow(struct arena *arena, const void *old, size_t old_count, size_t new_count, size_t size)
{
    void *memory = arena_array(arena, new_count, size);

    if (memory && old && old_count)
        memcpy(memory, old, (old_count < new_count ? old_count : new_count) * size);
    return memory;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return arena_strndup(arena, text, strlen(text));
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
    char *copy = length < SIZE_MAX ? arena_alloc(arena, length + 1) : NULL;

    if (copy && length)
        memcpy(copy, text, length);
    return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args, again;
    char *text = NULL;
    int length;

    va_start(args, format);
    va_copy(again, args);
    length = vsnprintf(NULL, 0, format, args);
    if (length >= 0)
        text = arena_alloc(arena, (size_t)length + 1);
    if (text)
        vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    va_end(args);
    return text;
}

void arena_free(struct arena *arena)
{
    while (arena->blocks) {
        struct arena_block *next = arena->blocks->next;

        free(arena->blocks);
        arena->blocks = next;
    }
    arena->used_bytes = 0;
    arena->failed = false;
}

/*
 * guard.h - memory that ends where the process's ends: reading or writing one
 * byte past it kills the test, and so does reading a page before it. Writes
 * before its first byte are found when it is given back. For tests alone.
 */
#ifndef KERN_GUARD_H
#define KERN_GUARD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

struct guard {
    unsigned char *map, *start; /* pages, and what the test sees */
    size_t map_bytes;
};

enum { GUARD_FILL = 0xa5 };

/* `bytes` of GUARD_FILL: floats of it are small, and nobody's. */
static inline void *guard_new(struct guard *g, size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), inside = (bytes + page - 1) / page * page;

    g->map_bytes = inside + 2 * page;
    g->map = mmap(NULL, g->map_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (g->map == MAP_FAILED)
        fail_msg("no memory for %zu bytes", bytes);
    memset(g->map, GUARD_FILL, g->map_bytes);
    assert_int_equal(mprotect(g->map, page, PROT_NONE), 0);
    assert_int_equal(mprotect(g->map + page + inside, page, PROT_NONE), 0);
    g->start = g->map + page + inside - bytes;
    return g->start;
}

static inline float *guard_floats(struct guard *g, size_t count)
{
    return guard_new(g, count * sizeof(float));
}

static inline void guard_free(struct guard *g)
{
    for (unsigned char *at = g->map + sysconf(_SC_PAGESIZE); at < g->start; at++)
        if (*at != GUARD_FILL)
            fail_msg("a byte %td before the buffer was written", g->start - at);
    munmap(g->map, g->map_bytes);
}

#endif

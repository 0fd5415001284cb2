/*
 * pool.h - threads that share a loop.
 *
 * pool_run() calls task(context, index, worker) for index 0..count-1, each
 * once, on any thread, and returns when all are done. Results must not depend
 * on the order or on the number of threads: tasks write to places of their
 * own, and reductions go over a fixed number of parts. Inside a task, a nested
 * pool_run() runs inline. A NULL pool is one thread: the caller's.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <stddef.h>

#include "base/attr.h"
#include "base/error.h"

struct pool;

typedef void pool_task(void *context, size_t index, int worker);

/* threads <= 0: as many as this process may use (affinity, cgroup limit). */
MUST_CHECK struct pool *pool_new(int threads, struct error *err);
void pool_free(struct pool *pool);
/* 1 for NULL. worker in tasks is below this. */
int pool_threads(const struct pool *pool);
void pool_run(struct pool *pool, size_t count, pool_task *task, void *context);
int pool_available_cpus(void);

#endif

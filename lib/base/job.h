/*
 * job.h - what long work is given: threads, kernels, a seed, someone to tell
 * how far it is, and a flag that says stop. One per command, made by cmd/main.c.
 */
#ifndef BASE_JOB_H
#define BASE_JOB_H

#include <signal.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/pool.h"

struct kern; /* kern/kern.h */

struct progress {
    /* done of total (total 0: unknown); `what` is a short lower-case phrase. May be called from one thread only. */
    void (*step)(struct progress *progress, const char *what, uint64_t done, uint64_t total);
    /* A remark for the user (a warning): one line. */
    void (*note)(struct progress *progress, const char *line);
};

struct job {
    struct pool *pool;         /* NULL: one thread */
    const struct kern *kern;   /* never NULL in commands */
    struct progress *progress; /* NULL: silent */
    uint64_t seed;
    const volatile sig_atomic_t *stop; /* NULL or non-zero: end soon, keep what is whole */
};

/* Both do nothing where job or its sink is NULL. */
void job_step(const struct job *job, const char *what, uint64_t done, uint64_t total);
void job_note(const struct job *job, const char *format, ...) PRINTF_LIKE(2, 3);
int job_stopped(const struct job *job);

#endif

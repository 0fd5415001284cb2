/*
 * error.h - how everything below cmd/ says that it failed.
 *
 * A function that can fail returns 0 or -1 (or a pointer or NULL) and takes
 * `struct error *err` last. The callee says what was expected and found;
 * callers put the place in front with error_in(). One line, lower case, no
 * full stop. The hint is one thing to try. Library code never prints.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "base/attr.h"

/* The numbers are the exit codes of the program; they are frozen. */
enum error_kind {
    ERROR_NONE = 0,
    ERROR_ANSWER = 1,  /* the answer is no: a gate failed, files differ, nothing newer */
    ERROR_USAGE = 2,   /* options, operands, coedge.yaml */
    ERROR_INPUT = 3,   /* malformed input: package, image, shape, NaN weights */
    ERROR_IO = 4,      /* local files: full disk, permissions */
    ERROR_NETWORK = 5, /* remote, worth a retry */
    ERROR_TRUST = 6,   /* digest from a remote, signature, privacy: never retried */
    ERROR_LIMIT = 7,   /* a limit or an allocation */
    ERROR_PARTIAL = 8, /* done, but some inputs were skipped (--keep-going) */
    ERROR_INTERNAL = 70,
};

struct error {
    enum error_kind kind;
    char message[1024];
    char hint[320];
};

/* Sets kind and message, drops an older hint; returns -1. `err` may be NULL. */
int error_set(struct error *err, enum error_kind kind, const char *format, ...) PRINTF_LIKE(3, 4);

/* As error_set, with ": " and the text of errno appended. EINTR-free callers only. */
int error_errno(struct error *err, enum error_kind kind, const char *format, ...) PRINTF_LIKE(3, 4);

/* Puts a place ("model.coedge", "line 12") and ": " in front; returns -1. */
int error_in(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* Sets the hint; returns -1 so that it can end a function. */
int error_hint(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* ERROR_LIMIT "out of memory"; returns -1. */
int error_memory(struct error *err);

#endif

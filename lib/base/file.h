/*
 * file.h - files in and out.
 *
 * Output appears whole or not at all: written to a temporary file beside the
 * final name, fsync, rename, fsync of the folder. A path of "-" is standard
 * input or output. A stale temporary of a killed process is swept by the next
 * output_open() for the same name.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/error.h"

/* ---- out ---- */
struct output;

/*
 * output_open - begins a file that is not there until output_commit().
 * "-" refuses a terminal with ERROR_USAGE. Errors: ERROR_IO naming the path.
 */
MUST_CHECK struct output *output_open(const char *path, struct error *err);
MUST_CHECK int output_write(struct output *out, const void *bytes, size_t count, struct error *err);
/* Everything that can fail for want of room, ahead of output_commit(); nothing can be written after it. */
MUST_CHECK int output_sync(struct output *out, struct error *err);
/* Ends it: flush, fsync, rename, fsync folder. Frees `out` whether or not it fails. */
MUST_CHECK int output_commit(struct output *out, struct error *err);
/* Drops it and the temporary. NULL is fine. */
void output_abort(struct output *out);
/* Removes all temporaries of this process; for signal handlers (async-signal-safe). */
void output_abort_all(void);
/* It also takes a file that is open back to a length, until abort_keeps(). Returns what to give that; -1: too many. */
int abort_cuts(int fd, off_t length);
void abort_keeps(int slot);

/* Whole small file at once through output_*. */
MUST_CHECK int file_write(const char *path, const void *bytes, size_t count, struct error *err);

/* ---- in ---- */
struct input {
    unsigned char *bytes; /* mapped privately (writes stay in memory) or read */
    size_t count;
    bool mapped;
    bool fixed; /* mapped for reading alone: input_fix() */
    bool keep;  /* bytes belong to someone else */
};

/*
 * input_open - the whole of a file or of standard input ("-"). Regular files
 * are mapped, copy on write; all else is read. More than max_bytes
 * (0: no limit, but LIMIT_PACKAGE_BYTES for what is not a regular file):
 * ERROR_LIMIT. Missing or unreadable: ERROR_IO.
 */
MUST_CHECK int input_open(struct input *in, const char *path, uint64_t max_bytes, struct error *err);
/* The same for one of many files: a short one is read, for every mapping that goes makes all threads stop for it. */
MUST_CHECK int input_read(struct input *in, const char *path, uint64_t max_bytes, struct error *err);
void input_close(struct input *in);
/* For who will not write to the bytes: where they are mapped, a write is a fault from now on, and input_rest() works. */
void input_fix(struct input *in);
/* Memory of the pages wholly within these bytes of a fixed input is given back; read again, they come from the file. */
void input_rest(const void *bytes, size_t count);

/*
 * output_take - what was written so far, as an input; nothing appears under the
 * final name. Frees `out` whether or not it fails. Not for "-" nor for devices.
 */
MUST_CHECK int output_take(struct output *out, struct input *in, struct error *err);

bool path_is_folder(const char *path);
bool path_exists(const char *path);
/* Creates a folder and its parents (mode 0777 less umask). */
MUST_CHECK int path_make_folders(const char *path, struct error *err);
/* The last component, without folders. */
const char *path_name(const char *path);

struct arena;
/*
 * folder_list - names in a folder, sorted bytewise, without "." and "..",
 * hidden ones left out. *names is NULL-terminated, in the arena.
 */
MUST_CHECK int folder_list(const char *path, struct arena *arena, char ***names, size_t *count, struct error *err);

#endif

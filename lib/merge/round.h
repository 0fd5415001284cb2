/*
 * round.h - a federated round as a folder: round-0007/SITE.update, which sites fill in any order, by any means that makes
 * whole files. All state is in the folder, so a run that was ended begins again with what is there.
 */
#ifndef MERGE_ROUND_H
#define MERGE_ROUND_H

#include "base/deadline.h"
#include "merge/merge.h"

/* The number in the last component "round-0007"; -1: it is named otherwise. */
int64_t round_of_folder(const char *folder);
/* Paths of the *.update files in it, sorted. */
MUST_CHECK int round_files(const char *folder, struct arena *arena, const char ***paths, int *count, struct error *err);

/*
 * round_lock - one run at a time: ERROR_IO at once when another has it. It ends with the process, however that ends, or with
 * round_unlock(). Nothing is written into the folder.
 */
MUST_CHECK int round_lock(const char *folder, int *lock, struct error *err);
void round_unlock(int lock);

enum round_state { ROUND_HERE, ROUND_MISSING, ROUND_REFUSED };
const char *round_state_name(enum round_state state); /* "here", "missing", "refused" */

struct round_row {
    enum round_state state;
    const char *site, *path, *why; /* NULL where not known: of a refused file who sent it, of a missing one the path */
    int64_t examples;
};

struct round_status {
    struct round_row *row; /* sites by name, then files of nobody who is enrolled */
    int count;
    int here, missing, refused;
    int64_t round;        /* -1: there is none to tell by */
    struct error lacking; /* what merge_updates() would say of their number; ERROR_NONE: they are enough */
};

/*
 * round_look - what merge_updates() would take and refuse, without changing anything. Sites can be missing only where
 * options->keys says who is to come. Errors: memory; that an update is bad is a row.
 */
MUST_CHECK int round_look(struct model *base, const char *const *paths, int count, const struct merge_options *options,
                          const struct job *job, struct arena *arena, struct round_status *status, struct error *err);

/*
 * round_wait - returns when good updates of all of options->keys are in the folder, or when the deadline has passed,
 * with a note of who is missing. The folder is looked into every second; updates are read only when there may be enough,
 * and options->judge is not asked.
 */
MUST_CHECK int round_wait(struct model *base, const char *folder, const struct merge_options *options,
                          const struct deadline *until, const struct job *job, struct error *err);

#endif

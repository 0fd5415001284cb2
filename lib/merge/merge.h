/*
 * merge.h - federated learning's arithmetic: differences out of a site, one model out of many.
 *
 * Sums are integers (fixed point), so any order and any grouping of the updates
 * gives the same bytes. One tensor is in memory at a time, whatever the number of updates.
 *
 * Source: McMahan et al., "Communication-efficient learning of deep networks
 * from decentralized data", AISTATS 2017 (FedAvg).
 */
#ifndef MERGE_MERGE_H
#define MERGE_MERGE_H

#include "base/job.h"
#include "model/model.h"

enum merge_weight { MERGE_BY_EXAMPLES, MERGE_EQUAL, MERGE_BY_STEPS };

struct merge_options {
    enum merge_weight weight;
    int min_updates; /* fewer good ones: ERROR_ANSWER */
    int64_t round;   /* all must be of it; -1: of the first one's, by path */
    bool keep_going; /* leave bad updates out with a note instead of failing */
};

struct merge_report {
    int used, refused;
    int64_t round, examples, steps;
    enum privacy privacy;        /* the most private of base and updates */
    const struct digest *parent; /* sorted: digests of the updates' files, identity of the base */
    int parent_count;
};

/*
 * merge_updates - base becomes base + weighted mean of the updates' differences.
 * Errors: ERROR_INPUT naming the file: no update, of another base or round, the same site twice, no
 * examples, a tensor missing, of another shape or not finite. ERROR_ANSWER below min_updates.
 * report->parent is the arena's. On error base is unusable.
 */
MUST_CHECK int merge_updates(struct model *base, const char *const *paths, int count,
                             const struct merge_options *options, const struct job *job, struct arena *arena,
                             struct merge_report *report, struct error *err);

/*
 * merge_difference - model (trained from base) becomes an update: its float weights minus base's.
 * Both must have the same weights; ERROR_INPUT otherwise.
 */
MUST_CHECK int merge_difference(struct model *model, const struct model *base, const struct update *update,
                                struct error *err);

#endif

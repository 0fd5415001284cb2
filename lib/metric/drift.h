/*
 * drift.h - how a model answers when nobody says what is right: how sure it is, what it says, how light its pictures are;
 * and how far that is from what it was at training.
 *
 * The distance of two distributions is the Jensen-Shannon divergence with logarithms of base 2: 0 for the same, 1 for
 * those that share nothing. Of n answers in b bins chance alone gives about b / (5.5 n).
 *
 * Source: Lin, "Divergence measures based on the Shannon entropy", IEEE Trans. Inf. Theory 37(1), 1991.
 */
#ifndef METRIC_DRIFT_H
#define METRIC_DRIFT_H

#include "base/arena.h"
#include "base/error.h"
#include "base/tree.h"

enum { HABIT_BINS = 20 };

/* A distribution of numbers from 0 to 1. */
struct spread {
    int64_t bin[HABIT_BINS], count;
    double sum;
};
void spread_add(struct spread *spread, double number);

/* How a model answers. */
struct habit {
    struct spread score, level; /* of the class that is said; mean level of the picture, where there is one */
    int64_t *said;              /* [classes] */
    int classes;
};
MUST_CHECK int habit_init(struct habit *habit, struct arena *arena, int classes, struct error *err);
/* level below 0: no picture. */
void habit_add(struct habit *habit, int class_index, double score, double level);

/* {samples, confidence: {mean, histogram}, level: the same, said: {LABEL: N}} */
struct tree *habit_to_tree(const struct habit *habit, struct arena *arena, const char *const *labels);
/* 1: read; 0: the map has none; -1: ERROR_INPUT, it is malformed. Labels that are not named were never said. */
MUST_CHECK int habit_from_tree(struct habit *habit, struct arena *arena, const struct tree *map,
                               const char *const *labels, int classes, struct error *err);

struct drift {
    double score, said, level; /* divergences; level is NaN where either has no pictures */
    double most;               /* the largest of them */
};
struct drift drift_between(const struct habit *before, const struct habit *now);

#endif

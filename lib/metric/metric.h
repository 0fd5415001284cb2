/*
 * metric.h - what is measured about answers: accuracy, confusion, recall and
 * precision by class, loss, percentiles, escapes against false calls, gates.
 */
#ifndef METRIC_METRIC_H
#define METRIC_METRIC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/tree.h"

/* ---- a classifier's answers against the truth ---- */
struct scores {
    int classes;
    int64_t samples;
    int64_t *confusion; /* [truth, predicted], classes * classes */
    double loss_sum;    /* cross entropy in nats */
};

/* counts are the arena's. */
MUST_CHECK int scores_init(struct scores *scores, struct arena *arena, int classes, struct error *err);
/* probability [classes] sums to 1; truth and the class that was said are in 0..classes-1. */
void scores_add(struct scores *scores, const float *probability, int truth, int said);
double scores_accuracy(const struct scores *scores);             /* 0..1; 0 without samples */
double scores_recall(const struct scores *scores, int label);    /* NaN without samples of that class */
double scores_precision(const struct scores *scores, int label); /* NaN when never predicted */
double scores_balanced(const struct scores *scores);             /* mean recall of the classes that occur */
double scores_loss(const struct scores *scores);                 /* mean; NaN without samples */
/* {accuracy, balanced_accuracy, loss, samples, confusion, per_class: {LABEL: {recall, precision, samples}}} */
struct tree *scores_to_tree(const struct scores *scores, struct arena *arena, const char *const *labels);

/* ---- escapes against false calls: class 0 or the one named is "good", all others are defects ---- */
struct sweep_point {
    double threshold;   /* called good only when P(good) >= threshold */
    double escapes;     /* share of defects called good, 0..1 */
    double false_calls; /* share of good called defect, 0..1 */
};
/*
 * sweep - every threshold at which something changes, thinned to at most `most` points.
 *   good [n]   P(good) of each sample
 *   truth [n]  true when the sample is good
 * *points is the arena's, by rising threshold.
 */
MUST_CHECK int sweep(struct arena *arena, const float *good, const bool *truth, int64_t n, int most,
                     struct sweep_point **points, int *count, struct error *err);
/* The point with the fewest false calls among those with escapes <= most_escapes, of equals the one with the fewest
 * escapes; index, or -1. */
int sweep_choose(const struct sweep_point *points, int count, double most_escapes);

/* ---- times ---- */
/* Sorts values; q in 0..1 by linear interpolation (NumPy's default). NaN for none. */
double percentile(double *values, int64_t count, double q);

/* ---- gates: --require 'accuracy>=0.97, size<=0.25x, recall[bridge]>=0.99' ---- */
enum gate_compare { GATE_AT_LEAST, GATE_AT_MOST, GATE_ABOVE, GATE_BELOW, GATE_EQUAL };
struct gate {
    const char *measure; /* "accuracy" */
    const char *label;   /* in brackets, or NULL */
    enum gate_compare compare;
    double bound;
    bool
        relative; /* bound is a factor of the input package's measure ("0.25x") or, for accuracy-like measures, a difference ("-0.01x") never */
};
/* Measures that a gate may name; ERROR_USAGE with the nearest as hint otherwise. The option is not in errors. */
extern const char *const gate_measures[];
MUST_CHECK int gate_parse(struct arena *arena, const char *text, struct gate **gates, int *count, struct error *err);
/* True when some gate names a measure that needs labelled data (accuracy, recall, ...). */
bool gate_needs_data(const struct gate *gates, int count);
bool gate_needs_reference(const struct gate *gates, int count);
/* ERROR_USAGE when a gate names none of these measures (ends with NULL), which are all that whoever asks has. */
MUST_CHECK int gate_check_measures(const struct gate *gates, int count, const char *const *measures, struct error *err);
/* ERROR_USAGE with the nearest as hint when a gate names none of these labels. */
MUST_CHECK int gate_check_labels(struct arena *arena, const struct gate *gates, int count, const char *const *labels,
                                 int label_count, struct error *err);
/*
 * gate_check - measures and reference are trees as eval and inspect write them ("per_class" for labels, "chosen" for
 * escapes and false_calls).
 * ERROR_ANSWER naming each gate that failed, wanted and found, and what it is relative to; ERROR_USAGE when a measure or
 * label is not there.
 */
MUST_CHECK int gate_check(const struct gate *gates, int count, const struct tree *measures,
                          const struct tree *reference, struct error *err);

#endif

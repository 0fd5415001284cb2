/*
 * hard.h - which samples a model is not sure about: worth a teacher's look, and training.
 *
 * Source: least confidence, margin and entropy as in Settles, "Active learning literature survey", 2009, section 3.1.
 */
#ifndef INFER_HARD_H
#define INFER_HARD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/error.h"

enum hard_rule {
    HARD_NONE,
    HARD_CONFIDENCE, /* the largest probability is below the threshold */
    HARD_MARGIN,     /* the largest is less than that above the second */
    HARD_ENTROPY,    /* entropy as a part of the largest possible, ln(classes), is above it */
    HARD_RANDOM,     /* a share of samples, by their keys: what to compare the others with */
};

struct hard {
    enum hard_rule rule;
    double threshold; /* 0..1 */
    uint64_t seed;
};

/* "entropy:0.5". ERROR_USAGE: no such rule, or not from 0 to 1. */
MUST_CHECK int hard_parse(struct hard *hard, const char *text, uint64_t seed, struct error *err);
/*
 * hard_share - what the threshold is compared with: how unsure the model is, rising from 0 to 1 whatever the rule.
 *   probability [classes], summing to 1; zeros are fine
 */
double hard_share(const struct hard *hard, const float *probability, int classes, const char *key);
bool hard_is(const struct hard *hard, const float *probability, int classes, const char *key);

#endif

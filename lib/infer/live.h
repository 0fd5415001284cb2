/*
 * live.h - results of a model at work, as `infer` printed them, and how far they are from what was seen at training.
 */
#ifndef INFER_LIVE_H
#define INFER_LIVE_H

#include "infer/infer.h"

/* Mean of pixels [count], 0 for black and 1 for white. */
double live_level(const uint8_t *pixels, int64_t count);

/*
 * live_learn - how the model answers this set goes into model->statistics, in place of what was there.
 * Errors as infer_probabilities().
 */
MUST_CHECK int live_learn(struct model *model, const struct dataset *set, const struct job *job, struct error *err);

/*
 * live_measure - NDJSON of `infer`, several files one behind another: {samples, failed, confidence, routes: {ROUTE: N}}, with
 * `hard` the share that was hard where lines say it, `accuracy` where they have truth; and where the model has statistics
 * drift (the largest of) drift_confidence, drift_said, drift_level, and confidence_loss, the mean at training less that now.
 *   text   the lines; the last may lack its end
 * Errors: ERROR_INPUT with "line N: " in front: no JSON, no label that the model has, a score that is none; no line at all.
 */
MUST_CHECK int live_measure(struct arena *arena, const struct model *model, const char *text, size_t count,
                            struct tree **measures, struct error *err);

#endif

/* aggregate_admit.h - `aggregate --admit`: gates that the base must pass with each update alone. */
#ifndef CMD_AGGREGATE_ADMIT_H
#define CMD_AGGREGATE_ADMIT_H

#include "cli/cli.h"
#include "data/data.h"
#include "merge/merge.h"
#include "metric/metric.h"
#include "model/model.h"

/* What updates are judged by. Zeroed is fine. */
struct admission {
    const struct invocation *inv;
    struct gate *gate;
    int gate_count;
    struct dataset set;     /* --val, read once for all, also for --require */
    struct tree *reference; /* the base's own measures on it */
    struct merge_judge judge;
};

/*
 * Reads the gates and the data, and measures the base: from there on what cannot be measured is an update's fault. The place
 * is in errors. `admission` must stay where it is.
 */
MUST_CHECK int admission_begin(struct admission *admission, const struct invocation *inv, const char *gates,
                               const struct texts *val, const struct model *base, struct error *err);
void admission_end(struct admission *admission);

#endif

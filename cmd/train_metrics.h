/*
 * train_metrics.h - what train-local says after each epoch: a line of JSON for --metrics, a remark with --verbose.
 */
#ifndef CMD_TRAIN_METRICS_H
#define CMD_TRAIN_METRICS_H

#include <stdio.h>

#include "cli/cli.h"
#include "train/train.h"

struct train_metrics {
    const struct invocation *inv;
    FILE *file;
    const char *path; /* of file */
    bool has_val;
};

/* A path, "-" (standard error) or NULL (no lines). ERROR_IO. */
MUST_CHECK int train_metrics_open(struct train_metrics *metrics, const struct invocation *inv, const char *path,
                                  bool has_val, struct error *err);
/* What train() calls; the context is the metrics. */
MUST_CHECK int train_metrics_epoch(void *context, const struct train_epoch *epoch, struct error *err);
MUST_CHECK int train_metrics_close(const struct train_metrics *metrics, struct error *err);

#endif

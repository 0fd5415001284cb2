/* aggregate_status.h - `aggregate --status`: who is there. */
#ifndef CMD_AGGREGATE_STATUS_H
#define CMD_AGGREGATE_STATUS_H

#include "cli/cli.h"
#include "merge/round.h"

/* Prints a row a site, or --json; ERROR_ANSWER when there are not enough good updates. */
MUST_CHECK int aggregate_status(const struct invocation *inv, const struct round_status *status, int min_updates,
                                struct error *err);

#endif

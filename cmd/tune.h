/* tune.h - coedge profile --tune: which way each node goes fastest here, shown and kept in the store. */
#ifndef CMD_TUNE_H
#define CMD_TUNE_H

#include "cli/cli.h"
#include "infer/profile.h"

/* The package is settled. */
MUST_CHECK int tune_and_keep(const struct invocation *inv, const struct model *model, const struct profile_options *o,
                             struct error *err);

#endif

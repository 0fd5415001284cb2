/* commands.c - the table of commands, sorted by name. */
#include "cmd/commands.h"

/* One a line, so that two new commands can be merged. */
/* clang-format off */
const struct command *const commands[] = {
    &cmd_aggregate,
    &cmd_config,
    &cmd_convert,
    &cmd_dataset,
    &cmd_eval,
    &cmd_help,
    &cmd_infer,
    &cmd_inspect,
    &cmd_new,
    &cmd_profile,
    &cmd_prune,
    &cmd_pull,
    &cmd_push,
    &cmd_quantize,
    &cmd_release,
    &cmd_report,
    &cmd_serve,
    &cmd_split,
    &cmd_train_local,
    &cmd_verify,
    &cmd_version,
    NULL,
};
/* clang-format on */

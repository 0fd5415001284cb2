/* commands.c - the table of commands, sorted by name. */
#include "cmd/commands.h"

const struct command *const commands[] = {
    &cmd_config,
    &cmd_help,
    &cmd_version,
    NULL,
};

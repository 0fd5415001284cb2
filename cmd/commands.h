/* commands.h - every command. A new one is a file cmd/NAME.c, a line here, and a row in commands.c. */
#ifndef CMD_COMMANDS_H
#define CMD_COMMANDS_H

#include "cli/cli.h"

extern const struct command cmd_config;
extern const struct command cmd_help;
extern const struct command cmd_version;

/* Sorted by name, NULL at the end. */
extern const struct command *const commands[];

#endif

/* commands.h - every command. A new one is a file cmd/NAME.c, a line here, and a row in commands.c. */
#ifndef CMD_COMMANDS_H
#define CMD_COMMANDS_H

#include "cli/cli.h"

extern const struct command cmd_aggregate;
extern const struct command cmd_config;
extern const struct command cmd_convert;
extern const struct command cmd_dataset;
extern const struct command cmd_eval;
extern const struct command cmd_help;
extern const struct command cmd_infer;
extern const struct command cmd_inspect;
extern const struct command cmd_new;
extern const struct command cmd_profile;
extern const struct command cmd_prune;
extern const struct command cmd_pull;
extern const struct command cmd_push;
extern const struct command cmd_quantize;
extern const struct command cmd_release;
extern const struct command cmd_report;
extern const struct command cmd_serve;
extern const struct command cmd_split;
extern const struct command cmd_train_local;
extern const struct command cmd_verify;
extern const struct command cmd_version;

/* Sorted by name, NULL at the end. */
extern const struct command *const commands[];

#endif

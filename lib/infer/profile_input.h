/* profile_input.h - for profile.c alone: the inputs of its runs. */
#ifndef INFER_PROFILE_INPUT_H
#define INFER_PROFILE_INPUT_H

#include "infer/profile.h"

/* options->sizes into the graph's inputs. ERROR_USAGE, also for what stays open. */
MUST_CHECK int profile_bind(struct graph *graph, const struct profile_options *options, struct error *err);
void profile_fill(const struct graph *graph, struct exec *exec, uint64_t seed);

#endif

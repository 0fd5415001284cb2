/*
 * remotes.h - whom --offload names: addresses, or remotes of coedge.yaml with what they are cleared for.
 *
 *   remotes:
 *     plant: {url: http://server:8080/v2/models/cloud, clearance: {data: public, features: edge-private}}
 *
 * A clearance is the most private level that may leave, or none, for each kind of what is private (model.h, enum
 * content); one level stands for both. What is cleared as data is as features, too.
 */
#ifndef INFER_REMOTES_H
#define INFER_REMOTES_H

#include "base/tree.h"
#include "infer/infer.h"

/*
 * offload_remotes - items of a list, each perhaps several between commas, as remotes in the arena.
 *   remotes  section of coedge.yaml, or NULL
 *   level    clearance of addresses, and of remotes that say none
 * Errors: ERROR_USAGE with the remote's name, and line and column of what it says.
 */
MUST_CHECK int offload_remotes(struct offload_options *options, struct arena *arena, const char *const *item, int count,
                               const struct tree *remotes, enum privacy level, struct error *err);

#endif

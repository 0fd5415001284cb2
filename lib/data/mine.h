/*
 * mine.h - samples that are kept out of a stream as it passes: a shard that train-local reads as it is. Bytes are the
 * samples' own; classes are written by name, so that also one is kept that the model was never told of.
 */
#ifndef DATA_MINE_H
#define DATA_MINE_H

#include "data/data.h"

struct mine;

/* The file appears with mine_commit(), also without a sample. Errors as output_open(). */
MUST_CHECK struct mine *mine_open(const char *path, struct error *err);
/*
 * mine_add - the item of a source, with facts in JSON (NULL: none) beside those it has.
 *   class_text  what somebody says that it is; NULL: its own class, if it has one
 * Errors: ERROR_INPUT for a key that was there before, and ERROR_USAGE for samples that are more private than the
 * first: the level stands in front of them.
 */
MUST_CHECK int mine_add(struct mine *mine, const struct source *source, const struct item *item, const char *class_text,
                        const char *json, struct error *err);
int64_t mine_count(const struct mine *mine);
/* Frees it, also when it fails. */
MUST_CHECK int mine_commit(struct mine *mine, struct error *err);
void mine_abort(struct mine *mine); /* NULL is fine */

#endif

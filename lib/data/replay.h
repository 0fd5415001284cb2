/*
 * replay.h - which samples of a set are kept to be learnt again beside later ones, so that what they taught is not
 * forgotten: a reservoir of fixed size, balanced over classes.
 *
 * Each class keeps the samples whose hash of seed and content is smallest. So the choice depends on neither order nor
 * names, a sample that comes twice counts once, and choosing again from what was kept and what is new gives what
 * choosing from all would have given, as long as neither the seed nor the number changes.
 *
 * Sources: Cohen & Kaplan, "Summarizing data using bottom-k sketches", PODC 2007; Chrysakis & Moens, "Online continual
 * learning from imbalanced data", ICML 2020, for the balance.
 */
#ifndef DATA_REPLAY_H
#define DATA_REPLAY_H

#include "data/data.h"

/*
 * replay_choose - at most `most` (from 1) samples that have a class, by class and then by hash.
 *   index  [*count] of the arena: which of the set; of two with the same content the first
 * Where not all fit, classes get the same number, but for those that have fewer, and for the first ones that get one
 * more. Errors: memory alone.
 */
MUST_CHECK int replay_choose(uint32_t **index, int64_t *count, struct arena *arena, const struct dataset *set,
                             int64_t most, uint64_t seed, const struct job *job, struct error *err);
/*
 * replay_write - those samples as a shard: `.dataset.yaml` with the set's labels and level, pictures as PNG of the
 * model's size and values as npy, both of which are read back as they were, classes by name, `.end`. A key is the
 * content's digest: names of samples may tell more than a model should.
 */
MUST_CHECK int replay_write(struct text *out, const struct dataset *set, int64_t most, uint64_t seed,
                            const struct job *job, struct error *err);

#endif

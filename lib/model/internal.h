/* internal.h - what the files of this room share. */
#ifndef MODEL_INTERNAL_H
#define MODEL_INTERNAL_H

#include "model/arch_build.h"
#include "model/model.h"

/* count numbers for a weight, from the stream that its name stands for. */
void init_draw(float *data, int64_t count, enum init init, int64_t fan_in, int64_t fan_out, uint64_t seed,
               const char *name);

/* A deep copy in another arena, of texts too; NULL when memory runs out or tree is NULL. */
MUST_CHECK struct tree *tree_copy(struct arena *arena, const struct tree *tree);

#endif

/* batch.c - samples of a set in memory as a training step wants them. */
#include <string.h>

#include "data/internal.h"

struct batch {
    const struct dataset *set;
    const uint32_t *index;
    const struct augment *augment; /* NULL: as they are */
    uint64_t seed, epoch;
    float *out;
};

/* Is there anything to do? Saves a copy of every sample where not. */
static bool changes(const struct augment *augment)
{
    return augment != NULL &&
           (augment->flip || augment->flip_vertical || augment->rotate90 || augment->shift > 0 ||
            augment->brightness > 0 || augment->contrast > 0 || augment->noise > 0 || augment->cutout > 0);
}

/*
 * The place of one sample in `out` is four times as long as its pixels. Until
 * the reals are made its last quarter holds the pixels that are changed, and
 * the quarter before it is scratch; image_normalize() allows that.
 */
static void fill_one(void *context, size_t i, int worker)
{
    const struct batch *batch = context;
    const struct dataset *set = batch->set;
    size_t elements = (size_t)set->elements;
    float *out = batch->out + i * elements;
    uint8_t *pixels = (uint8_t *)out + 3 * elements;
    struct rng rng;

    (void)worker;
    if (set->values != NULL) {
        memcpy(out, set->values + batch->index[i] * elements, elements * sizeof(*out));
        return;
    }
    if (batch->augment == NULL) {
        image_normalize(out, set->pixels + batch->index[i] * elements, &set->preprocess);
        return;
    }
    memcpy(pixels, set->pixels + batch->index[i] * elements, elements);
    rng = rng_make(batch->seed, rng_stream("augment", batch->epoch, batch->index[i]));
    augment_apply(batch->augment, &rng, pixels, pixels - elements, set->preprocess.height, set->preprocess.width,
                  set->preprocess.channels);
    image_normalize(out, pixels, &set->preprocess);
}

void dataset_batch(const struct dataset *set, const uint32_t *index, int n, const struct augment *augment,
                   uint64_t seed, uint64_t epoch, float *out, int32_t *label, const struct job *job)
{
    struct batch batch = { set, index, changes(augment) ? augment : NULL, seed, epoch, out };

    pool_run(job != NULL ? job->pool : NULL, (size_t)n, fill_one, &batch);
    for (int i = 0; i < n && label != NULL; i++)
        label[i] = set->label[index[i]];
}

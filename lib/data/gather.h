/* gather.h - samples read ahead, so that many can be decoded at once. */
#ifndef DATA_GATHER_H
#define DATA_GATHER_H

#include "base/text.h"
#include "data/data.h"

enum { GATHER_SAMPLES = 128, GATHER_BYTES = 32 << 20 };

/* Zeros ({0}) before the first call; gather_free() afterwards. */
struct gather {
    struct text block; /* keys, classes and bytes of the items */
    struct item item[GATHER_SAMPLES];
    int item_count;
    bool failed; /* `error` waits until the items before it were handed out */
    struct error error;
};
/*
 * gather_next - up to `most` items, at most GATHER_SAMPLES, fewer when they are large or the source ends (then 0). They
 * last until the next call. An error of the source comes after the items before it.
 */
MUST_CHECK int gather_next(struct gather *gather, struct source *source, int most, struct error *err);
void gather_free(struct gather *gather);

#endif

/*
 * seen.h - answers that were given before, for pictures that look the same: a camera that rests, a part that comes back.
 *
 * Pictures are compared by the mean gray of the cells of a 32 x 32 grid: their distance is the largest difference of a
 * cell, as a part of white. Noise of single pixels is averaged out, a small thing that appears is not.
 */
#ifndef INFER_SEEN_H
#define INFER_SEEN_H

#include <stdint.h>

#include "base/attr.h"
#include "base/error.h"

struct seen_options {
    double filter;         /* nearer than this to the last that was run: its answer; 0: off */
    int cache;             /* pictures whose answers are kept, the longest unused goes first; 0: off */
    double cache_distance; /* nearer than this to one of them: its answer */
};
/* "difference:T" and "N:DISTANCE" into *options. ERROR_USAGE: neither. */
MUST_CHECK int seen_parse_filter(struct seen_options *options, const char *text, struct error *err);
MUST_CHECK int seen_parse_cache(struct seen_options *options, const char *text, struct error *err);

struct seen;
enum seen_how { SEEN_NEVER, SEEN_LAST, SEEN_CACHED };

/* Answers of `count` numbers. NULL: out of memory. */
struct seen *seen_new(const struct seen_options *options, int64_t count, struct error *err);
void seen_free(struct seen *seen); /* NULL is fine */
/*
 * seen_find - the answer of a picture like this one, and how it is known; NULL: it must be run, and given to seen_add().
 *   pixels [height, width, channels]; all pictures have one size
 */
const float *seen_find(struct seen *seen, const uint8_t *pixels, int height, int width, int channels,
                       enum seen_how *how);
/* The answer [count] of the picture that was asked for last. */
void seen_add(struct seen *seen, const float *answer);

#endif

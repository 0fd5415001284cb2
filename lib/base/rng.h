/*
 * rng.h - random numbers by counter: a number depends on (seed, stream, index)
 * alone, never on what was drawn before or on which thread. Philox4x32-10.
 *
 * Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as
 * 1, 2, 3", SC 2011; known-answer vectors of Random123 in rng_test.c.
 */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

struct rng {
    uint64_t seed;   /* the user's --seed */
    uint64_t stream; /* what for: RNG_STREAM(...) mixed with epoch, sample, node */
    uint64_t index;  /* next number of that stream */
    uint32_t left[4];
    int left_count;
};

/* The raw block function: 4 counters, 2 keys, 4 numbers. */
void rng_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

struct rng rng_make(uint64_t seed, uint64_t stream);
/* A stream number out of names and indices; order matters. */
uint64_t rng_stream(const char *purpose, uint64_t a, uint64_t b);

uint32_t rng_u32(struct rng *rng);
/* Uniform in [0, bound), without bias. bound > 0. */
uint32_t rng_below(struct rng *rng, uint32_t bound);
/* Uniform in [0, 1), 24 bits. */
float rng_uniform(struct rng *rng);
/* Standard normal (Box-Muller, double inside). */
float rng_normal(struct rng *rng);
/* Fisher-Yates, in place: items[0..count-1] as the caller filled them. */
void rng_shuffle(struct rng *rng, uint32_t *items, uint32_t count);

#endif

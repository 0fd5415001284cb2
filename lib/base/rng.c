#include "base/rng.h"

#include <math.h>

static void round_once(uint32_t c[4], uint32_t k0, uint32_t k1)
{
    const uint64_t a = (uint64_t)0xD2511F53u * c[0];
    const uint64_t b = (uint64_t)0xCD9E8D57u * c[2];
    const uint32_t next0 = (uint32_t)(b >> 32) ^ c[1] ^ k0;
    const uint32_t next2 = (uint32_t)(a >> 32) ^ c[3] ^ k1;

    c[0] = next0;
    c[1] = (uint32_t)b;
    c[2] = next2;
    c[3] = (uint32_t)a;
}

void rng_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t k0 = key[0], k1 = key[1];

    for (int i = 0; i < 4; i++)
        out[i] = counter[i];
    for (int i = 0; i < 10; i++) {
        round_once(out, k0, k1);
        k0 += 0x9E3779B9u; /* the golden ratio, and sqrt(3) - 1 */
        k1 += 0xBB67AE85u;
    }
}

struct rng rng_make(uint64_t seed, uint64_t stream)
{
    return (struct rng){ .seed = seed, .stream = stream };
}

/* The finalizer of splitmix64: every bit of x reaches every bit of the result. */
static uint64_t mix(uint64_t x)
{
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

uint64_t rng_stream(const char *purpose, uint64_t a, uint64_t b)
{
    uint64_t hash = 0xCBF29CE484222325u; /* FNV-1a */

    for (; *purpose; purpose++)
        hash = (hash ^ (unsigned char)*purpose) * 0x100000001B3u;
    return mix(mix(mix(hash) ^ a) ^ b);
}

uint32_t rng_u32(struct rng *rng)
{
    if (rng->left_count == 0) {
        const uint64_t block = rng->index / 4;
        const uint32_t counter[4] = { (uint32_t)block, (uint32_t)(block >> 32), (uint32_t)rng->stream,
                                      (uint32_t)(rng->stream >> 32) };
        const uint32_t key[2] = { (uint32_t)rng->seed, (uint32_t)(rng->seed >> 32) };

        rng_philox(counter, key, rng->left);
        rng->left_count = 4 - (int)(rng->index % 4);
    }
    rng->left_count--;
    return rng->left[rng->index++ % 4];
}

/* Lemire, "Fast random integer generation in an interval", TOMACS 2019. */
uint32_t rng_below(struct rng *rng, uint32_t bound)
{
    uint64_t product = (uint64_t)rng_u32(rng) * bound;

    if ((uint32_t)product < bound) {
        const uint32_t uneven = (uint32_t)(-bound) % bound;

        while ((uint32_t)product < uneven)
            product = (uint64_t)rng_u32(rng) * bound;
    }
    return (uint32_t)(product >> 32);
}

float rng_uniform(struct rng *rng)
{
    return (float)(rng_u32(rng) >> 8) * 0x1p-24f;
}

float rng_normal(struct rng *rng)
{
    const double radius = ((double)rng_u32(rng) + 1) * 0x1p-32; /* in (0, 1]: its logarithm is finite */
    const double angle = (double)rng_u32(rng) * 0x1p-32;

    return (float)(sqrt(-2 * log(radius)) * cos(2 * 3.14159265358979323846 * angle));
}

void rng_shuffle(struct rng *rng, uint32_t *items, uint32_t count)
{
    for (uint32_t i = count; i > 1; i--) {
        const uint32_t j = rng_below(rng, i);
        const uint32_t item = items[i - 1];

        items[i - 1] = items[j];
        items[j] = item;
    }
}

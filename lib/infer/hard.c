/* hard.c - see hard.h. */
#include "infer/hard.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "base/text.h"

static const char *const names[] = { "confidence", "margin", "entropy", "random", NULL };

int hard_parse(struct hard *hard, const char *text, uint64_t seed, struct error *err)
{
    const char *colon = strchr(text, ':');
    const size_t length = colon ? (size_t)(colon - text) : strlen(text);
    const char *near;
    char name[32] = "";
    int i = 0;

    if (length < sizeof(name))
        memcpy(name, text, length);
    while (names[i] && strcmp(names[i], name) != 0)
        i++;
    if (names[i] == NULL) {
        near = text_nearest(name, names);
        error_set(err, ERROR_USAGE, "no rule '%.60s', expected confidence:T, margin:T, entropy:T or random:P", text);
        return near ? error_hint(err, "did you mean '%s:0.5'?", near) : -1;
    }
    hard->rule = (enum hard_rule)(HARD_CONFIDENCE + i);
    hard->seed = seed;
    if (colon == NULL || text_to_real(colon + 1, &hard->threshold) < 0 ||
        !(hard->threshold >= 0 && hard->threshold <= 1)) {
        error_set(err, ERROR_USAGE, "'%.60s' has no threshold from 0 to 1", text);
        return error_hint(err, "such as %s:0.5", name);
    }
    return 0;
}

static void two_largest(const float *probability, int classes, double largest[2])
{
    largest[0] = largest[1] = 0;
    for (int i = 0; i < classes; i++) {
        double p = probability[i];

        if (p > largest[0]) {
            largest[1] = largest[0];
            largest[0] = p;
        } else if (p > largest[1]) {
            largest[1] = p;
        }
    }
}

static double entropy(const float *probability, int classes)
{
    double sum = 0;

    for (int i = 0; i < classes; i++)
        if (probability[i] > 0)
            sum -= (double)probability[i] * log((double)probability[i]);
    return classes > 1 ? sum / log(classes) : 0;
}

double hard_share(const struct hard *hard, const float *probability, int classes, const char *key)
{
    double largest[2] = { 0 };
    struct rng rng;

    if (hard->rule != HARD_RANDOM)
        two_largest(probability, classes, largest);
    switch (hard->rule) {
    case HARD_CONFIDENCE: return 1 - largest[0];
    case HARD_MARGIN: return 1 - (largest[0] - largest[1]);
    case HARD_ENTROPY: return entropy(probability, classes);
    case HARD_RANDOM: rng = rng_make(hard->seed, rng_stream(key, 0, 0)); return 1 - (double)rng_uniform(&rng);
    case HARD_NONE: break;
    }
    return 0;
}

bool hard_is(const struct hard *hard, const float *probability, int classes, const char *key)
{
    const double share = hard_share(hard, probability, classes, key), t = hard->threshold;

    switch (hard->rule) {
    case HARD_CONFIDENCE: /* as floats: a score as it is printed is not below itself */
        return (float)(1 - share) < (float)t;
    case HARD_MARGIN:
    case HARD_RANDOM: return share > 1 - t;
    case HARD_ENTROPY: return share > t;
    case HARD_NONE: break;
    }
    return false;
}

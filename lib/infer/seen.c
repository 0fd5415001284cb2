/* seen.c - see seen.h. */
#include "infer/seen.h"

#include <stdlib.h>
#include <string.h>

#include "base/sys.h"
#include "base/text.h"

enum { GRID = 32, CELLS = GRID * GRID, SCALE = 256, MOST = 65536 };

struct picture {
    uint16_t cell[CELLS]; /* mean gray of 0..255, SCALE steps to one */
    uint64_t used;        /* when: counts finds and adds; 0: nothing is here */
};

struct seen {
    struct seen_options options;
    int64_t count;
    uint64_t now;
    struct picture asked, last;
    float *last_answer;
    struct picture *kept; /* [options.cache] */
    float *answer;        /* [options.cache, count] */
};

static int bad_number(struct error *err, const char *option, const char *text, const char *like)
{
    error_set(err, ERROR_USAGE, "--%s: found '%.60s', expected %s", option, text, like);
    return error_hint(err, "distances are from 0 to 1, the difference of black and white; 0.02 is 5 of 255 levels");
}

static bool read_distance(const char *text, double *distance)
{
    return text_to_real(text, distance) == 0 && *distance > 0 && *distance <= 1;
}

int seen_parse_filter(struct seen_options *options, const char *text, struct error *err)
{
    static const char name[] = "difference:";

    if (strncmp(text, name, strlen(name)) != 0 || !read_distance(text + strlen(name), &options->filter))
        return bad_number(err, "filter", text, "difference:T");
    return 0;
}

int seen_parse_cache(struct seen_options *options, const char *text, struct error *err)
{
    const char *colon = strchr(text, ':');
    char number[16] = "";
    int64_t count;

    if (colon != NULL && (size_t)(colon - text) < sizeof(number))
        memcpy(number, text, (size_t)(colon - text));
    if (text_to_int(number, &count) < 0 || count < 1 || count > MOST ||
        !read_distance(colon + 1, &options->cache_distance))
        return bad_number(err, "cache", text, "N:DISTANCE, N from 1 to 65536");
    options->cache = (int)count;
    return 0;
}

struct seen *seen_new(const struct seen_options *options, int64_t count, struct error *err)
{
    struct seen *seen = sys_alloc(sizeof(*seen));

    if (seen == NULL) {
        error_memory(err);
        return NULL;
    }
    seen->options = *options;
    seen->count = count;
    seen->last_answer = sys_alloc((size_t)count * sizeof(float));
    seen->kept = sys_alloc((size_t)options->cache * sizeof(*seen->kept));
    seen->answer = sys_alloc((size_t)options->cache * (size_t)count * sizeof(float));
    if (seen->last_answer != NULL && seen->kept != NULL && seen->answer != NULL)
        return seen;
    seen_free(seen);
    error_memory(err);
    return NULL;
}

void seen_free(struct seen *seen)
{
    if (seen == NULL)
        return;
    free(seen->last_answer);
    free(seen->kept);
    free(seen->answer);
    free(seen);
}

/* A cell of a small picture may have no pixel of its own: it takes the one it lies in. */
static uint16_t mean_of(const uint8_t *pixels, int width, int channels, const int from[2], const int to[2])
{
    uint64_t sum = 0;
    const uint64_t values = (uint64_t)(to[0] - from[0]) * (uint64_t)(to[1] - from[1]) * (uint64_t)channels;

    for (int y = from[0]; y < to[0]; y++)
        for (int64_t i = (int64_t)from[1] * channels; i < (int64_t)to[1] * channels; i++)
            sum += pixels[(int64_t)y * width * channels + i];
    return (uint16_t)(sum * SCALE / values);
}

static void look(struct picture *picture, const uint8_t *pixels, int height, int width, int channels)
{
    const int size[2] = { height, width };

    for (int c = 0; c < CELLS; c++) {
        const int at[2] = { c / GRID, c % GRID };
        int from[2], to[2];

        for (int i = 0; i < 2; i++) {
            from[i] = (int)((int64_t)size[i] * at[i] / GRID);
            to[i] = (int)((int64_t)size[i] * (at[i] + 1) / GRID);
            to[i] += to[i] == from[i];
        }
        picture->cell[c] = mean_of(pixels, width, channels, from, to);
    }
}

static bool is_near(const struct picture *a, const struct picture *b, double distance)
{
    const int most = (int)(distance * 255 * SCALE);

    for (int c = 0; c < CELLS; c++)
        if (abs(a->cell[c] - b->cell[c]) > most)
            return false;
    return true;
}

const float *seen_find(struct seen *seen, const uint8_t *pixels, int height, int width, int channels,
                       enum seen_how *how)
{
    look(&seen->asked, pixels, height, width, channels);
    seen->now++;
    *how = SEEN_LAST;
    if (seen->last.used > 0 && seen->options.filter > 0 && is_near(&seen->asked, &seen->last, seen->options.filter))
        return seen->last_answer;
    *how = SEEN_CACHED;
    for (int i = 0; i < seen->options.cache; i++) {
        if (seen->kept[i].used == 0 || !is_near(&seen->asked, &seen->kept[i], seen->options.cache_distance))
            continue;
        seen->kept[i].used = seen->now;
        return seen->answer + i * seen->count;
    }
    *how = SEEN_NEVER;
    return NULL;
}

void seen_add(struct seen *seen, const float *answer)
{
    const size_t bytes = (size_t)seen->count * sizeof(*answer);
    int oldest = 0;

    seen->asked.used = seen->now;
    seen->last = seen->asked;
    memcpy(seen->last_answer, answer, bytes);
    for (int i = 1; i < seen->options.cache; i++)
        if (seen->kept[i].used < seen->kept[oldest].used)
            oldest = i;
    if (seen->options.cache > 0) {
        seen->kept[oldest] = seen->asked;
        memcpy(seen->answer + oldest * seen->count, answer, bytes);
    }
}

/*
 * report.h - lines of JSON into one page of HTML: accuracy over time, what happened, who answered, what was confused with
 * what, and the samples that were hardest, as pictures. The page needs nothing but itself: no script, no font, no network.
 *
 * Lines are those of `infer`, `eval --json` and `train-local --metrics`, with further keys that say where they belong:
 * `series` or `site` (else the file's name) and the time's key, a number such as `night`; lines with `event` are marks on
 * the axis. What a line tells is known by its keys:
 *   accuracy        a point of its series; with confusion and per_class also its table, the last one of a series
 *   label, score    an answer: counted by route, by site, and as right or wrong where it has truth
 *   event           {TIME, event: TEXT}
 */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"

enum { REPORT_SERIES = 64, REPORT_EVENTS = 1000, REPORT_HARDEST = 200, REPORT_CLASSES = 40, REPORT_ROUTES = 16 };

struct report_point {
    double at, accuracy;
};
struct report_series {
    const char *name;
    struct report_point *point; /* by rising time once read */
    int count, room;
    int classes; /* of the last confusion table; 0: none */
    const char **label;
    int64_t *confusion; /* [truth, said] */
};
struct report_event {
    double at;
    const char *text;
};
struct report_site {
    const char *name;
    int64_t samples, hard, with_truth, right;
    int64_t route[REPORT_ROUTES]; /* as the report's */
    double score_sum;
};
struct report_sample {
    const char *key, *label, *truth, *site; /* truth NULL: not known */
    double score;
    const void *picture; /* bytes of a PNG or JPEG, or NULL */
    size_t picture_bytes;
};

struct report {
    struct arena arena;
    const char *time; /* the key of the axis */
    int hardest_most;
    struct report_series series[REPORT_SERIES];
    struct report_event event[REPORT_EVENTS];
    struct report_site site[REPORT_SERIES];
    const char *route[REPORT_ROUTES];
    struct report_sample hardest[REPORT_HARDEST]; /* by rising score */
    int series_count, event_count, site_count, route_count, hardest_count;
    int64_t lines;
};

/* time: "night"; hardest: so many samples are kept, at most REPORT_HARDEST. */
struct report *report_new(const char *time, int hardest, struct error *err);
void report_free(struct report *report);
/*
 * report_read - the lines of one file; name is its series where a line does not say. Errors: ERROR_INPUT with
 * "line N: " in front for what is no JSON object, or has a known key of another kind; ERROR_LIMIT for too many series.
 */
MUST_CHECK int report_read(struct report *report, const char *name, const char *text, size_t count, struct error *err);
/* A picture for the sample of that key, if it is among the hardest; bytes are copied. */
MUST_CHECK int report_picture(struct report *report, const char *key, const void *bytes, size_t count,
                              struct error *err);
/* The page. */
MUST_CHECK int report_write(struct text *out, const struct report *report, const char *title, struct error *err);

#endif

/*
 * deadline.h - until when to wait: a duration, which the monotonic clock measures, or a time of day or date, which is
 * this machine's idea of it. Whoever sets that clock moves such a deadline.
 */
#ifndef BASE_DEADLINE_H
#define BASE_DEADLINE_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/error.h"

/* Seconds of both clocks at one time. */
struct moment {
    double steady; /* monotonic */
    double wall;   /* since 1970-01-01T00:00Z */
};

struct moment moment_now(void);

struct deadline {
    bool wall; /* which clock `at` is of */
    double at;
};

/*
 * deadline_parse - "+90s", "+30m", "+8h", "+2d"; "06:00", the next time that it is so late here; "2026-11-29T06:00Z",
 * also with seconds, with "+01:00" for Z, or with neither (local time). ERROR_USAGE.
 *
 * Source: ISO 8601-1:2019, 5.4.2 (extended format).
 */
MUST_CHECK int deadline_parse(struct deadline *deadline, const char *text, const struct moment *now, struct error *err);
/* Seconds; not above 0 when it has passed. */
double deadline_left(const struct deadline *deadline, const struct moment *now);
/* "for 1800 s", "until 2026-11-29 06:00:00 +0000 by this machine's clock" into buf; returns buf. */
const char *deadline_text(const struct deadline *deadline, const struct moment *now, char buf[96]);

#endif

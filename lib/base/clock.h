/* clock.h - time for people and measurements; never part of a result's bytes. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

double clock_seconds(void);         /* monotonic */
long clock_peak_memory_bytes(void); /* of this process so far */

#endif

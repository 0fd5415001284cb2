/* internal.h - pieces of the page. */
#ifndef REPORT_INTERNAL_H
#define REPORT_INTERNAL_H

#include "report/report.h"

/* Text with <, >, & and quotes spelled out, and control characters made visible. */
void html_text(struct text *out, const char *text);
/* "93.5 %"; "-" for what is not finite. */
void html_percent(struct text *out, double share);

/* Accuracy of all series over time, with the events. Nothing without a point. */
void chart_accuracy(struct text *out, const struct report *report);
/* Shares of the routes at each site as bars. Nothing without an answer. */
void chart_routes(struct text *out, const struct report *report);

#endif

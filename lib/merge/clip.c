#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "merge/internal.h"

int merge_parse_clip(struct merge_clip *clip, const char *text, struct error *err)
{
    *clip = (struct merge_clip){ .adaptive = text != NULL && strcmp(text, "adaptive") == 0 };
    if (text == NULL || clip->adaptive)
        return 0;
    if (text_to_real(text, &clip->norm) < 0 || !isfinite(clip->norm) || clip->norm <= 0)
        return error_set(err, ERROR_USAGE, "--clip: expected a norm above 0, or adaptive, found '%s'", text);
    return 0;
}

static int by_squares(const void *a, const void *b)
{
    const struct site *x = a, *y = b;

    return (x->squares > y->squares) - (x->squares < y->squares);
}

/* The lower of two in the middle: of two updates a bad one may not raise it. Leaves the sites in that order. */
static double median_norm(struct merge *merge)
{
    if (merge->site_count == 0)
        return 0;
    qsort(merge->site, (size_t)merge->site_count, sizeof(*merge->site), by_squares);
    return sqrt(merge->site[(merge->site_count - 1) / 2].squares);
}

void clip_all(struct merge *merge, struct merge_report *report)
{
    const struct merge_clip *clip = &merge->options->clip;
    const double norm = clip->adaptive ? median_norm(merge) : clip->norm;

    if (!clip->adaptive && norm == 0)
        return;
    report->clip_norm = norm;
    for (int i = 0; i < merge->site_count; i++) {
        struct site *site = &merge->site[i];
        const double has = sqrt(site->squares);

        if (has <= norm)
            continue;
        site->scale = norm / has;
        report->clipped++;
    }
}

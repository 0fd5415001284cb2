/* combine.c - the table of ways to make one of many, and what they share. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "merge/internal.h"

static const struct combiner *const combiners[] = {
    [MERGE_MEAN] = &combine_mean, [MERGE_MEDIAN] = &combine_median,         [MERGE_TRIMMED] = &combine_trimmed,
    [MERGE_KRUM] = &combine_krum, [MERGE_MULTI_KRUM] = &combine_multi_krum,
};

static const char forms[] = "mean, median, trimmed:F, krum:F or multi-krum:F";

const struct combiner *combiner_of(enum merge_combine how)
{
    return combiners[how];
}

static int not_one(const char *text, size_t length, struct error *err)
{
    const char *names[COUNT(combiners) + 1] = { NULL }, *near;
    char name[32];

    snprintf(name, sizeof(name), "%.*s", (int)(length < sizeof(name) ? length : sizeof(name)), text);
    for (size_t i = 0; i < COUNT(combiners); i++)
        names[i] = combiners[i]->name;
    near = text_nearest(name, names);
    error_set(err, ERROR_USAGE, "--combine: expected %s, found '%s'", forms, text);
    return near ? error_hint(err, "did you mean '%s'?", near) : -1;
}

int merge_parse_combine(struct merge_combiner *combine, const char *text, struct error *err)
{
    const size_t length = strcspn(text, ":");
    int64_t bad = 0;
    size_t i = 0;

    while (i < COUNT(combiners) &&
           (strlen(combiners[i]->name) != length || strncmp(combiners[i]->name, text, length) != 0))
        i++;
    if (i == COUNT(combiners))
        return not_one(text, length, err);
    if (combiners[i]->counted && text[length] == '\0') {
        error_set(err, ERROR_USAGE, "--combine %s needs a number of bad sites", text);
        return error_hint(err, "%s:1 withstands one", text);
    }
    if (!combiners[i]->counted && text[length] != '\0')
        return error_set(err, ERROR_USAGE, "--combine %s takes no number, found '%s'", combiners[i]->name, text);
    if (combiners[i]->counted && (text_to_int(text + length + 1, &bad) < 0 || bad < 0 || bad > 1000000))
        return error_set(err, ERROR_USAGE, "--combine %s: expected a whole number of 0 to 1000000, found '%s'",
                         combiners[i]->name, text + length + 1);
    *combine = (struct merge_combiner){ .how = (enum merge_combine)i, .bad = (int)bad };
    return 0;
}

int combiner_check(const struct merge *merge, struct error *err)
{
    const struct combiner *combiner = merge->combiner;
    const int bad = merge->options->combine.bad, needed = combiner->least[0] * bad + combiner->least[1];

    if (merge->site_count >= needed)
        return 0;
    error_set(err, ERROR_ANSWER, "%d good updates, %s:%d needs at least %d F + %d = %d", merge->site_count,
              combiner->name, bad, combiner->least[0], combiner->least[1], needed);
    if (merge->site_count < combiner->least[1] + combiner->least[0])
        return -1;
    return error_hint(err, "%d updates allow for %s:%d", merge->site_count, combiner->name,
                      (merge->site_count - combiner->least[1]) / combiner->least[0]);
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double *column_sorted(const struct merge *merge, int64_t i, int worker)
{
    double *column = merge->column + (size_t)worker * (size_t)merge->site_count;

    for (int s = 0; s < merge->site_count; s++)
        column[s] = difference_at(merge, s, i);
    qsort(column, (size_t)merge->site_count, sizeof(*column), by_value);
    return column;
}

/* read.c - lines into what the page shows. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"
#include "report/internal.h"
#include "json/json.h"

struct report *report_new(const char *time, int hardest, struct error *err)
{
    struct report *report = sys_alloc(sizeof(*report));

    if (report == NULL) {
        error_memory(err);
        return NULL;
    }
    report->time = time;
    report->hardest_most = hardest < REPORT_HARDEST ? hardest : REPORT_HARDEST;
    return report;
}

void report_free(struct report *report)
{
    if (report == NULL)
        return;
    arena_free(&report->arena);
    free(report);
}

static int too_many(struct error *err, const char *what, int most)
{
    return error_set(err, ERROR_LIMIT, "more than %d %s", most, what);
}

static struct report_series *find_series(struct report *report, const char *name, struct error *err)
{
    struct report_series *series;

    for (int i = 0; i < report->series_count; i++)
        if (strcmp(report->series[i].name, name) == 0)
            return &report->series[i];
    if (report->series_count == REPORT_SERIES) {
        (void)too_many(err, "series", REPORT_SERIES);
        return NULL;
    }
    series = &report->series[report->series_count];
    series->name = arena_strdup(&report->arena, name);
    if (series->name == NULL) {
        error_memory(err);
        return NULL;
    }
    report->series_count++;
    return series;
}

static struct report_site *find_site(struct report *report, const char *name, struct error *err)
{
    struct report_site *site;

    for (int i = 0; i < report->site_count; i++)
        if (strcmp(report->site[i].name, name) == 0)
            return &report->site[i];
    if (report->site_count == REPORT_SERIES) {
        (void)too_many(err, "sites", REPORT_SERIES);
        return NULL;
    }
    site = &report->site[report->site_count];
    site->name = arena_strdup(&report->arena, name);
    if (site->name == NULL) {
        error_memory(err);
        return NULL;
    }
    report->site_count++;
    return site;
}

static int add_point(struct report *report, struct report_series *series, double at, double accuracy, struct error *err)
{
    int i = series->count;

    if (series->count == series->room) {
        const int more = series->room ? 2 * series->room : 32;

        series->point = arena_grow(&report->arena, series->point, (size_t)series->count, (size_t)more,
                                   sizeof(*series->point));
        if (series->point == NULL)
            return error_memory(err);
        series->room = more;
    }
    for (; i > 0 && series->point[i - 1].at > at; i--)
        series->point[i] = series->point[i - 1];
    series->point[i] = (struct report_point){ at, accuracy };
    series->count++;
    return 0;
}

/* Rows are the truth; per_class names them. A table too wide to be read is left out. */
static int take_confusion(struct report *report, struct report_series *series, const struct tree *line,
                          struct error *err)
{
    const struct tree *table = tree_get(line, "confusion"), *names = tree_get(line, "per_class"), *row;
    int classes = 0;

    if (table == NULL || names == NULL || table->count > REPORT_CLASSES)
        return 0;
    if (table->kind != TREE_LIST || names->kind != TREE_MAP || names->count != table->count)
        return error_set(err, ERROR_INPUT, "confusion and per_class do not belong together");
    series->label = arena_array(&report->arena, table->count + 1, sizeof(*series->label));
    series->confusion = arena_array(&report->arena, table->count * table->count + 1, sizeof(*series->confusion));
    if (series->label == NULL || series->confusion == NULL)
        return error_memory(err);
    row = table->first;
    for (const struct tree *name = names->first; name != NULL; name = name->next, row = row->next, classes++) {
        int column = 0;

        series->label[classes] = arena_strdup(&report->arena, name->key);
        if (series->label[classes] == NULL)
            return error_memory(err);
        if (row->kind != TREE_LIST || row->count != table->count)
            return error_set(err, ERROR_INPUT, "confusion is not square");
        for (const struct tree *cell = row->first; cell != NULL; cell = cell->next)
            series->confusion[(size_t)classes * table->count + (size_t)column++] = cell->integer;
    }
    series->classes = classes;
    return 0;
}

static int take_event(struct report *report, const struct tree *line, double at, struct error *err)
{
    const char *text;

    if (tree_need_text(line, "event", &text, err) < 0)
        return -1;
    if (report->event_count == REPORT_EVENTS)
        return too_many(err, "events", REPORT_EVENTS);
    text = arena_strdup(&report->arena, text);
    if (text == NULL)
        return error_memory(err);
    report->event[report->event_count++] = (struct report_event){ at, text };
    return 0;
}

static int find_route(struct report *report, const char *name)
{
    for (int i = 0; i < report->route_count; i++)
        if (strcmp(report->route[i], name) == 0)
            return i;
    if (report->route_count < REPORT_ROUTES)
        report->route[report->route_count] = arena_strdup(&report->arena, name);
    return report->route_count < REPORT_ROUTES && report->route[report->route_count] != NULL ? report->route_count++
                                                                                             : REPORT_ROUTES - 1;
}

static const char *copy(struct report *report, const char *text)
{
    return text == NULL ? NULL : arena_strdup(&report->arena, text);
}

/* Among the hardest are those with the lowest scores; of equals the first. */
static void keep_hard(struct report *report, const struct report_sample *sample)
{
    struct report_sample *list = report->hardest;
    int i = report->hardest_count;

    if (report->hardest_most == 0 || (i == report->hardest_most && list[i - 1].score <= sample->score))
        return;
    if (i == report->hardest_most)
        i--;
    else
        report->hardest_count++;
    for (; i > 0 && list[i - 1].score > sample->score; i--)
        list[i] = list[i - 1];
    list[i] = (struct report_sample){ .key = copy(report, sample->key),
                                      .label = copy(report, sample->label),
                                      .truth = copy(report, sample->truth),
                                      .site = sample->site,
                                      .score = sample->score };
}

static int take_answer(struct report *report, const char *name, const struct tree *line, struct error *err)
{
    struct report_sample sample = { .key = "" };
    const char *route = "edge";
    struct report_site *site;
    bool hard = false;

    if (tree_take_text(line, "site", &name, err) < 0 || tree_take_text(line, "key", &sample.key, err) < 0 ||
        tree_need_text(line, "label", &sample.label, err) < 0 ||
        tree_need_real(line, "score", &sample.score, err) < 0 ||
        tree_take_text(line, "truth", &sample.truth, err) < 0 || tree_take_text(line, "route", &route, err) < 0 ||
        tree_take_bool(line, "hard", &hard, err) < 0)
        return -1;
    site = find_site(report, name, err);
    if (site == NULL)
        return -1;
    site->samples++;
    site->score_sum += sample.score;
    site->hard += hard;
    site->with_truth += sample.truth != NULL;
    site->right += sample.truth != NULL && strcmp(sample.truth, sample.label) == 0;
    site->route[find_route(report, route)]++;
    sample.site = site->name;
    keep_hard(report, &sample);
    return 0;
}

static int take_line(struct report *report, const char *name, const struct tree *line, struct error *err)
{
    const char *series_name = name;
    struct report_series *series;
    double at = NAN, accuracy;

    if (line->kind != TREE_MAP)
        return error_set(err, ERROR_INPUT, "expected a JSON object");
    if (tree_take_real(line, report->time, &at, err) < 0)
        return -1;
    if (tree_get(line, "event") != NULL)
        return isfinite(at) ? take_event(report, line, at, err) : 0;
    if (tree_get(line, "score") != NULL && tree_get(line, "label") != NULL)
        return take_answer(report, name, line, err);
    if (tree_get(line, "accuracy") == NULL)
        return 0; /* lines of other kinds pass by */
    if (tree_take_text(line, "site", &series_name, err) < 0 || tree_take_text(line, "series", &series_name, err) < 0 ||
        tree_need_real(line, "accuracy", &accuracy, err) < 0)
        return -1;
    series = find_series(report, series_name, err);
    if (series == NULL || (isfinite(at) && add_point(report, series, at, accuracy, err) < 0))
        return -1;
    return take_confusion(report, series, line, err);
}

int report_read(struct report *report, const char *name, const char *text, size_t count, struct error *err)
{
    size_t at = 0;

    for (int64_t number = 1; at < count; number++) {
        const char *end = memchr(text + at, '\n', count - at);
        const size_t length = end ? (size_t)(end - text) - at : count - at;
        struct arena arena = { 0 };
        const struct tree *line;
        int rc = 0;

        if (length > 0) {
            rc = json_parse(&arena, text + at, length, &line, err);
            if (rc == 0)
                rc = take_line(report, name, line, err);
            report->lines++;
        }
        arena_free(&arena);
        if (rc < 0)
            return error_in(err, "line %" PRId64, number);
        at += length + 1;
    }
    return report->arena.failed ? error_memory(err) : 0;
}

int report_picture(struct report *report, const char *key, const void *bytes, size_t count, struct error *err)
{
    for (int i = 0; i < report->hardest_count; i++) {
        struct report_sample *sample = &report->hardest[i];
        void *own;

        if (sample->picture != NULL || strcmp(sample->key, key) != 0)
            continue;
        own = arena_alloc(&report->arena, count + 1);
        if (own == NULL)
            return error_memory(err);
        memcpy(own, bytes, count);
        sample->picture = own;
        sample->picture_bytes = count;
    }
    return 0;
}

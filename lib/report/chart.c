/* chart.c - pictures of numbers, as SVG whose colours the page's style names. */
#include <math.h>
#include <string.h>

#include "report/internal.h"

/* Of the picture, and of its field within it. */
enum { WIDTH = 760, HEIGHT = 300, LEFT = 46, RIGHT = 16, TOP = 26, BOTTOM = 34, COLOURS = 8 };

struct axes {
    double first, last; /* times */
    double low;         /* accuracy at the bottom; the top is 1 */
};

static double across(const struct axes *axes, double at)
{
    const double span = axes->last > axes->first ? axes->last - axes->first : 1;

    return LEFT + (at - axes->first) / span * (WIDTH - LEFT - RIGHT);
}

static double down(const struct axes *axes, double accuracy)
{
    return TOP + (1 - accuracy) / (1 - axes->low) * (HEIGHT - TOP - BOTTOM);
}

static void widen(struct axes *axes, double at)
{
    axes->first = fmin(axes->first, at);
    axes->last = fmax(axes->last, at);
}

/* The bottom is the tenth below the lowest point. */
static bool find_axes(struct axes *axes, const struct report *report)
{
    double lowest = 1;

    *axes = (struct axes){ INFINITY, -INFINITY, 0 };
    for (int s = 0; s < report->series_count; s++)
        for (int i = 0; i < report->series[s].count; i++) {
            widen(axes, report->series[s].point[i].at);
            lowest = fmin(lowest, report->series[s].point[i].accuracy);
        }
    if (!(axes->first <= axes->last))
        return false;
    for (int i = 0; i < report->event_count; i++)
        widen(axes, report->event[i].at);
    axes->low = fmax(0, fmin(0.9, floor(lowest * 10) / 10));
    return true;
}

static void draw_axes(struct text *out, const struct axes *axes, const char *time)
{
    const double step = fmax(1, ceil((axes->last - axes->first) / 10));

    for (double a = axes->low; a < 1.001; a += axes->low < 0.5 ? 0.2 : 0.1) {
        text_printf(out, "<line class=grid x1=%d x2=%d y1=%.1f y2=%.1f /><text class=tick x=%d y=%.1f>", LEFT,
                    WIDTH - RIGHT, down(axes, a), down(axes, a), LEFT - 6, down(axes, a) + 4);
        text_printf(out, "%.0f %%</text>\n", 100 * a);
    }
    for (double at = axes->first; at <= axes->last; at += step)
        text_printf(out, "<text class=time x=%.1f y=%d>%g</text>\n", across(axes, at), HEIGHT - BOTTOM + 16, at);
    text_printf(out, "<text class=time x=%d y=%d>", (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 4);
    html_text(out, time);
    text_add(out, "</text>\n");
}

/* Numbered marks: what they are stands below the picture. */
static void draw_events(struct text *out, const struct axes *axes, const struct report *report)
{
    for (int i = 0; i < report->event_count; i++) {
        const double x = across(axes, report->event[i].at);

        text_printf(out, "<line class=event x1=%.1f x2=%.1f y1=%d y2=%d />", x, x, TOP, HEIGHT - BOTTOM);
        text_printf(out, "<text class=mark x=%.1f y=%d>%d</text>\n", x, TOP - 6 - i % 2 * 9, i + 1);
    }
}

static void draw_series(struct text *out, const struct axes *axes, const struct report_series *series, int number)
{
    text_printf(out, "<polyline class=\"line c%d%s\" points=\"", number % COLOURS, number >= COLOURS ? " dashed" : "");
    for (int i = 0; i < series->count; i++)
        text_printf(out, "%.1f,%.1f ", across(axes, series->point[i].at), down(axes, series->point[i].accuracy));
    text_add(out, "\"><title>");
    html_text(out, series->name);
    text_add(out, "</title></polyline>\n");
    if (series->count == 1)
        text_printf(out, "<circle class=\"dot c%d\" cx=%.1f cy=%.1f r=3 />\n", number % COLOURS,
                    across(axes, series->point[0].at), down(axes, series->point[0].accuracy));
}

static void add_legend(struct text *out, const struct report *report)
{
    text_add(out, "<ul class=legend>\n");
    for (int s = 0; s < report->series_count; s++) {
        const struct report_series *series = &report->series[s];

        if (series->count == 0)
            continue;
        text_printf(out, "<li><span class=\"key k%d\"></span>", s % COLOURS);
        html_text(out, series->name);
        text_add(out, ": ");
        html_percent(out, series->point[series->count - 1].accuracy);
        text_add(out, "</li>\n");
    }
    text_add(out, "</ul>\n");
}

static void add_events(struct text *out, const struct report *report)
{
    if (report->event_count == 0)
        return;
    text_add(out, "<ol class=events>\n");
    for (int i = 0; i < report->event_count; i++) {
        text_add(out, "<li><b>");
        html_text(out, report->time);
        text_printf(out, " %g</b> ", report->event[i].at);
        html_text(out, report->event[i].text);
        text_add(out, "</li>\n");
    }
    text_add(out, "</ol>\n");
}

void chart_accuracy(struct text *out, const struct report *report)
{
    struct axes axes;

    if (!find_axes(&axes, report))
        return;
    text_printf(out,
                "<h2>Accuracy over time</h2>\n<svg viewBox=\"0 0 %d %d\" role=img aria-label=\"accuracy over time\">\n",
                WIDTH, HEIGHT);
    draw_axes(out, &axes, report->time);
    draw_events(out, &axes, report);
    for (int s = 0; s < report->series_count; s++)
        if (report->series[s].count > 0)
            draw_series(out, &axes, &report->series[s], s);
    text_add(out, "</svg>\n");
    add_legend(out, report);
    add_events(out, report);
}

void chart_routes(struct text *out, const struct report *report)
{
    if (report->site_count == 0)
        return;
    text_add(out, "<h2>Who answered</h2>\n");
    for (int s = 0; s < report->site_count; s++) {
        const struct report_site *site = &report->site[s];

        text_add(out, "<div class=bar><span class=name>");
        html_text(out, site->name);
        text_add(out, "</span><span class=parts>");
        for (int r = 0; r < report->route_count; r++)
            if (site->route[r] > 0) {
                const double share = (double)site->route[r] / (double)site->samples;
                text_printf(out, "<span class=\"part k%d\" style=\"width:%.3f%%\" title=\"", r % COLOURS, 100 * share);
                html_text(out, report->route[r]);
                text_add(out, "\"></span>");
            }
        text_add(out, "</span></div>\n");
    }
    text_add(out, "<ul class=legend>\n");
    for (int r = 0; r < report->route_count; r++) {
        text_printf(out, "<li><span class=\"key k%d\"></span>", r % COLOURS);
        html_text(out, report->route[r]);
        text_add(out, "</li>\n");
    }
    text_add(out, "</ul>\n");
}

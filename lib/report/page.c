/* page.c - the page around the charts. */
#include <math.h>
#include <string.h>

#include "report/internal.h"

/* Colours are Okabe and Ito's, told apart by all eyes. */
static const char style[] =
    ":root{color-scheme:light dark;--ink:#1c2024;--dim:#5b6570;--line:#d5dae0;--paper:#fff;--cell:0,114,178}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e4e8ec;--dim:#98a3ae;--line:#3a424b;--paper:#14181c;--cell:86,180,"
    "233}}"
    "body{font:15px/1.45 system-ui,sans-serif;color:var(--ink);background:var(--paper);margin:0 auto;max-width:820px;"
    "padding:1rem}h1{font-size:1.5rem}h2{font-size:1.1rem;margin:2rem 0 .5rem;break-after:avoid}"
    "svg{width:100%;height:auto}svg "
    "text{fill:var(--dim);font-size:11px}.tick{text-anchor:end}.time,.mark{text-anchor:middle}"
    ".grid{stroke:var(--line)}.event{stroke:var(--dim);stroke-dasharray:2 3}.line{fill:none;stroke-width:2}"
    ".dashed{stroke-dasharray:6 3}"
    ".c0{stroke:#0072b2}.c1{stroke:#d55e00}.c2{stroke:#009e73}.c3{stroke:#cc79a7}.c4{stroke:#e69f00}.c5{stroke:#56b4e9}"
    ".c6{stroke:#8c7a00}.c7{stroke:#888}"
    ".k0{background:#0072b2}.k1{background:#d55e00}.k2{background:#009e73}.k3{background:#cc79a7}.k4{background:#"
    "e69f00}"
    ".k5{background:#56b4e9}.k6{background:#8c7a00}.k7{background:#888}"
    ".legend,.events{padding:0;margin:.4rem "
    "0;color:var(--dim);font-size:.9rem}.legend{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;"
    "list-style:none}.events{padding-left:1.6rem}.key{display:inline-block;width:.8rem;height:.8rem;margin-right:."
    "35rem;"
    "border-radius:2px;vertical-align:-1px}"
    ".scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem}th,td{padding:.25rem "
    ".6rem;text-align:right;"
    "border-bottom:1px solid "
    "var(--line);white-space:nowrap}th{color:var(--dim);font-weight:600}th:first-child,td:first-child"
    "{text-align:left}"
    ".bar{display:flex;align-items:center;gap:.6rem;margin:.25rem 0}.bar "
    ".name{width:7rem;overflow:hidden;text-overflow:ellipsis;"
    "white-space:nowrap}.parts{flex:1;display:flex;height:1.1rem}.part{display:block;height:100%}"
    ".hardest{display:grid;grid-template-columns:repeat(auto-fill,minmax(130px,1fr));gap:.8rem}.hardest "
    "figure{margin:0;"
    "font-size:.8rem;break-inside:avoid}.hardest img{width:100%;image-rendering:pixelated;border:1px solid var(--line)}"
    ".wrong{color:#d55e00}figcaption{overflow-wrap:anywhere}"
    "@media print{body{max-width:none}.part,.key,td{print-color-adjust:exact;-webkit-print-color-adjust:exact}}";

void html_text(struct text *out, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '<': text_add(out, "&lt;"); break;
        case '>': text_add(out, "&gt;"); break;
        case '&': text_add(out, "&amp;"); break;
        case '"': text_add(out, "&quot;"); break;
        default:
            if ((unsigned char)*text < ' ' || *text == 0x7f)
                text_printf(out, "\\x%02x", (unsigned char)*text);
            else
                text_add_bytes(out, text, 1);
        }
    }
}

void html_percent(struct text *out, double share)
{
    if (isfinite(share))
        text_printf(out, "%.1f %%", 100 * share);
    else
        text_add(out, "-");
}

static void add_cell(struct text *out, double share)
{
    text_add(out, "<td>");
    html_percent(out, share);
    text_add(out, "</td>");
}

static double part_of(int64_t part, int64_t all)
{
    return all > 0 ? (double)part / (double)all : NAN;
}

static void add_sites(struct text *out, const struct report *report)
{
    if (report->site_count == 0)
        return;
    text_add(out, "<h2>Sites</h2>\n<div class=scroll><table>\n<tr><th>site</th><th>samples</th><th>right</th>"
                  "<th>hard</th><th>mean score</th></tr>\n");
    for (int s = 0; s < report->site_count; s++) {
        const struct report_site *site = &report->site[s];

        text_add(out, "<tr><td>");
        html_text(out, site->name);
        text_printf(out, "</td><td>%lld</td>", (long long)site->samples);
        add_cell(out, part_of(site->right, site->with_truth));
        add_cell(out, part_of(site->hard, site->samples));
        add_cell(out, site->score_sum / (double)site->samples);
        text_add(out, "</tr>\n");
    }
    text_add(out, "</table></div>\n");
}

/* The darker a cell, the larger the share of its row. */
static void add_row(struct text *out, const struct report_series *series, int row)
{
    const int64_t *counts = series->confusion + (size_t)row * (size_t)series->classes;
    int64_t all = 0;

    for (int k = 0; k < series->classes; k++)
        all += counts[k];
    text_add(out, "<tr><td>");
    html_text(out, series->label[row]);
    text_add(out, "</td>");
    for (int k = 0; k < series->classes; k++) {
        const double share = all > 0 ? (double)counts[k] / (double)all : 0;
        text_printf(out, "<td style=\"background:rgba(var(--cell),%.2f)\">%lld</td>", 0.6 * share,
                    (long long)counts[k]);
    }
    text_add(out, "</tr>\n");
}

static void add_confusion(struct text *out, const struct report_series *series)
{
    text_add(out, "<h2>What was taken for what: ");
    html_text(out, series->name);
    text_add(out, "</h2>\n<div class=scroll><table>\n<tr><th>truth</th>");
    for (int k = 0; k < series->classes; k++) {
        text_add(out, "<th>");
        html_text(out, series->label[k]);
        text_add(out, "</th>");
    }
    text_add(out, "</tr>\n");
    for (int row = 0; row < series->classes; row++)
        add_row(out, series, row);
    text_add(out, "</table></div>\n");
}

/* RFC 4648. */
static void add_base64(struct text *out, const unsigned char *bytes, size_t count)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < count; i += 3) {
        const size_t some = count - i < 3 ? count - i : 3;
        const unsigned word = (unsigned)bytes[i] << 16 | (some > 1 ? (unsigned)bytes[i + 1] << 8 : 0) |
                              (some > 2 ? (unsigned)bytes[i + 2] : 0);
        char four[4];

        for (size_t k = 0; k < 4; k++)
            four[k] = k <= some ? digits[word >> (18 - 6 * k) & 63] : '=';
        text_add_bytes(out, four, sizeof(four));
    }
}

static void add_sample(struct text *out, const struct report_sample *sample)
{
    const bool png = sample->picture_bytes > 0 && *(const unsigned char *)sample->picture == 0x89;

    text_add(out, "<figure>");
    if (sample->picture != NULL) {
        text_printf(out, "<img alt=\"\" src=\"data:image/%s;base64,", png ? "png" : "jpeg");
        add_base64(out, sample->picture, sample->picture_bytes);
        text_add(out, "\">");
    }
    text_add(out, "<figcaption>");
    html_text(out, sample->key);
    text_printf(out, "<br>%s",
                sample->truth != NULL && strcmp(sample->truth, sample->label) != 0 ? "<b class=wrong>" : "<b>");
    html_text(out, sample->label);
    text_printf(out, "</b> %.0f %%", 100 * sample->score);
    if (sample->truth != NULL) {
        text_add(out, ", is ");
        html_text(out, sample->truth);
    }
    text_add(out, "</figcaption></figure>\n");
}

static void add_hardest(struct text *out, const struct report *report)
{
    if (report->hardest_count == 0)
        return;
    text_add(out, "<h2>The hardest samples</h2>\n<div class=hardest>\n");
    for (int i = 0; i < report->hardest_count; i++)
        add_sample(out, &report->hardest[i]);
    text_add(out, "</div>\n");
}

int report_write(struct text *out, const struct report *report, const char *title, struct error *err)
{
    text_add(out, "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n"
                  "<meta name=viewport content=\"width=device-width,initial-scale=1\">\n<title>");
    html_text(out, title);
    text_printf(out, "</title>\n<style>%s</style>\n<h1>", style);
    html_text(out, title);
    text_add(out, "</h1>\n");
    chart_accuracy(out, report);
    add_sites(out, report);
    chart_routes(out, report);
    for (int s = 0; s < report->series_count; s++)
        if (report->series[s].classes > 0)
            add_confusion(out, &report->series[s]);
    add_hardest(out, report);
    text_add(out, "</html>\n");
    return text_check(out, err);
}

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "cmd/commands.h"
#include "cmd/share.h"
#include "data/data.h"
#include "report/report.h"

struct args {
    const char *output, *title, *time;
    struct texts pictures;
    int64_t hardest;
};

static const struct option options[] = {
    { "title", 0, OPTION_TEXT, FIELD(struct args, title), .value = "TEXT", .initial = "coedge report",
      .help = "what stands above the page" },
    { "time", 0, OPTION_TEXT, FIELD(struct args, time), .value = "KEY", .initial = "night",
      .help = "the key of the lines that is the time axis, such as epoch" },
    { "hardest", 0, OPTION_INT, FIELD(struct args, hardest), .value = "N", .initial = "24", .min = 0,
      .max = REPORT_HARDEST, .help = "samples with the lowest scores that are shown" },
    { "pictures", 0, OPTION_LIST, FIELD(struct args, pictures), .value = "DATA",
      .help = "where their pictures are: a shard or a folder; the page is then as private as they" },
    { "output", 'o', OPTION_TEXT, FIELD(struct args, output), .value = "FILE", .initial = "-",
      .help = "where to write the page", .neutral = true },
    { 0 }
};

static const struct example examples[] = {
    { "coedge infer model.coedge val.tar >live.ndjson", "answers, a line each" },
    { "coedge report live.ndjson --pictures val.tar -o report.html",
      "who answered, and the hardest samples as pictures" },
    { "coedge train-local base.coedge --data train.tar --val val.tar --epochs 2 --metrics m.ndjson -o tuned.coedge",
      "a line each epoch" },
    { "coedge report m.ndjson --time epoch -o training.html", "accuracy by epoch" },
    { 0 }
};

static int read_one(const struct invocation *inv, struct report *report, const char *path, struct error *err)
{
    const char *name = strcmp(path, "-") == 0 ? "standard input" : path_name(path), *dot = strrchr(name, '.');
    struct input in;
    int rc;

    if (input_open(&in, path, limit_get(LIMIT_PACKAGE_BYTES), err) < 0)
        return -1;
    name = dot != NULL && dot != name ? arena_strndup(inv->arena, name, (size_t)(dot - name)) : name;
    rc = name == NULL ? error_memory(err) : report_read(report, name, (const char *)in.bytes, in.count, err);
    input_close(&in);
    return rc < 0 ? error_in(err, "%s", path) : 0;
}

static int read_pictures(struct report *report, const char *path, struct error *err)
{
    struct source *source = source_open(path, err);
    struct item item;
    int rc = source == NULL ? -1 : 1;

    while (rc == 1) {
        rc = source_next(source, &item, err);
        if (rc == 1 && item.bytes != NULL && image_is_known(item.bytes, item.count) &&
            report_picture(report, item.key, item.bytes, item.count, err) < 0)
            rc = -1;
    }
    source_close(source);
    return rc;
}

static int write_page(const struct args *args, const struct report *report, struct error *err)
{
    struct text page = { 0 };
    int rc = report_write(&page, report, args->title, err);

    if (rc == 0)
        rc = file_write(args->output, page.chars, page.length, err);
    text_free(&page);
    return rc;
}

static int run(const struct invocation *inv, struct error *err)
{
    const struct args *args = inv->args;
    struct report *report = report_new(args->time, (int)args->hardest, err);
    int rc = report == NULL ? -1 : 0;

    for (int i = 0; rc == 0 && i < inv->operand_count; i++)
        rc = read_one(inv, report, inv->operand[i], err);
    if (rc == 0 && report->lines == 0)
        rc = error_set(err, ERROR_INPUT,
                       "no lines, expected NDJSON as infer, eval --json and train-local --metrics write it");
    for (int i = 0; rc == 0 && i < args->pictures.count; i++)
        rc = read_pictures(report, args->pictures.item[i], err);
    if (rc == 0)
        rc = write_page(args, report, err);
    report_free(report);
    return rc;
}

const struct command cmd_report = {
    .name = "report",
    .summary = "lines of results as one page of HTML",
    .operands = "NDJSON...",
    .min_operands = 1,
    .max_operands = -1,
    .about = "Reads lines of JSON as infer, eval --json and train-local --metrics print them and\n"
             "writes a page that needs nothing but itself: accuracy over time, marks where something\n"
             "happened, who answered at which site, what was taken for what, the hardest samples.\n\n"
             "Keys that scripts add say where a line belongs: the time's key (--time), series, site;\n"
             "{\"night\": 22, \"event\": \"a bad release\"} is a mark on the axis.",
    .options = options,
    .examples = examples,
    .args_size = sizeof(struct args),
    .run = run,
};

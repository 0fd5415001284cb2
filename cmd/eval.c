#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/text.h"
#include "cmd/commands.h"
#include "cmd/making.h"
#include "cmd/share.h"
#include "infer/live.h"
#include "package/package.h"
#include "json/json.h"

struct args {
    struct texts data, results;
    const char *against, *require, *good, *output;
    int64_t runs, points;
    double escapes;
    bool sweep, tuned;
};

static const struct option options[] = {
    { "data", 'd', OPTION_LIST, FIELD(struct args, data), .value = "DATA", .neutral = true,
      .help = "labelled samples to judge by" },
    { "results", 0, OPTION_LIST, FIELD(struct args, results), .value = "NDJSON", .neutral = true,
      .help = "judge by what infer printed instead: drift, share of hard samples, confidence lost" },
    { "against", 0, OPTION_TEXT, FIELD(struct args, against), .value = "PACKAGE", .neutral = true,
      .help = "another package on the same data; gates with x are relative to it" },
    { "require", 0, OPTION_TEXT, FIELD(struct args, require), .value = "GATES", .neutral = true,
      .help = "exit 1 unless these hold, such as 'accuracy>=0.97, recall[bridge]>=0.99'" },
    { "sweep", 0, OPTION_FLAG, FIELD(struct args, sweep),
      .help = "escapes against false calls at every threshold of the good class" },
    { "good", 0, OPTION_TEXT, FIELD(struct args, good), .value = "LABEL",
      .help = "the label that is no defect (default: 'good', else the first)" },
    { "escapes", 0, OPTION_REAL, FIELD(struct args, escapes), .value = "SHARE", .initial = "0.01", .min = 0, .max = 1,
      .help = "most escapes that the chosen threshold may have" },
    { "points", 0, OPTION_INT, FIELD(struct args, points), .value = "N", .initial = "20", .min = 2, .max = 100000,
      .neutral = true, .help = "thresholds that a sweep shows" },
    { "output", 'o', OPTION_TEXT, FIELD(struct args, output), .value = "FILE", .neutral = true,
      .help = "write the package with the chosen threshold, unless a gate fails" },
    { "runs", 0, OPTION_INT, FIELD(struct args, runs), .value = "N", .initial = "0", .min = 0, .max = 1e6,
      .neutral = true, .help = "also time this many runs of one sample" },
    OPTION_ROW_TUNED(struct args),
    { 0 }
};

static const struct example examples[] = {
    { "coedge eval model.coedge --data val.tar", "accuracy, recall per class and confusion" },
    { "coedge eval model.coedge --data val.tar --sweep --good good", "choose a threshold for escapes" },
    { "coedge eval model.coedge --data val.tar --sweep --escapes 0.02 -o strict.coedge",
      "and put it into the package: infer and eval follow it" },
    { "coedge eval model.coedge --data val.tar --json --require 'accuracy>=0.2'", "a gate in a pipeline" },
    { "coedge infer model.coedge val.tar --hard entropy:0.5 >live.ndjson", "what eval --results reads" },
    { "coedge eval model.coedge --results live.ndjson --require 'samples>=10'", "a nightly trigger, without labels" },
    { 0 }
};

/* ---- the sweep ---- */

static int check_args(const struct args *args, struct error *err)
{
    if ((args->data.count > 0) == (args->results.count > 0)) {
        error_set(err, ERROR_USAGE, "expected --data or --results, found %s",
                  args->data.count > 0 ? "both" : "neither");
        return error_hint(err, "--data has labelled samples, --results what coedge infer printed");
    }
    if (args->results.count > 0 && (args->sweep || args->runs > 0 || args->against != NULL))
        return error_set(err, ERROR_USAGE, "--sweep, --runs and --against go with --data");
    if (args->output == NULL)
        return 0;
    if (!args->sweep) {
        error_set(err, ERROR_USAGE, "--output writes the package with the threshold that a sweep chose");
        return error_hint(err, "add --sweep");
    }
    if (strcmp(args->output, "-") == 0)
        return error_set(err, ERROR_USAGE, "--output: standard output has the measures; name a file");
    return 0;
}

static int good_label(const struct model *model, const char *name, struct error *err)
{
    int label = model_find_label(model, name ? name : "good");

    if (label >= 0)
        return label;
    if (name == NULL)
        return 0;
    return error_set(err, ERROR_USAGE, "--good: the model has no label '%s'", name);
}

/*
 * {sweep, chosen} in *swept, the probabilities of all samples in *probability. The chosen threshold is the model's from
 * here on when a package is to be written: then it is that package which is measured and passes the gates.
 */
static int sweep_model(const struct invocation *inv, struct model *model, const struct dataset *set,
                       const float **probability, struct tree **swept, struct error *err)
{
    const struct args *args = inv->args;
    const struct sweep_options o = { .good = good_label(model, args->good, err),
                                     .most_escapes = args->escapes,
                                     .points = (int)args->points };
    float *all = arena_array(inv->arena, (size_t)(set->count * model->label_count) + 1, sizeof(float));
    float *before = model->threshold;

    *probability = all;
    *swept = tree_map(inv->arena);
    if (o.good < 0)
        return -1;
    if (all == NULL || *swept == NULL)
        return error_memory(err);
    if (infer_probabilities(model, set, inv->job, all, err) < 0 ||
        infer_sweep(model, set, all, &o, inv->arena, *swept, err) < 0)
        return -1;
    if (args->output == NULL)
        model->threshold = before;
    return 0;
}

static void add_all(struct arena *arena, struct tree *map, struct tree *from)
{
    for (struct tree *one = from ? from->first : NULL, *next; one; one = next) {
        next = one->next;
        one->next = NULL;
        tree_add(arena, map, one->key, one);
    }
}

/* ---- the table ---- */

static const char *percent(struct arena *arena, const struct tree *value)
{
    const char *text = value && value->kind != TREE_NULL && isfinite(value->real)
                           ? arena_printf(arena, "%.2f %%", 100 * value->real)
                           : "-";

    return text ? text : "-";
}

static void print_classes(const struct invocation *inv, const struct tree *measures)
{
    static const char *const headings[] = { "class", "samples", "recall", "precision" };
    struct table *table = table_new(inv->arena, 4, headings);

    for (const struct tree *one = tree_get(measures, "per_class")->first; one; one = one->next) {
        const char *cells[4] = { one->key,
                                 arena_printf(inv->arena, "%lld", (long long)tree_get(one, "samples")->integer),
                                 percent(inv->arena, tree_get(one, "recall")),
                                 percent(inv->arena, tree_get(one, "precision")) };

        table_row(table, cells);
    }
    table_print(table, stdout, inv->color);
}

/* Rows are the truth, columns what was said. */
static void print_confusion(const struct invocation *inv, const struct model *model, const struct tree *measures)
{
    const int classes = model->label_count;
    const char **cells = arena_array(inv->arena, (size_t)classes + 1, sizeof(*cells));
    const struct tree *row = tree_get(measures, "confusion")->first;
    struct table *table;

    if (cells == NULL || classes > 20)
        return;
    cells[0] = "truth";
    for (int i = 0; i < classes; i++)
        cells[i + 1] = model->label[i];
    table = table_new(inv->arena, classes + 1, cells);
    for (int i = 0; i < classes; i++, row = row->next) {
        const struct tree *cell = row->first;

        cells[0] = model->label[i];
        for (int k = 0; k < classes; k++, cell = cell->next)
            cells[k + 1] = cell->integer ? arena_printf(inv->arena, "%lld", (long long)cell->integer) : ".";
        table_row(table, cells);
    }
    printf("\n");
    table_print(table, stdout, inv->color);
}

static void print_sweep(const struct invocation *inv, const struct tree *measures)
{
    static const char *const headings[] = { "threshold", "escapes", "false calls" };
    const struct tree *points = tree_get(tree_get(measures, "sweep"), "points");
    const struct tree *chosen = tree_get(measures, "chosen");
    struct table *table = table_new(inv->arena, 3, headings);

    for (const struct tree *one = points ? points->first : NULL; one; one = one->next) {
        const char *cells[3] = { arena_printf(inv->arena, "%.6f", tree_get(one, "threshold")->real),
                                 percent(inv->arena, tree_get(one, "escapes")),
                                 percent(inv->arena, tree_get(one, "false_calls")) };

        table_row(table, cells);
    }
    printf("\n");
    table_print(table, stdout, inv->color);
    if (chosen)
        printf("chosen: %.6f (escapes %s, false calls %s)\n", tree_get(chosen, "threshold")->real,
               percent(inv->arena, tree_get(chosen, "escapes")), percent(inv->arena, tree_get(chosen, "false_calls")));
}

static void print_table(const struct invocation *inv, const struct model *model, const struct tree *measures)
{
    printf("accuracy %s, balanced %s, loss %.4f, %lld samples\n\n", percent(inv->arena, tree_get(measures, "accuracy")),
           percent(inv->arena, tree_get(measures, "balanced_accuracy")), tree_get(measures, "loss")->real,
           (long long)tree_get(measures, "samples")->integer);
    print_classes(inv, measures);
    print_confusion(inv, model, measures);
    if (tree_get(measures, "sweep"))
        print_sweep(inv, measures);
    if (tree_get(measures, "median_ms"))
        printf("\none sample: median %.3f ms, p95 %.3f ms\n", tree_get(measures, "median_ms")->real,
               tree_get(measures, "p95_ms")->real);
}

/* ---- results instead of data ---- */

static int read_results(const struct invocation *inv, struct text *text, struct error *err)
{
    const struct args *args = inv->args;

    for (int i = 0; i < args->results.count; i++) {
        struct input in;

        if (input_open(&in, args->results.item[i], limit_get(LIMIT_PACKAGE_BYTES), err) < 0)
            return -1;
        text_add_bytes(text, in.bytes, in.count);
        if (in.count > 0 && in.bytes[in.count - 1] != '\n')
            text_add(text, "\n");
        input_close(&in);
    }
    return text_check(text, err);
}

static void print_measures(const struct invocation *inv, const struct tree *measures)
{
    static const char *const headings[] = { "measure", "value" };
    struct table *table = table_new(inv->arena, 2, headings);
    struct text text = { 0 };

    for (const struct tree *one = measures->first; one; one = one->next) {
        const char *cells[2] = { one->key, NULL };

        text.length = 0;
        if (one->kind == TREE_REAL)
            text_printf(&text, "%.4f", one->real);
        else
            json_write(&text, one);
        cells[1] = arena_strdup(inv->arena, text.chars ? text.chars : "");
        table_row(table, cells);
    }
    text_free(&text);
    table_print(table, stdout, inv->color);
}

static int eval_results(const struct invocation *inv, struct model *model, struct error *err)
{
    const struct args *args = inv->args;
    struct text text = { 0 };
    struct tree *measures = NULL;
    struct gate *gate = NULL;
    int count = 0, rc = 0;

    if (args->require != NULL && gate_parse(inv->arena, args->require, &gate, &count, err) < 0)
        return error_in(err, "--require");
    if (gate_needs_reference(gate, count))
        rc = error_set(err, ERROR_USAGE, "--require: a gate with 'x' is relative to a package, which --results is not");
    if (rc == 0)
        rc = read_results(inv, &text, err);
    if (rc == 0)
        rc = live_measure(inv->arena, model, text.chars ? text.chars : "", text.length, &measures, err);
    text_free(&text);
    if (rc == 0)
        rc = package_settle(model, err);
    if (rc < 0 || measures == NULL)
        return -1;
    if (tree_get(measures, "drift") == NULL && !inv->quiet)
        fprintf(stderr, "no drift: the package has no statistics, which train-local stores\n");
    if (inv->json || !isatty(STDOUT_FILENO))
        rc = print_json(measures, err);
    else
        print_measures(inv, measures);
    return rc < 0 ? -1 : gate_check(gate, count, measures, NULL, err);
}

/* ---- the run ---- */

/* All that the package to be written has, so that its size is known. */
static int record(const struct invocation *inv, struct making *making, struct model *model, const struct dataset *set,
                  int64_t *size, struct error *err)
{
    making_data(making, model, set);
    if (package_settle(model, err) < 0 || making_record(inv, making, model, err) < 0)
        return -1;
    return making_size(inv, model, size, err);
}

static int judge(const struct invocation *inv, struct model *model, struct making *making, struct tree **measures,
                 struct error *err)
{
    const struct args *args = inv->args;
    struct measure_options o = { .runs = (int)args->runs, .size = (int64_t)model->source.count };
    struct dataset set = { 0 };
    struct tree *swept = NULL;
    int rc = open_data(inv, &args->data, model, &set, err);

    o.set = &set;
    if (rc == 0 && args->sweep)
        rc = sweep_model(inv, model, &set, &o.probability, &swept, err);
    if (rc == 0 && making != NULL && making->output != NULL)
        rc = record(inv, making, model, &set, &o.size, err);
    if (rc == 0)
        rc = measure_model(inv->arena, model, &o, inv->job, measures, err);
    if (rc == 0)
        add_all(inv->arena, *measures, swept);
    dataset_free(&set);
    return rc;
}

static int judge_other(const struct invocation *inv, struct tree **reference, struct error *err)
{
    const struct args *args = inv->args;
    struct model other;
    int rc;

    *reference = NULL;
    if (args->against == NULL)
        return 0;
    if (open_named(inv, args->against, &other, err) < 0)
        return -1;
    rc = use_tuned(inv, args->tuned, args->against, &other, err);
    if (rc == 0)
        rc = judge(inv, &other, NULL, reference, err);
    if (rc == 0)
        rc = package_settle(&other, err);
    model_free(&other);
    return rc < 0 ? error_in(err, "%s", args->against) : 0;
}

static int show(const struct invocation *inv, const struct model *model, const struct tree *measures, struct error *err)
{
    if (inv->json || !isatty(STDOUT_FILENO))
        return print_json(measures, err);
    print_table(inv, model, measures);
    return 0;
}

/* The gates, and what can be said of them before anything is measured. */
static int begin_gates(const struct invocation *inv, const struct model *model, struct gate **gate, int *count,
                       struct error *err)
{
    const struct args *args = inv->args;

    if (args->require == NULL)
        return 0;
    if (gate_parse(inv->arena, args->require, gate, count, err) < 0)
        return error_in(err, "--require");
    if (gate_needs_reference(*gate, *count) && args->against == NULL)
        return error_set(err, ERROR_USAGE, "--require: a gate with 'x' is relative to --against, which is not given");
    return gate_check_labels(inv->arena, *gate, *count, model->label, model->label_count, err);
}

/* Measures, shown and held against the gates; with --output the package that passed them. */
static int eval(const struct invocation *inv, struct model *model, struct error *err)
{
    const struct args *args = inv->args;
    struct making making = { .output = args->output };
    struct tree *measures = NULL, *reference = NULL;
    struct gate *gate = NULL;
    const char *what = model_is_piped(inv) ? "standard input" : inv->operand[0];
    int count = 0;

    if (begin_gates(inv, model, &gate, &count, err) < 0)
        return -1;
    if (args->output != NULL && making_begin(inv, &making, model, err) < 0)
        return -1;
    if (use_tuned(inv, args->tuned, what, model, err) < 0 || judge(inv, model, &making, &measures, err) < 0 ||
        judge_other(inv, &reference, err) < 0 || package_settle(model, err) < 0)
        return -1;
    if (reference != NULL)
        tree_add(inv->arena, measures, "against", reference);
    if (show(inv, model, measures, err) < 0 || gate_check(gate, count, measures, reference, err) < 0)
        return -1;
    return args->output != NULL ? package_write(model, args->output, inv->job, NULL, err) : 0;
}

static int run(const struct invocation *inv, struct error *err)
{
    const struct args *args = inv->args;
    struct model model;
    int rc;

    if (check_args(args, err) < 0 ||
        check_stdin_once(inv, &args->data, NULL, args->against, args->against != NULL, err) < 0 ||
        open_model(inv, 0, &model, err) < 0)
        return -1;
    rc = args->results.count > 0 ? eval_results(inv, &model, err) : eval(inv, &model, err);
    model_free(&model);
    return rc;
}

const struct command cmd_eval = {
    .name = "eval",
    .summary = "judge a package on labelled data",
    .operands = "[MODEL]",
    .max_operands = 1,
    .about = "Runs every sample and prints accuracy, balanced accuracy, recall and precision\n"
             "per class and the confusion table; with --json one object of the same measures.\n\n"
             "With --results it judges what infer printed, without labels: how far confidence,\n"
             "answers and light are from those at training, and how many samples were hard.\n\n"
             "With --sweep every threshold of P(good) is tried: an escape is a defect called\n"
             "good, a false call is a good sample called defect. With -o the package is written\n"
             "with the chosen one, which infer and eval then follow.",
    .options = options,
    .examples = examples,
    .args_size = sizeof(struct args),
    .threads = true,
    .reads_stdin = true,
    .run = run,
};

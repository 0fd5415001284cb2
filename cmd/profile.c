#include <stdio.h>

#include "base/clock.h"
#include "base/text.h"
#include "cmd/commands.h"
#include "cmd/share.h"
#include "cmd/tune.h"
#include "infer/profile.h"
#include "kern/kern.h"
#include "package/package.h"

struct args {
    int64_t runs, warmup, batch;
    double seconds;
    struct texts input;
    bool nodes, explain, tune, tuned;
};

static const struct option options[] = {
    { "runs", 0, OPTION_INT, FIELD(struct args, runs), .value = "N", .initial = "0", .min = 0, .max = 1e6,
      .help = "runs to time; 0: as many as --seconds take, at least 10" },
    { "seconds", 0, OPTION_REAL, FIELD(struct args, seconds), .value = "S", .initial = "1", .min = 0, .max = 3600,
      .help = "how long to time runs for" },
    { "warmup", 0, OPTION_INT, FIELD(struct args, warmup), .value = "N", .initial = "3", .min = 0, .max = 1e6,
      .help = "runs before those that count" },
    { "batch", 'b', OPTION_INT, FIELD(struct args, batch), .value = "N", .initial = "1", .min = 1, .max = 65536,
      .help = "samples in a run" },
    { "input", 0, OPTION_LIST, FIELD(struct args, input), .value = "[NAME=]SIZES",
      .help = "sizes that a model leaves open, such as 3x224x224, without the batch" },
    { "nodes", 0, OPTION_FLAG, FIELD(struct args, nodes),
      .help = "a line for each node that runs: its time and share" },
    { "explain", 0, OPTION_FLAG, FIELD(struct args, explain),
      .help = "also its kernel, layout, multiply-adds and share of the machine's peak, and what it does besides" },
    { "tune", 0, OPTION_FLAG, FIELD(struct args, tune),
      .help = "time other kernels, too, with one thread, and keep in the store which are faster here, for --tuned" },
    OPTION_ROW_TUNED(struct args),
    { 0 }
};

static const struct example examples[] = {
    { "coedge profile model.coedge", "how long one image takes here" },
    { "coedge profile model.coedge --explain --threads 1", "where the time goes" },
    { "coedge profile model.coedge --tune && coedge infer --tuned model.coedge joint.png",
      "the kernels that are fastest on this processor, from now on" },
    { "coedge profile model.onnx --batch 8 --runs 20 --json", "eight at a time, for a program" },
    { 0 }
};

/* ---- as JSON ---- */

static void add_nodes(struct arena *arena, struct tree *map, const struct profile *profile)
{
    struct tree *list = tree_add_list(arena, map, "nodes");

    for (int s = 0; s < profile->step_count; s++) {
        const struct profile_step *step = &profile->step[s];
        struct tree *one = tree_add_map(arena, list, NULL), *does;
        const double peak = profile_peak_share(profile, s);

        tree_add_text(arena, one, "name", step->name);
        tree_add_text(arena, one, "op", step->op);
        tree_add_text(arena, one, "kernel", step->kernel);
        tree_add_bool(arena, one, "tuned", step->way != OP_WAY_ANY);
        tree_add_text(arena, one, "layout", step->layout);
        tree_add_int(arena, one, "macs", (int64_t)step->macs);
        tree_add_real(arena, one, "ms", profile->step_ms[s]);
        tree_add_real(arena, one, "share", profile->step_ms[s] / profile->steps_ms);
        if (peak >= 0)
            tree_add_real(arena, one, "share_of_peak", peak);
        does = tree_add_list(arena, one, "does");
        for (int i = 0; i < step->does_count; i++)
            tree_add_text(arena, does, NULL, step->does[i]);
    }
}

static struct tree *to_tree(const struct invocation *inv, const struct profile *profile)
{
    const struct args *args = inv->args;
    struct arena *arena = inv->arena;
    struct tree *map = tree_map(arena);

    tree_add_real(arena, map, "median_ms", profile->median_ms);
    tree_add_real(arena, map, "p95_ms", profile->p95_ms);
    tree_add_real(arena, map, "p99_ms", profile->p99_ms);
    tree_add_real(arena, map, "min_ms", profile->min_ms);
    tree_add_real(arena, map, "mean_ms", profile->mean_ms);
    tree_add_int(arena, map, "macs", (int64_t)profile->macs);
    tree_add_int(arena, map, "peak_memory_bytes", clock_peak_memory_bytes());
    tree_add_int(arena, map, "threads", pool_threads(inv->job->pool));
    tree_add_int(arena, map, "runs", profile->runs);
    tree_add_int(arena, map, "batch", args->batch);
    tree_add_text(arena, map, "cpu", inv->job->kern->cpu);
    if (args->nodes || args->explain) {
        tree_add_real(arena, map, "peak_macs_per_s", profile->peak);
        add_nodes(arena, map, profile);
    }
    return map;
}

/* ---- for people ---- */

enum { MOST_COLUMNS = 8, BRIEF_COLUMNS = 4 };

static void print_does(struct table *table, struct arena *arena, const struct profile_step *step)
{
    for (int i = 0; i < step->does_count; i++) {
        const char *cells[MOST_COLUMNS] = { arena_printf(arena, "+ %s", step->does[i]), "", "", "", "", "", "", "" };

        if (cells[0] != NULL)
            table_row(table, cells);
    }
}

static const char *count_text(struct arena *arena, double count)
{
    char buf[16];

    return count > 0 ? arena_strdup(arena, text_count(buf, count)) : "-";
}

/* With --explain all columns, else the first and those that tell the time. */
static void print_steps(const struct invocation *inv, const struct profile *profile, bool explain)
{
    static const char *const all[] = { "node", "operator", "ms", "share", "of peak", "MACs", "kernel", "layout" };
    struct arena *arena = inv->arena;
    struct table *table = table_new(arena, explain ? MOST_COLUMNS : BRIEF_COLUMNS, all);

    for (int s = 0; s < profile->step_count; s++) {
        const struct profile_step *step = &profile->step[s];
        const double peak = profile_peak_share(profile, s);
        const char *cells[MOST_COLUMNS] = {
            step->name,
            step->op,
            arena_printf(arena, "%.4f", profile->step_ms[s]),
            arena_printf(arena, "%.1f %%", 100 * profile->step_ms[s] / profile->steps_ms),
            peak >= 0 ? arena_printf(arena, "%.1f %%", 100 * peak) : "-",
            count_text(arena, step->macs),
            step->way != OP_WAY_ANY ? arena_printf(arena, "%s, tuned", step->kernel) : step->kernel,
            step->layout
        };

        if (arena->failed)
            return;
        table_row(table, cells);
        if (explain)
            print_does(table, arena, step);
    }
    printf("\n");
    table_print(table, stdout, inv->color);
}

static void print_profile(const struct invocation *inv, const struct model *model, const struct profile *profile)
{
    const struct args *args = inv->args;
    const int threads = pool_threads(inv->job->pool);
    const double rate = profile->macs / (profile->median_ms * 1e-3);
    char macs[16], speed[16], memory[16];

    printf("%s: median %.3f ms, p95 %.3f, p99 %.3f, least %.3f, mean %.3f; %lld runs\n", model->name,
           profile->median_ms, profile->p95_ms, profile->p99_ms, profile->min_ms, profile->mean_ms,
           (long long)profile->runs);
    printf("batch %lld, %d thread%s, %s; %s MACs, %s a second; at most %s of memory\n", (long long)args->batch, threads,
           threads == 1 ? "" : "s", inv->job->kern->cpu, text_count(macs, profile->macs), text_count(speed, rate),
           text_bytes(memory, (double)clock_peak_memory_bytes()));
    if (!args->nodes && !args->explain)
        return;
    print_steps(inv, profile, args->explain);
    if (args->explain)
        printf("\n%.4f ms in %d nodes; peak %s MACs a second\n", profile->steps_ms, profile->step_count,
               text_count(speed, profile->peak));
}

static int check_args(const struct args *args, struct error *err)
{
    if (!args->tune || !(args->nodes || args->explain))
        return 0;
    error_set(err, ERROR_USAGE, "--tune goes without --nodes and --explain");
    return error_hint(err, "first --tune, then --tuned --explain");
}

/* What is to be timed is the choice: without one there is nothing to tell. */
static int need_tuned(const struct invocation *inv, struct model *model, struct error *err)
{
    const struct args *args = inv->args;
    struct tuned_key key;
    const char *path;
    int rc;

    if (!args->tuned)
        return 0;
    if (tuned_place(inv, model, &key, &path, err) < 0)
        return -1;
    rc = tuned_read(model, &key, path, err);
    if (rc != 0)
        return rc < 0 ? -1 : 0;
    error_set(err, ERROR_INPUT, "not tuned for this CPU: %s is not there", path);
    return error_hint(err, "coedge profile MODEL --tune makes it");
}

/* Of a model that is whole, or the times are of nothing. */
static int profile(const struct invocation *inv, struct model *model, const struct profile_options *o,
                   struct error *err)
{
    const struct args *args = inv->args;
    struct profile profile;

    if (package_settle(model, err) < 0)
        return -1;
    if (args->tune)
        return tune_and_keep(inv, model, o, err);
    if (need_tuned(inv, model, err) < 0 || profile_model(model, o, inv->job, inv->arena, &profile, err) < 0)
        return -1;
    if (inv->json)
        return print_json(to_tree(inv, &profile), err);
    print_profile(inv, model, &profile);
    return 0;
}

static int run(const struct invocation *inv, struct error *err)
{
    const struct args *args = inv->args;
    const struct profile_options o = { .batch = args->batch,
                                       .warmup = args->warmup,
                                       .runs = args->runs,
                                       .seconds = args->seconds,
                                       .sizes = args->input.item,
                                       .size_count = args->input.count,
                                       .steps = args->nodes || args->explain };
    struct model model;
    int rc;

    if (check_args(args, err) < 0 || open_fixed(inv, 0, &model, err) < 0)
        return -1;
    rc = profile(inv, &model, &o, err);
    model_free(&model);
    return rc;
}

const struct command cmd_profile = {
    .name = "profile",
    .summary = "time a model on this machine",
    .operands = "[MODEL]",
    .max_operands = 1,
    .about = "Runs the model on random numbers and prints the median, 95th and 99th percentile,\n"
             "least and mean time of a run, its multiply-adds and the process's largest memory;\n"
             "with --json one object of the same. --nodes and --explain tell where the time goes;\n"
             "--tune looks for kernels that are faster here.",
    .options = options,
    .examples = examples,
    .args_size = sizeof(struct args),
    .threads = true,
    .reads_stdin = true,
    .run = run,
};

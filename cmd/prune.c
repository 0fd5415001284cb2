/* prune.c - fewer channels, or fewer weights that are not zero. */
#include "prune/prune.h"
#include "cmd/commands.h"
#include "cmd/making.h"
#include "cmd/share.h"

enum structure { STRUCTURE_NONE, STRUCTURE_CHANNEL };

struct args {
    double sparsity;
    int structure, scope, method;
    struct texts val;
    const char *output, *require;
};

static const char *const structures[] = { [STRUCTURE_NONE] = "none", [STRUCTURE_CHANNEL] = "channel", NULL };
static const char *const scopes[] = { [PRUNE_LAYER] = "layer", [PRUNE_GLOBAL] = "global", NULL };
static const char *const methods[] = {
    [PRUNE_MAGNITUDE] = "magnitude", [PRUNE_L1] = "l1", [PRUNE_BATCHNORM] = "batchnorm", NULL
};

static const struct option options[] = {
    { "sparsity", 's', OPTION_REAL, FIELD(struct args, sparsity), .value = "FRACTION", .initial = "0.5", .min = 0,
      .max = 0.99, .help = "share to remove" },
    { "structure", 0, OPTION_CHOICE, FIELD(struct args, structure), .value = "NAME", .initial = "channel",
      .choices = structures, .help = "channels are removed; with none, single weights become zero" },
    { "scope", 0, OPTION_CHOICE, FIELD(struct args, scope), .value = "NAME", .initial = "layer", .choices = scopes,
      .help = "the same share of every layer, or the lowest of all together" },
    { "method", 'm', OPTION_CHOICE, FIELD(struct args, method), .value = "NAME", .initial = "magnitude",
      .choices = methods, .help = "how to score a channel: L2 or L1 norm, or its BatchNormalization's scale" },
    OPTION_ROWS_GATE(struct args),
    OPTION_ROW_OUTPUT(struct args),
    { 0 }
};

static const struct example examples[] = {
    { "coedge prune model.coedge --sparsity 0.5 -o half.coedge", "half of the channels of every layer" },
    { "coedge prune model.coedge --structure none --sparsity 0.9 -o sparse.coedge", "nine of ten weights to zero" },
    { 0 }
};

static int prune(const struct invocation *inv, struct model *model, struct error *err)
{
    const struct args *args = inv->args;
    const struct prune_options o = { args->sparsity, (enum prune_scope)args->scope, (enum prune_method)args->method };
    struct prune_report report;
    int rc = args->structure == STRUCTURE_CHANNEL ? prune_channels(model, &o, inv->job, &report, err)
                                                  : prune_weights(model, &o, &report, err);

    if (rc == 0 && inv->verbose)
        job_note(inv->job, "%lld of %lld %s removed; parameters %lld to %lld, MACs %.0f to %.0f",
                 (long long)report.removed, (long long)report.total,
                 args->structure == STRUCTURE_CHANNEL ? "channels" : "weights", (long long)report.parameters_before,
                 (long long)report.parameters_after, report.macs_before, report.macs_after);
    return rc;
}

static int run(const struct invocation *inv, struct error *err)
{
    const struct args *args = inv->args;
    struct making making = { .output = args->output, .require = args->require, .val = &args->val };
    struct model model;
    int rc;

    if (check_stdin_once(inv, &args->val, NULL, NULL, false, err) < 0 || open_model(inv, 0, &model, err) < 0)
        return -1;
    rc = making_begin(inv, &making, &model, err);
    if (rc == 0)
        rc = prune(inv, &model, err);
    if (rc == 0)
        rc = making_end(inv, &making, &model, err);
    model_free(&model);
    return rc;
}

const struct command cmd_prune = {
    .name = "prune",
    .summary = "remove the channels a model needs least",
    .operands = "[MODEL]",
    .max_operands = 1,
    .about = "Scores the channels of every layer, removes the lowest, and narrows the layers\n"
             "that read them. Channels that must stay together go together: both sides of a\n"
             "residual add, a depthwise filter and its input, all columns behind a Flatten.\n"
             "The classes of the last layer stay.\n\n"
             "With --structure none the smallest weights become zero and shapes stay.\n\n"
             "Pruning does not retrain; follow it with coedge train-local, and let the package\n"
             "from before be its --teacher.",
    .options = options,
    .examples = examples,
    .args_size = sizeof(struct args),
    .threads = true,
    .reads_stdin = true,
    .run = run,
};

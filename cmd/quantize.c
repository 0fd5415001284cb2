#include "cmd/commands.h"
#include "cmd/making.h"
#include "cmd/share.h"
#include "package/package.h"
#include "quant/quant.h"

struct args {
    struct texts calibrate, val;
    int64_t samples;
    int bits, observer, per;
    bool weights_only;
    const char *output, *require;
};

static const char *const bits_names[] = { "8", NULL };
static const char *const observer_names[] = { "minmax", "percentile", "mse", NULL };
static const char *const per_names[] = { "channel", "tensor", NULL };

static const struct option options[] = {
    { "bits", 0, OPTION_CHOICE, FIELD(struct args, bits), .value = "N", .initial = "8", .choices = bits_names,
      .help = "bits of a weight" },
    { "calibrate", 'c', OPTION_LIST, FIELD(struct args, calibrate), .value = "DATA", .neutral = true,
      .help = "samples that show the ranges of activations; labels are not needed" },
    { "samples", 0, OPTION_INT, FIELD(struct args, samples), .value = "N", .initial = "512", .min = 0, .max = 1e9,
      .help = "samples of it to use, evenly spread; 0: all" },
    { "observer", 0, OPTION_CHOICE, FIELD(struct args, observer), .value = "NAME", .initial = "mse",
      .choices = observer_names, .help = "how a range is chosen from what was seen" },
    { "per", 0, OPTION_CHOICE, FIELD(struct args, per), .value = "NAME", .initial = "channel", .choices = per_names,
      .help = "one scale per output channel of a weight, or per tensor" },
    { "weights-only", 0, OPTION_FLAG, FIELD(struct args, weights_only),
      .help = "store weights in 8 bits, compute in reals" },
    OPTION_ROWS_GATE(struct args),
    OPTION_ROW_OUTPUT(struct args),
    { 0 }
};

static const struct example examples[] = {
    { "coedge quantize model.coedge --calibrate train.tar -o int8.coedge", "8 bits, calibrated" },
    { "coedge quantize model.coedge --calibrate train.tar --val val.tar --require 'size<=0.6x' -o int8.coedge",
      "only if it is worth it" },
    { 0 }
};

static int check_args(const struct args *args, struct error *err)
{
    if (args->weights_only == (args->calibrate.count == 0))
        return 0;
    if (args->weights_only)
        return error_set(err, ERROR_USAGE, "--calibrate is of no use with --weights-only");
    error_set(err, ERROR_USAGE, "activations need --calibrate DATA to show their ranges");
    return error_hint(err, "a few hundred samples of training data do; or use --weights-only");
}

static int quantize(const struct invocation *inv, struct model *model, struct making *making, struct error *err)
{
    const struct args *args = inv->args;
    const struct quant_options o = {
        .observer = (enum quant_observer)args->observer,
        .per = (enum quant_per)args->per,
        .samples = args->samples,
        .weights_only = args->weights_only,
    };
    struct quant_report report;
    struct dataset set = { 0 };
    int rc = 0;

    if (!args->weights_only) {
        const struct dataset_options loose = { 0 };

        rc = dataset_load(&set, args->calibrate.item, args->calibrate.count, &model->preprocess, model->label,
                          model->label_count, &loose, inv->job, err);
    }
    if (rc == 0 && !args->weights_only)
        making_data(making, model, &set);
    if (rc == 0)
        rc = quantize_model(model, args->weights_only ? NULL : &set, &o, inv->job, &report, err);
    dataset_free(&set);
    if (rc == 0 && inv->verbose)
        job_note(inv->job, "%d tensors in 8 bits; %d nodes run in integers, %d in reals", report.weights,
                 report.nodes_integer, report.nodes_real);
    return rc;
}

static int run(const struct invocation *inv, struct error *err)
{
    const struct args *args = inv->args;
    struct making making = { .output = args->output, .require = args->require, .val = &args->val };
    struct model model;
    int rc;

    if (check_stdin_once(inv, &args->calibrate, &args->val, NULL, false, err) < 0 || check_args(args, err) < 0 ||
        open_model(inv, 0, &model, err) < 0)
        return -1;
    rc = making_begin(inv, &making, &model, err);
    if (rc == 0)
        rc = quantize(inv, &model, &making, err);
    if (rc == 0)
        rc = making_end(inv, &making, &model, err);
    model_free(&model);
    return rc;
}

const struct command cmd_quantize = {
    .name = "quantize",
    .summary = "store and compute in 8-bit integers",
    .operands = "[MODEL]",
    .max_operands = 1,
    .about = "Folds BatchNormalization into the layers before it, finds the range of every\n"
             "activation on calibration data, and rewrites weights as 8-bit integers with a\n"
             "scale per output channel. The result runs in integer arithmetic.",
    .options = options,
    .examples = examples,
    .args_size = sizeof(struct args),
    .threads = true,
    .reads_stdin = true,
    .run = run,
};

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "cmd/commands.h"
#include "cmd/making.h"
#include "cmd/share.h"
#include "cmd/train_head.h"
#include "cmd/train_metrics.h"
#include "data/replay.h"
#include "infer/live.h"
#include "merge/merge.h"
#include "package/package.h"
#include "train/train.h"

struct args {
    struct texts data, val, freeze;
    double epochs, minutes, lr, momentum, weight_decay, smoothing, warmup, distill, temperature;
    int64_t steps, batch, round, memory_limit, replay;
    int optimizer, schedule, class_weights;
    const char *augment, *labels, *teacher, *checkpoint, *metrics, *site, *sign, *output, *require;
    bool update, last, grow;
};

static const char *const optimizer_names[] = { "sgd", "adam", "adamw", NULL };
static const char *const schedule_names[] = { "constant", "cosine", "step", NULL };
static const char *const weight_names[] = { "none", "balanced", "sqrt", NULL };

/* The teacher that is the model as it was before this run. */
static const char former_self[] = "self";

static const struct option options[] = {
    { "data", 'd', OPTION_LIST, FIELD(struct args, data), .value = "DATA", .required = true, .neutral = true,
      .help = "samples to learn from: a shard, a folder, an idx pair, or -" },
    OPTION_ROWS_GATE(struct args),
    { "epochs", 'e', OPTION_REAL, FIELD(struct args, epochs), .value = "N", .initial = "10", .min = 0, .max = 1e6,
      .help = "passes over the data" },
    { "steps", 0, OPTION_INT, FIELD(struct args, steps), .value = "N", .min = 0, .max = 1e12,
      .help = "steps instead of epochs" },
    { "minutes", 0, OPTION_REAL, FIELD(struct args, minutes), .value = "M", .min = 0, .max = 1e6,
      .help = "stop after this time at the latest (the result then depends on the machine's speed)" },
    { "batch", 'b', OPTION_INT, FIELD(struct args, batch), .value = "N", .initial = "32", .min = 1, .max = 65536,
      .help = "samples a step" },
    { "lr", 0, OPTION_REAL, FIELD(struct args, lr), .value = "RATE", .initial = "0.002", .min = 0, .max = 1000,
      .help = "learning rate at the start" },
    { "optimizer", 0, OPTION_CHOICE, FIELD(struct args, optimizer), .value = "NAME", .initial = "adamw",
      .choices = optimizer_names, .help = "how weights follow gradients" },
    { "momentum", 0, OPTION_REAL, FIELD(struct args, momentum), .value = "F", .initial = "0.9", .min = 0, .max = 1,
      .help = "momentum of sgd" },
    { "weight-decay", 0, OPTION_REAL, FIELD(struct args, weight_decay), .value = "F", .initial = "0.01", .min = 0,
      .max = 10, .help = "decay of filters and matrices" },
    { "schedule", 0, OPTION_CHOICE, FIELD(struct args, schedule), .value = "NAME", .initial = "cosine",
      .choices = schedule_names, .help = "how the learning rate falls" },
    { "warmup", 0, OPTION_REAL, FIELD(struct args, warmup), .value = "SHARE", .initial = "0", .min = 0, .max = 0.9,
      .help = "share of the run with a rising learning rate" },
    { "smoothing", 0, OPTION_REAL, FIELD(struct args, smoothing), .value = "F", .initial = "0", .min = 0, .max = 0.9,
      .help = "label smoothing" },
    { "augment", 0, OPTION_TEXT, FIELD(struct args, augment), .value = "LIST",
      .help = "vary samples: flip, hflip, vflip, rotate90, shift:N, brightness:F, contrast:F, noise:S, cutout:N" },
    { "class-weights", 0, OPTION_CHOICE, FIELD(struct args, class_weights), .value = "NAME", .initial = "none",
      .choices = weight_names, .help = "weigh rare classes more: by 1/count or its root" },
    { "teacher", 0, OPTION_TEXT, FIELD(struct args, teacher), .value = "PACKAGE", .neutral = true, .word = former_self,
      .help =
          "learn this package's answers too, such as those of the model before it was pruned; self: the model's own" },
    { "distill", 0, OPTION_REAL, FIELD(struct args, distill), .value = "SHARE", .initial = "0.5", .min = 0, .max = 1,
      .help = "share of the loss that is the teacher's" },
    { "temperature", 0, OPTION_REAL, FIELD(struct args, temperature), .value = "T", .initial = "2", .min = 0.1,
      .max = 100, .help = "how much both answers are softened before they are compared" },
    { "freeze", 0, OPTION_LIST, FIELD(struct args, freeze), .value = "PATTERN",
      .help = "weights to leave as they are, such as 'conv*'" },
    { "memory-limit", 0, OPTION_INT, FIELD(struct args, memory_limit), .value = "BYTES", .neutral = true, .min = 0,
      .max = 1e15, .help = "of weights, optimizer and a step: computes activations again until it does; same result" },
    { "labels", 0, OPTION_TEXT, FIELD(struct args, labels), .value = "FILE", .neutral = true,
      .help = "a new head for these labels, one a line; rows of old labels are kept" },
    { "grow", 0, OPTION_FLAG, FIELD(struct args, grow),
      .help = "classes that only the data have become labels of the model, behind those it has" },
    { "replay", 0, OPTION_INT, FIELD(struct args, replay), .value = "N", .min = 0, .max = 100000,
      .help = "learn what the package kept too, and keep N samples in it, the same of each class; 0: forget them" },
    { "checkpoint", 0, OPTION_TEXT, FIELD(struct args, checkpoint), .value = "FILE", .neutral = true,
      .help = "write after each epoch, and go on from it when it is there" },
    { "metrics", 0, OPTION_TEXT, FIELD(struct args, metrics), .value = "FILE", .neutral = true,
      .help = "a JSON line per epoch; - is standard error" },
    { "last", 0, OPTION_FLAG, FIELD(struct args, last), .help = "keep the last weights, not the best of --val" },
    { "update", 0, OPTION_FLAG, FIELD(struct args, update),
      .help = "write the difference to the input package, for coedge aggregate" },
    { "site", 0, OPTION_TEXT, FIELD(struct args, site), .value = "NAME", .help = "who sends the update" },
    { "round", 0, OPTION_INT, FIELD(struct args, round), .value = "N", .min = 0, .max = 1e12,
      .help = "the update's round" },
    { "sign", 0, OPTION_TEXT, FIELD(struct args, sign), .value = "KEY", .neutral = true,
      .help = "sign the update with this secret key of the site, for coedge aggregate --keys" },
    OPTION_ROW_OUTPUT(struct args),
    { 0 }
};

static const struct example examples[] = {
    { "coedge train-local base.coedge --data train.tar --val val.tar --epochs 2 -o model.coedge",
      "train, keep the epoch that is best on val.tar" },
    { "coedge train-local base.coedge --data train.tar --epochs 1 --update --site a -o a.update",
      "train where the data is; send only the difference" },
    { "coedge train-local base.coedge --data train.tar --epochs 1 --update --site a --round 1 --sign a.key -o a.update",
      "the same, signed for a round that asks who sent it" },
    { "coedge prune model.coedge | coedge train-local - --teacher model.coedge --data train.tar --epochs 3 -o "
      "tuned.coedge",
      "tune a pruned model; the one from before is its teacher" },
    { "coedge train-local base.coedge --grow --replay 60 --teacher self --data train.tar --epochs 1 -o night.coedge",
      "a night's data, perhaps with a new class; what was known before stays known" },
    { 0 }
};

/* ---- the run ---- */

static int check_args(const struct invocation *inv, struct error *err)
{
    const struct args *args = inv->args;

    if (args->epochs <= 0 && args->steps <= 0 && args->minutes <= 0) {
        error_set(err, ERROR_USAGE, "--epochs 0 without --steps or --minutes: the run would never end");
        return error_hint(err, "--epochs 0 --minutes 5 trains for five minutes");
    }
    if (!args->update && (args->site || args->round || args->sign))
        return error_set(err, ERROR_USAGE, "--site, --round and --sign go with --update");
    if (args->update && args->site == NULL) {
        error_set(err, ERROR_USAGE, "--update needs --site NAME: who sends it");
        return error_hint(err, "names are the federation's, such as factory-a");
    }
    if (check_site(args->site, err) < 0)
        return -1;
    if (args->update && args->labels)
        return error_set(err, ERROR_USAGE, "--labels makes another head: such an update fits no base");
    if (args->update && args->grow)
        return error_set(err, ERROR_USAGE, "--grow makes another head: such an update fits no base");
    if (args->update && args->replay > 0)
        return error_set(err, ERROR_USAGE, "--replay keeps samples in the package; an update carries none");
    if (args->labels && args->grow)
        return error_set(err, ERROR_USAGE, "--labels says which classes there are, --grow lets the data say it");
    if (args->teacher == NULL && (option_changed(inv, "distill") || option_changed(inv, "temperature")))
        return error_set(err, ERROR_USAGE, "--distill and --temperature go with --teacher");
    if (args->update && args->require)
        return error_set(err, ERROR_USAGE, "--require judges packages, not updates");
    return 0;
}

static int set_options(const struct invocation *inv, struct train_options *o, struct error *err)
{
    const struct args *args = inv->args;

    *o = (struct train_options){
        .epochs = args->steps > 0 ? 0 : args->epochs,
        .steps = args->steps,
        .minutes = args->minutes,
        .batch = (int)args->batch,
        .optimizer = (enum optimizer_kind)args->optimizer,
        .lr = args->lr,
        .momentum = args->momentum,
        .weight_decay = args->weight_decay,
        .smoothing = args->smoothing,
        .schedule = (enum schedule_kind)args->schedule,
        .warmup = args->warmup,
        .class_weights = (enum class_weights)args->class_weights,
        .freeze = args->freeze.item,
        .freeze_count = args->freeze.count,
        .distill = args->distill,
        .temperature = args->temperature,
        .keep_best = !args->last,
        .checkpoint = args->checkpoint,
        .seed = inv->job->seed,
        .memory_bytes = (size_t)args->memory_limit,
    };
    return args->augment ? augment_parse(&o->augment, args->augment, err) : 0;
}

static void add_measures(struct making *making, struct model *model, const struct train_result *result)
{
    struct arena *arena = &model->arena;

    making->measures = tree_map(arena);
    tree_add_int(arena, making->measures, "steps", result->steps);
    tree_add_int(arena, making->measures, "examples", result->examples);
    tree_add_real(arena, making->measures, "loss", result->loss);
    if (isfinite(result->val_accuracy))
        tree_add_real(arena, making->measures, "val_accuracy", result->val_accuracy);
}

/* ---- data, and what is kept of it ---- */

static int open_training(const struct invocation *inv, struct model *model, struct dataset *set, struct error *err)
{
    const struct args *args = inv->args;
    struct dataset_options o = { .need_labels = true };
    struct rehearsal kept;

    if (args->replay > 0 && package_has(model, PACKAGE_REPLAY)) {
        kept.name = arena_printf(inv->arena, "%s: " PACKAGE_REPLAY,
                                 model_is_piped(inv) ? "standard input" : inv->operand[0]);
        if (kept.name == NULL)
            return error_memory(err);
        if (package_settle(model, err) < 0 ||
            package_extra_find(model, PACKAGE_REPLAY, &kept.bytes, &kept.count, err) < 0)
            return -1;
        o.rehearsal = &kept;
    }
    return dataset_load(set, args->data.item, args->data.count, &model->preprocess, model->label, model->label_count,
                        &o, inv->job, err);
}

static int keep_samples(const struct invocation *inv, struct model *model, const struct dataset *set, struct error *err)
{
    const struct args *args = inv->args;
    struct text shard = { 0 };

    if (args->replay == 0)
        return 0;
    if (replay_write(&shard, set, args->replay, inv->job->seed, inv->job, err) < 0) {
        text_free(&shard);
        return -1;
    }
    model->replay = (unsigned char *)shard.chars;
    model->replay_bytes = shard.length;
    return 0;
}

static int train_on(const struct invocation *inv, struct model *model, const struct model *teacher,
                    struct making *making, const struct dataset *val, struct train_result *result, struct error *err)
{
    const struct args *args = inv->args;
    struct train_metrics metrics;
    struct train_options o;
    struct dataset set = { 0 };
    int rc, closed;

    if (set_options(inv, &o, err) < 0 || train_metrics_open(&metrics, inv, args->metrics, val != NULL, err) < 0)
        return -1;
    o.teacher = teacher;
    rc = open_training(inv, model, &set, err);
    if (rc == 0) /* training writes where the weights lie: their digest must be done by then */
        rc = package_settle(model, err);
    if (rc == 0) {
        making_data(making, model, &set);
        if (val != NULL && o.keep_best)
            making_data(making, model, val); /* it chooses the weights */
        rc = train(model, &set, val, &o, inv->job, train_metrics_epoch, &metrics, result, err);
    }
    if (rc == 0 && !args->update) /* what eval --results compares with */
        rc = live_learn(model, val != NULL ? val : &set, inv->job, err);
    if (rc == 0)
        rc = keep_samples(inv, model, &set, err);
    dataset_free(&set);
    closed = train_metrics_close(&metrics, rc == 0 ? err : NULL);
    return rc < 0 ? rc : closed;
}

static bool is_taught_by_self(const struct args *args)
{
    return args->teacher != NULL && strcmp(args->teacher, former_self) == 0;
}

/* Training needs logits, and so does what is compared with them. */
static int copy_former(struct model *former, const struct model *model, struct error *err)
{
    if (model_copy(former, model, err) < 0 || graph_infer_shapes(&former->graph, 1, err) < 0)
        return -1;
    return model_open_logits(former, err);
}

/* The result comes from the teacher too: its identity is a parent's, its level counts. */
static int open_teacher(const struct invocation *inv, struct model *teacher, struct model *model, struct making *making,
                        struct error *err)
{
    const struct args *args = inv->args;

    if (open_named(inv, args->teacher, teacher, err) < 0)
        return error_in(err, "--teacher");
    if (teacher->privacy > model->privacy)
        model->privacy = teacher->privacy;
    return model_identity(teacher, &making->parent[making->parent_count++], err) < 0 ? -1
                                                                                     : package_settle(teacher, err);
}

/* The teacher, before the model becomes another; then the model's new head, where one is asked for. */
static int prepare(const struct invocation *inv, struct model *teacher, struct model *model, struct making *making,
                   struct error *err)
{
    const struct args *args = inv->args;
    int rc = 0;

    if (is_taught_by_self(args))
        rc = copy_former(teacher, model, err);
    else if (args->teacher != NULL)
        rc = open_teacher(inv, teacher, model, making, err);
    if (rc == 0 && args->labels != NULL)
        rc = head_of_labels(inv, args->labels, model, err);
    if (rc == 0 && args->grow)
        rc = head_of_data(inv, &args->data, model, err);
    return rc == 0 && making->new_labels ? making_labels(inv, making, model, err) : rc;
}

static int train_package(const struct invocation *inv, struct model *model, struct making *making,
                         struct train_result *result, struct error *err)
{
    const struct args *args = inv->args;
    struct dataset val = { 0 };
    struct model teacher;
    int rc;

    model_init(&teacher);
    rc = prepare(inv, &teacher, model, making, err);
    if (rc == 0 && args->val.count > 0)
        rc = open_data(inv, &args->val, model, &val, err);
    if (rc == 0)
        rc = train_on(inv, model, args->teacher != NULL ? &teacher : NULL, making, args->val.count > 0 ? &val : NULL,
                      result, err);
    dataset_free(&val);
    model_free(&teacher);
    if (rc == 0)
        add_measures(making, model, result);
    return rc;
}

static int make_update(const struct invocation *inv, struct model *model, const struct model *base,
                       struct making *making, const struct train_result *result, struct error *err)
{
    const struct args *args = inv->args;
    const struct update update = {
        .site = args->site, .round = args->round, .examples = result->examples, .steps = result->steps
    };

    if (merge_difference(model, base, &update, err) < 0)
        return -1;
    return making_end(inv, making, model, err);
}

static int run(const struct invocation *inv, struct error *err)
{
    const struct args *args = inv->args;
    struct making making = { .output = args->output, .require = args->require, .val = &args->val, .learns = true };
    struct model model, base = { 0 };
    struct train_result result = { 0 };
    struct sign_key key = { 0 };
    int rc;

    if (check_stdin_once(inv, &args->val, &args->data, args->teacher, false, err) < 0 ||
        check_stdin_once(inv, &args->val, NULL, NULL, args->require != NULL, err) < 0 ||
        check_stdin_once(inv, &args->data, NULL, NULL, args->grow, err) < 0 || check_args(inv, err) < 0 ||
        read_signing_key(&key, args->sign, err) < 0 || open_model(inv, 0, &model, err) < 0)
        return -1;
    making.key = args->sign != NULL ? &key : NULL;
    making.replays = args->replay > 0;
    making.new_labels = args->labels != NULL || args->grow;
    rc = making_begin(inv, &making, &model, err);
    if (rc == 0 && args->update)
        rc = model_copy(&base, &model, err);
    if (rc == 0)
        rc = train_package(inv, &model, &making, &result, err);
    if (rc == 0)
        rc = package_settle(&model, err);
    if (rc == 0)
        rc = args->update ? make_update(inv, &model, &base, &making, &result, err)
                          : making_end(inv, &making, &model, err);
    if (args->update)
        model_free(&base);
    model_free(&model);
    sign_key_forget(&key);
    return rc;
}

const struct command cmd_train_local = {
    .name = "train-local",
    .summary = "train where the data is",
    .operands = "[MODEL]",
    .max_operands = 1,
    .about = "Trains the package's weights on labelled samples, with the package's own\n"
             "preprocessing. With --val the weights of the best epoch are kept.\n\n"
             "With --update it writes the difference to the input package instead of a model:\n"
             "that is what a site sends to coedge aggregate. The data never leave.\n\n"
             "The same package, data, options and seed give the same bytes for any --threads.",
    .options = options,
    .examples = examples,
    .args_size = sizeof(struct args),
    .threads = true,
    .reads_stdin = true,
    .run = run,
};

#include <stdio.h>
#include <string.h>

#include "base/deadline.h"
#include "base/file.h"
#include "cmd/aggregate_admit.h"
#include "cmd/aggregate_status.h"
#include "cmd/commands.h"
#include "cmd/making.h"
#include "cmd/share.h"
#include "merge/round.h"
#include "package/package.h"

struct args {
    const char *base, *keys, *admit, *until, *site, *sign, *output, *require;
    struct texts val;
    const char *combine, *clip;
    double server_lr, server_momentum, server_beta2, server_tau;
    int64_t min_updates, round;
    int weight, server;
    bool keep_going, status, partial;
};

static const char *const server_names[] = { "none", "momentum", "adam", "yogi", NULL };
static const char *const weight_names[] = { "examples", "equal", "steps", NULL };

static const struct option options[] = {
    { "base", 0, OPTION_TEXT, FIELD(struct args, base), .value = "PACKAGE", .required = true, .neutral = true,
      .help = "the package that the sites trained from" },
    { "combine", 0, OPTION_TEXT, FIELD(struct args, combine), .value = "NAME", .initial = "mean",
      .help = "how updates become one: mean (FedAvg), median, trimmed:F, krum:F or multi-krum:F, against F bad sites" },
    { "clip", 0, OPTION_TEXT, FIELD(struct args, clip), .value = "NORM",
      .help = "scale updates down to this norm; adaptive: to the median of their norms" },
    { "server-optimizer", 0, OPTION_CHOICE, FIELD(struct args, server), .value = "NAME", .initial = "none",
      .choices = server_names, .help = "how the base follows the combined update (FedAvgM, FedAdam, FedYogi)" },
    { "server-lr", 0, OPTION_REAL, FIELD(struct args, server_lr), .value = "RATE", .min = 1e-9, .max = 1000,
      .help = "of it: 1 for none and momentum, 0.01 for adam and yogi" },
    { "server-momentum", 0, OPTION_REAL, FIELD(struct args, server_momentum), .value = "F", .initial = "0.9", .min = 0,
      .max = 0.9999, .help = "momentum, and the first moment's of adam and yogi" },
    { "server-beta2", 0, OPTION_REAL, FIELD(struct args, server_beta2), .value = "F", .initial = "0.99", .min = 0,
      .max = 0.999999, .help = "the second moment's, of adam and yogi" },
    { "server-tau", 0, OPTION_REAL, FIELD(struct args, server_tau), .value = "T", .initial = "0.001", .min = 1e-9,
      .max = 1000, .help = "how adaptive adam and yogi are: less is more" },
    { "weight", 0, OPTION_CHOICE, FIELD(struct args, weight), .value = "NAME", .initial = "examples",
      .choices = weight_names, .help = "what an update counts by in the mean" },
    { "keys", 0, OPTION_TEXT, FIELD(struct args, keys), .value = "FOLDER", .neutral = true,
      .help = "SITE.pub of each site that may take part: updates must be signed by theirs (train-local --sign)" },
    { "admit", 0, OPTION_TEXT, FIELD(struct args, admit), .value = "GATES", .neutral = true,
      .help = "an update is bad unless the base with it alone passes these on --val, such as 'accuracy>=0.7x'" },
    { "min-updates", 0, OPTION_INT, FIELD(struct args, min_updates), .value = "K", .initial = "1", .min = 1, .max = 1e9,
      .help = "exit 1 with fewer good updates than this", .neutral = true },
    { "until", 0, OPTION_TEXT, FIELD(struct args, until), .value = "TIME", .neutral = true,
      .help = "wait for all of --keys in the folder, at most until +30m, 06:00 or 2026-11-29T06:00Z" },
    { "status", 0, OPTION_FLAG, FIELD(struct args, status), .neutral = true,
      .help = "only say who is there, who is missing, and who is refused and why; exit 1 when they are not enough" },
    { "round", 0, OPTION_INT, FIELD(struct args, round), .value = "N", .initial = "-1", .min = -1, .max = 1e12,
      .neutral = true,
      .help = "updates of other rounds are bad; -1: what a folder round-N says, or the first one's, by name" },
    { "keep-going", 0, OPTION_FLAG, FIELD(struct args, keep_going), .neutral = true,
      .help = "leave bad updates out, say which, and exit 8" },
    { "partial", 0, OPTION_FLAG, FIELD(struct args, partial),
      .help = "write one update of them all instead of a package, for an aggregate above" },
    { "site", 0, OPTION_TEXT, FIELD(struct args, site), .value = "NAME", .help = "who sends that update" },
    { "sign", 0, OPTION_TEXT, FIELD(struct args, sign), .value = "KEY", .neutral = true,
      .help = "sign it with this secret key of that site, for --keys above" },
    OPTION_ROWS_GATE(struct args),
    OPTION_ROW_OUTPUT(struct args),
    { 0 }
};

static const struct example examples[] = {
    { "coedge aggregate --base base.coedge a.update b.update -o next.coedge", "one federated round" },
    { "coedge aggregate --base base.coedge --combine median --clip adaptive *.update -o next.coedge",
      "bad updates do little harm" },
    { "coedge aggregate --base base.coedge --admit 'accuracy>=0.7x' --val val.tar --keep-going *.update -o next.coedge",
      "whoever makes the base much worse by itself takes no part" },
    { "coedge aggregate --base base.coedge --keys sites --min-updates 2 --until +1s round-0001 -o next.coedge",
      "wait for signed updates of all sites, at most a second" },
    { "coedge aggregate --base base.coedge --keys sites round-0001 --status", "who is there, who is missing" },
    { "coedge aggregate --base base.coedge a.update b.update --partial --site plant -o plant.update",
      "two sites' updates become one, which counts for both in the next round above" },
    { "ls *.update | coedge aggregate --base base.coedge --min-updates 2 -o next.coedge", "names from a list" },
    { 0 }
};

struct list {
    const char **item;
    int count, capacity;
};

static int add(struct list *list, struct arena *arena, const char *path, struct error *err)
{
    if (list->count == list->capacity) {
        int more = list->capacity ? 2 * list->capacity : 64;

        list->item = arena_grow(arena, list->item, (size_t)list->capacity, (size_t)more, sizeof(*list->item));
        if (list->item == NULL)
            return error_memory(err);
        list->capacity = more;
    }
    list->item[list->count++] = path;
    return 0;
}

/* A folder means the *.update files in it. */
static int add_folder(struct list *list, struct arena *arena, const char *folder, struct error *err)
{
    const char **paths;
    int count;

    if (round_files(folder, arena, &paths, &count, err) < 0)
        return -1;
    for (int i = 0; i < count; i++)
        if (add(list, arena, paths[i], err) < 0)
            return -1;
    return 0;
}

/* Without operands, standard input lists paths, one a line. */
static int add_listed(struct list *list, struct arena *arena, struct error *err)
{
    struct input in;
    char *text, *save = NULL;
    int rc = 0;

    if (input_open(&in, "-", 64 << 20, err) < 0)
        return -1;
    text = arena_strndup(arena, (const char *)in.bytes, in.count);
    input_close(&in);
    if (text == NULL)
        return error_memory(err);
    for (char *line = strtok_r(text, "\n", &save); line && rc == 0; line = strtok_r(NULL, "\n", &save))
        rc = add(list, arena, line, err);
    return rc;
}

static int collect(const struct invocation *inv, struct list *list, struct error *err)
{
    int rc = inv->operand_count == 0 ? add_listed(list, inv->arena, err) : 0;

    for (int i = 0; i < inv->operand_count && rc == 0; i++)
        rc = path_is_folder(inv->operand[i]) ? add_folder(list, inv->arena, inv->operand[i], err)
                                             : add(list, inv->arena, inv->operand[i], err);
    return rc;
}

/* An update is added to a base elsewhere, and judged there. */
static int check_partial(const struct invocation *inv, struct error *err)
{
    const struct args *args = inv->args;

    if (!args->partial && (args->site || args->sign))
        return error_set(err, ERROR_USAGE, "--site and --sign go with --partial");
    if (!args->partial)
        return 0;
    if (args->site == NULL) {
        error_set(err, ERROR_USAGE, "--partial needs --site NAME: who sends the update");
        return error_hint(err, "names are the federation's, such as plant-north");
    }
    if (check_site(args->site, err) < 0)
        return -1;
    if (args->server != MERGE_SERVER_NONE || args->server_lr > 0) {
        error_set(err, ERROR_USAGE, "--partial moves no base: --server-optimizer and --server-lr do not go with it");
        return error_hint(err, "they are for the coedge aggregate that gets the update");
    }
    if (args->require != NULL || (args->val.count > 0 && args->admit == NULL)) {
        error_set(err, ERROR_USAGE, "--require and --val judge packages, not updates");
        return error_hint(err, "--admit judges by --val what comes in");
    }
    return 0;
}

/* An option that would change nothing was meant for something else. */
static int check_args(const struct invocation *inv, const struct merge_options *o, struct error *err)
{
    const struct args *args = inv->args;
    const bool folder = inv->operand_count == 1 && path_is_folder(inv->operand[0]);
    const bool adaptive = o->server.kind == MERGE_SERVER_ADAM || o->server.kind == MERGE_SERVER_YOGI;

    if (args->admit != NULL && args->val.count == 0) {
        error_set(err, ERROR_USAGE, "--admit needs labelled data to judge updates by");
        return error_hint(err, "add --val DATA");
    }
    if (option_changed(inv, "weight") && o->combine.how != MERGE_MEAN)
        return error_set(err, ERROR_USAGE, "--weight goes with --combine mean: the others count each site once");
    if (option_changed(inv, "server-momentum") && o->server.kind == MERGE_SERVER_NONE)
        return error_set(err, ERROR_USAGE, "--server-momentum goes with --server-optimizer momentum, adam or yogi");
    if ((option_changed(inv, "server-beta2") || option_changed(inv, "server-tau")) && !adaptive)
        return error_set(err, ERROR_USAGE, "--server-beta2 and --server-tau go with --server-optimizer adam or yogi");
    if (o->keys != NULL && o->min_updates > o->keys->count)
        return error_set(err, ERROR_USAGE, "--min-updates %d, but --keys has %d sites", o->min_updates, o->keys->count);
    if (args->until != NULL && args->keys == NULL) {
        error_set(err, ERROR_USAGE, "--until needs --keys: they say who is to come");
        return error_hint(err, "a folder with SITE.pub of each site");
    }
    if (args->until != NULL && !folder)
        return error_set(err, ERROR_USAGE, "--until waits for updates in one folder");
    if (args->until != NULL && args->status)
        return error_set(err, ERROR_USAGE, "--status says how it is now; leave --until out");
    return 0;
}

static int set_options(const struct invocation *inv, struct merge_options *o, struct error *err)
{
    const struct args *args = inv->args;

    *o = (struct merge_options){
        .weight = (enum merge_weight)args->weight,
        .server = { (enum merge_server_kind)args->server, args->server_lr, args->server_momentum, args->server_beta2,
                    args->server_tau },
        .min_updates = (int)args->min_updates,
        .round = args->round < 0 && inv->operand_count == 1 ? round_of_folder(inv->operand[0]) : args->round,
        .keep_going = args->keep_going,
        .partial = args->partial ? args->site : NULL,
    };
    if (args->keys != NULL) {
        struct merge_keys *keys = arena_alloc(inv->arena, sizeof(*keys));

        if (keys == NULL)
            return error_memory(err);
        if (merge_keys_read(keys, args->keys, inv->arena, err) < 0)
            return error_in(err, "--keys");
        o->keys = keys;
    }
    if (merge_parse_combine(&o->combine, args->combine, err) < 0 || merge_parse_clip(&o->clip, args->clip, err) < 0)
        return -1;
    return check_partial(inv, err) < 0 ? -1 : check_args(inv, o, err);
}

static int merge(const struct invocation *inv, struct model *base, const struct list *list,
                 const struct merge_options *o, struct making *making, struct merge_report *report, struct error *err)
{
    struct arena *arena = &base->arena;

    if (list->count == 0)
        return error_set(err, ERROR_ANSWER, "no updates");
    if (merge_updates(base, list->item, list->count, o, inv->job, inv->arena, report, err) < 0)
        return -1;
    making->parents = report->parent;
    making->parent_count = report->parent_count;
    making->measures = tree_map(arena);
    tree_add_int(arena, making->measures, "round", report->round);
    tree_add_int(arena, making->measures, "updates", report->used);
    tree_add_int(arena, making->measures, "examples", report->examples);
    if (o->clip.adaptive || o->clip.norm > 0) {
        tree_add_int(arena, making->measures, "clipped", report->clipped);
        tree_add_real(arena, making->measures, "clip_norm", report->clip_norm);
    }
    return making_end(inv, making, base, err);
}

/* The folder, its lock, and the wait for who is late; without --until there is nothing to wait for. */
static int wait_for(const struct invocation *inv, struct model *base, const struct merge_options *o,
                    const struct deadline *until, int *lock, struct error *err)
{
    const struct args *args = inv->args;

    if (args->until == NULL)
        return 0;
    if (round_lock(inv->operand[0], lock, err) < 0)
        return -1;
    return round_wait(base, inv->operand[0], o, until, inv->job, err);
}

static int make(const struct invocation *inv, struct model *base, const struct admission *admission,
                const struct merge_options *o, const struct deadline *until, const struct sign_key *key,
                struct merge_report *report, struct error *err)
{
    const struct args *args = inv->args;
    struct making making = { .output = args->output, .require = args->require, .val = &args->val, .learns = true };
    struct list list = { 0 };
    int lock = -1, rc;

    making.key = args->sign != NULL ? key : NULL;
    making.set = args->admit != NULL ? &admission->set : NULL;
    making.reference = admission->reference;
    rc = o->server.kind == MERGE_SERVER_NONE ? 0 : package_take_state(base, err);
    if (rc < 0)
        return error_in(err, "%s", args->base);
    rc = making_begin(inv, &making, base, err);
    if (rc == 0)
        rc = package_settle(base, err);
    if (rc == 0)
        rc = wait_for(inv, base, o, until, &lock, err);
    if (rc == 0)
        rc = collect(inv, &list, err);
    if (rc == 0)
        rc = merge(inv, base, &list, o, &making, report, err);
    if (lock >= 0)
        round_unlock(lock);
    return rc;
}

static int show(const struct invocation *inv, struct model *base, const struct merge_options *o, struct error *err)
{
    struct round_status status;
    struct list list = { 0 };

    if (package_settle(base, err) < 0 || collect(inv, &list, err) < 0 ||
        round_look(base, list.item, list.count, o, inv->job, inv->arena, &status, err) < 0)
        return -1;
    return aggregate_status(inv, &status, o->min_updates, err);
}

static int run(const struct invocation *inv, struct error *err)
{
    const struct args *args = inv->args;
    const struct moment now = moment_now();
    struct merge_report report = { 0 };
    struct admission admission = { 0 };
    struct deadline until = { 0 };
    struct sign_key key = { 0 };
    struct merge_options o;
    struct model base;
    int rc;

    if (set_options(inv, &o, err) < 0 || check_stdin_once(inv, &args->val, NULL, args->base, false, err) < 0)
        return -1;
    if (args->until != NULL && deadline_parse(&until, args->until, &now, err) < 0)
        return error_in(err, "--until");
    if (open_named(inv, args->base, &base, err) < 0)
        return -1;
    rc = read_signing_key(&key, args->sign, err);
    if (rc == 0 && args->admit != NULL) {
        o.judge = &admission.judge;
        rc = admission_begin(&admission, inv, args->admit, &args->val, &base, err);
    }
    if (rc == 0 && args->status)
        rc = show(inv, &base, &o, err);
    else if (rc == 0)
        rc = make(inv, &base, &admission, &o, &until, &key, &report, err);
    sign_key_forget(&key);
    admission_end(&admission);
    model_free(&base);
    if (rc == 0 && report.refused > 0)
        rc = error_set(err, ERROR_PARTIAL, "%d of %d updates were left out", report.refused,
                       report.refused + report.used);
    return rc;
}

const struct command cmd_aggregate = {
    .name = "aggregate",
    .summary = "make one model of the sites' updates",
    .operands = "[UPDATE...]",
    .max_operands = -1,
    .about = "Adds what the updates' differences are combined to, by default their weighted mean,\n"
             "to the base package: a round of FedAvg. UPDATE is a file, or a folder for the *.update files in it; "
             "without any,\n"
             "standard input lists them. The order never matters, bit for bit.\n\n"
             "An update of another base or round, a site twice, no examples, a tensor of another\n"
             "shape or a value that is not finite or too large to add up is refused by name; with\n"
             "--keys also one that its site did not sign, with --admit one that makes the base fail.\n\n"
             "A folder round-0007 of SITE.update is a round: --until waits for those who are late.",
    .options = options,
    .examples = examples,
    .args_size = sizeof(struct args),
    .threads = true,
    .reads_stdin = true,
    .run = run,
};

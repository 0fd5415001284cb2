#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cmd/commands.h"
#include "cmd/share.h"
#include "cmd/tensors.h"
#include "infer/activations.h"
#include "infer/infer.h"
#include "infer/remotes.h"
#include "package/package.h"
#include "registry/release.h"

struct args {
    const char *emit, *tensors, *hard, *hard_out, *filter, *cache, *head;
    struct texts offload;
    double deadline, most_offload, stall;
    int clearance;
    bool keep_private;
    int64_t top, retries;
    bool keep_going, require_end, latest, tuned;
};

static const char *const clearance_names[] = { "public", "edge-private", "user-private", NULL };

static const struct option options[] = {
    { "top", 0, OPTION_INT, FIELD(struct args, top), .value = "N", .initial = "3", .min = 0, .max = 5,
      .help = "largest classes that a result lists" },
    { "emit", 0, OPTION_TEXT, FIELD(struct args, emit), .value = "FIELDS",
      .help = "only these fields of a result, such as key,label,score" },
    { "tensors", 0, OPTION_TEXT, FIELD(struct args, tensors), .value = "DIR",
      .help = "write the outputs of a run on tensor files as DIR/output_K.npy" },
    { "hard", 0, OPTION_TEXT, FIELD(struct args, hard), .value = "RULE:T",
      .help = "say which samples are hard: confidence, margin or entropy against T, or "
              "random" },
    { "hard-out", 0, OPTION_TEXT, FIELD(struct args, hard_out), .value = "SHARD",
      .help = "write the hard samples, for train-local" },
    { "offload", 0, OPTION_LIST, FIELD(struct args, offload), .value = "NAME|URL",
      .help = "ask this server, or remote of coedge.yaml, about hard samples; those behind a comma when it fails" },
    { "head", 0, OPTION_TEXT, FIELD(struct args, head), .value = "PACKAGE",
      .help = "send what this head of a split model makes of a sample to its tail, not the sample" },
    { "deadline", 0, OPTION_REAL, FIELD(struct args, deadline), .value = "MS", .initial = "500", .min = 1,
      .max = 3600000, .help = "after this time the local answer stands" },
    { "max-offload", 0, OPTION_REAL, FIELD(struct args, most_offload), .value = "SHARE", .initial = "1", .min = 0,
      .max = 1, .help = "most samples of those seen so far that are asked about" },
    { "clearance", 0, OPTION_CHOICE, FIELD(struct args, clearance), .value = "LEVEL", .initial = "public",
      .choices = clearance_names, .help = "the most private samples that may leave for the server" },
    { "keep-private", 0, OPTION_FLAG, FIELD(struct args, keep_private),
      .help = "answer more private ones here instead of refusing them" },
    { "filter", 0, OPTION_TEXT, FIELD(struct args, filter), .value = "difference:T",
      .help = "a picture nearer than T to the last that was run has its answer" },
    { "cache", 0, OPTION_TEXT, FIELD(struct args, cache), .value = "N:DISTANCE",
      .help = "one nearer to any of N pictures than that has its answer" },
    { "latest", 0, OPTION_FLAG, FIELD(struct args, latest),
      .help = "video on standard input does not wait: frames that come too fast are dropped and counted" },
    { "retries", 0, OPTION_INT, FIELD(struct args, retries), .value = "N", .initial = "8", .min = 0, .max = 1000000000,
      .help = "connect to a camera so often again, in a row without progress" },
    { "stall", 0, OPTION_REAL, FIELD(struct args, stall), .value = "SECONDS", .initial = "30", .min = 0.1, .max = 86400,
      .help = "a camera without a new picture for so long has broken off" },
    { "keep-going", 0, OPTION_FLAG, FIELD(struct args, keep_going),
      .help = "report a sample that cannot be read and go on; exit 8 at the end" },
    { "require-end", 0, OPTION_FLAG, FIELD(struct args, require_end),
      .help = "refuse tar streams without the closing .end" },
    OPTION_ROW_TUNED(struct args),
    { 0 }
};

static const struct example examples[] = { { "coedge infer model.coedge joint.png", "one image, one line of JSON" },
                                           { "coedge infer model.coedge - <val.tar", "a shard from a pipe" },
                                           { "coedge infer model.coedge val.tar --hard entropy:0.5 --hard-out hard.tar",
                                             "keep those that the model is not sure about" },
                                           { "coedge infer head.coedge val.tar | coedge infer tail.coedge -",
                                             "two parts of a split model" },
                                           { 0 } };

enum { PROOF = 32 }; /* answers that prove a package */

/* The digest has to be right before the first result leaves. */
struct printing {
    struct model *model;
    struct trial *trial;
    bool settled;
    int64_t lines;
};

static int print_line(void *context, const char *json, size_t length, struct error *err)
{
    struct printing *printing = context;

    if (!printing->settled && package_settle(printing->model, err) < 0)
        return -1;
    printing->settled = true;
    if (fwrite(json, 1, length, stdout) != length || putchar('\n') == EOF || fflush(stdout) != 0)
        return error_errno(err, ERROR_IO, "standard output");
    if (++printing->lines == PROOF)
        trial_proved(printing->trial);
    return 0;
}

static int parse_fields(const struct invocation *inv, const char *list, const char ***fields, struct error *err)
{
    size_t most = 2, used = 0;
    char *copy = arena_strdup(inv->arena, list), *save = NULL;

    for (const char *at = list; *at; at++)
        most += *at == ',';
    *fields = arena_array(inv->arena, most, sizeof(**fields));
    if (copy == NULL || *fields == NULL)
        return error_memory(err);
    for (char *name = strtok_r(copy, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
        const char *const *known = infer_fields;
        const char *near;

        while (*known && strcmp(*known, name) != 0)
            known++;
        if (*known == NULL) {
            near = text_nearest(name, infer_fields);
            error_set(err, ERROR_USAGE, "--emit: no field '%s'", name);
            return near ? error_hint(err, "did you mean '%s'?", near) : -1;
        }
        (*fields)[used++] = name;
    }
    return 0;
}

static void say_hard(const struct infer_options *o, const struct infer_counts *counts)
{
    char bytes[16];

    fprintf(stderr, "%lld of %lld samples are hard", (long long)counts->hard, (long long)counts->samples);
    if (o->offload != NULL)
        fprintf(stderr, "; of %lld asked about %lld were answered elsewhere, %s sent", (long long)counts->asked,
                (long long)counts->answered, text_bytes(bytes, (double)counts->asked_bytes));
    if (counts->alone > 0)
        fprintf(stderr, "; %lld not asked about while who failed was left alone", (long long)counts->alone);
    fprintf(stderr, "\n");
}

/* The hard samples appear as a file once all are answered. */
static int infer_mining(const struct invocation *inv, struct printing *printing, const struct infer_options *o,
                        const char *const *paths, int count, struct infer_counts *counts, struct error *err)
{
    const struct args *args = inv->args;
    struct infer_sink sink = { .line = print_line, .context = printing };

    if (args->hard_out != NULL) {
        sink.mine = mine_open(args->hard_out, err);
        if (sink.mine == NULL)
            return -1;
    }
    if (infer_stream(printing->model, paths, count, o, &sink, inv->job, counts, err) < 0) {
        mine_abort(sink.mine);
        return -1;
    }
    if (o->hard != NULL && !inv->quiet)
        say_hard(o, counts);
    if (counts->dropped > 0)
        job_note(inv->job, "%" PRId64 " of %" PRId64 " frames came too fast and were dropped", counts->dropped,
                 counts->dropped + counts->samples + counts->failed);
    return sink.mine != NULL ? mine_commit(sink.mine, err) : 0;
}

static int infer_with(const struct invocation *inv, struct printing *printing, const struct infer_options *o,
                      const char *const *paths, int count, struct infer_counts *counts, struct error *err)
{
    struct model *model = printing->model;
    struct infer_sink sink = { 0 };
    int rc;

    if (!model_writes_activations(model))
        return infer_mining(inv, printing, o, paths, count, counts, err);
    if (o->hard != NULL)
        return error_set(err, ERROR_USAGE, "--hard is for what answers, not for a part that writes activations");
    if (package_settle(model, err) < 0)
        return -1;
    sink.activations = output_open("-", err);
    if (sink.activations == NULL)
        return -1;
    rc = infer_stream(model, paths, count, o, &sink, inv->job, counts, err);
    if (rc == 0)
        return output_commit(sink.activations, err);
    output_abort(sink.activations);
    return rc;
}

/* What stands before and behind the network. */
static int parse_stages(const struct invocation *inv, struct infer_options *o, struct hard *hard,
                        struct offload_options *offload, struct error *err)
{
    const struct args *args = inv->args;

    if (args->hard_out != NULL && args->hard == NULL) {
        error_set(err, ERROR_USAGE, "--hard-out without --hard");
        return error_hint(err, "such as --hard confidence:0.8");
    }
    if (args->offload.count > 0 && args->hard == NULL) {
        error_set(err, ERROR_USAGE, "--offload without --hard: which samples are to be asked about?");
        return error_hint(err, "such as --hard confidence:0.8; confidence:1 asks about all");
    }
    if (args->head != NULL && args->offload.count == 0)
        return error_set(err, ERROR_USAGE, "--head without --offload: for whom are its features?");
    if (args->offload.count > 0) {
        *offload = (struct offload_options){ .deadline_ms = args->deadline,
                                             .most_share = args->most_offload,
                                             .keeps = args->keep_private };
        if (offload_remotes(offload, inv->arena, args->offload.item, args->offload.count,
                            config_section(inv->config, "remotes"), (enum privacy)args->clearance, err) < 0)
            return -1;
        o->offload = offload;
    }
    if (args->hard != NULL && hard_parse(hard, args->hard, inv->job->seed, err) < 0)
        return error_in(err, "--hard");
    o->hard = args->hard != NULL ? hard : NULL;
    if (args->filter != NULL && seen_parse_filter(&o->seen, args->filter, err) < 0)
        return -1;
    return args->cache != NULL ? seen_parse_cache(&o->seen, args->cache, err) : 0;
}

/* Its features leave, so it is whole before the first of them does. */
static int open_head(const struct invocation *inv, struct model *head, struct offload_options *offload,
                     struct error *err)
{
    const struct args *args = inv->args;

    if (args->head == NULL)
        return 0;
    if (open_named(inv, args->head, head, err) < 0)
        return -1;
    offload->head = head;
    if (use_tuned(inv, args->tuned, args->head, head, err) < 0)
        return error_in(err, "%s", args->head);
    return package_settle(head, err);
}

/* Standard input is one thing, and not a keyboard. */
static int check_standard_input(const struct invocation *inv, bool piped, struct error *err)
{
    int count = piped;

    for (int i = 0; i < inv->operand_count; i++)
        count += strcmp(inv->operand[i], "-") == 0;
    if (count > 1)
        return error_set(err, ERROR_USAGE, "standard input can serve one package or data set only, %d are to be read",
                         count);
    if (piped && isatty(STDIN_FILENO)) {
        error_set(err, ERROR_USAGE, "expected INPUT or a pipe, standard input is a terminal");
        return error_hint(err, "name an image, a folder or a shard");
    }
    return 0;
}

static int run(const struct invocation *inv, struct error *err)
{
    static const char *const standard_input[] = { "-" };
    const struct args *args = inv->args;
    struct infer_options o = { .keep_going = args->keep_going,
                               .require_end = args->require_end,
                               .top = (int)args->top,
                               .latest = args->latest,
                               .camera = { .retries = (int)args->retries, .stall_seconds = args->stall } };
    const bool piped = inv->operand_count < 2;
    const char **fields = NULL;
    struct hard hard;
    struct offload_options offload = { 0 };
    struct infer_counts counts = { 0 };
    struct model model, head;
    struct trial trial;
    struct printing printing = { .model = &model, .trial = &trial };
    int rc;

    if (args->emit && parse_fields(inv, args->emit, &fields, err) < 0)
        return -1;
    o.fields = fields;
    if (parse_stages(inv, &o, &hard, &offload, err) < 0 || check_standard_input(inv, piped, err) < 0)
        return -1;
    if (trial_begin(&trial, inv->operand[0], inv->arena, inv->job, err) < 0)
        return -1;
    if (open_fixed(inv, 0, &model, err) < 0) {
        trial_refused(&trial, err);
        return -1;
    }
    if (use_tuned(inv, args->tuned, inv->operand[0], &model, err) < 0) { /* the store's fault, not the package's */
        trial_end(&trial);
        model_free(&model);
        return -1;
    }
    if (takes_tensor_files(inv, 1, &model, args->tensors)) {
        rc = infer_tensor_files(inv, 1, &model, args->tensors, err);
        trial_end(&trial);
        model_free(&model);
        return rc;
    }
    rc = open_head(inv, &head, &offload, err);
    if (rc == 0)
        rc = infer_with(inv, &printing, &o, piped ? standard_input : inv->operand + 1,
                        piped ? 1 : inv->operand_count - 1, &counts, err);
    if (rc == 0)
        rc = package_settle(&model, err);
    if (offload.head != NULL)
        model_free(&head);
    model_free(&model);
    if (rc == 0 && counts.samples > 0)
        trial_proved(&trial);
    trial_end(&trial);
    if (rc == 0 && counts.failed > 0)
        rc = error_set(err, ERROR_PARTIAL, "%lld of %lld samples could not be read", (long long)counts.failed,
                       (long long)(counts.failed + counts.samples));
    return rc;
}

const struct command cmd_infer = {
    .name = "infer",
    .summary = "answer images with a package",
    .operands = "MODEL [INPUT...]",
    .min_operands = 1,
    .max_operands = -1,
    .about = "Prints one JSON object per sample, each line as soon as it is known: key, label,\n"
             "class, score, top, truth (when the sample has a class), route and ms.\n\n"
             "INPUT is an image, a folder, a shard (tar, tar.gz), an idx pair, a video (MJPEG,\n"
             "Y4M), a camera's address (http, https), or - for one of the streams, which is also what is read when "
             "there is none. A part of a\n"
             "split model writes the activations that the next part reads, as a tar.",
    .options = options,
    .examples = examples,
    .args_size = sizeof(struct args),
    .threads = true,
    .run = run,
};

#include "cmd/share.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "infer/infer.h"
#include "onnx/onnx.h"
#include "package/package.h"
#include "registry/registry.h"
#include "json/json.h"

/* ---- reading ---- */

static const char *name_operand(const struct invocation *inv, int operand)
{
    return operand < inv->operand_count ? inv->operand[operand] : "-";
}

/* FIXED: by who writes to nothing; INSTALLED: such a one, from the store, where it was verified. */
enum reading { READ_ALL, READ_FIXED, READ_INSTALLED };

/* A package or an ONNX model, by content. */
static int read_any(struct model *model, const char *path, enum reading how, struct error *err)
{
    struct input in;

    if (input_open(&in, path, 0, err) < 0)
        return -1;
    if (!onnx_is(in.bytes, in.count)) {
        if (how != READ_ALL)
            input_fix(&in);
        return how == READ_INSTALLED ? package_take_installed(model, &in, path, err)
                                     : package_take(model, &in, path, err);
    }
    if (onnx_read(model, &in, path, err) == 0)
        return 0;
    return error_in(err, "%s", strcmp(path, "-") == 0 ? "standard input" : path);
}

static int read_named(const struct invocation *inv, const char *name, enum reading how, struct model *model,
                      struct error *err)
{
    const bool installed = name[0] == '@';

    if (installed && store_find(inv->arena, name, &name, err) < 0)
        return -1;
    return read_any(model, name, installed && how == READ_FIXED ? READ_INSTALLED : how, err);
}

int operand_path(const struct invocation *inv, int operand, const char **path, struct error *err)
{
    *path = name_operand(inv, operand);
    return (*path)[0] == '@' ? store_find(inv->arena, *path, path, err) : 0;
}

int open_package(const struct invocation *inv, int operand, struct model *model, struct error *err)
{
    return read_named(inv, name_operand(inv, operand), READ_ALL, model, err);
}

static int open_one(const struct invocation *inv, const char *name, enum reading how, struct model *model,
                    struct error *err)
{
    if (read_named(inv, name, how, model, err) < 0)
        return -1;
    if (refuse_update(model, err) == 0)
        return 0;
    model_free(model);
    return error_in(err, "%s", strcmp(name, "-") == 0 ? "standard input" : name);
}

int open_model(const struct invocation *inv, int operand, struct model *model, struct error *err)
{
    return open_one(inv, name_operand(inv, operand), READ_ALL, model, err);
}

int open_fixed(const struct invocation *inv, int operand, struct model *model, struct error *err)
{
    return open_one(inv, name_operand(inv, operand), READ_FIXED, model, err);
}

int open_named(const struct invocation *inv, const char *name, struct model *model, struct error *err)
{
    return open_one(inv, name, READ_ALL, model, err);
}

int tuned_place(const struct invocation *inv, const struct model *model, struct tuned_key *key, const char **path,
                struct error *err)
{
    const char *store;

    if (tuned_key(key, model, inv->job, inv->arena, err) < 0 || store_folder(inv->arena, &store, err) < 0)
        return -1;
    *path = tuned_path(key, store, inv->arena);
    return *path ? 0 : error_memory(err);
}

int use_tuned(const struct invocation *inv, bool wanted, const char *what, struct model *model, struct error *err)
{
    struct tuned_key key;
    const char *path;
    int rc;

    if (!wanted)
        return 0;
    if (tuned_place(inv, model, &key, &path, err) < 0)
        return -1;
    rc = tuned_read(model, &key, path, err);
    if (rc == 0)
        job_note(inv->job, "%s: not tuned for this CPU, goes with the usual kernels; run coedge profile MODEL --tune",
                 what);
    return rc < 0 ? -1 : 0;
}

int refuse_update(const struct model *model, struct error *err)
{
    if (model->update == NULL)
        return 0;
    error_set(err, ERROR_INPUT, "an update, expected a model");
    return error_hint(err, "coedge aggregate makes a model of updates");
}

bool model_is_piped(const struct invocation *inv)
{
    return inv->command->reads_stdin && (inv->operand_count == 0 || strcmp(inv->operand[0], "-") == 0);
}

static int count_stdin(const struct texts *list)
{
    int count = 0;

    for (int i = 0; list != NULL && i < list->count; i++)
        count += strcmp(list->item[i], "-") == 0;
    return count;
}

int check_stdin_once(const struct invocation *inv, const struct texts *first, const struct texts *second,
                     const char *other, bool again, struct error *err)
{
    const int lists = count_stdin(first) + count_stdin(second);
    const int all = lists + model_is_piped(inv) + (other != NULL && strcmp(other, "-") == 0);

    if (all > 1)
        return error_set(err, ERROR_USAGE, "standard input can serve one package or data set only, %d are to be read",
                         all);
    if (lists > 0 && again) {
        error_set(err, ERROR_USAGE, "data from standard input can be read once, and would be needed twice");
        return error_hint(err, "write it to a file first");
    }
    return 0;
}

int open_data(const struct invocation *inv, const struct texts *paths, const struct model *model, struct dataset *set,
              struct error *err)
{
    const struct dataset_options options = { .need_labels = true };

    return dataset_load(set, paths->item, paths->count, &model->preprocess, model->label, model->label_count, &options,
                        inv->job, err);
}

int open_bytes(const char *path, struct input *in, struct error *err)
{
    return input_open(in, path ? path : "-", 0, err);
}

int read_wish(const struct invocation *inv, const struct arch_wish *wish, struct arch_options *o, const char ***labels,
              struct error *err)
{
    int count;

    *o = (struct arch_options){ .classes = (int)wish->classes, .width_factor = wish->width, .seed = inv->job->seed };
    *labels = NULL;
    if (wish->input != NULL && arch_parse_input(o, wish->input, err) < 0)
        return error_in(err, "--input");
    if (wish->labels == NULL)
        return 0;
    if (wish->classes > 0)
        return error_set(err, ERROR_USAGE, "--labels says the classes already; leave --classes out");
    if (labels_read(inv->arena, wish->labels, labels, &count, err) < 0)
        return -1;
    o->classes = count;
    return 0;
}

/* ---- the gates ---- */

static int check_val(const struct making *making, struct error *err)
{
    if (!gate_needs_data(making->gate, making->gate_count) || (making->val && making->val->count > 0))
        return 0;
    error_set(err, ERROR_USAGE, "--require %s needs labelled data", making->require);
    return making->val ? error_hint(err, "add --val DATA") : error_hint(err, "parts can be judged only together");
}

static bool needs_times(const struct making *making)
{
    for (int i = 0; i < making->gate_count; i++)
        if (strstr(making->gate[i].measure, "_ms") != NULL)
            return true;
    return false;
}

static int measure(const struct invocation *inv, const struct making *making, const struct model *model, int64_t size,
                   struct tree **measures, struct error *err)
{
    struct measure_options options = { .set = making->set, .size = size, .runs = needs_times(making) ? 50 : 0 };
    struct dataset set = { 0 };
    int rc = 0;

    if (options.set == NULL && gate_needs_data(making->gate, making->gate_count)) {
        rc = open_data(inv, making->val, model, &set, err);
        options.set = &set;
    }
    if (rc == 0)
        rc = measure_model(inv->arena, model, &options, inv->job, measures, err);
    dataset_free(&set);
    return rc;
}

int making_size(const struct invocation *inv, struct model *model, int64_t *size, struct error *err)
{
    unsigned char *bytes;
    size_t count;

    if (package_write_memory(model, &bytes, &count, inv->job, err) < 0)
        return -1;
    free(bytes);
    *size = (int64_t)count;
    return 0;
}

int making_gate(const struct invocation *inv, const struct making *making, struct model *model, struct error *err)
{
    struct tree *measures = NULL;
    int64_t size;

    if (making->gate_count == 0)
        return 0;
    if (making_size(inv, model, &size, err) < 0 || measure(inv, making, model, size, &measures, err) < 0)
        return -1;
    return gate_check(making->gate, making->gate_count, measures, making->reference, err);
}

int making_labels(const struct invocation *inv, const struct making *making, const struct model *model,
                  struct error *err)
{
    return gate_check_labels(inv->arena, making->gate, making->gate_count, model->label, model->label_count, err);
}

/* ---- making ---- */

/* What no command that makes a package measures is said before the work, not after it. */
static int check_measured(const struct making *making, struct error *err)
{
    for (int i = 0; i < making->gate_count; i++) {
        const char *measure = making->gate[i].measure;

        if (strcmp(measure, "escapes") != 0 && strcmp(measure, "false_calls") != 0)
            continue;
        error_set(err, ERROR_USAGE, "--require: '%s' is not measured here", measure);
        return error_hint(err, "coedge eval --sweep --require measures it");
    }
    return 0;
}

static void leave_out(const struct invocation *inv, const struct making *making, struct model *parent)
{
    for (int i = 0; package_extras[i].name != NULL; i++)
        if ((parent->extras >> i & 1) && !(making->replays && strcmp(package_extras[i].name, PACKAGE_REPLAY) == 0))
            job_note(inv->job, "%s is left out: %s", package_extras[i].name, package_extras[i].why);
    if (making->learns)
        parent->statistics = NULL;
}

static int begin_gates(const struct invocation *inv, struct making *making, const struct model *parent,
                       struct error *err)
{
    if (gate_parse(inv->arena, making->require, &making->gate, &making->gate_count, err) < 0)
        return error_in(err, "--require");
    if (check_measured(making, err) < 0 || check_val(making, err) < 0)
        return -1;
    if (parent != NULL && !making->new_labels && making_labels(inv, making, parent, err) < 0)
        return -1;
    if (!gate_needs_reference(making->gate, making->gate_count) || (making->reference != NULL && !needs_times(making)))
        return 0;
    if (parent == NULL)
        return error_set(err, ERROR_USAGE, "--require: a gate with 'x' is relative to an input package; there is none");
    if (making->set == NULL && gate_needs_data(making->gate, making->gate_count) &&
        check_stdin_once(inv, making->val, NULL, NULL, true, err) < 0)
        return -1;
    return measure(inv, making, parent, (int64_t)parent->source.count, &making->reference, err);
}

int making_begin(const struct invocation *inv, struct making *making, struct model *parent, struct error *err)
{
    if (parent != NULL) {
        leave_out(inv, making, parent);
        making->had_threshold = parent->threshold != NULL;
        if (model_identity(parent, &making->parent[making->parent_count++], err) < 0)
            return -1;
    }
    return making->require != NULL ? begin_gates(inv, making, parent, err) : 0;
}

void making_data(struct making *making, struct model *model, const struct dataset *set)
{
    if (making->data_count < (int)COUNT(making->data))
        making->data[making->data_count++] = set->digest;
    if (set->privacy > model->privacy)
        model->privacy = set->privacy;
}

static const char *option_text(const struct invocation *inv, const struct option *row, struct arena *arena)
{
    const char *at = (const char *)inv->args + row->offset;
    const struct texts *list = (const void *)at;
    struct text text = { 0 };
    const char *result;

    switch (row->kind) {
    case OPTION_FLAG: return *(const bool *)at ? "true" : "false";
    case OPTION_INT: return arena_printf(arena, "%lld", (long long)*(const int64_t *)(const void *)at);
    case OPTION_REAL:
        json_add_real(&text, *(const double *)(const void *)at);
        if (text.length > 2 && strcmp(text.chars + text.length - 2, ".0") == 0)
            text.chars[text.length - 2] = '\0'; /* as one would type it */
        result = text.chars ? arena_strdup(arena, text.chars) : NULL;
        text_free(&text);
        return result;
    case OPTION_CHOICE: return *(const int *)(const void *)at < 0 ? NULL : row->choices[*(const int *)(const void *)at];
    case OPTION_LIST:
        for (int i = 0; i < list->count; i++) {
            text_add(&text, i ? "," : "");
            text_add(&text, list->item[i]);
        }
        result = text.chars ? arena_strdup(arena, text.chars) : NULL;
        text_free(&text);
        return result;
    default: return *(const char *const *)(const void *)at;
    }
}

static bool is_default(const struct option *row, const char *text)
{
    double given, initial;

    if (row->initial == NULL)
        return row->kind != OPTION_TEXT && strcmp(text, row->kind == OPTION_FLAG ? "false" : "0") == 0;
    if (row->kind == OPTION_REAL && text_to_real(text, &given) == 0 && text_to_real(row->initial, &initial) == 0)
        return given == initial; /* 1 and 1.0 */
    return strcmp(text, row->initial) == 0;
}

bool option_changed(const struct invocation *inv, const char *name)
{
    for (const struct option *row = inv->command->options; row && row->name; row++) {
        const char *text = strcmp(row->name, name) == 0 ? option_text(inv, row, inv->arena) : NULL;

        if (text != NULL)
            return !is_default(row, text);
    }
    return false;
}

/* Only what the user changed and what changes the result, as `inspect --script` prints it again. */
static void record_options(const struct invocation *inv, struct arena *arena, struct tree *map)
{
    for (const struct option *row = inv->command->options; row && row->name; row++) {
        const char *text = row->neutral && row->word == NULL ? NULL : option_text(inv, row, arena);

        if (text == NULL || (row->neutral && strcmp(text, row->word) != 0))
            continue;
        if (!is_default(row, text))
            tree_add_text(arena, map, row->name, text);
    }
}

static int by_digest(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct digest));
}

static int record_digests(struct arena *arena, struct tree *map, const char *key, const struct digest *digests,
                          int count, struct error *err)
{
    struct digest *sorted = arena_array(arena, (size_t)count + 1, sizeof(*sorted));
    struct tree *list = count > 0 ? tree_add_list(arena, map, key) : NULL;
    char hex[65];

    if (sorted == NULL)
        return error_memory(err);
    if (count > 0)
        memcpy(sorted, digests, (size_t)count * sizeof(*sorted));
    qsort(sorted, (size_t)count, sizeof(*sorted), by_digest);
    for (int i = 0; i < count; i++)
        tree_add_text(arena, list, NULL, digest_hex(&sorted[i], hex));
    return 0;
}

/* Names of classes come from a file, which the history does not have: the names themselves stand in it. */
static void record_labels(const struct invocation *inv, const struct model *model, struct arena *arena,
                          struct tree *record)
{
    struct tree *list;

    if (!option_changed(inv, "labels"))
        return;
    list = tree_add_list(arena, record, "labels");
    for (int i = 0; i < model->label_count; i++)
        tree_add_text(arena, list, NULL, model->label[i]);
}

int making_record(const struct invocation *inv, const struct making *making, struct model *model, struct error *err)
{
    struct arena *arena = &model->arena;
    struct tree *record = tree_map(arena), *options;
    const struct digest *parents = making->parents ? making->parents : making->parent;

    tree_add_text(arena, record, "command", inv->command->name);
    tree_add_text(arena, record, "version", COEDGE_VERSION);
    if (making->operand != NULL)
        tree_add_text(arena, record, "operand", making->operand);
    options = tree_add_map(arena, record, "options");
    record_options(inv, arena, options);
    record_labels(inv, model, arena, record);
    tree_add_int(arena, record, "seed", (int64_t)inv->job->seed);
    if (record_digests(arena, record, "parents", parents, making->parent_count, err) < 0 ||
        record_digests(arena, record, "data", making->data, making->data_count, err) < 0)
        return -1;
    if (making->measures != NULL)
        tree_add(arena, record, "measures", making->measures);
    return record ? model_add_history(model, record, err) : error_memory(err);
}

int making_end(const struct invocation *inv, struct making *making, struct model *model, struct error *err)
{
    if (package_settle(model, err) < 0 || making_record(inv, making, model, err) < 0)
        return -1;
    if (making_gate(inv, making, model, err) < 0)
        return -1;
    if (making->had_threshold && model->threshold == NULL && model->update == NULL)
        job_note(inv->job, "thresholds are left out: they were chosen for other weights (coedge eval --sweep)");
    return making->key != NULL ? package_write_signed(model, making->output, making->key, err)
                               : package_write(model, making->output, inv->job, NULL, err);
}

int check_site(const char *site, struct error *err)
{
    struct text visible = { 0 };
    int rc = 0;

    if (site == NULL)
        return 0;
    text_add_visible(&visible, site, strlen(site));
    text_add(&visible, "");
    rc = text_check(&visible, err);
    if (rc == 0 && (site[0] == '\0' || strcmp(visible.chars, site) != 0)) {
        rc = error_set(err, ERROR_USAGE, "--site '%.200s' is empty or has control characters", visible.chars);
        error_hint(err, "names are the federation's, such as factory-a");
    }
    text_free(&visible);
    return rc;
}

int read_signing_key(struct sign_key *key, const char *path, struct error *err)
{
    if (path == NULL)
        return 0;
    if (merge_key_read(key, path, err) < 0)
        return error_in(err, "--sign");
    if (key->has_secret)
        return 0;
    error_set(err, ERROR_USAGE, "--sign: %s: a public key, expected the secret one of the site", path);
    return error_hint(err, "the public one is for coedge aggregate --keys");
}

int print_json(const struct tree *tree, struct error *err)
{
    struct text text = { 0 };
    int rc;

    json_write(&text, tree);
    text_add(&text, "\n");
    rc = text_check(&text, err);
    if (rc == 0 && (fwrite(text.chars, 1, text.length, stdout) != text.length || fflush(stdout) != 0))
        rc = error_errno(err, ERROR_IO, "standard output");
    text_free(&text);
    return rc;
}

#include "cmd/making.h"

#include <stdlib.h>
#include <string.h>

#include "cmd/share.h"
#include "infer/infer.h"
#include "package/package.h"

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

/*
 * checkpoint.c - where a run stands, so that it can go on as if it had not stopped:
 * a tar of checkpoint.json (what run this is, how far) and state.safetensors (weights,
 * the optimizer's memory, the best weights so far).
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "package/package.h"
#include "stream/stream.h"
#include "train/internal.h"
#include "json/json.h"

static const int64_t most_steps = (int64_t)1 << 40; /* times a batch it is still a number of samples */

/* The tensors of a checkpoint as views of the trainer's memory. */
struct views {
    struct tensor *tensor;
    const struct tensor **list;
    const char **name;
    int count;
};

static int add_view(struct views *views, struct arena *arena, const char *prefix, const char *name, float *data,
                    const struct shape *shape, struct error *err)
{
    struct tensor *tensor = &views->tensor[views->count];

    *tensor = (struct tensor){ .dtype = DTYPE_F32, .shape = *shape, .data = data };
    views->list[views->count] = tensor;
    views->name[views->count] = arena_printf(arena, "%s%s", prefix, name);
    if (views->name[views->count] == NULL)
        return error_memory(err);
    views->count++;
    return 0;
}

static int add_weights(struct views *views, const struct trainer *trainer, struct arena *arena, struct error *err)
{
    const struct graph *graph = &trainer->model->graph;

    for (int i = 0; i < graph->value_count; i++) {
        const struct value *value = &graph->value[i];

        if (value->kind == VALUE_WEIGHT && value->tensor.dtype == DTYPE_F32 &&
            add_view(views, arena, "weight/", value->name, value->tensor.data, &value->tensor.shape, err) < 0)
            return -1;
    }
    return 0;
}

static int collect_views(struct views *views, const struct trainer *trainer, struct arena *arena, struct error *err)
{
    const struct graph *graph = &trainer->model->graph;
    const int states = optimizers[trainer->options->optimizer].states;
    const size_t most = (size_t)graph->value_count + (size_t)trainer->trained_count * TRAIN_STATES + 1;
    struct shape shape = shape_of(1, (int64_t)trainer->best_count);

    views->tensor = arena_array(arena, most, sizeof(*views->tensor));
    views->list = arena_array(arena, most, sizeof(*views->list));
    views->name = arena_array(arena, most, sizeof(*views->name));
    if (views->tensor == NULL || views->list == NULL || views->name == NULL)
        return error_memory(err);
    if (add_weights(views, trainer, arena, err) < 0)
        return -1;
    for (int i = 0; i < trainer->trained_count; i++) {
        const struct trained *one = &trainer->trained[i];
        const struct value *value = &graph->value[one->value];

        for (int k = 0; k < states; k++)
            if (add_view(views, arena, k == 0 ? "state0/" : "state1/", value->name, one->state[k], &value->tensor.shape,
                         err) < 0)
                return -1;
    }
    return trainer->best ? add_view(views, arena, "", "best", trainer->best, &shape, err) : 0;
}

static void describe_augment(const struct augment *augment, struct arena *arena, struct tree *map)
{
    tree_add_bool(arena, map, "hflip", augment->flip);
    tree_add_bool(arena, map, "vflip", augment->flip_vertical);
    tree_add_bool(arena, map, "rotate90", augment->rotate90);
    tree_add_int(arena, map, "shift", augment->shift);
    tree_add_real(arena, map, "brightness", augment->brightness);
    tree_add_real(arena, map, "contrast", augment->contrast);
    tree_add_real(arena, map, "noise", augment->noise);
    tree_add_int(arena, map, "cutout", augment->cutout);
}

/* What must be the same for a checkpoint to be of this run. */
static void describe_run(const struct trainer *trainer, struct arena *arena, struct tree *map)
{
    const struct train_options *options = trainer->options;
    struct tree *freeze;
    char hex[65];

    tree_add_int(arena, map, "format", 1);
    tree_add_text(arena, map, "model", digest_hex(&trainer->started_from, hex));
    tree_add_text(arena, map, "data", digest_hex(&trainer->data->digest, hex));
    tree_add_int(arena, map, "seed", (int64_t)options->seed);
    tree_add_int(arena, map, "batch", trainer->batch);
    tree_add_text(arena, map, "optimizer", optimizers[options->optimizer].name);
    tree_add_int(arena, map, "schedule", options->schedule);
    tree_add_real(arena, map, "lr", options->lr);
    tree_add_real(arena, map, "momentum", options->momentum);
    tree_add_real(arena, map, "weight_decay", options->weight_decay);
    tree_add_real(arena, map, "warmup", options->warmup);
    tree_add_real(arena, map, "smoothing", options->smoothing);
    tree_add_int(arena, map, "class_weights", options->class_weights);
    /* Also that there is none: a run that had one may not end as one that had not. */
    tree_add_text(arena, map, "teacher", options->teacher ? digest_hex(&trainer->taught_by, hex) : "none");
    if (options->teacher != NULL) {
        tree_add_real(arena, map, "distill", options->distill);
        tree_add_real(arena, map, "temperature", options->temperature);
    }
    tree_add_bool(arena, map, "keep_best", options->keep_best);
    tree_add_text(arena, map, "val", trainer->val ? digest_hex(&trainer->val->digest, hex) : "none");
    freeze = tree_add_list(arena, map, "freeze");
    for (int i = 0; i < options->freeze_count; i++)
        tree_add_text(arena, freeze, NULL, options->freeze[i]);
    describe_augment(&options->augment, arena, tree_add_map(arena, map, "augment"));
    tree_add_int(arena, map, "total_steps", trainer->total_steps);
}

static int write_json(const struct trainer *trainer, struct tar_writer *tar, struct arena *arena, struct error *err)
{
    struct tree *map = tree_map(arena);
    struct text text = { 0 };
    int rc;

    describe_run(trainer, arena, map);
    tree_add_int(arena, map, "step", trainer->step);
    tree_add_real(arena, map, "best_val", trainer->best_val);
    tree_add_int(arena, map, "best_epoch", trainer->result.best_epoch);
    tree_add_real(arena, map, "loss", trainer->result.loss);
    tree_add_real(arena, map, "accuracy", trainer->result.accuracy);
    if (isfinite(trainer->result.val_accuracy)) /* judged already */
        tree_add_real(arena, map, "val_accuracy", trainer->result.val_accuracy);
    json_write(&text, map);
    text_add(&text, "\n");
    rc = text_check(&text, err);
    if (rc == 0)
        rc = tar_add(tar, "checkpoint.json", text.chars, text.length, err);
    text_free(&text);
    return rc;
}

static int write_state(const struct views *views, struct tar_writer *tar, struct arena *arena, struct error *err)
{
    struct text header = { 0 };
    uint64_t bytes = 0;
    int *order, rc;

    rc = safetensors_header(&header, arena, views->list, views->name, views->count, &order, err);
    for (int i = 0; i < views->count; i++)
        bytes += tensor_bytes(views->list[i]);
    if (rc == 0)
        rc = tar_begin(tar, "state.safetensors", header.length + bytes, err);
    if (rc == 0)
        rc = tar_piece(tar, header.chars, header.length, err);
    for (int i = 0; i < views->count && rc == 0; i++)
        rc = tar_piece(tar, views->list[order[i]]->data, tensor_bytes(views->list[order[i]]), err);
    text_free(&header);
    return rc;
}

static int write_members(const struct trainer *trainer, struct output *out, struct arena *arena, struct error *err)
{
    struct views views = { 0 };
    struct tar_writer *tar = tar_create(out, err);

    if (tar == NULL)
        return -1;
    if (collect_views(&views, trainer, arena, err) < 0 || write_json(trainer, tar, arena, err) < 0 ||
        write_state(&views, tar, arena, err) < 0) {
        tar_abandon(tar);
        return -1;
    }
    return tar_finish(tar, 0, err);
}

int checkpoint_write(const struct trainer *trainer, const char *path, struct error *err)
{
    struct output *out = output_open(path, err);
    struct arena arena = { 0 };
    int rc;

    if (out == NULL)
        return error_in(err, "checkpoint");
    rc = write_members(trainer, out, &arena, err);
    arena_free(&arena);
    if (rc == 0)
        rc = output_commit(out, err);
    else
        output_abort(out);
    return rc < 0 ? error_in(err, "checkpoint") : 0;
}

/* ---- reading ---- */

static int check_run(const struct trainer *trainer, const struct tree *found, struct arena *arena, struct error *err)
{
    struct tree *wanted = tree_map(arena);

    describe_run(trainer, arena, wanted);
    for (const struct tree *one = wanted ? wanted->first : NULL; one; one = one->next) {
        const struct tree *other = tree_get(found, one->key);
        struct text a = { 0 }, b = { 0 };
        bool same;

        json_write(&a, one);
        if (other != NULL)
            json_write(&b, other);
        same = other != NULL && a.chars && b.chars && strcmp(a.chars, b.chars) == 0;
        if (!same) {
            error_set(err, ERROR_USAGE, "of another run: its %s is %s, this run's %s", one->key,
                      b.chars ? b.chars : "missing", a.chars ? a.chars : "unknown");
            error_hint(err, "remove the file to start over, or repeat the command that wrote it");
        }
        text_free(&a);
        text_free(&b);
        if (!same)
            return -1;
    }
    return 0;
}

static int load_json(struct trainer *trainer, const struct tar_member *member, struct arena *arena, struct error *err)
{
    const int64_t most = trainer->total_steps < most_steps ? trainer->total_steps : most_steps;
    const struct tree *map;

    if (json_parse(arena, (const char *)member->bytes, member->count, &map, err) < 0 ||
        check_run(trainer, map, arena, err) < 0 || tree_need_int(map, "step", 0, most, &trainer->step, err) < 0 ||
        tree_need_real(map, "best_val", &trainer->best_val, err) < 0 ||
        tree_need_real(map, "loss", &trainer->result.loss, err) < 0 ||
        tree_need_real(map, "accuracy", &trainer->result.accuracy, err) < 0 ||
        tree_take_real(map, "val_accuracy", &trainer->result.val_accuracy, err) < 0)
        return -1;
    return tree_need_int(map, "best_epoch", 0, INT64_MAX, &trainer->result.best_epoch, err);
}

static int load_state(struct trainer *trainer, const struct tar_member *member, struct arena *arena, struct error *err)
{
    struct views views = { 0 };
    struct safetensors st;

    if (collect_views(&views, trainer, arena, err) < 0 ||
        safetensors_parse(&st, arena, member->bytes, member->count, err) < 0)
        return -1;
    if (st.count != views.count)
        return error_set(err, ERROR_INPUT, "%d tensors, expected %d", st.count, views.count);
    for (int i = 0; i < views.count; i++) {
        const struct safetensors_entry *entry = NULL;

        for (int k = 0; k < st.count && entry == NULL; k++)
            if (strcmp(st.entry[k].name, views.name[i]) == 0)
                entry = &st.entry[k];
        if (entry == NULL || entry->dtype != DTYPE_F32 || !shape_equal(&entry->shape, &views.list[i]->shape))
            return error_set(err, ERROR_INPUT, "tensor '%s' is missing or has another shape", views.name[i]);
        memcpy(views.tensor[i].data, member->bytes + st.data_offset + entry->begin, entry->end - entry->begin);
    }
    return 0;
}

/* Both members, in the order they were written, and the `.end` mark before anything is believed. */
static int load(struct trainer *trainer, const struct input *in, const char *path, struct arena *arena,
                struct error *err)
{
    struct tar_reader *tar = tar_open_memory(in->bytes, in->count, path, err);
    struct tar_member member[2], rest;
    struct digest digest;
    int rc = tar ? 0 : -1;

    for (int i = 0; i < 2 && rc == 0; i++) {
        rc = tar_next(tar, &member[i], err);
        rc = rc == 1 ? 0 : rc < 0 ? -1 : error_set(err, ERROR_INPUT, "%d members, expected 2", i);
        if (rc == 0 && !member[i].in_place)
            rc = error_set(err, ERROR_INPUT, "member %d is compressed", i);
    }
    if (rc == 0 && tar_next(tar, &rest, err) != 0)
        rc = error_set(err, ERROR_INPUT, "more members than 2");
    if (rc == 0 && tar_end_state(tar, &digest) != TAR_END_GOOD)
        rc = error_set(err, ERROR_INPUT, "no .end: the file was cut");
    if (rc == 0)
        rc = load_json(trainer, &member[0], arena, err);
    if (rc == 0)
        rc = load_state(trainer, &member[1], arena, err);
    tar_close(tar);
    return rc;
}

int checkpoint_read(struct trainer *trainer, const char *path, struct error *err)
{
    struct arena arena = { 0 };
    struct input in;
    struct stat st;
    int rc;

    if (stat(path, &st) < 0)
        return 0;
    if (!S_ISREG(st.st_mode)) /* nothing to go on from, nor to be replaced whole */
        return error_set(err, ERROR_IO, "checkpoint: %s: not a regular file", path);
    if (input_open(&in, path, 0, err) < 0)
        return error_in(err, "checkpoint");
    rc = load(trainer, &in, path, &arena, err);
    input_close(&in);
    arena_free(&arena);
    if (rc < 0)
        return error_in(err, "checkpoint %s", path);
    job_note(trainer->job, "resumed from %s at step %" PRId64 " of %" PRId64, path, trainer->step,
             trainer->total_steps);
    return 1;
}

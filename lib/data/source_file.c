/*
 * source_file.c - images that lie in files of their own: one, or a folder of
 * them with a subfolder per class. Classes are the subfolders in sorted order.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "data/internal.h"

struct state {
    struct input input; /* the item's bytes */
    char *key;
    /* folder only: part 0 is the folder itself, part p the p-th subfolder */
    char **folder;
    size_t folder_count, part, at;
    char **name; /* of the present part; in `names` */
    size_t name_count;
    struct arena names;
};

static void close_files(struct source *source)
{
    struct state *state = source->state;

    input_close(&state->input);
    arena_free(&state->names);
}

/* Reads a file into the item, and into the set's digest: key, then content. */
static int read_file(struct source *source, const char *path, struct item *item, struct error *err)
{
    struct state *state = source->state;

    input_close(&state->input);
    if (input_read(&state->input, path, limit_get(LIMIT_SAMPLE_BYTES), err) < 0)
        return -1;
    source_hash(source, state->key, strlen(state->key) + 1);
    source_hash(source, state->input.bytes, state->input.count);
    item->key = state->key;
    item->bytes = state->input.bytes;
    item->count = state->input.count;
    return 1;
}

/* ---- one file ---- */

static int next_single(struct source *source, struct item *item, struct error *err)
{
    struct state *state = source->state;
    const char *name = path_name(source->path), *dot = strrchr(name, '.');

    if (state->at++ > 0)
        return 0;
    state->key = arena_strndup(&source->arena, name, dot != NULL && dot != name ? (size_t)(dot - name) : strlen(name));
    if (state->key == NULL)
        return error_memory(err);
    if (read_file(source, source->path, item, err) < 0)
        return -1;
    item->ext = item->bytes[0] == 0x93 ? "npy" : item->bytes[0] == 0x89 ? "png" : "jpg";
    return 1;
}

static const struct source_kind single = { next_single, close_files };

int source_file_open(struct source *source, struct error *err)
{
    source->kind = &single;
    source->state = arena_alloc(&source->arena, sizeof(struct state));
    if (source->state != NULL)
        return 0;
    source->kind = NULL;
    return error_memory(err);
}

/* ---- a folder ---- */

static int list_part(struct source *source, struct error *err)
{
    struct state *state = source->state;
    const char *path = source->path;

    arena_free(&state->names);
    if (state->part > 0)
        path = arena_printf(&state->names, "%s/%s", source->path, state->folder[state->part - 1]);
    if (path == NULL)
        return error_memory(err);
    state->at = 0;
    return folder_list(path, &state->names, &state->name, &state->name_count, err);
}

/* The next name with an image's or array's ending. 1, 0 at the end, -1. */
static int find_next(struct source *source, const char **ext, struct error *err)
{
    struct state *state = source->state;

    for (;;) {
        while (state->at < state->name_count) {
            const char *dot = strrchr(state->name[state->at++], '.');

            *ext = dot != NULL ? known_ext(dot + 1) : NULL;
            if (*ext != NULL)
                return 1;
        }
        if (state->part == state->folder_count)
            return 0;
        state->part++;
        if (list_part(source, err) < 0)
            return -1;
    }
}

static int next_in_folder(struct source *source, struct item *item, struct error *err)
{
    struct state *state = source->state;
    const char *ext, *name, *inside, *path;
    int rc = find_next(source, &ext, err);

    if (rc <= 0)
        return rc;
    name = state->name[state->at - 1];
    inside = state->part > 0 ? state->folder[state->part - 1] : NULL;
    path = arena_printf(&state->names, "%s/%s%s%s", source->path, inside ? inside : "", inside ? "/" : "", name);
    state->key = arena_printf(&state->names, "%s%s%.*s", inside ? inside : "", inside ? "/" : "",
                              (int)(strrchr(name, '.') - name), name);
    if (path == NULL || state->key == NULL)
        return error_memory(err);
    item->ext = ext;
    item->class_text = inside;
    return read_file(source, path, item, err);
}

static const struct source_kind folder = { next_in_folder, close_files };

static int find_subfolders(struct source *source, struct error *err)
{
    struct state *state = source->state;
    const char **labels;
    size_t count;

    if (folder_list(source->path, &source->arena, &state->folder, &count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        const char *path = arena_printf(&state->names, "%s/%s", source->path, state->folder[i]);

        if (path == NULL)
            return error_memory(err);
        if (path_is_folder(path))
            state->folder[state->folder_count++] = state->folder[i];
    }
    if (state->folder_count > INT32_MAX)
        return error_set(err, ERROR_LIMIT, "%zu subfolders", state->folder_count);
    labels = arena_array(&source->arena, state->folder_count + 1, sizeof(*labels));
    if (labels == NULL)
        return error_memory(err);
    for (size_t i = 0; i < state->folder_count; i++)
        labels[i] = state->folder[i];
    source->labels = state->folder_count > 0 ? labels : NULL;
    source->label_count = (int)state->folder_count;
    return 0;
}

/* A folder may hold a `.dataset.yaml` as a shard does: its order of labels counts, its level too. */
static int take_header(struct source *source, struct error *err)
{
    struct state *state = source->state;
    const char *path = arena_printf(&state->names, "%s/.dataset.yaml", source->path);
    struct header header;
    struct input in;
    char *text;
    int rc;

    if (path == NULL)
        return error_memory(err);
    if (!path_exists(path))
        return 0;
    if (input_open(&in, path, limit_get(LIMIT_YAML_BYTES), err) < 0)
        return -1;
    text = arena_strndup(&source->arena, (const char *)in.bytes, in.count);
    rc = text == NULL ? error_memory(err) : header_parse(&header, &source->arena, text, in.count, err);
    source_hash(source, in.bytes, in.count);
    input_close(&in);
    if (rc < 0)
        return error_in(err, "%s", path);
    if (header.labels != NULL) {
        source->labels = header.labels;
        source->label_count = header.label_count;
    }
    if (header.has_privacy)
        source->privacy = header.privacy;
    return 0;
}

int source_folder_open(struct source *source, struct error *err)
{
    source->state = arena_alloc(&source->arena, sizeof(struct state));
    if (source->state == NULL)
        return error_memory(err);
    source->kind = &folder;
    if (find_subfolders(source, err) < 0 || take_header(source, err) < 0)
        return -1;
    return list_part(source, err);
}

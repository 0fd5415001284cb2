/* tuned.c - see tuned.h. */
#include "infer/tuned.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "base/processor.h"
#include "json/json.h"

enum { MOST_BYTES = 1 << 20, FORMAT = 1 };

/* ---- where ---- */

/* Letters and digits, with one dash for whatever stands between them. */
static void make_plain(char *name)
{
    char *to = name;

    for (const char *from = name; *from != '\0'; from++) {
        if (isalnum((unsigned char)*from))
            *to++ = (char)tolower((unsigned char)*from);
        else if (to > name && to[-1] != '-')
            *to++ = '-';
    }
    while (to > name && to[-1] == '-')
        to--;
    *to = '\0';
}

int tuned_key(struct tuned_key *key, const struct model *model, const struct job *job, struct arena *arena,
              struct error *err)
{
    char name[PROCESSOR_NAME], *folder;
    struct digest identity;

    if (model_identity(model, &identity, err) < 0)
        return -1;
    digest_hex(&identity, key->model);
    processor_name(name);
    key->cpu = arena_printf(arena, "%s %s", job->kern->cpu, name);
    folder = key->cpu != NULL ? arena_strdup(arena, key->cpu) : NULL;
    if (folder == NULL)
        return error_memory(err);
    make_plain(folder);
    key->folder = folder;
    return 0;
}

const char *tuned_path(const struct tuned_key *key, const char *store, struct arena *arena)
{
    return arena_printf(arena, "%s/tuned/%s/%s.json", store, key->folder, key->model);
}

/* 1: a regular file; 0: nothing. */
static int is_there(const char *path, struct error *err)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return errno == ENOENT || errno == ENOTDIR ? 0 : error_errno(err, ERROR_IO, "%s: cannot open", path);
    return S_ISREG(st.st_mode) ? 1 : error_set(err, ERROR_IO, "%s: not a regular file", path);
}

/* ---- out ---- */

struct output *tuned_create(const char *path, struct arena *arena, struct error *err)
{
    const char *folder = arena_strndup(arena, path, (size_t)(path_name(path) - path));

    if (folder == NULL) {
        error_memory(err);
        return NULL;
    }
    return path_make_folders(folder, err) < 0 || is_there(path, err) < 0 ? NULL : output_open(path, err);
}

static int write_tree(struct output *out, const struct tree *map, struct error *err)
{
    struct text text = { 0 };
    int rc;

    json_write_indented(&text, map);
    text_add(&text, "\n");
    rc = text_check(&text, err);
    if (rc == 0)
        rc = output_write(out, text.chars, text.length, err);
    text_free(&text);
    if (rc == 0)
        return output_commit(out, err);
    output_abort(out);
    return rc;
}

int tuned_write(struct output *out, const struct tuned_key *key, const struct tune *tune, int64_t batch,
                struct arena *arena, struct error *err)
{
    struct tree *map = tree_map(arena), *nodes;

    tree_add_int(arena, map, "format", FORMAT);
    tree_add_text(arena, map, "cpu", key->cpu);
    tree_add_text(arena, map, "model", key->model);
    tree_add_int(arena, map, "batch", batch);
    nodes = tree_add_map(arena, map, "nodes");
    for (int n = 0; n < tune->count; n++)
        if (tune->node[n].way != OP_WAY_ANY)
            tree_add_text(arena, nodes, tune->node[n].name, op_way_name(tune->node[n].way));
    if (!arena->failed)
        return write_tree(out, map, err);
    output_abort(out);
    return error_memory(err);
}

/* ---- in ---- */

static int check_key(const struct tree *map, const char *name, const char *expected, struct error *err)
{
    const char *found;

    if (tree_need_text(map, name, &found, err) < 0)
        return -1;
    if (strcmp(found, expected) == 0)
        return 0;
    return error_set(err, ERROR_INPUT, "%s is '%.80s', expected '%s'", name, found, expected);
}

static int read_way(struct graph *graph, const struct tree *one, struct error *err)
{
    const int n = graph_find_node(graph, one->key);
    enum op_way way = one->kind == TREE_TEXT ? op_way_find(one->text) : OP_WAYS;

    if (way == OP_WAYS || way == OP_WAY_ANY)
        return error_set(err, ERROR_INPUT,
                         "nodes: '%.80s' has no such way as '%.40s', expected '%s', '%s', '%s' or '%s'", one->key,
                         one->kind == TREE_TEXT ? one->text : "(no text)", op_way_name(OP_WAY_DIRECT),
                         op_way_name(OP_WAY_WINOGRAD_2), op_way_name(OP_WAY_WINOGRAD_4), op_way_name(OP_WAY_DEPTHWISE));
    if (n >= 0)
        graph->node[n].way = way;
    return 0;
}

static int read_tree(struct graph *graph, const struct tuned_key *key, const struct tree *map, struct error *err)
{
    static const char *const known[] = { "format", "cpu", "model", "batch", "nodes", NULL };
    const struct tree *nodes;
    int64_t number;

    if (map->kind != TREE_MAP)
        return error_set(err, ERROR_INPUT, "not an object");
    if (tree_need_int(map, "format", FORMAT, FORMAT, &number, err) < 0 || tree_only(map, known, err) < 0 ||
        check_key(map, "cpu", key->cpu, err) < 0 || check_key(map, "model", key->model, err) < 0 ||
        tree_take_int(map, "batch", 1, INT64_MAX, &number, err) < 0 ||
        tree_need(map, "nodes", TREE_MAP, &nodes, err) < 0)
        return -1;
    for (const struct tree *one = nodes->first; one != NULL; one = one->next)
        if (read_way(graph, one, err) < 0)
            return -1;
    return 0;
}

int tuned_parse(struct model *model, const struct tuned_key *key, const char *text, size_t length, struct error *err)
{
    struct arena scratch = { 0 };
    const struct tree *root;
    int rc = json_parse(&scratch, text, length, &root, err);

    if (rc == 0)
        rc = read_tree(&model->graph, key, root, err);
    for (int n = 0; rc < 0 && n < model->graph.node_count; n++)
        model->graph.node[n].way = OP_WAY_ANY;
    arena_free(&scratch);
    return rc;
}

int tuned_read(struct model *model, const struct tuned_key *key, const char *path, struct error *err)
{
    struct input in;
    int rc = is_there(path, err);

    if (rc <= 0)
        return rc;
    if (input_open(&in, path, MOST_BYTES, err) < 0)
        return -1;
    rc = tuned_parse(model, key, (const char *)in.bytes, in.count, err);
    input_close(&in);
    if (rc == 0)
        return 1;
    if (err != NULL && err->hint[0] == '\0')
        error_hint(err, "coedge profile MODEL --tune writes it anew");
    return error_in(err, "%s", path);
}

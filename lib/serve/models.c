/* models.c - what is served: loaded, found by name, exchanged while it answers. */
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"
#include "infer/activations.h"
#include "package/package.h"
#include "serve/internal.h"

enum { PROOF = 32 }; /* answers that prove a model */

/* ---- one model ---- */

static void prove(struct loaded *loaded)
{
    if (!loaded->proved)
        loaded->options->proved(loaded->user);
    loaded->proved = true;
}

/* why: it could not be loaded; or NULL. */
static void loaded_free(struct loaded *loaded, const struct error *why)
{
    if (loaded == NULL)
        return;
    for (int i = loaded->made - 1; i >= 0; i--) /* twins before the first */
        runner_free(loaded->runner[i]);
    free(loaded->runner);
    model_free(&loaded->model);
    if (loaded->answered > 0)
        prove(loaded);
    loaded->options->freed(loaded->user, why);
    free(loaded);
}

static bool is_batched(const struct loaded *loaded)
{
    const struct graph *graph = &loaded->model.graph;
    bool batched = true;

    for (int i = 0; i < graph->input_count; i++) {
        const struct shape *shape = &graph->value[graph->input[i]].tensor.shape;

        batched &= shape->rank > 0 && shape->dim[0] == -1;
    }
    for (int i = 0; i < graph->output_count; i++) {
        const struct shape *shape = &runner_output(loaded->runner[0], i)->shape;

        batched &= shape->rank > 0 && shape->dim[0] == 1;
    }
    return batched;
}

/* The golden samples answer here as they did where the package was made. */
static int check_here(struct loaded *loaded, const struct job *job, struct error *err)
{
    struct digest identity;
    double worst;

    if (package_settle(&loaded->model, err) < 0)
        return -1;
    if (loaded->model.golden_count > 0 && package_verify(&loaded->model, job, &worst, err) < 0)
        return -1;
    if (model_identity(&loaded->model, &identity, err) < 0)
        return -1;
    digest_hex(&identity, loaded->identity);
    return 0;
}

/* How many of 1, 2, 4 ... samples a run may have: more than one only where samples never meet. */
static int count_sizes(struct loaded *loaded, int most, struct error *err)
{
    struct arena scratch = { 0 };
    struct tensor *one = NULL;
    int rc = 0;

    loaded->sizes = 1;
    if (most > 1)
        rc = graph_apart(&loaded->model.graph, &one, &scratch, err);
    while (one != NULL && 1 << loaded->sizes <= most)
        loaded->sizes++;
    arena_free(&scratch);
    return rc;
}

struct runner *loaded_runner(const struct loaded *loaded, int size, int worker)
{
    return loaded->runner[size * loaded->workers + worker];
}

static int make_runners(struct loaded *loaded, const struct serve_options *options, const struct job *job,
                        struct error *err)
{
    loaded->workers = options->workers;
    if (count_sizes(loaded, options->most_batch, err) < 0)
        return -1;
    loaded->runner = sys_alloc((size_t)(loaded->sizes * loaded->workers) * sizeof(struct runner *));
    if (loaded->runner == NULL)
        return error_memory(err);
    for (; loaded->made < loaded->sizes * loaded->workers; loaded->made++) {
        const int size = loaded->made / loaded->workers, worker = loaded->made % loaded->workers;
        struct runner *one = worker == 0 ? runner_new_batch(&loaded->model, (int64_t)1 << size, job, err)
                                         : runner_twin(loaded_runner(loaded, size, 0), err);

        if (one == NULL)
            return -1;
        loaded->runner[loaded->made] = one;
    }
    return 0;
}

static struct loaded *load(struct serve *serve, const char *what, const char *path, struct error *err)
{
    const struct serve_options *options = serve->options;
    const struct job job = { .kern = options->job->kern }; /* one thread each */
    struct loaded *loaded = calloc(1, sizeof(*loaded));

    if (loaded == NULL) {
        error_memory(err);
        return NULL;
    }
    loaded->options = options;
    if (options->load(options->context, what, path, &loaded->model, &loaded->user, err) < 0) {
        free(loaded);
        return NULL;
    }
    if (check_here(loaded, &job, err) < 0 || make_runners(loaded, options, &job, err) < 0) {
        error_in(err, "%s", path);
        loaded_free(loaded, err);
        return NULL;
    }
    loaded->users = 1;
    loaded->batched = is_batched(loaded);
    loaded->images = loaded->model.has_preprocess && loaded->model.graph.input_count == 1;
    loaded->quantized_in = model_reads_activations(&loaded->model);
    loaded->quantized_out = model_writes_activations(&loaded->model);
    return loaded;
}

static bool is_quantized(const struct tensor *tensor)
{
    return tensor->dtype == DTYPE_U8 && tensor->quant != NULL;
}

enum dtype loaded_input_dtype(const struct loaded *loaded, const struct tensor *tensor)
{
    return is_quantized(tensor) && !loaded->quantized_in ? DTYPE_F32 : tensor->dtype;
}

enum dtype loaded_output_dtype(const struct loaded *loaded, const struct tensor *tensor)
{
    return is_quantized(tensor) && !loaded->quantized_out ? DTYPE_F32 : tensor->dtype;
}

/* ---- names ---- */

static bool name_good(const char *name)
{
    return *name != '\0' && strlen(name) <= 128 &&
           name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-+")] == '\0';
}

/* NAME:VERSION, or what stands for it, into two. */
static int split_name(struct entry *entry, struct arena *arena, const char *text, const char *operand,
                      struct error *err)
{
    const char *colon = strchr(text, ':');

    entry->name = arena_strndup(arena, text, colon ? (size_t)(colon - text) : strlen(text));
    entry->version = colon ? arena_strdup(arena, colon + 1) : "1";
    if (entry->name == NULL || entry->version == NULL)
        return error_memory(err);
    if (name_good(entry->name) && name_good(entry->version))
        return 0;
    error_set(err, ERROR_USAGE, "'%s' does not make a model's name: letters, digits, ._-+", operand);
    return error_hint(err, "name it: NAME=%s", entry->what);
}

static int name_entry(struct entry *entry, struct arena *arena, const char *operand, struct error *err)
{
    const char *equals = strchr(operand, '='), *slash = strchr(operand, '/'), *base, *dot;
    char *text;

    if (equals != NULL && (slash == NULL || equals < slash)) {
        entry->what = equals + 1;
        text = arena_strndup(arena, operand, (size_t)(equals - operand));
    } else if (*operand == '@') {
        entry->what = operand;
        text = arena_printf(arena, strchr(operand, ':') ? "%s" : "%s:latest", operand + 1);
    } else {
        entry->what = operand;
        base = path_name(operand);
        dot = strrchr(base, '.');
        text = arena_strndup(arena, base, dot != NULL && dot > base ? (size_t)(dot - base) : strlen(base));
    }
    if (text == NULL)
        return error_memory(err);
    return split_name(entry, arena, text, operand, err);
}

struct entry *entry_find(struct serve *serve, const char *name, const char *version)
{
    for (int i = 0; i < serve->entry_count; i++) {
        struct entry *entry = &serve->entry[i];

        if (strcmp(entry->name, name) == 0 && (version == NULL || strcmp(entry->version, version) == 0))
            return entry;
    }
    return NULL;
}

/* ---- all of them ---- */

static int load_entry(struct serve *serve, struct entry *entry, struct error *err)
{
    const struct serve_options *options = serve->options;
    const char *path;

    if (options->locate(options->context, entry->what, &serve->arena, &path, err) < 0)
        return -1;
    if (stat(path, &entry->seen) < 0)
        return error_errno(err, ERROR_IO, "%s", path);
    entry->current = load(serve, entry->what, path, err);
    return entry->current == NULL ? -1 : 0;
}

int entries_load(struct serve *serve, struct error *err)
{
    const int count = serve->options->operand_count;

    serve->entry = arena_array(&serve->arena, (size_t)count + 1, sizeof(*serve->entry));
    if (serve->entry == NULL)
        return error_memory(err);
    for (int i = 0; i < count; i++) {
        struct entry *entry = &serve->entry[i];

        if (name_entry(entry, &serve->arena, serve->options->operand[i], err) < 0)
            return -1;
        if (entry_find(serve, entry->name, entry->version) != NULL) {
            error_set(err, ERROR_USAGE, "two models are called %s, version %s", entry->name, entry->version);
            return error_hint(err, "name one of them: NAME:VERSION=%s", entry->what);
        }
        serve->entry_count++;
    }
    for (int i = 0; i < count; i++)
        if (load_entry(serve, &serve->entry[i], err) < 0)
            return -1;
    return 0;
}

void entries_free(struct serve *serve)
{
    for (int i = 0; i < serve->entry_count; i++)
        loaded_free(serve->entry[i].current, NULL);
}

/* ---- exchange ---- */

struct loaded *entry_acquire(struct serve *serve, struct entry *entry)
{
    struct loaded *loaded;

    pthread_mutex_lock(&serve->lock);
    loaded = entry->current;
    loaded->users++;
    pthread_mutex_unlock(&serve->lock);
    return loaded;
}

void loaded_release(struct serve *serve, struct loaded *loaded)
{
    bool last;

    pthread_mutex_lock(&serve->lock);
    last = --loaded->users == 0;
    pthread_mutex_unlock(&serve->lock);
    if (last)
        loaded_free(loaded, NULL);
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void exchange(struct serve *serve, struct entry *entry, const char *path)
{
    struct error err = { 0 };
    struct loaded *fresh = load(serve, entry->what, path, &err), *old = entry->current;

    if (fresh == NULL)
        job_note(serve->options->job, "%s stays as it is: %s", entry->name, err.message);
    pthread_mutex_lock(&serve->lock);
    if (fresh != NULL) {
        entry->current = fresh;
        entry->swaps++;
    } else {
        entry->refused_swaps++;
    }
    pthread_mutex_unlock(&serve->lock);
    if (fresh == NULL)
        return;
    job_note(serve->options->job, "%s:%s is now sha256:%.12s", entry->name, entry->version, fresh->identity);
    loaded_release(serve, old);
}

static int64_t count_answered(struct serve *serve, const struct loaded *loaded)
{
    int64_t answered;

    pthread_mutex_lock(&serve->lock);
    answered = loaded->answered;
    pthread_mutex_unlock(&serve->lock);
    return answered;
}

/*
 * Only entries of the store are watched: they move in one step from one whole package to another. What is refused is
 * tried again when it has moved again.
 */
void entries_tick(struct serve *serve)
{
    const struct serve_options *options = serve->options;

    for (int i = 0; i < serve->entry_count; i++) {
        struct entry *entry = &serve->entry[i];
        struct arena arena = { 0 };
        const char *path;
        struct stat now;

        if (count_answered(serve, entry->current) >= PROOF)
            prove(entry->current);
        if (*entry->what == '@' && options->locate(options->context, entry->what, &arena, &path, NULL) == 0 &&
            stat(path, &now) == 0 && !is_same(&now, &entry->seen)) {
            entry->seen = now;
            exchange(serve, entry, path);
        }
        arena_free(&arena);
    }
}

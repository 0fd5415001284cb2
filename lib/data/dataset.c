/* dataset.c - whole sets into memory: read one after the other, decoded many at once. */
#include "data/data.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/sys.h"
#include "data/internal.h"
#include "package/package.h"

struct load {
    struct dataset *set;
    const struct dataset_options *options;
    const struct job *job;
    struct source *source;
    const char *path;
    struct gather gather;
    struct error failed[GATHER_SAMPLES]; /* kind ERROR_NONE: decoded */
    int64_t room;                        /* samples there is memory for */
    struct digest *digest;               /* one a source */
};

/* ---- one sample, on any thread ---- */

int item_refuse_image(struct error *err)
{
    error_set(err, ERROR_INPUT, "an image, but the model takes tensors: it has no preprocessing");
    return error_hint(err, "coedge convert --preprocess mean=...,std=... stores how an image becomes its input");
}

int item_pixels(uint8_t *out, const struct item *item, const struct preprocess *preprocess, struct error *err)
{
    struct image decoded, fitted = { preprocess->height, preprocess->width, preprocess->channels, out };
    int rc;

    if (preprocess->channels == 0)
        return item_refuse_image(err);
    if (item->bytes != NULL && strcmp(item->ext, "npy") != 0 && strcmp(item->ext, "raw") != 0)
        return image_load(out, item->bytes, item->count, preprocess, err);
    if (item_decode(&decoded, item, preprocess->channels, err) < 0)
        return -1;
    rc = image_fit(&fitted, &decoded, preprocess, err);
    image_free(&decoded);
    return rc;
}

/* Axes of 1 in front say nothing, and neither does the shape of what is flat. */
static bool same_layout(const struct shape *found, const struct shape *wanted)
{
    int i = 0, k = 0;

    if (shape_count(found) != shape_count(wanted))
        return false;
    if (found->rank <= 1 || wanted->rank <= 1)
        return true;
    while (i < found->rank && found->dim[i] == 1)
        i++;
    while (k < wanted->rank && wanted->dim[k] == 1)
        k++;
    if (found->rank - i != wanted->rank - k)
        return false;
    for (; i < found->rank; i++, k++)
        if (found->dim[i] != wanted->dim[k])
            return false;
    return true;
}

int item_values(float *out, const struct shape *shape, const struct item *item, struct error *err)
{
    const int64_t elements = shape_count(shape);
    struct tensor tensor;
    double wide;
    char found[160], wanted[160];

    if (item->ext == NULL || strcmp(item->ext, "npy") != 0)
        return error_set(err, ERROR_INPUT, "not an array (.npy) as the samples before it");
    if (npy_parse(&tensor, item->bytes, item->count, err) < 0)
        return -1;
    if (tensor.dtype != DTYPE_F32 && tensor.dtype != DTYPE_F64)
        return error_set(err, ERROR_INPUT, "array of %s, expected F32 or F64", dtype_name(tensor.dtype));
    if (!same_layout(&tensor.shape, shape))
        return error_set(err, ERROR_INPUT, "array of shape %s, expected %s", shape_text(&tensor.shape, found),
                         shape_text(shape, wanted));
    for (int64_t i = 0; i < elements; i++) {
        if (tensor.dtype == DTYPE_F32) {
            memcpy(&out[i], (const char *)tensor.data + i * (int64_t)sizeof(float), sizeof(float));
        } else {
            memcpy(&wide, (const char *)tensor.data + i * (int64_t)sizeof(double), sizeof(double));
            out[i] = (float)wide;
        }
        if (!(out[i] - out[i] == 0))
            return error_set(err, ERROR_INPUT, "element %" PRId64 " of the array is not finite", i);
    }
    return 0;
}

static void decode_one(void *context, size_t index, int worker)
{
    struct load *load = context;
    struct dataset *set = load->set;
    const struct item *item = &load->gather.item[index];
    int64_t at = (set->count + (int64_t)index) * set->elements;

    int rc;

    (void)worker;
    if (set->values != NULL)
        rc = item_values(set->values + at, &set->shape, item, &load->failed[index]);
    else
        rc = item_pixels(set->pixels + at, item, &set->preprocess, &load->failed[index]);
    if (rc == 0)
        load->failed[index].kind = ERROR_NONE;
}

/* ---- room ---- */

/* Images give pixels and arrays give values: the first sample says which, and how many. */
static int begin(struct load *load, struct error *err)
{
    struct dataset *set = load->set;
    const struct preprocess *preprocess = &set->preprocess;
    const struct item *item = &load->gather.item[0];
    struct tensor tensor;

    set->shape = shape_of(3, (int64_t)preprocess->channels, (int64_t)preprocess->height, (int64_t)preprocess->width);
    set->elements = shape_count(&set->shape);
    if (item->ext == NULL || strcmp(item->ext, "npy") != 0) {
        set->pixels = sys_alloc(1);
        return set->pixels == NULL ? error_memory(err) : 0;
    }
    if (set->elements == 0) {
        if (npy_parse(&tensor, item->bytes, item->count, err) < 0)
            return sample_error(err, load->path, item->key);
        set->shape = tensor.shape;
        set->elements = shape_count(&tensor.shape);
    }
    set->values = sys_alloc(1);
    return set->values == NULL ? error_memory(err) : 0;
}

static int reserve(struct load *load, int64_t count, struct error *err)
{
    struct dataset *set = load->set;
    uint64_t limit = limit_get(LIMIT_DATA_BYTES);
    uint64_t each = (uint64_t)set->elements * (set->values != NULL ? sizeof(float) : 1);
    int64_t room = load->room * 2 > count ? load->room * 2 : count;
    void *longer;

    if (count <= load->room)
        return 0;
    if (each > 0 && (uint64_t)count > limit / each) {
        error_set(err, ERROR_LIMIT, "%s: more than %" PRIu64 " bytes of decoded samples", load->path, limit);
        return error_hint(err, "raise the limit with COEDGE_LIMIT_DATA_BYTES, or give less data");
    }
    longer = sys_realloc(set->values != NULL ? (void *)set->values : (void *)set->pixels, (size_t)room * each);
    if (longer == NULL)
        return error_memory(err);
    if (set->values != NULL)
        set->values = longer;
    else
        set->pixels = longer;
    set->label = arena_grow(&set->arena, set->label, (size_t)set->count, (size_t)room, sizeof(*set->label));
    set->key = arena_grow(&set->arena, set->key, (size_t)set->count, (size_t)room, sizeof(*set->key));
    load->room = room;
    return set->label == NULL || set->key == NULL ? error_memory(err) : 0;
}

/* ---- a batch of them, in order ---- */

static int find_class(const struct load *load, const struct item *item, int32_t *label, struct error *err)
{
    const struct dataset *set = load->set;
    int set_count, index = -1;
    const char *const *set_labels = source_labels(load->source, &set_count);

    *label = -1;
    if (item->class_text == NULL && load->options->need_labels) {
        error_set(err, ERROR_INPUT, "no class");
        error_hint(err, "a shard's sample needs a .cls member, a folder's a subfolder of its class's name");
        return sample_error(err, load->path, item->key);
    }
    if (item->class_text == NULL || set->label_count == 0)
        return 0;
    if (class_find(&index, item->class_text, set_labels, set_count, set->labels, set->label_count, err) < 0)
        return sample_error(err, load->path, item->key);
    *label = index;
    return 0;
}

/* Moves sample `from` of the batch's room to the end of what is kept. */
static void close_gap(struct dataset *set, int64_t from)
{
    size_t elements = (size_t)set->elements;

    if (set->values != NULL)
        memmove(set->values + (size_t)set->count * elements, set->values + (size_t)from * elements,
                elements * sizeof(float));
    else
        memmove(set->pixels + (size_t)set->count * elements, set->pixels + (size_t)from * elements, elements);
}

static int take_batch(struct load *load, struct error *err)
{
    struct dataset *set = load->set;
    int64_t first = set->count;

    for (int i = 0; i < load->gather.item_count; i++) {
        const struct item *item = &load->gather.item[i];

        if (load->failed[i].kind != ERROR_NONE) {
            if (!load->options->keep_going || load->failed[i].kind == ERROR_INTERNAL) {
                if (err != NULL)
                    *err = load->failed[i];
                return sample_error(err, load->path, item->key);
            }
            sample_error(&load->failed[i], load->path, item->key);
            job_note(load->job, "%s", load->failed[i].message);
            if (load->options->skipped != NULL)
                ++*load->options->skipped;
            continue;
        }
        if (find_class(load, item, &set->label[set->count], err) < 0)
            return -1;
        if (first + i != set->count)
            close_gap(set, first + i);
        if (set->label[set->count] >= 0)
            set->per_class[set->label[set->count]]++;
        set->key[set->count] = arena_strdup(&set->arena, item->key);
        if (set->key[set->count++] == NULL)
            return error_memory(err);
    }
    return 0;
}

static int load_batches(struct load *load, struct error *err)
{
    struct dataset *set = load->set;
    int n;

    while ((n = gather_next(&load->gather, load->source, GATHER_SAMPLES, err)) > 0) {
        if (set->pixels == NULL && set->values == NULL && begin(load, err) < 0)
            return -1;
        if (reserve(load, set->count + n, err) < 0)
            return -1;
        pool_run(load->job != NULL ? load->job->pool : NULL, (size_t)n, decode_one, load);
        if (take_batch(load, err) < 0)
            return -1;
        job_step(load->job, "reading", (uint64_t)set->count, 0);
    }
    return n;
}

/* source may be NULL, when it could not be opened. */
static int load_source(struct load *load, struct source *source, bool needs_end, struct error *err)
{
    struct dataset *set = load->set;
    int rc;

    if (source == NULL)
        return -1;
    load->source = source;
    rc = load_batches(load, err);
    if (rc == 0) {
        load->digest[set->source_count++] = source_digest(load->source);
        if (source_privacy(load->source) > set->privacy)
            set->privacy = source_privacy(load->source);
        if (source_end_state(load->source) == TAR_END_MISSING) {
            set->without_end++;
            if (needs_end)
                rc = error_set(err, ERROR_INPUT, "%s: no .end member: it may have been cut", load->path);
            else
                job_note(load->job, "%s: no .end member: if it was cut at a member's end, nobody can tell", load->path);
        }
    }
    source_close(load->source);
    return rc;
}

/* ---- the whole ---- */

static int compare_digests(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct digest));
}

static int prepare(struct load *load, int path_count, const char *const *labels, int label_count, struct error *err)
{
    struct dataset *set = load->set;
    const char **names = arena_array(&set->arena, (size_t)label_count + 1, sizeof(*names));

    set->per_class = arena_array(&set->arena, (size_t)label_count + 1, sizeof(*set->per_class));
    load->digest = arena_array(&set->arena, (size_t)path_count + 1, sizeof(*load->digest));
    if (names == NULL || set->per_class == NULL || load->digest == NULL)
        return error_memory(err);
    for (int i = 0; i < label_count; i++) {
        names[i] = labels != NULL ? arena_strdup(&set->arena, labels[i]) : arena_printf(&set->arena, "%d", i);
        if (names[i] == NULL)
            return error_memory(err);
    }
    set->labels = names;
    set->label_count = label_count;
    return 0;
}

int dataset_load(struct dataset *set, const char *const *paths, int path_count, const struct preprocess *preprocess,
                 const char *const *labels, int label_count, const struct dataset_options *options,
                 const struct job *job, struct error *err)
{
    static const struct dataset_options none;
    struct load load = { .set = set, .options = options != NULL ? options : &none, .job = job };
    const struct rehearsal *rehearsal = load.options->rehearsal;
    int rc;

    *set = (struct dataset){ 0 };
    if (preprocess != NULL)
        set->preprocess = *preprocess;
    rc = prepare(&load, path_count, labels, label_count, err);
    for (int i = 0; i < path_count && rc == 0; i++) {
        load.path = paths[i];
        rc = load_source(&load, source_open(paths[i], err), load.options->require_end, err);
    }
    if (rc == 0 && rehearsal != NULL) {
        load.path = rehearsal->name;
        rc = load_source(&load, source_open_shard(rehearsal, err), true, err);
    }
    gather_free(&load.gather);
    if (rc == 0 && set->count == 0)
        rc = error_set(err, ERROR_INPUT, "%s%s: no samples", path_count > 0 ? paths[0] : "no data",
                       path_count > 1 ? " and the others" : "");
    if (rc < 0) {
        dataset_free(set);
        return -1;
    }
    qsort(load.digest, (size_t)set->source_count, sizeof(*load.digest), compare_digests);
    set->digest = digest_of(load.digest, (size_t)set->source_count * sizeof(*load.digest));
    return 0;
}

int dataset_fits(const struct dataset *set, const struct tensor *input, struct error *err)
{
    struct shape one = input->shape;
    char has[160], wants[160];

    if (one.rank > 0)
        one.dim[0] = 1;
    if (set->elements != shape_count(&one) || (set->values != NULL && !same_layout(&set->shape, &one)))
        return error_set(err, ERROR_INPUT, "samples are %s, the model's input is %s", shape_text(&set->shape, has),
                         shape_text(&input->shape, wants));
    if (input->dtype != DTYPE_F32 && (input->dtype != DTYPE_U8 || input->quant == NULL))
        return error_set(err, ERROR_INPUT, "the model's input is %s, expected F32", dtype_name(input->dtype));
    return 0;
}

void dataset_free(struct dataset *set)
{
    free(set->pixels);
    free(set->values);
    arena_free(&set->arena);
    *set = (struct dataset){ 0 };
}

/* pack.c - any sources to one shard. */
#include <string.h>

#include "data/internal.h"

/* The index a class gets in the shard; -1 where there are no names to count, or no class. */
static int class_of(const struct header *header, const struct source *source, const struct item *item, int *index,
                    struct error *err)
{
    int own_count;
    const char *const *own = source_labels(source, &own_count);

    *index = -1;
    if (item->class_text == NULL || header->labels == NULL)
        return 0;
    if (class_find(index, item->class_text, own, own_count, header->labels, header->label_count, err) < 0)
        return sample_error(err, source->path, item->key);
    return 0;
}

int shard_copy(struct shard *shard, const struct header *header, const struct source *source, const struct item *item,
               struct error *err)
{
    int index;

    if (item_check(item, err) < 0)
        return sample_error(err, source->path, item->key);
    if (class_of(header, source, item, &index, err) < 0)
        return -1;
    return shard_add(shard, item, index, err) < 0 ? sample_error(err, source->path, item->key) : 0;
}

static int copy_all(struct shard *shard, const struct header *header, const struct sources *sources,
                    const struct job *job, struct error *err)
{
    for (int i = 0; i < sources->count; i++) {
        struct source *source = sources->source[i];
        struct item item;
        int rc;

        while ((rc = source_next(source, &item, err)) > 0) {
            if (shard_copy(shard, header, source, &item, err) < 0)
                return -1;
            job_step(job, "packing", (uint64_t)shard->samples, 0);
        }
        if (rc < 0)
            return -1;
        if (source_end_state(source) == TAR_END_MISSING)
            job_note(job, "%s: no .end member: if it was cut at a member's end, nobody can tell", source->path);
    }
    if (shard->samples > 0)
        return 0;
    return error_set(err, ERROR_INPUT, "%s%s: no samples", sources->source[0]->path,
                     sources->count > 1 ? " and the others" : "");
}

static int pack(const struct sources *sources, const char *out, const struct header *header, const struct job *job,
                struct error *err)
{
    struct shard shard;

    if (shard_open(&shard, out, header, err) < 0)
        return -1;
    if (copy_all(&shard, header, sources, job, err) < 0) {
        shard_abort(&shard);
        return -1;
    }
    return shard_commit(&shard, err);
}

int dataset_pack(const char *const *paths, int path_count, const char *out, const struct pack_options *options,
                 const struct job *job, struct error *err)
{
    struct arena arena = { 0 };
    struct sources sources = { 0 };
    struct header header;
    int rc = sources_open(&sources, &arena, paths, path_count, err);

    if (rc == 0)
        rc = header_join(&header, &arena, sources.source, sources.count, err);
    if (rc == 0) {
        if (options->labels != NULL) {
            header.labels = options->labels;
            header.label_count = options->label_count;
        }
        if (options->set_privacy)
            header.privacy = options->privacy;
        header.version = options->version;
        rc = pack(&sources, out, &header, job, err);
    }
    sources_close(&sources);
    arena_free(&arena);
    return rc;
}

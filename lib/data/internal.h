/* internal.h - what the files of data/ share. */
#ifndef DATA_INTERNAL_H
#define DATA_INTERNAL_H

#include "base/text.h"
#include "data/data.h"
#include "data/gather.h"

/* ---- a source, and its kinds: a tar, a folder, an idx pair, one file ---- */
struct source {
    struct arena arena;
    const char *path;
    const char *const *labels; /* names in class order, or NULL */
    int label_count;
    enum privacy privacy;
    struct digest_stream *digest; /* of what was read; NULL for a tar, whose reader has its own, or when nobody asks */
    bool unhashed;                /* nobody does */
    const struct source_kind *kind;
    void *state; /* the kind's own */
    /* of a file or stream that is open: the kind takes fd, and sets it to -1 */
    int fd;
    unsigned char first[512];
    size_t first_count;
    const struct rehearsal *memory; /* instead of a file; or NULL */
    struct tap *tap;                /* instead, too; or NULL */
    struct feed *feed;              /* instead, too; or NULL */
};

struct source_kind {
    int (*next)(struct source *source, struct item *item, struct error *err);
    void (*close)(struct source *source);
};

/* Each fills kind and state, and what it knows of labels and privacy. On error, kind->close still cleans up. */
MUST_CHECK int source_tar_open(struct source *source, struct error *err);
MUST_CHECK int source_folder_open(struct source *source, struct error *err);
MUST_CHECK int source_idx_open(struct source *source, struct error *err);
MUST_CHECK int source_file_open(struct source *source, struct error *err);
MUST_CHECK int source_video_open(struct source *source, struct error *err);
/* What belongs to its digest. */
void source_hash(struct source *source, const void *bytes, size_t count);
MUST_CHECK int source_latest_open(struct source *source, struct error *err);
enum tar_end source_tar_end(const struct source *source, struct digest *digest);
extern const struct source_kind source_tar;

/* "png", "jpg" or "npy" for a name's ending in any spelling, else NULL. */
const char *known_ext(const char *ext);
/* error_in() with the source's path and the sample's key in front. */
int sample_error(struct error *err, const char *path, const char *key);

/* ---- .dataset.yaml ---- */
struct header {
    const char *const *labels; /* NULL: not said */
    int label_count;
    bool has_privacy;
    enum privacy privacy;
    const char *version; /* or NULL */
};
MUST_CHECK int header_parse(struct header *header, struct arena *arena, const char *text, size_t length,
                            struct error *err);
/* Names: each with at least one character and no control character, none twice. */
MUST_CHECK int labels_check(const char *const *labels, int count, struct error *err);

/* ---- idx: one array of bytes ---- */
struct idx {
    int rank;
    uint32_t dim[3];
    const unsigned char *data; /* inside the bytes given */
};
/* rank is what is expected, 1 or 3; count is the file's, to the byte. */
MUST_CHECK int idx_parse(struct idx *idx, int rank, const unsigned char *bytes, size_t count, struct error *err);

/* ---- classes ---- */
enum { CLASS_BYTES = 256 }; /* that a .cls may have, and a NUL */

/*
 * class_find - the index in `labels` of what a sample's class says: by name where the set has names (a number then
 * stands for the set's name), else by number below label_count. Labels that are just "0", "1", ... are numbers.
 * Errors: ERROR_INPUT naming the class and the labels there are.
 */
MUST_CHECK int class_find(int *index, const char *text, const char *const *set_labels, int set_count,
                          const char *const *labels, int label_count, struct error *err);

/* Names in the order they were first seen. */
struct class_list {
    struct arena *arena;
    const char **name;
    int count, room;
};
/* The index of a name, added where it is new; -1: error. */
int class_list_add(struct class_list *list, const char *name, struct error *err);

/* Labels that nobody chose: "0", "1", ... in order, or none. */
bool labels_are_numbers(const char *const *labels, int count);

/* A whole number from 0 on, or -1. */
int class_number(const char *text);

/* Something to learn from is there, image or array. ERROR_INPUT: not. */
MUST_CHECK int item_check(const struct item *item, struct error *err);
/* An image's pixels; channels 0: as stored. ERROR_INPUT for arrays and for samples without an image. */
MUST_CHECK int item_decode(struct image *image, const struct item *item, int channels, struct error *err);

/* ---- a shard being written ---- */
struct shard {
    struct output *output;
    struct tar_writer *tar;
    const char *path;
    int64_t samples;
    uint64_t *key_hash; /* of the samples' keys, open addressing; 0: free */
    size_t key_room;
};
MUST_CHECK int shard_open(struct shard *shard, const char *path, const struct header *header, struct error *err);
/* The same into an output that is open, which is the shard's from here on. */
MUST_CHECK int shard_begin(struct shard *shard, struct output *output, const char *path, const struct header *header,
                           struct error *err);
/* Copies the item; its class becomes `class_index` (-1: stays as it is). */
MUST_CHECK int shard_add(struct shard *shard, const struct item *item, int class_index, struct error *err);
/* The same with what is known of it now: a class by name or number, JSON. NULL: as the item has it, if from a tar. */
struct facts {
    const char *class_text, *json;
};
MUST_CHECK int shard_add_with(struct shard *shard, const struct item *item, const struct facts *facts,
                              struct error *err);
MUST_CHECK int shard_add_image(struct shard *shard, const char *key, const char *ext, const void *bytes, size_t count,
                               int class_index, struct error *err);
/* Whole and on disk, but not yet under its name: shards that belong together are all finished before one is committed. */
MUST_CHECK int shard_finish(struct shard *shard, struct error *err);
MUST_CHECK int shard_commit(struct shard *shard, struct error *err); /* finishes it first, where that was not done */
void shard_abort(struct shard *shard);

/* The same out of a source whose labels `header` has joined. Errors name file and key. */
MUST_CHECK int shard_copy(struct shard *shard, const struct header *header, const struct source *source,
                          const struct item *item, struct error *err);

/* What all sources say together: labels of all in the order they are seen (NULL: none says), the most private level. */
MUST_CHECK int header_join(struct header *header, struct arena *arena, struct source *const *sources, int count,
                           struct error *err);
/* Opens all, in the arena; sources_close() also after an error. */
struct sources {
    struct source **source;
    int count;
};
MUST_CHECK int sources_open(struct sources *sources, struct arena *arena, const char *const *paths, int count,
                            struct error *err);
void sources_close(struct sources *sources);

#endif

/* source.c - any set of samples as one sequence; its kind is told by what lies at the path. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/sys.h"
#include "data/internal.h"
#include "data/video.h"

enum { FIRST = 12 }; /* bytes that tell one kind of stream from another */

const char *known_ext(const char *ext)
{
    static const struct {
        const char *spelling, *ext;
    } known[] = { { "png", "png" }, { "jpg", "jpg" }, { "jpeg", "jpg" }, { "npy", "npy" } };

    for (size_t i = 0; i < COUNT(known); i++)
        if (strcasecmp(ext, known[i].spelling) == 0)
            return known[i].ext;
    return NULL;
}

int sample_error(struct error *err, const char *path, const char *key)
{
    return error_in(err, "%s: sample '%s'", strcmp(path, "-") == 0 ? "standard input" : path, key);
}

static int64_t read_some(const struct source *source, void *bytes, size_t count, struct error *err)
{
    ssize_t got;

    if (source->tap != NULL)
        return source->tap->read(source->tap, bytes, count, err);
    got = sys_read(source->fd, bytes, count);
    return got < 0 ? error_errno(err, ERROR_IO, "cannot read") : (int64_t)got;
}

/* A stream's first bytes, at least FIRST if it has so many: what it is follows from them. */
static int read_first(struct source *source, int fd, struct error *err)
{
    source->fd = fd;
    while (source->first_count < FIRST) {
        const int64_t got = read_some(source, source->first + source->first_count,
                                      sizeof(source->first) - source->first_count, err);

        if (got < 0)
            return -1;
        if (got == 0)
            break;
        source->first_count += (size_t)got;
    }
    return 0;
}

static bool begins_single(const struct source *source)
{
    return image_is_known(source->first, source->first_count) ||
           (source->first_count >= 6 && memcmp(source->first, "\x93NUMPY", 6) == 0);
}

/* JPEG pictures one behind another are said by the name: a camera's single one may have a second behind it, too. */
static bool is_named_video(const char *path)
{
    const char *dot = strrchr(path_name(path), '.');

    return dot != NULL && (strcasecmp(dot, ".mjpeg") == 0 || strcasecmp(dot, ".mjpg") == 0);
}

/* A file of its own, or a stream. */
static int open_bytes(struct source *source, struct error *err)
{
    const bool piped = strcmp(source->path, "-") == 0;
    struct stat status;
    int fd = piped ? STDIN_FILENO : sys_open(source->path, O_RDONLY | O_CLOEXEC, 0);

    if (fd < 0)
        return error_errno(err, ERROR_IO, "%s", source->path);
    if (read_first(source, fd, err) < 0)
        return error_in(err, "%s", piped ? "standard input" : source->path);
    if (!piped && begins_single(source) && !is_named_video(source->path) && fstat(fd, &status) == 0 &&
        S_ISREG(status.st_mode))
        return source_file_open(source, err);
    return video_is_known(source->first, source->first_count) ? source_video_open(source, err)
                                                              : source_tar_open(source, err);
}

/* Where a tar would do, too, one could not say when it is late. */
static int open_tap(struct source *source, struct error *err)
{
    if (read_first(source, -1, err) < 0)
        return -1;
    if (source->first_count == 0)
        return error_set(err, ERROR_INPUT, "no byte came");
    if (video_is_known(source->first, source->first_count))
        return source_video_open(source, err);
    return error_set(err, ERROR_INPUT,
                     "no video: begins with bytes %02x %02x, expected JPEG pictures, a multipart of them, or Y4M",
                     source->first[0], source->first_count > 1 ? source->first[1] : 0);
}

static int open_kind(struct source *source, struct error *err)
{
    const char *path = source->path;

    if (source->memory != NULL)
        return source_tar_open(source, err);
    if (source->tap != NULL)
        return open_tap(source, err);
    if (source->feed != NULL)
        return source_latest_open(source, err);
    if (strcmp(path, "-") == 0)
        return open_bytes(source, err);
    if (path_is_folder(path))
        return source_folder_open(source, err);
    if (strchr(path, ',') != NULL && !path_exists(path))
        return source_idx_open(source, err);
    return open_bytes(source, err);
}

/* From a path, or from what stands in `from` instead. */
static struct source *open_any(const char *path, const struct source *from, struct error *err)
{
    struct source *source = sys_alloc(sizeof(*source));

    if (source == NULL) {
        error_memory(err);
        return NULL;
    }
    *source = *from;
    source->privacy = PRIVACY_EDGE;
    source->fd = -1;
    source->path = arena_strdup(&source->arena, path);
    if (source->path == NULL) {
        error_memory(err);
        source_close(source);
        return NULL;
    }
    source->digest = source->unhashed ? NULL : digest_begin(err);
    if ((!source->unhashed && source->digest == NULL) || open_kind(source, err) < 0) {
        source_close(source);
        return NULL;
    }
    return source;
}

struct source *source_open(const char *path, struct error *err)
{
    return open_any(path, &(const struct source){ 0 }, err);
}

struct source *source_open_unhashed(const char *path, struct error *err)
{
    return open_any(path, &(const struct source){ .unhashed = true }, err);
}

struct source *source_open_shard(const struct rehearsal *shard, struct error *err)
{
    return open_any(shard->name, &(const struct source){ .memory = shard }, err);
}

struct source *source_open_tap(struct tap *tap, struct error *err)
{
    return open_any("-", &(const struct source){ .tap = tap }, err);
}

struct source *source_open_latest(struct feed *feed, struct error *err)
{
    return open_any("-", &(const struct source){ .feed = feed, .unhashed = true }, err);
}

void source_hash(struct source *source, const void *bytes, size_t count)
{
    if (source->digest != NULL)
        digest_add(source->digest, bytes, count);
}

int source_next(struct source *source, struct item *item, struct error *err)
{
    *item = (struct item){ 0 };
    return source->kind->next(source, item, err);
}

const char *const *source_labels(const struct source *source, int *count)
{
    *count = source->label_count;
    return source->labels;
}

enum privacy source_privacy(const struct source *source)
{
    return source->privacy;
}

enum tar_end source_end_state(const struct source *source)
{
    struct digest digest;

    return source->kind == &source_tar ? source_tar_end(source, &digest) : TAR_END_GOOD;
}

struct digest source_digest(const struct source *source)
{
    struct digest digest;

    if (source->kind != &source_tar)
        return digest_peek(source->digest);
    (void)source_tar_end(source, &digest);
    return digest;
}

void source_close(struct source *source)
{
    if (source == NULL)
        return;
    if (source->kind != NULL)
        source->kind->close(source);
    if (source->digest != NULL)
        (void)digest_end(source->digest);
    if (source->fd > STDIN_FILENO)
        (void)sys_close(source->fd);
    arena_free(&source->arena);
    free(source);
}

int sources_open(struct sources *sources, struct arena *arena, const char *const *paths, int count, struct error *err)
{
    *sources = (struct sources){ .source = arena_array(arena, (size_t)count + 1, sizeof(*sources->source)) };
    if (sources->source == NULL)
        return error_memory(err);
    for (; sources->count < count; sources->count++) {
        sources->source[sources->count] = source_open(paths[sources->count], err);
        if (sources->source[sources->count] == NULL)
            return -1;
    }
    return 0;
}

void sources_close(struct sources *sources)
{
    for (int i = 0; i < sources->count; i++)
        source_close(sources->source[i]);
    sources->count = 0;
}

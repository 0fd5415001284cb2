/* source_video.c - frames of a video as samples: NAME-000000, NAME-000001, ... */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "data/internal.h"
#include "data/video.h"

enum { NAME_BYTES = 128 };

struct state {
    struct video *video;
    int64_t frame;
    char name[NAME_BYTES], key[NAME_BYTES + 24];
};

static void close_video(struct source *source)
{
    struct state *state = source->state;

    video_close(state->video);
}

/* Who reads from a tap knows better where that is. */
static int say_place(const struct source *source, struct error *err)
{
    if (source->tap != NULL)
        return -1;
    return error_in(err, "%s", strcmp(source->path, "-") == 0 ? "standard input" : source->path);
}

static int next(struct source *source, struct item *item, struct error *err)
{
    struct state *state = source->state;
    const int rc = video_next(state->video, item, err);

    if (rc <= 0)
        return rc < 0 ? say_place(source, err) : 0;
    snprintf(state->key, sizeof(state->key), "%s-%06" PRId64, state->name, state->frame++);
    source_hash(source, item->bytes, item->count);
    item->key = state->key;
    return 1;
}

static const struct source_kind source_video = { next, close_video };

/* The file's name without its ending. */
static void name_frames(char name[NAME_BYTES], const char *path)
{
    const char *last = strcmp(path, "-") == 0 ? "frame" : path_name(path);
    const size_t length = strcspn(last, ".");

    snprintf(name, NAME_BYTES, "%.*s", (int)(length > 0 ? length : strlen(last)), last);
}

int source_video_open(struct source *source, struct error *err)
{
    struct state *state = arena_alloc(&source->arena, sizeof(*state));
    const int fd = source->fd;

    if (state == NULL)
        return error_memory(err);
    source->fd = -1;
    state->video = source->tap != NULL ? video_open_tap(source->tap, source->first, source->first_count, err)
                                       : video_open(fd, source->first, source->first_count, err);
    if (state->video == NULL)
        return say_place(source, err);
    name_frames(state->name, source->path);
    source->kind = &source_video;
    source->state = state;
    return 0;
}

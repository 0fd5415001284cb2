/* source_tar.c - samples of a shard, plain or gzipped, from a file or standard input. */
#include <ctype.h>
#include <string.h>

#include "data/internal.h"

struct state {
    struct sample_reader *reader;
    struct sample sample;
    int held; /* what sample_next() said when the source was opened; -2: handed out already */
    char class_text[CLASS_BYTES];
};

enum { HANDED_OUT = -2 };

static void close_tar(struct source *source)
{
    struct state *state = source->state;

    sample_close(state->reader);
}

/* The class stands in KEY.cls as a number or a name, blanks around it. */
static int take_class(struct state *state, const struct sample_part *part, struct error *err)
{
    const unsigned char *first = part->bytes, *end = part->bytes + part->count;

    while (first < end && isspace(*first))
        first++;
    while (end > first && isspace(end[-1]))
        end--;
    if (first == end || (size_t)(end - first) >= CLASS_BYTES || memchr(first, '\0', (size_t)(end - first)) != NULL)
        return error_set(err, ERROR_INPUT, "its class is not a number or name of 1 to %d bytes", CLASS_BYTES - 1);
    memcpy(state->class_text, first, (size_t)(end - first));
    state->class_text[end - first] = '\0';
    return 0;
}

static int take_sample(struct state *state, struct item *item, struct error *err)
{
    const struct sample *sample = &state->sample;

    item->key = sample->key;
    item->sample = sample;
    for (int i = 0; i < sample->part_count; i++) {
        const struct sample_part *part = &sample->part[i];

        if (item->bytes == NULL && known_ext(part->ext) != NULL) {
            item->bytes = part->bytes;
            item->count = part->count;
            item->ext = known_ext(part->ext);
        } else if (strcmp(part->ext, "cls") == 0) {
            if (take_class(state, part, err) < 0)
                return -1;
            item->class_text = state->class_text;
        }
    }
    return 0;
}

static int next(struct source *source, struct item *item, struct error *err)
{
    struct state *state = source->state;
    int rc = state->held;

    if (rc == HANDED_OUT)
        rc = sample_next(state->reader, &state->sample, err);
    state->held = rc == 0 ? 0 : HANDED_OUT;
    if (rc == 1 && take_sample(state, item, err) < 0)
        return sample_error(err, source->path, state->sample.key);
    return rc;
}

const struct source_kind source_tar = { next, close_tar };

static int take_header(struct source *source, struct error *err)
{
    struct state *state = source->state;
    struct header header;
    size_t count;
    const char *text = sample_header(state->reader, &count);

    if (text == NULL)
        return 0;
    if (header_parse(&header, &source->arena, text, count, err) < 0) {
        error_in(err, ".dataset.yaml");
        return error_in(err, "%s", source->path);
    }
    source->labels = header.labels;
    source->label_count = header.label_count;
    if (header.has_privacy)
        source->privacy = header.privacy;
    return 0;
}

/* The first sample is read at once: only then is it known whether a header came before it. */
int source_tar_open(struct source *source, struct error *err)
{
    struct state *state = arena_alloc(&source->arena, sizeof(*state));

    if (state == NULL)
        return error_memory(err);
    source->state = state;
    source->kind = &source_tar;
    if (source->memory != NULL)
        state->reader = sample_open_memory(source->memory->bytes, source->memory->count, source->path, err);
    else
        state->reader = sample_open_begun(source->fd, source->first, source->first_count, source->path, err);
    source->fd = -1;
    if (state->reader == NULL)
        return -1;
    state->held = sample_next(state->reader, &state->sample, err);
    return state->held < 0 ? -1 : take_header(source, err);
}

enum tar_end source_tar_end(const struct source *source, struct digest *digest)
{
    const struct state *state = source->state;

    return sample_end_state(state->reader, digest);
}

/* source_latest.c - the latest item of a stream that does not wait: see source_open_latest() in data.h. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "data/internal.h"

/* An item that lasts. */
struct kept {
    struct item item;
    struct text key, bytes;
};

struct state {
    struct feed *feed;
    pthread_t thread;
    struct kept given;    /* the reader's, until it asks for the next */
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    struct kept waiting;
    bool has; /* something waits */
    int rc;   /* 1: more comes; 0: the end; -1: an error */
    struct error error;
    int64_t dropped;
};

static int keep(struct kept *kept, const struct item *item, struct error *err)
{
    kept->key.length = kept->bytes.length = 0;
    text_add(&kept->key, item->key);
    text_add_bytes(&kept->bytes, item->bytes, item->count);
    if (text_check(&kept->key, err) < 0 || text_check(&kept->bytes, err) < 0)
        return -1;
    kept->item = *item;
    kept->item.key = kept->key.chars;
    kept->item.bytes = (const unsigned char *)kept->bytes.chars;
    return 1;
}

static void take(struct state *state, const struct item *item, int rc, const struct error *err)
{
    pthread_mutex_lock(&state->lock);
    state->rc = rc;
    if (rc == 1) {
        state->dropped += state->has;
        state->rc = keep(&state->waiting, item, &state->error);
        state->has = state->rc == 1;
    } else if (rc < 0) {
        state->error = *err;
    }
    pthread_cond_signal(&state->changed);
    pthread_mutex_unlock(&state->lock);
}

static void *read_all(void *context)
{
    struct state *state = context;
    struct feed *feed = state->feed;
    struct error err = { 0 };
    int rc = 1;

    while (rc == 1 && !atomic_load(&feed->over)) {
        struct item item = { 0 };

        rc = feed->next(feed, &item, &err);
        take(state, &item, rc, &err);
    }
    return NULL;
}

static int next(struct source *source, struct item *item, struct error *err)
{
    struct state *state = source->state;
    int rc = 1;

    pthread_mutex_lock(&state->lock);
    while (!state->has && state->rc == 1)
        pthread_cond_wait(&state->changed, &state->lock);
    if (state->has) {
        const struct kept before = state->given;

        state->given = state->waiting;
        state->waiting = before;
        state->has = false;
        *item = state->given.item;
        item->dropped = state->dropped;
        state->dropped = 0;
    } else {
        rc = state->rc;
        if (rc < 0)
            *err = state->error;
    }
    pthread_mutex_unlock(&state->lock);
    return rc;
}

static void close_latest(struct source *source)
{
    struct state *state = source->state;

    atomic_store(&state->feed->over, true);
    pthread_join(state->thread, NULL);
    pthread_mutex_destroy(&state->lock);
    pthread_cond_destroy(&state->changed);
    text_free(&state->given.key);
    text_free(&state->given.bytes);
    text_free(&state->waiting.key);
    text_free(&state->waiting.bytes);
}

static const struct source_kind latest = { next, close_latest };

int source_latest_open(struct source *source, struct error *err)
{
    struct state *state = arena_alloc(&source->arena, sizeof(*state));

    if (state == NULL)
        return error_memory(err);
    state->feed = source->feed;
    state->rc = 1;
    pthread_mutex_init(&state->lock, NULL);
    pthread_cond_init(&state->changed, NULL);
    if (pthread_create(&state->thread, NULL, read_all, state) != 0) {
        pthread_mutex_destroy(&state->lock);
        pthread_cond_destroy(&state->changed);
        return error_set(err, ERROR_LIMIT, "no thread can be begun");
    }
    source->state = state;
    source->kind = &latest;
    return 0;
}
